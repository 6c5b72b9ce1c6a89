package directory

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Hold keeps an address that somebody gives up for them until a moment, so that
// nobody has it when they want it back. All: from colleagues too.
type Hold struct {
	Until time.Time
	All   bool
}

// MoveUser is ChangeUser for whoever writes more in the same step. fn gets the
// user as they are, and may not change the address. The address they had is held.
func (d *Directory) MoveUser(
	ctx context.Context, account, id, address string, hold Hold, in Step, fn func(tx store.Tx, u *store.User) error,
) (*store.User, error) {
	canonical, err := Canonical(address)
	if err != nil {
		return nil, wrap("changing e-mail", err)
	}
	u, err := d.User(ctx, account, id)
	if err != nil {
		return nil, wrap("changing e-mail", err)
	}
	var written *store.User
	err = inTime(ctx, func(ctx context.Context) error {
		return d.between(ctx, u, canonical, hold, func(ctx context.Context) error {
			return d.Told(ctx, account, id, func(ctx context.Context) error {
				return in(ctx, func(tx store.Tx) (err error) {
					written, err = d.moveIn(ctx, tx, u, address, fn)
					return err
				})
			})
		})
	})
	if errors.Is(err, errOvertaken) {
		err = store.ErrConflict
	}
	return written, wrap("changing e-mail", err)
}

// between claims the new address before the change and gives the old one back
// after it. What is to be held is so before: a crash must not set it free.
func (d *Directory) between(ctx context.Context, u *store.User, canonical string, hold Hold, change func(context.Context) error) error {
	before, after := store.EmailTag(u.Email), store.EmailTag(canonical)
	old, err := d.ownClaim(ctx, before, u)
	if err != nil {
		return err
	}
	claim, err := d.claim(ctx, after, store.Claim{Account: u.Account, User: u.ID}, true)
	if err != nil {
		return err
	}
	if before == after {
		return change(ctx)
	}
	holds := old != nil && hold.Until.After(d.now())
	if holds {
		held := store.Claim{Account: u.Account, User: u.ID, Held: hold.Until.UTC(), HeldAll: hold.All}
		if old, err = d.replaceClaim(ctx, before, old, &held); err != nil {
			d.release(ctx, after, claim)
			return overtaken(err)
		}
	}
	switch err = change(ctx); {
	case err == nil:
		if !holds {
			d.release(ctx, before, old)
		}
		d.remember(ctx, u.Email, u)
	case refused(err):
		d.release(ctx, after, claim)
	}
	return err
}

// overtaken makes one of what is worth another try.
func overtaken(err error) error {
	if errors.Is(err, errMoved) {
		return errOvertaken
	}
	return err
}

// held tells whether what c claims is kept from next. Of a user who is gone
// nothing is.
func (d *Directory) held(ctx context.Context, c *store.Claim, next store.Claim) (bool, error) {
	if !d.now().Before(c.Held) || sameOwner(*c, next) || !c.HeldAll && c.Account == next.Account {
		return false, nil
	}
	_, err := store.Users.Get(ctx, d.store, store.AccountTag(c.Account), c.User)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func taken(held bool) error {
	if held {
		return ErrTaken
	}
	return nil
}

// Held returns the account of whoever an address is held for that is kept from a
// user, empty where it is not. user may be empty.
func (d *Directory) Held(ctx context.Context, account, user, address string) (by string, err error) {
	canonical, err := Canonical(address)
	if err != nil {
		return "", wrap("finding who an address is held for", err)
	}
	c, err := d.claimAt(ctx, store.EmailTag(canonical))
	if err == nil && c != nil {
		var held bool
		if held, err = d.held(ctx, c, store.Claim{Account: account, User: user}); held {
			by = c.Account
		}
	}
	return by, wrap("finding who an address is held for", err)
}

// Unhold lets an address go that is held for a user, because all about them is
// erased.
func (d *Directory) Unhold(ctx context.Context, account, user, address string) error {
	canonical, err := Canonical(address)
	if err != nil {
		return nil //nolint:nilerr // what is no address is nobody's
	}
	tag := store.EmailTag(canonical)
	c, err := d.claimAt(ctx, tag)
	if err == nil && c != nil && !c.Held.IsZero() && c.Account == account && c.User == user {
		_, err = d.replaceClaim(ctx, tag, c, nil)
	}
	if errors.Is(err, errMoved) {
		err = nil
	}
	return wrap("letting an address go", err)
}

func (d *Directory) moveIn(ctx context.Context, tx store.Tx, before *store.User, address string, fn func(store.Tx, *store.User) error) (*store.User, error) {
	if err := ctx.Err(); err != nil { // too late: see writeLimit
		return nil, err
	}
	u, err := store.Users.Read(tx, before.ID)
	if err != nil {
		return nil, err
	}
	if u.Email != before.Email {
		return nil, errOvertaken
	}
	read := *u
	if err := fn(tx, u); err != nil {
		return nil, err
	}
	u.ID, u.Account, u.Created = read.ID, read.Account, read.Created
	if err := d.checkUser(&read, u); err != nil {
		return nil, err
	}
	if err := setAddress(u, address); err != nil {
		return nil, err
	}
	return u, SaveUser(ctx, tx, u, d.now())
}
