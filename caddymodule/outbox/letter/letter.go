// Package letter writes mails: subject, text and HTML from templates and words,
// in Dutch and English. It owns no address, no token and no sending.
package letter

import "time"

// Kinds of letters.
const (
	Magic            = "magic"            // log in with a link or a code
	NewPassword      = "new_password"     // a new password
	RevealPassword   = "reveal_password"  // a link that shows a new password
	Nobody           = "nobody"           // nobody here has this address
	PasswordChanged  = "password_changed" // it happened
	SecondStepOff    = "second_step_off"
	SecondStepOn     = "second_step_on"
	SecondStepApp    = "second_step_app"   // another app makes the codes
	RecoveryCodes    = "recovery_codes"    // there are new ones
	IdentityLinked   = "identity_linked"   // an account with a provider logs them in from now on
	IdentityUnlinked = "identity_unlinked" // and does so no more
	NewDevice        = "new_device"
	PasskeyAdded     = "passkey_added"
	PasskeyRemoved   = "passkey_removed"
	PasskeyCopied    = "passkey_copied" // its counter went back, it was refused
	LimitReached     = "limit_reached"  // somebody keeps trying passwords
	AddressChanged   = "address_changed"
	AddressAsked     = "address_asked"    // it will be, once the new one is proved
	AddressYours     = "address_yours"    // to the new address, where nothing has to be proved
	AddressToProve   = "address_to_prove" // to the new address
	Invited          = "invited"
	ProofCode        = "proof_code" // show again that it is you
	Secured          = "secured"    // they said "this was not me": a new password
)

// Kinds lists all kinds, in the order of the documentation.
func Kinds() []string {
	return []string{
		Magic, NewPassword, RevealPassword, Nobody, PasswordChanged, SecondStepOff, SecondStepOn, SecondStepApp, RecoveryCodes,
		IdentityLinked, IdentityUnlinked, NewDevice, LimitReached, AddressChanged, AddressAsked, AddressYours, AddressToProve,
		Invited, ProofCode, Secured,
		PasskeyAdded, PasskeyRemoved, PasskeyCopied,
	}
}

// Letter is what one mail says. Fields that its kind does not need stay empty.
type Letter struct {
	Kind   string `json:"kind"`
	Locale string `json:"locale"`         // nl or en
	Name   string `json:"name,omitempty"` // of the person
	// Link is what the button opens, NotMe the link "this was not me": whole URLs.
	Link  string `json:"link,omitempty"`
	NotMe string `json:"not_me,omitempty"`
	// Code and Password can be typed.
	Code      string    `json:"code,omitempty"`
	CodeUntil time.Time `json:"code_until,omitzero"`
	Password  string    `json:"password,omitempty"`
	OneTime   bool      `json:"one_time,omitempty"` // the password works once
	Until     time.Time `json:"until,omitzero"`     // when Link and Password end
	// Asked, Device, Network, Place and Reference are about the request; Place only
	// where the operator can tell it.
	Asked     time.Time `json:"asked,omitzero"`
	Device    string    `json:"device,omitempty"`
	Network   string    `json:"network,omitempty"`
	Place     string    `json:"place,omitempty"`
	Reference string    `json:"reference,omitempty"`
	// Address is another address: the new one, the old one, or the account with a
	// provider that the letter speaks of. By is who did it.
	Address string `json:"address,omitempty"`
	By      string `json:"by,omitempty"`
	// LoginURL leads to the login page.
	LoginURL string `json:"login_url,omitempty"`
}

// Rendered is a letter ready to be sent.
type Rendered struct{ Subject, Text, HTML string }
