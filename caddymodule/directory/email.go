package directory

import (
	"context"
	"errors"

	"github.com/cliendo/gateway/caddymodule/store"
)

// errOvertaken: somebody else changed the address in the meantime.
var errOvertaken = errors.New("address changed in the meantime")

// ChangeEmail gives a user another address and returns them as written. The new
// address is claimed first and the old one given back last, so that at no time
// two users can have one address. An address in use is ErrTaken.
func (d *Directory) ChangeEmail(ctx context.Context, account, id, address string) (*store.User, error) {
	canonical, err := Canonical(address)
	if err != nil {
		return nil, wrap("changing e-mail", err)
	}
	for {
		u, err := d.User(ctx, account, id)
		if err == nil && u.Email != canonical {
			err = inTime(ctx, func(ctx context.Context) error { return d.moveEmail(ctx, u, address, canonical) })
		} else if err == nil {
			u, err = d.respell(ctx, u, address)
		}
		switch {
		case err == nil:
			return u, nil
		case !errors.Is(err, errOvertaken):
			return nil, wrap("changing e-mail", err)
		}
	}
}

// moveEmail changes u, as it was read, in the store and in place.
func (d *Directory) moveEmail(ctx context.Context, u *store.User, address, canonical string) error {
	before := store.EmailTag(u.Email)
	old, err := d.ownClaim(ctx, before, u)
	if err != nil {
		return err
	}
	after := store.EmailTag(canonical)
	claim, err := d.claim(ctx, after, store.Claim{Account: u.Account, User: u.ID}, true)
	if err != nil {
		return err
	}
	written, err := d.update(ctx, u.Account, u.ID, func(now *store.User) error {
		if now.Email != u.Email {
			return errOvertaken
		}
		if err := ctx.Err(); err != nil { // too late: see writeLimit
			return err
		}
		return setAddress(now, address)
	})
	switch {
	case err == nil:
		*u = *written
		d.release(ctx, before, old)
	case nothingWritten(err):
		d.release(ctx, after, claim)
	}
	return err
}

// respell keeps the address and changes only how it is shown.
func (d *Directory) respell(ctx context.Context, u *store.User, address string) (*store.User, error) {
	return d.update(ctx, u.Account, u.ID, func(now *store.User) error {
		if now.Email != u.Email {
			return errOvertaken
		}
		return setAddress(now, address)
	})
}
