package directory

import (
	"context"
	"errors"

	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Step runs with on the tag of an account, as Update does; whoever passes one may
// write more in the same step.
type Step func(ctx context.Context, with func(tx store.Tx) error) error

// AddInvited adds somebody who is to come: like CreateUser, but their address is
// theirs in name only, whoever has it, until JoinUser. An address under which
// somebody of the same account is invited already is ErrTaken.
func (d *Directory) AddInvited(ctx context.Context, u *store.User, in Step, with func(tx store.Tx) error) error {
	if err := d.prepare(u); err != nil {
		return wrap("inviting user", err)
	}
	if u.Invited == nil || u.Account == StaffAccount {
		return wrap("inviting user", invalid("invited", "nobody says by whom, or it is the staff", ""))
	}
	return wrap("inviting user", inTime(ctx, func(ctx context.Context) error {
		id, err := d.claim(ctx, store.UserTag(u.ID), store.Claim{Account: u.Account, User: u.ID}, false)
		if err != nil {
			return err
		}
		created := []event.Change{{Kind: event.Created, Account: u.Account, User: u.ID}}
		err = d.feed.During(ctx, created, func(ctx context.Context) error {
			return in(ctx, func(tx store.Tx) error {
				if err := d.putInvited(ctx, tx, u); err != nil {
					return err
				}
				return with(tx)
			})
		})
		if refused(err) {
			d.release(ctx, store.UserTag(u.ID), id)
		}
		return err
	}))
}

// refused is true for errors with which a step was given up, and nothing written.
func refused(err error) bool {
	return err != nil && !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, context.Canceled) &&
		!errors.Is(err, context.DeadlineExceeded)
}

func (d *Directory) putInvited(ctx context.Context, tx store.Tx, u *store.User) error {
	if _, err := store.Accounts.Read(tx, u.Account); err != nil {
		return err
	}
	switch _, err := store.Users.Read(tx, u.ID); {
	case err == nil:
		return ErrTaken
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if err := ctx.Err(); err != nil { // too late: see writeLimit
		return err
	}
	switch other, err := store.Invitees.Read(tx, inviteeID(u.Email)); {
	case err == nil:
		if err := stillInvited(tx, other.User, u.Email); err != nil {
			return err
		}
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if err := store.Invitees.Put(tx, inviteeID(u.Email), &store.Invitee{User: u.ID}, never); err != nil {
		return err
	}
	return SaveUser(ctx, tx, u, d.now())
}

// inviteeID names an address without telling it: whoever is erased is not found.
func inviteeID(address string) string { return secret.Digest(address) }

// stillInvited is ErrTaken when id is invited under address.
func stillInvited(tx store.Tx, id, address string) error {
	u, err := store.Users.Read(tx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case u.Invited != nil && u.Email == address:
		return ErrTaken
	}
	return nil
}

// JoinUser makes the address of somebody invited theirs, because they have shown
// that its mailbox is. It is ErrTaken when somebody else has it by now. For who
// has come already it does nothing.
func (d *Directory) JoinUser(ctx context.Context, account, id string) (*store.User, error) {
	u, err := d.User(ctx, account, id)
	if err != nil || u.Invited == nil {
		return u, wrap("joining", err)
	}
	var written *store.User
	err = inTime(ctx, func(ctx context.Context) error {
		tag := store.EmailTag(u.Email)
		claim, err := d.claim(ctx, tag, store.Claim{Account: account, User: id}, true)
		if err != nil {
			return err
		}
		written, err = d.update(ctx, account, id, func(now *store.User) error {
			if now.Email != u.Email {
				return ErrTaken // what they have shown is another mailbox
			}
			now.Invited = nil
			return ctx.Err() // too late: see writeLimit
		})
		if nothingWritten(err) {
			d.release(ctx, tag, claim)
		}
		return err
	})
	return written, wrap("joining", err)
}
