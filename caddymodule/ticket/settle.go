package ticket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Settle uses a ticket, in one step with all that follows from it: the others of
// the person are superseded; the new password is in force, tells its owner by
// mail, and begins a new epoch. A ticket that is of no use any more is a *Spent:
// of fifty at once one wins. Nothing typed is needed: what a password to keep
// hashes to was stored when it was asked for.
func (b *Book) Settle(ctx context.Context, u *store.User, id string) (Settled, error) {
	owner := outbox.OfUser(u.Account, u.ID)
	t, err := b.look(ctx, owner, id)
	if err != nil {
		return Settled{}, err
	}
	if c := state(t, b.Now()); c != cause.None {
		return Settled{}, &Spent{c}
	}
	switch {
	case t.Purpose == Magic:
		return b.settleMagic(ctx, owner, u, id)
	case t.Purpose == Password && t.Password != "", t.Purpose == Invite, t.Purpose == Entry:
		return b.settlePassword(ctx, owner, u, t)
	}
	return Settled{}, ErrNone
}

// use marks a ticket as used, with those that end with it, and returns the user
// as they are now.
func use(tx store.Tx, book *store.Book, u *store.User, id string, now time.Time) (*store.User, error) {
	t := find(book, id)
	if t == nil {
		return nil, ErrNone
	}
	if c := state(t, now); c != cause.None {
		return nil, &Spent{c}
	}
	user, err := store.Users.Read(tx, u.ID)
	if err != nil {
		return nil, err
	}
	if user.Epoch != u.Epoch {
		// All sessions were ended between the proof and here; it is worth nothing.
		return nil, &Spent{cause.SessionEnded}
	}
	if t.Purpose != Magic && t.Asked.Before(user.PasswordChanged) {
		// Somebody gave them another one since, perhaps because of this mail.
		return nil, &Spent{cause.LinkSuperseded}
	}
	t.State, t.Settled = Used, now
	// A login ends the other ways to log in. A password asked for stays as it is:
	// whoever has just logged in by a link may still want it.
	purpose := t.Purpose
	closeAll(book, now, Superseded, func(other *store.Ticket) bool {
		return other.Purpose != Notice && (purpose != Magic || other.Purpose == purpose)
	})
	return user, nil
}

func (b *Book) settleMagic(ctx context.Context, owner outbox.Owner, u *store.User, id string) (s Settled, err error) {
	err = b.change(ctx, owner, func(tx store.Tx, book *store.Book, now time.Time) (err error) {
		s.User, err = use(tx, book, u, id, now)
		return err
	})
	return s.of("using a mailed login", err)
}

// of wraps what callers do not tell apart.
func (s Settled) of(doing string, err error) (Settled, error) {
	var spent *Spent
	switch {
	case err == nil:
		return s, nil
	case errors.As(err, &spent):
		return Settled{}, spent
	case errors.Is(err, ErrNone):
		return Settled{}, ErrNone
	}
	return Settled{}, fmt.Errorf("%s: %w", doing, err)
}

func (b *Book) settlePassword(ctx context.Context, owner outbox.Owner, u *store.User, t *store.Ticket) (s Settled, err error) {
	hash, sealed := t.Hash, ""
	if t.Mode == OneTime || t.Purpose != Password {
		fresh := secret.Password()
		if hash, err = b.Hasher.Hash(ctx, fresh); err != nil {
			return Settled{}, fmt.Errorf("hashing the fresh password: %w", err)
		}
		sealed = b.Box.Seal([]byte(fresh), "fresh "+place(owner))
	}
	notice, mail := b.notice(ctx, owner, u, Telling{Kind: letter.PasswordChanged, Origin: t.Origin, Locale: t.Locale})
	// Whoever gets their first one need not be told; and where nothing is mailed,
	// an operator's link still works.
	tell := u.Password != "" && b.Mails != nil
	into := func(tx store.Tx) error {
		book, err := read(tx, owner)
		if err != nil {
			return err
		}
		now := b.Now()
		user, err := use(tx, book, u, t.ID, now)
		if err != nil {
			return err
		}
		user.Password, user.PasswordChosen, user.PasswordChanged = hash, false, now
		user.Invited = nil
		user.Epoch++
		if err := directory.SaveUser(ctx, tx, user, now); err != nil {
			return err
		}
		book.Fresh, book.FreshUntil = "", time.Time{}
		if sealed != "" {
			book.Fresh, book.FreshUntil = sealed, now.Add(FreshLife)
		}
		find(book, t.ID).PasswordSince, notice.PasswordSince = now, now
		if tell {
			book.Tickets = append(book.Tickets, notice)
		}
		s = Settled{User: user, Fresh: sealed != ""}
		return write(tx, owner, book, now)
	}
	err = again(ctx, func(ctx context.Context) error {
		if !tell {
			return b.store.Update(ctx, owner.Tag, into)
		}
		return b.Mails.Send(ctx, mail, into)
	})
	return s.of("using a mailed password", err)
}

