package ticket

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
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
	// Codes bounds how often codes may be guessed; zero: DefaultCodes.
	Codes Codes
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
	if o.Codes == (Codes{}) {
		o.Codes = DefaultCodes()
	}
	return &Book{Options: o, store: s}
}

// read returns the book of one owner; who has none has an empty one.
func read(tx store.Tx, owner outbox.Owner) (*store.Book, error) {
	book, err := store.Books.Read(tx, owner.Name)
	if errors.Is(err, store.ErrNotFound) {
		return &store.Book{}, nil
	}
	return book, err
}

// keepEnded is how long a ticket that is over is known, so that people can be
// told what became of it.
const keepEnded = 24 * time.Hour

// keepInvite is that for invitations, which people open late.
const keepInvite = 30 * 24 * time.Hour

// kept is until when a ticket is known.
func kept(t *store.Ticket) time.Time {
	if t.Purpose == Invite {
		return ended(t).Add(keepInvite)
	}
	return ended(t).Add(keepEnded)
}

// maxKept is how many tickets one person has at most, ended ones included: who
// asks all day must not make every login of theirs read a long list.
const maxKept = 32

// write stores a book without what nobody needs any more.
func write(tx store.Tx, owner outbox.Owner, book *store.Book, now time.Time) error {
	book.Tickets = slices.DeleteFunc(book.Tickets, func(t store.Ticket) bool { return now.After(kept(&t)) })
	for len(book.Tickets) > maxKept {
		oldest := slices.IndexFunc(book.Tickets, func(t store.Ticket) bool { return state(&t, now) != cause.None && t.Purpose != Notice })
		if oldest < 0 {
			oldest = slices.IndexFunc(book.Tickets, func(t store.Ticket) bool { return !returns(&t, now) })
		}
		book.Tickets = slices.Delete(book.Tickets, max(oldest, 0), max(oldest, 0)+1)
	}
	book.Guesses = slices.DeleteFunc(book.Guesses, func(at time.Time) bool { return now.Sub(at) >= guessWindow })
	if !now.Before(book.FreshUntil) {
		book.Fresh, book.FreshUntil = "", time.Time{}
	}
	until := book.FreshUntil
	for i := range book.Tickets {
		if over := kept(&book.Tickets[i]); over.After(until) {
			until = over
		}
	}
	if until.IsZero() {
		return store.Books.Delete(tx, owner.Name)
	}
	return store.Books.Put(tx, owner.Name, book, until)
}

// ended is when a ticket is or was over.
func ended(t *store.Ticket) time.Time {
	if t.State != Open && t.Settled.Before(t.Until) {
		return t.Settled
	}
	return t.Until
}

// state says why a ticket cannot be used, None when it can.
func state(t *store.Ticket, now time.Time) cause.Cause {
	switch {
	case t.State == Used:
		return cause.LinkUsed
	case t.State != Open:
		return cause.LinkSuperseded
	case !now.Before(t.Until):
		return cause.LinkExpired
	}
	return cause.None
}

// find returns the ticket with an id, nil when there is none.
func find(book *store.Book, id string) *store.Ticket {
	for i := range book.Tickets {
		if book.Tickets[i].ID == id {
			return &book.Tickets[i]
		}
	}
	return nil
}

// closeAll ends all open tickets that match.
func closeAll(book *store.Book, now time.Time, as string, match func(*store.Ticket) bool) {
	for i := range book.Tickets {
		t := &book.Tickets[i]
		if state(t, now) == cause.None && match(t) {
			t.State, t.Settled = as, now
		}
	}
}

// patience bounds a change that others keep overtaking.
const patience = 20 * time.Second

// again runs a change until it does not lose a race against another one.
func again(ctx context.Context, change func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := change(ctx)
		if !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return err
		}
		time.Sleep(10*time.Millisecond + rand.N(20*time.Millisecond)) //nolint:gosec // nobody gains by guessing it
	}
}

// change reads the book of an owner, lets fn change it, and writes it.
func (b *Book) change(ctx context.Context, owner outbox.Owner, fn func(tx store.Tx, book *store.Book, now time.Time) error) error {
	return again(ctx, func(ctx context.Context) error {
		return b.store.Update(ctx, owner.Tag, func(tx store.Tx) error {
			book, err := read(tx, owner)
			if err != nil {
				return err
			}
			now := b.Now()
			if err := fn(tx, book, now); err != nil {
				return err
			}
			return write(tx, owner, book, now)
		})
	})
}

// digest is how something short that can be typed lies in the store: without the
// key nobody can try all of them. It fits one place only.
func (b *Book) digest(what, place, typed string) string {
	mac := hmac.New(sha256.New, b.Key)
	mac.Write([]byte(what + "\x00" + place + "\x00" + typed))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func same(a, b string) bool { return a != "" && hmac.Equal([]byte(a), []byte(b)) }
