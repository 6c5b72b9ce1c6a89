package store

import "time"

// Second steps. Both kinds lie under the tag of the account: what belongs to a
// user changes in one step with the user.
var (
	// Factors are under the id of the user.
	Factors = Collection[Factor]{Kind{Name: "factor"}}
	// HalfLogins are logins whose second step is still due, under the id of the
	// user, a dot and the digest of the secret that the browser keeps.
	HalfLogins = Collection[HalfLogin]{Kind{Name: "halflogin", Listed: true}}
)

// Factor is the second step of one user. It counts only while SecondStep of the
// user is on.
type Factor struct {
	Seed  string    `json:"seed,omitempty"` // sealed for this user
	Since time.Time `json:"since,omitzero"`
	// Step is the last time step whose code was accepted. Burned are later ones
	// whose codes were told to be right on a clock that is off.
	Step   int64   `json:"step,omitempty"`
	Burned []int64 `json:"burned,omitempty"`
	// Codes are the digests of recovery codes that were not used.
	Codes []string `json:"codes,omitempty"`
	// CodesSince is when they were made.
	CodesSince time.Time       `json:"codes_since,omitzero"`
	Devices    []TrustedDevice `json:"devices,omitempty"`
	// Setup is what is being set up, and counts for nothing yet.
	Setup *FactorSetup `json:"setup,omitempty"`
}

// FactorSetup is a second step, or a new list of recovery codes, on its way.
type FactorSetup struct {
	Seed    string    `json:"seed,omitempty"`  // sealed; empty: only new recovery codes
	Codes   string    `json:"codes,omitempty"` // sealed; there when the seed was confirmed
	Step    int64     `json:"step,omitempty"`  // that it was confirmed with
	Keys    bool      `json:"keys,omitempty"`  // the passkeys of the user, without an app
	Session string    `json:"session"`         // handle of the session it belongs to
	Until   time.Time `json:"until"`
}

// TrustedDevice is a browser that is not asked for the second step.
type TrustedDevice struct {
	Device  string    `json:"device"` // digest
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Agent   string    `json:"agent,omitempty"`
	Network string    `json:"network,omitempty"`
	// Epoch and Password are those of the user when the device was trusted: with
	// either of them changed, it is trusted no more.
	Epoch    int       `json:"epoch,omitempty"`
	Password time.Time `json:"password,omitzero"`
}

// HalfLogin is a login whose first factor was proved. It opens nothing.
type HalfLogin struct {
	Handle   string    `json:"handle"` // public
	User     string    `json:"user"`
	Account  string    `json:"account"`
	Created  time.Time `json:"created"`
	Until    time.Time `json:"until"`
	Epoch    int       `json:"epoch,omitempty"`   // of the user at the proof
	Password time.Time `json:"password,omitzero"` // when the password had been set, at the proof
	Method   string    `json:"method"`
	Amr      []string  `json:"amr,omitempty"`
	Remember bool      `json:"remember,omitempty"`
	Known    bool      `json:"known,omitempty"`
	Ticket   string    `json:"ticket,omitempty"`
	Target   string    `json:"target,omitempty"`
}