// Began remembers the session that was begun with a ticket.
func (b *Book) Began(ctx context.Context, u *store.User, id, handle string) error {
	err := b.change(ctx, outbox.OfUser(u.Account, u.ID), func(_ store.Tx, book *store.Book, _ time.Time) error {
		if t := find(book, id); t != nil {
			t.Sessions = append(t.Sessions, handle)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remembering the session of a ticket: %w", err)
	}
	return nil
}

// Reveal draws the password of a ticket in mode Link, once. From then on it is a
// pending password of mode Keep; a second time is a *Spent.
func (b *Book) Reveal(ctx context.Context, token string) (password string, err error) {
	password = secret.Password()
	hash, err := b.Hasher.Hash(ctx, password)
	if err != nil {
		return "", fmt.Errorf("hashing a new password: %w", err)
	}
	_, err = b.behind(ctx, token, func(_ store.Tx, owner outbox.Owner, t *store.Ticket, now time.Time, revoking bool) error {
		c := state(t, now)
		switch {
		case revoking || t.Purpose != Password:
			return ErrNone
		case c != cause.None:
			return &Spent{c}
		case t.Mode != Link:
			return &Spent{cause.LinkUsed}
		}
		t.Mode, t.Hash, t.Password = Keep, hash, b.digest("password", place(owner), password)
		return nil
	})
	if err != nil {
		return "", err
	}
	return password, nil
}

// Fresh returns the password that u has to store, ErrNone where there is none.
func (b *Book) Fresh(ctx context.Context, u *store.User) (password string, err error) {
	owner := outbox.OfUser(u.Account, u.ID)
	book, err := store.Books.Get(ctx, b.store, owner.Tag, owner.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", ErrNone
	case err != nil:
		return "", fmt.Errorf("reading the fresh password: %w", err)
	case book.Fresh == "" || !b.Now().Before(book.FreshUntil):
		return "", ErrNone
	}
	now, err := store.Users.Get(ctx, b.store, owner.Tag, owner.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", ErrNone
	case err != nil:
		return "", fmt.Errorf("reading the fresh password: %w", err)
	case !now.PasswordChanged.Equal(book.FreshUntil.Add(-FreshLife)):
		return "", ErrNone // it has been replaced since
	}
	plain, err := b.Box.Open(book.Fresh, "fresh "+place(owner))
	if err != nil {
		// The secret it was sealed with is gone. Nobody can read it any more, and a
		// page that cannot show it must not come back for a week.
		b.Log.Warn("a fresh password cannot be opened and is not shown", "user", u.ID, "error", err)
		return "", ErrNone
	}
	return string(plain), nil
}

// Stored forgets the fresh password: u has it.
func (b *Book) Stored(ctx context.Context, u *store.User) error {
	err := b.change(ctx, outbox.OfUser(u.Account, u.ID), func(_ store.Tx, book *store.Book, _ time.Time) error {
		book.Fresh, book.FreshUntil = "", time.Time{}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forgetting the fresh password: %w", err)
	}
	return nil
}
