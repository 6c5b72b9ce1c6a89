package ticket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/keyring"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Revoke ends the ticket and the other open ones of its purpose, and the sessions
// begun with it. token is that of a link "this was not me".
//
// What was used already cannot be unused: then all sessions of the person end,
// because one that is just beginning has no handle yet, and a password that came
// of it opens nothing any more. Found is the ticket as it was before.
func (b *Book) Revoke(ctx context.Context, token string) (f *Found, err error) {
	id, key, ok := split(token)
	if !ok {
		return nil, ErrNone
	}
	owner, err := b.owner(ctx, id)
	if err != nil {
		return nil, err
	}
	err = b.change(ctx, owner, func(tx store.Tx, book *store.Book, now time.Time) error {
		t := find(book, id)
		if t == nil {
			return ErrNone
		}
		if revoking, ok := fits(t, key); !ok || !revoking {
			return ErrNone
		}
		f = b.found(owner, t, now)
		f.Revoking = true
		if t.State == Revoked {
			return nil
		}
		used := t.State == Used || t.Purpose == Notice
		if used {
			if err := b.undo(ctx, tx, owner, book, t); err != nil {
				return err
			}
		}
		t.State, t.Settled = Revoked, now
		closeWith(book, t, now)
		return nil
	})
	if err != nil && !errors.Is(err, ErrNone) {
		return nil, fmt.Errorf("revoking what was mailed: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// headStart is how long before the mail a login may have begun that it tells of.
const headStart = time.Minute

// closeWith ends what ends with a ticket that is nobody's. A notice takes later ones
// along and none before it: who got into a mailbox by what an earlier one tells of
// must not be able to take that one's link away.
func closeWith(book *store.Book, t *store.Ticket, now time.Time) {
	purpose, asked := t.Purpose, t.Asked
	closeAll(book, now, Revoked, func(other *store.Ticket) bool {
		if other.Purpose == Notice && purpose == Notice {
			return !other.Asked.Before(asked)
		}
		return other.Purpose == purpose || purpose == Notice && other.Purpose == Password
	})
}

// undo takes back what a used ticket opened.
func (b *Book) undo(ctx context.Context, tx store.Tx, owner outbox.Owner, book *store.Book, t *store.Ticket) error {
	u, err := store.Users.Read(tx, owner.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	u.Epoch++
	// What they linked or added meanwhile would let them in again.
	since := t.Asked.Add(-headStart)
	if _, err := identity.EndSince(ctx, tx, u, since, b.Now()); err != nil {
		return err
	}
	if _, err := keyring.EndSince(ctx, tx, u, since, b.Now()); err != nil {
		return err
	}
	// The password that came of it, and no later one: that may be their own.
	if t.Purpose != Magic && !t.PasswordSince.IsZero() && t.PasswordSince.Equal(u.PasswordChanged) {
		u.Password = ""
		book.Fresh, book.FreshUntil = "", time.Time{}
	}
	return directory.SaveUser(ctx, tx, u, b.Now())
}
