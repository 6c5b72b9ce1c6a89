package ticket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
)

// returns tells whether a ticket is a letter about a changed address by which the
// one before can still be brought back.
func returns(t *store.Ticket, now time.Time) bool {
	return t.Purpose == Notice && t.Mode == letter.AddressChanged && state(t, now) == cause.None
}

// Before returns the address that a person had before they changed it themselves,
// since then, as long as that can be undone: the first one, however often it was
// changed. It is empty where they did not, and where somebody else, who helps them,
// gave them another one.
func (b *Book) Before(ctx context.Context, u *store.User, since time.Time) (address string, err error) {
	owner := outbox.OfUser(u.Account, u.ID)
	book, err := store.Books.Get(ctx, b.store, owner.Tag, owner.Name)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading which address somebody had: %w", err)
	}
	now := b.Now()
	for i := range book.Tickets {
		t := &book.Tickets[i]
		if !returns(t, now) || t.Asked.Before(since) {
			continue
		}
		if t.Other {
			return "", nil
		}
		if address == "" {
			address = t.Typed
		}
	}
	return address, nil
}

// Moves returns how often a person changed their address lately, counted by what
// can still be undone, and until when the first of them can.
func (b *Book) Moves(ctx context.Context, u *store.User) (n int, until time.Time, err error) {
	owner := outbox.OfUser(u.Account, u.ID)
	book, err := store.Books.Get(ctx, b.store, owner.Tag, owner.Name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, time.Time{}, fmt.Errorf("counting changes of address: %w", err)
	}
	if err != nil {
		return 0, time.Time{}, nil
	}
	now := b.Now()
	for i := range book.Tickets {
		if t := &book.Tickets[i]; returns(t, now) && !t.Other {
			if n++; n == 1 {
				until = t.Until
			}
		}
	}
	return n, until, nil
}

// TakeBack ends, in the step that takes back what was done in somebody's name, the
// ticket by whose link they said so, and all that could still open something.
func TakeBack(tx store.Tx, u *store.User, id string, now time.Time) error {
	owner := outbox.OfUser(u.Account, u.ID)
	book, err := read(tx, owner)
	if err != nil {
		return err
	}
	t := find(book, id)
	if t == nil {
		return ErrNone
	}
	if t.State == Revoked {
		return &Spent{cause.LinkSuperseded}
	}
	t.State, t.Settled = Revoked, now
	closeWith(book, t, now)
	closeAll(book, now, Superseded, func(other *store.Ticket) bool { return other.Purpose != Notice })
	book.Fresh, book.FreshUntil = "", time.Time{}
	return write(tx, owner, book, now)
}

// DrawPassword makes a new password for u in the way that mode says, and its mail,
// for somebody whose own opens nothing any more. Open writes it.
func (b *Book) DrawPassword(ctx context.Context, u *store.User, mode, origin, locale string) (Offered, error) {
	a := Ask{
		Owner: outbox.OfUser(u.Account, u.ID), User: u, To: u.Email, Purpose: Password, Mode: mode, Origin: origin, Locale: locale,
	}
	t, d := b.draw(a, b.Now())
	if mode == Keep {
		hash, err := b.Hasher.Hash(ctx, d.password)
		if err != nil {
			return Offered{}, fmt.Errorf("hashing a new password: %w", err)
		}
		t.Hash = hash
	}
	t.Revoke = "" // they have just said who they are
	l := letter.Letter{
		Kind: letter.Secured, Locale: t.Locale, Name: u.Name, Asked: t.Asked, Until: t.Until, LoginURL: origin + "/login",
		Password: d.password, OneTime: mode == OneTime,
	}
	if mode == Link {
		l.Link = url(t, d.key)
	}
	return Offered{Ticket: t, Mail: outbox.Draft{ID: t.ID, Owner: a.Owner, To: u.Email, Until: t.Until, Letter: l}}, nil
}
