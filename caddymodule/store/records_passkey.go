package store

import "time"

// Passkeys are those of a user, under the user's id and the tag of the account:
// what a key opens changes in one step with the user.
var Passkeys = Collection[PasskeyList]{Kind{Name: "passkeys"}}

// PasskeyList is what one user has of passkeys and security keys.
type PasskeyList struct {
	Keys []Passkey `json:"keys,omitempty"`
	// Answered are the challenges that were answered already, until they lapse:
	// each is good once.
	Answered []AnsweredChallenge `json:"answered,omitempty"`
}

// Passkey is one passkey or security key. Nothing in it is secret.
type Passkey struct {
	ID        []byte `json:"id"`         // the credential's, chosen by the authenticator
	PublicKey []byte `json:"public_key"` // COSE
	RP        string `json:"rp"`         // the domain it was made for
	Counter   uint32 `json:"counter,omitempty"`
	// Eligible keys may be copied by their maker to other devices, BackedUp are.
	Eligible bool `json:"eligible,omitempty"`
	BackedUp bool `json:"backed_up,omitempty"`
	// AAGUID names the model, or the password manager.
	AAGUID     []byte    `json:"aaguid,omitempty"`
	Transports []string  `json:"transports,omitempty"`
	Name       string    `json:"name,omitempty"`
	Agent      string    `json:"agent,omitempty"` // the browser it was made with
	Created    time.Time `json:"created"`
	Used       time.Time `json:"used,omitzero"`
	// Login: it logs in by itself, without address and password.
	Login bool `json:"login,omitempty"`
	// Copied is when its counter went back: somebody has a copy.
	Copied time.Time `json:"copied,omitzero"`
}

// AnsweredChallenge is one that was used up.
type AnsweredChallenge struct {
	Digest string    `json:"digest"`
	Until  time.Time `json:"until"`
}
