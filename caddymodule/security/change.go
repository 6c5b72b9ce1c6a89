package security

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Tickets draws the letter that tells of a change, and generated passwords.
type Tickets interface {
	Notice(ctx context.Context, u *store.User, what ticket.Telling) ticket.Offered
	Give(ctx context.Context, u *store.User) (ticket.Given, error)
}

// Mails writes it in the step of the change.
type Mails interface {
	SendAll(ctx context.Context, drafts []outbox.Draft, with func(tx store.Tx) error) error
}

// telling is the letter of a kind to the person who is here.
func (e *Errand) telling(v *visit, kind string) ticket.Telling {
	return ticket.Telling{Kind: kind, Origin: e.Origin, Locale: v.locale}
}

// change changes the user who is here, with the letter that tells of it, in one
// step; again for as long as others are faster. What was mailed to them before
// opens nothing any more. fn may run more than once, and ends the other sessions:
// with those go logins that wait for their second step.
func (e *Errand) change(v *visit, tell *ticket.Telling, fn func(tx store.Tx, u *store.User) error) error {
	if tell == nil {
		return e.changing(v, nil, fn)
	}
	return e.changing(v, []ticket.Telling{*tell}, fn)
}

// changing is change with any number of letters.
func (e *Errand) changing(v *visit, tell []ticket.Telling, fn func(tx store.Tx, u *store.User) error) error {
	for {
		err := e.try(v, tell, fn)
		if !errors.Is(err, store.ErrConflict) || v.Context().Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (e *Errand) try(v *visit, tell []ticket.Telling, fn func(tx store.Tx, u *store.User) error) error {
	if e.Tickets == nil {
		tell = nil
	}
	letters, drafts := make([]ticket.Offered, len(tell)), make([]outbox.Draft, len(tell))
	for i, what := range tell {
		letters[i] = e.Tickets.Notice(v.Context(), v.user, what)
		drafts[i] = letters[i].Mail
	}
	step := func(tx store.Tx) error {
		u, err := store.Users.Read(tx, v.user.ID)
		if err != nil {
			return err
		}
		now := e.Now()
		if err := ticket.Close(tx, u, now); err != nil {
			return err
		}
		if err := fn(tx, u); err != nil {
			return err
		}
		for _, l := range letters {
			if l.Ticket.Mode == letter.PasswordChanged {
				l.Ticket.PasswordSince = u.PasswordChanged // so that "this was not me" takes it back
			}
			if err := l.Open(tx, now); err != nil {
				return err
			}
		}
		return directory.SaveUser(v.Context(), tx, u, now)
	}
	if len(drafts) == 0 {
		return e.Store.Update(v.Context(), store.AccountTag(v.user.Account), step)
	}
	return e.Mails.SendAll(v.Context(), drafts, step)
}

// gone tells whether a change found the session or the set-up over.
func gone(err error) bool { return errors.Is(err, factor.ErrNone) || errors.Is(err, store.ErrNotFound) }
