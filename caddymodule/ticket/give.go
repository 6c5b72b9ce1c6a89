package ticket

import (
	"context"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Given is a generated password for somebody who is logged in, drawn and written
// nowhere yet.
type Given struct{ hash, sealed string }

// Give draws one for u.
func (b *Book) Give(ctx context.Context, u *store.User) (Given, error) {
	fresh := secret.Password()
	hash, err := b.Hasher.Hash(ctx, fresh)
	if err != nil {
		return Given{}, fmt.Errorf("hashing a generated password: %w", err)
	}
	return Given{hash, b.Box.Seal([]byte(fresh), "fresh "+place(outbox.OfUser(u.Account, u.ID)))}, nil
}

// Open puts it in force for u, who is to be saved after it in the same step. It is
// shown to them until they stored it.
func (g Given) Open(tx store.Tx, u *store.User, now time.Time) error {
	owner := outbox.OfUser(u.Account, u.ID)
	book, err := read(tx, owner)
	if err != nil {
		return err
	}
	u.Password, u.PasswordChosen, u.PasswordChanged = g.hash, false, now
	book.Fresh, book.FreshUntil = g.sealed, now.Add(FreshLife)
	return write(tx, owner, book, now)
}
