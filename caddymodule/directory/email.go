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
	return d.ChangeUser(ctx, account, id, address, func(*store.User) error { return nil })
}

// ChangeUser is ChangeEmail and UpdateUser in one step: all or nothing.
func (d *Directory) ChangeUser(ctx context.Context, account, id, address string, fn func(*store.User) error) (*store.User, error) {
	canonical, err := Canonical(address)
	if err != nil {
		return nil, wrap("changing e-mail", err)
	}
	for {
		u, err := d.User(ctx, account, id)
		if err == nil {
			u, err = d.moveUser(ctx, u, canonical, func(now *store.User) error {
				if now.Email != u.Email {
					return errOvertaken
				}
				if err := d.edit(now, fn); err != nil {
					return err
				}
				return setAddress(now, address)
			})
		}
		if !errors.Is(err, errOvertaken) {
			return u, wrap("changing e-mail", err)
		}
	}
}

// moveUser writes the change, with the claims around it where u, as it was
// read, has another address than the canonical one.
func (d *Directory) moveUser(ctx context.Context, u *store.User, canonical string, change func(*store.User) error) (*store.User, error) {
	if u.Email == canonical {
		return d.update(ctx, u.Account, u.ID, change)
	}
	var written *store.User
	err := inTime(ctx, func(ctx context.Context) (err error) {
		written, err = d.moveClaims(ctx, u, canonical, change)
		return err
	})
	return written, err
}

func (d *Directory) moveClaims(ctx context.Context, u *store.User, canonical string, change func(*store.User) error) (*store.User, error) {
	before := store.EmailTag(u.Email)
	old, err := d.ownClaim(ctx, before, u)
	if err != nil {
		return nil, err
	}
	after := store.EmailTag(canonical)
	claim, err := d.claim(ctx, after, store.Claim{Account: u.Account, User: u.ID}, true)
	if err != nil {
		return nil, err
	}
	written, err := d.update(ctx, u.Account, u.ID, func(now *store.User) error {
		if err := ctx.Err(); err != nil { // too late: see writeLimit
			return err
		}
		return change(now)
	})
	switch {
	case err == nil:
		d.release(ctx, before, old)
		d.remember(ctx, u.Email, u)
	case nothingWritten(err):
		d.release(ctx, after, claim)
	}
	return written, err
}
