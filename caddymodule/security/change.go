package security

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Tickets draws the letter that tells of a change.
type Tickets interface {
	Notice(ctx context.Context, u *store.User, what ticket.Telling) ticket.Offered
}

// Mails writes it in the step of the change.
type Mails interface {
	Send(ctx context.Context, d outbox.Draft, with func(tx store.Tx) error) error
}

// change changes the user who is here, with the letter that tells of it, in one
// step; again for as long as others are faster.
func (e *Errand) change(v *visit, tell *ticket.Telling, fn func(tx store.Tx, u *store.User) error) error {
	for {
		err := e.try(v, tell, fn)
		if !errors.Is(err, store.ErrConflict) || v.Context().Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (e *Errand) try(v *visit, tell *ticket.Telling, fn func(tx store.Tx, u *store.User) error) error {
	step := func(tx store.Tx) error {
		u, err := store.Users.Read(tx, v.user.ID)
		if err != nil {
			return err
		}
		if err := fn(tx, u); err != nil {
			return err
		}
		return directory.SaveUser(v.Context(), tx, u, e.Now())
	}
	if tell == nil || e.Tickets == nil {
		return e.Store.Update(v.Context(), store.AccountTag(v.user.Account), step)
	}
	letter := e.Tickets.Notice(v.Context(), v.user, *tell)
	return e.Mails.Send(v.Context(), letter.Mail, func(tx store.Tx) error {
		if err := step(tx); err != nil {
			return err
		}
		return letter.Open(tx, e.Now())
	})
}

// gone tells whether a change found the session or the set-up over.
func gone(err error) bool { return errors.Is(err, factor.ErrNone) || errors.Is(err, store.ErrNotFound) }
