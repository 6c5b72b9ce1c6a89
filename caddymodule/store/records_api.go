package store

import "time"

// The collections of the JSON API: keys lie under the tag of the account of the
// staff, because they are made there; when each was used last, and answers kept
// for repeated requests, under tags of their own.
var (
	APIKeys    = Collection[APIKey]{Kind{Name: "apikey", Listed: true}}
	APIKeyUses = Collection[APIKeyUse]{Kind{Name: "apikeyuse", Listed: true}}
	APIAnswers = Collection[APIAnswer]{Kind{Name: "apianswer"}}
)

// APIKeyUsesTag is the tag of when each key was used last.
const APIKeyUsesTag = "apikeys"

// APIKey lets a program of the operator use the JSON API. It is no secret: the
// secret part of the key is there as a digest only.
type APIKey struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Scopes say what may be done with it, Account where; empty: in all accounts.
	Scopes  []string  `json:"scopes"`
	Account string    `json:"account,omitempty"`
	Digest  string    `json:"digest"` // SHA-256 of the whole key
	Created time.Time `json:"created"`
	By      string    `json:"by"`
	// Revoked ends it; the record stays for a while, for lists.
	Revoked   time.Time `json:"revoked,omitzero"`
	RevokedBy string    `json:"revoked_by,omitempty"`
}

// APIKeyUse is when and where a key was used last.
type APIKeyUse struct {
	At      time.Time `json:"at"`
	Network string    `json:"network,omitempty"`
	Agent   string    `json:"agent,omitempty"`
}

// APIAnswer is what a request with an Idempotency-Key was answered, or that
// somebody is at work on it.
type APIAnswer struct {
	Request string    `json:"request"` // digest of what was asked
	Holder  string    `json:"holder"`
	Lease   time.Time `json:"lease,omitzero"`
	// Status is 0 as long as there is no answer.
	Status int               `json:"status,omitempty"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"` // sealed: it may hold a new password
}
