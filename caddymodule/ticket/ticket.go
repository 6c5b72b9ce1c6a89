// Package ticket keeps what was mailed and can be used: logins by link or code,
// new passwords, and the means to say "this was not me". It owns when a ticket is
// good, that it is good once, and what ends with it. It writes the mail in the
// same step as the ticket; who may log in and what people see is decided elsewhere.
//
// An address that nobody has gets a ticket as well, which opens nothing: so the
// same is read, written and answered, whoever asks.
package ticket

import (
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Purposes of a ticket.
const (
	Magic    = "magic"    // log in
	Password = "password" // a new password
	Notice   = "notice"   // opens nothing; "this was not me" ends all sessions
	Invite   = "invite"   // come in for the first time, and get a password
	Address  = "address"  // prove a new mailbox
	Entry    = "entry"    // a link that an operator hands over: like Invite
)

// Modes of a new password, as the option recovery names them.
const (
	OneTime = "one_time" // works once and leads to a fresh one
	Keep    = "keep"     // lasts
	Link    = "link"     // a link shows it
)

// States of a ticket.
const (
	Open       = "open"
	Used       = "used"
	Superseded = "superseded" // another one of the same person was used, or there are too many
	Revoked    = "revoked"    // "this was not me"
)

// How long things are good, and how often they may be guessed.
const (
	MagicLife    = 30 * time.Minute
	CodeLife     = 10 * time.Minute
	PasswordLife = 24 * time.Hour
	FreshLife    = 7 * 24 * time.Hour
	NoticeLife   = 7 * 24 * time.Hour
	InviteLife   = 7 * 24 * time.Hour
	AddressLife  = 24 * time.Hour
	UndoLife     = 72 * time.Hour // "this was not me" of a changed address brings the old one back
	EntryLife    = 10 * time.Minute
	MaxOpen      = 3 // of one purpose, side by side
	MaxOthers    = 5 // addresses or match codes typed behind one link
)

// Ask is the wish for a mail.
type Ask struct {
	Owner   outbox.Owner
	User    *store.User // nil: nobody has the address
	To      string      // the address typed, canonical; a user is mailed at the stored one
	Purpose string
	Mode    string // of a new password

	Locale, Reference       string
	Browser                 string // names the browser that asks; may be empty
	Target                  string // where to go after the login
	Remember                bool
	Device, Network, Origin string // Origin: the public URL and prefix, without a slash at the end

	// Silent writes no mail: nothing may be sent, and nobody may notice.
	Silent bool
}

// Asked is what the tab that asked may know.
type Asked struct {
	ID        string // names the mail
	Match     string // to be typed in another browser to let this tab in
	CodeUntil time.Time
	Until     time.Time
}

// Found is a ticket that somebody came with.
type Found struct {
	Owner         outbox.Owner
	Account, User string // empty: nobody's
	Ticket        store.Ticket
	Cause         cause.Cause // why it cannot be used; None when it can
	Revoking      bool        // they came by the link "this was not me"
	CodeOpen      bool        // its code can still be typed
	// Undone is what was taken back, in the words of the page that says so.
	Undone []string
}

// Telling that it happened calls Undone these.
const (
	UndoneSessions   = "sessions"
	UndonePassword   = "password" // and a new one was mailed
	UndoneAddress    = "address"
	UndoneAsked      = "asked" // a change of address that was not proved yet
	UndoneSecondStep = "second_step"
	UndoneCodes      = "codes"
	UndoneIdentities = "identities"
	UndonePasskeys   = "passkeys"
)

// Settled is what using a ticket did.
type Settled struct {
	User  *store.User // as it is now: a new password begins a new epoch
	Fresh bool        // a fresh password waits to be shown and stored
}

// Errors that callers tell apart with errors.Is.
var (
	// ErrNone: there is no such ticket, or it is nobody's business here.
	ErrNone = errors.New("no such ticket")
	// ErrWrong: what was typed does not fit; it may be tried again.
	ErrWrong = errors.New("does not fit")
	// ErrDead: it was guessed too often and is of no use any more.
	ErrDead = errors.New("guessed too often")
)

// Wait is the error of a code that is not looked at, because too many of the
// person were guessed; links work all the same.
type Wait struct{ Until time.Time }

// Error says it in words.
func (e *Wait) Error() string {
	return "too many codes guessed: the next at " + e.Until.Format(time.RFC3339)
}

// Spent is the error of using a ticket that cannot be used (any more).
type Spent struct{ Cause cause.Cause }

// Error says it in words.
func (e *Spent) Error() string { return "ticket: " + string(e.Cause) }
