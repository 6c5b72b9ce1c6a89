package ticket

import (
	"context"
	"log/slog"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Store is where tickets lie.
type Store interface {
	store.Reader
	store.Updater
}

// Mails writes a mail in the same step as what it carries.
type Mails interface {
	Send(ctx context.Context, d outbox.Draft, with func(tx store.Tx) error) error
}

// Hasher computes the hash of a password.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
}

// Options are what a Book works with.
type Options struct {
	Box    *secret.Box // for the fresh password; a purpose of its own
	Key    []byte      // for the digests of codes and passwords; likewise
	Hasher Hasher
	Mails  Mails
	// SilentNobody leaves out the mails to addresses that nobody has.
	SilentNobody bool
	Now          func() time.Time
	Log          *slog.Logger
}

// Book keeps the tickets of everybody. It holds no state of its own: nodes share
// what is in the store.
type Book struct {
	Options
	store Store
}

// New returns the Book kept in s.
func New(s Store, o Options) *Book {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Book{Options: o, store: s}
}

// Ask writes a ticket and the mail that carries it, in one step. For an address
// that nobody has the same is read, drawn, hashed and written.
func (b *Book) Ask(ctx context.Context, a Ask) (Asked, error) { return Asked{}, ErrNone }

// Find returns the ticket of a mailed link, in whatever state it is. ErrNone is
// for links that we never made, and for those forgotten by now.
func (b *Book) Find(ctx context.Context, token string) (*Found, error) { return nil, ErrNone }

// Waiting returns the ticket that this browser asked for.
func (b *Book) Waiting(ctx context.Context, id, browser string) (*Found, error) { return nil, ErrNone }

// TryCode compares what was typed in the browser that asked. A code that fits
// settles nothing yet: that is done by Settle.
func (b *Book) TryCode(ctx context.Context, id, browser, code string) (*Found, error) {
	return nil, ErrNone
}

// TryMatch compares the match code typed behind the link; one that fits approves
// the tab that asked.
func (b *Book) TryMatch(ctx context.Context, token, match string) (*Found, error) {
	return nil, ErrNone
}

// TryAddress compares the address typed behind the link with that of the person.
func (b *Book) TryAddress(ctx context.Context, token, address string) (*Found, error) {
	return nil, ErrNone
}

// Revoke ends the ticket and the other open ones of its purpose, and the sessions
// begun with it. token is that of a link "this was not me".
func (b *Book) Revoke(ctx context.Context, token string) (*Found, error) { return nil, ErrNone }

// Pending returns the ticket of a mailed password, ErrNone where it is none. It
// reads as much for nobody. Found.Cause is cause.PasswordPendingExpired for one
// that is too old, and cause.LinkUsed or cause.LinkSuperseded for one that ended.
// Blanks around what was typed do not count: generated passwords have none.
func (b *Book) Pending(ctx context.Context, owner outbox.Owner, password string) (*Found, error) {
	return nil, ErrNone
}

// Reveal draws the password of a ticket in mode Link, once. From then on it is a
// pending password of mode Keep; a second time is a *Spent.
func (b *Book) Reveal(ctx context.Context, token string) (password string, err error) {
	return "", ErrNone
}

// Settle uses a ticket, in one step with all that follows from it: the others of
// the person are superseded; the new password is in force, tells its owner by
// mail, and begins a new epoch. A ticket that is of no use any more is a *Spent:
// of fifty at once one wins. Nothing typed is needed: what a password to keep
// hashes to was stored when it was asked for.
func (b *Book) Settle(ctx context.Context, u *store.User, id string) (Settled, error) {
	return Settled{}, ErrNone
}

// Began remembers the session that was begun with a ticket.
func (b *Book) Began(ctx context.Context, u *store.User, id, handle string) error { return nil }

// Fresh returns the password that u has to store, ErrNone where there is none.
func (b *Book) Fresh(ctx context.Context, u *store.User) (password string, err error) {
	return "", ErrNone
}

// Stored forgets the fresh password: u has it.
func (b *Book) Stored(ctx context.Context, u *store.User) error { return nil }
