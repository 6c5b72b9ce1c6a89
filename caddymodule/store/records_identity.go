package store

import "time"

// Identities are the accounts with a provider by which a user logs in, one record
// for each user, under the id of the user and the tag of the account. Each of them
// is claimed as well (Claims, under IdentityTag): an identity leads to one user.
var Identities = Collection[LinkedIdentities]{Kind{Name: "identity"}}

// IdentityTag returns the tag of the claim on an identity, by its digest.
func IdentityTag(digest string) string { return "p:" + digest }

// LinkedIdentities are those of one user, in the order they were linked.
type LinkedIdentities struct {
	Linked []LinkedIdentity `json:"linked"`
	// Ended are the digests of claims that have yet to be given back: what ends an
	// identity cannot change records of another tag in the same step.
	Ended []string `json:"ended,omitempty"`
}

// LinkedIdentity is one of them. Issuer and subject are the key; the address is
// there for people to recognise it by, and opens nothing.
type LinkedIdentity struct {
	ID       string    `json:"id"` // public
	Provider string    `json:"provider"`
	Issuer   string    `json:"issuer"`
	Subject  string    `json:"subject"`
	Email    string    `json:"email,omitempty"`
	Linked   time.Time `json:"linked"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Session  string    `json:"session,omitempty"` // handle of the one it was linked in
}

// UsedFlows are the questions to providers that were answered: each is answered
// once. They are alone under their tag, FlowTag, and go when the question is too old.
var UsedFlows = Collection[UsedFlow]{Kind{Name: "usedflow"}}

// FlowTag returns the tag of one question to a provider, by the digest of its state.
func FlowTag(digest string) string { return "s:" + digest }

// ShownIdentities are accounts with a provider that log nobody in and that a browser
// showed: they wait to be linked by whoever logs in there next. They are alone under
// their tag, FlowTag of a digest of the browser, and go soon.
var ShownIdentities = Collection[ShownIdentity]{Kind{Name: "shownidentity"}}

// ShownIdentity is one, sealed for that browser.
type ShownIdentity struct {
	Sealed string `json:"sealed"`
}

// UsedFlow says that it was answered.
type UsedFlow struct {
	At time.Time `json:"at"`
}
