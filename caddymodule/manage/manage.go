// Package manage is what people do to accounts and to users other than
// themselves: team admins to those of their own account, support and the app's
// keys to those of all, operators on the command line. It owns who may do what
// to whom (May), and each action as one step: the right is looked at, the change
// made, and the entry of the audit log and the mails about it written together.
//
// Whoever asks passes an Actor. An id of an account that the actor may not see is
// answered exactly like one that nobody has. What the change means, how it is
// shown and what proof it takes is decided elsewhere.
package manage

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/chosen"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Errors that callers tell apart with errors.Is, besides store.ErrNotFound,
// directory.ErrInvalid, directory.ErrTaken and *outbox.TooMany.
var (
	// ErrForbidden: the actor may see it, and may not do this to it; errors.As
	// gives the *Forbidden that says why.
	ErrForbidden = errors.New("forbidden")
	// ErrNoMail: it takes a mail, and none can be sent because none is configured.
	ErrNoMail = errors.New("no mail is configured")
	// ErrInvited: this cannot be done to somebody who has not come yet.
	ErrInvited = errors.New("was invited and has not come yet")
	// ErrOver: whoever asked is logged in no more.
	ErrOver = errors.New("all sessions were ended meanwhile")
	// ErrSame: it is so already.
	ErrSame = errors.New("is so already")
	// ErrNotInvited: there is no invitation to send again.
	ErrNotInvited = errors.New("was not invited, or has come already")
)

// Store is where records lie.
type Store interface {
	store.Reader
	store.Updater
}

// Mails sends mails, in the same step as what they tell of. *outbox.Outbox is one.
type Mails interface {
	SendAll(ctx context.Context, drafts []outbox.Draft, with func(tx store.Tx) error) error
	Allow(ctx context.Context, r outbox.Request) error
}

// Hasher computes the hash of a password.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
}

// Limits are the budgets of attempts.
type Limits interface {
	Clear(ctx context.Context, subject string) error
}

// Sessions ends sessions. *session.Manager is one.
type Sessions interface {
	EndOne(ctx context.Context, account, user, handle string) error
	Named(ctx context.Context, account, user, handle string) (id string, err error)
	EndAllBut(tx store.Tx, u *store.User, id string) error
}

// Undo takes back one sort of thing that was added to the ways in of u since then,
// in the step that does the rest; u is saved after it. what names it in the words
// of the page that tells ("notme.did_" in front), empty where there was none.
type Undo func(ctx context.Context, tx store.Tx, u *store.User, since time.Time) (what string, err error)

// Log keeps what was done where no record changes.
type Log interface {
	Add(ctx context.Context, account string, e audit.Entry) error
}

// Eraser removes what is known about somebody besides their record, which is gone.
type Eraser interface {
	Erase(ctx context.Context, u *store.User) error
}

// Options are what a Manager works with.
type Options struct {
	Store     Store
	Directory *directory.Directory
	Hasher    Hasher
	Limits    Limits
	Sessions  Sessions
	Audit     Log
	Eraser    Eraser // optional: without it nobody is erased
	// Tickets and Mails are nil where no mail is configured.
	Tickets *ticket.Book
	Mails   Mails
	// Undo is what "this was not me" takes back besides passwords, sessions and
	// addresses.
	Undo []Undo
	// Mode is how a new password is mailed, as the option recovery says.
	Mode string
	// Origin is the public URL and prefix, without a slash at the end: what links
	// begin with.
	Origin string
	// Brand is what no chosen password may be made of, and Forbidden the list of the
	// operator; optional.
	Brand     string
	Forbidden chosen.Forbidden
	Now       func() time.Time
	Log       *slog.Logger
}

// Manager does it. It holds no state of its own.
type Manager struct{ o Options }

// New returns a Manager.
func New(o Options) *Manager {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Mode == "" {
		o.Mode = ticket.OneTime
	}
	return &Manager{o}
}

// Rules returns the rules in force.
func (m *Manager) Rules() directory.Rules { return m.o.Directory.Rules() }

// May tells whether a may do this: nil, store.ErrNotFound or ErrForbidden.
func (m *Manager) May(a Actor, what Action, account string, target *store.User) error {
	return May(m.Rules(), a, what, account, target)
}
