package directory

import (
	"context"
	"errors"
	"strings"

	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// CreateUser adds a user. Account, Email, Name and Type must be given; ID is
// made when it is empty, Created is filled in, and Email becomes canonical,
// with what was given kept in Display where that differs. An address or id in
// use is ErrTaken, an account that does not exist store.ErrNotFound.
func (d *Directory) CreateUser(ctx context.Context, u *store.User) error {
	if err := d.prepare(u); err != nil {
		return wrap("creating user", err)
	}
	if u.Account == StaffAccount {
		if err := d.staff(ctx); err != nil {
			return wrap("creating user", err)
		}
	}
	if _, err := d.Account(ctx, u.Account); err != nil {
		return wrap("creating user", err)
	}
	return wrap("creating user", inTime(ctx, func(ctx context.Context) error {
		return d.claimAndPut(ctx, u)
	}))
}

func (d *Directory) prepare(u *store.User) error {
	if u.ID == "" {
		u.ID = secret.ID()
	}
	if err := checkID("id", u.ID); err != nil {
		return err
	}
	if err := checkID("account", u.Account); err != nil {
		return err
	}
	if err := setAddress(u, u.Email); err != nil {
		return err
	}
	u.Created = d.now().UTC()
	return d.checkUser(noUser, u)
}

// setAddress gives u an address in both its forms.
func setAddress(u *store.User, address string) error {
	canonical, err := Canonical(address)
	if err != nil {
		return err
	}
	u.Email, u.Display = canonical, ""
	if given := strings.TrimFunc(address, blank); given != canonical {
		u.Display = given
	}
	return nil
}

// claimAndPut takes address and id, then writes the user.
func (d *Directory) claimAndPut(ctx context.Context, u *store.User) error {
	owner := store.Claim{Account: u.Account, User: u.ID}
	email, err := d.claim(ctx, store.EmailTag(u.Email), owner, false)
	if err != nil {
		return err
	}
	id, err := d.claim(ctx, store.UserTag(u.ID), owner, false)
	if err == nil {
		err = d.putNew(ctx, u)
	}
	if nothingWritten(err) {
		d.release(ctx, store.EmailTag(u.Email), email)
		d.release(ctx, store.UserTag(u.ID), id)
	}
	return err
}

// nothingWritten is true for errors after which the user is surely not there.
// After others, as a lost connection, they may be, and the claims must stay.
func nothingWritten(err error) bool {
	for _, sure := range []error{ErrTaken, ErrInvalid, store.ErrNotFound, store.ErrConflict} {
		if errors.Is(err, sure) {
			return true
		}
	}
	return false
}

func (d *Directory) putNew(ctx context.Context, u *store.User) error {
	return d.feed.During(ctx, []event.Change{{Kind: event.Created, Account: u.Account, User: u.ID}}, func(ctx context.Context) error {
		return d.store.Update(ctx, store.AccountTag(u.Account), func(tx store.Tx) error { return d.putUser(ctx, tx, u) })
	})
}

func (d *Directory) putUser(ctx context.Context, tx store.Tx, u *store.User) error {
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
	return SaveUser(ctx, tx, u, d.now())
}

// UpdateUser changes a user by fn, which may run more than once and must have
// no other effect; its error is returned and nothing is written. ID, Account,
// Email, Display and Created stay: addresses change by ChangeEmail. It returns
// the user as written.
func (d *Directory) UpdateUser(ctx context.Context, account, id string, fn func(*store.User) error) (*store.User, error) {
	u, err := d.update(ctx, account, id, func(u *store.User) error { return d.edit(u, fn) })
	return u, wrap("changing user", err)
}

// edit applies fn to u and checks what came of it.
func (d *Directory) edit(u *store.User, fn func(*store.User) error) error {
	before := *u
	if err := fn(u); err != nil {
		return err
	}
	u.ID, u.Account, u.Created = before.ID, before.Account, before.Created
	u.Email, u.Display = before.Email, before.Display
	return d.checkUser(&before, u)
}

func (d *Directory) update(ctx context.Context, account, id string, fn func(*store.User) error) (*store.User, error) {
	if !idPattern.MatchString(account) || !idPattern.MatchString(id) {
		return nil, store.ErrNotFound
	}
	var written *store.User
	err := d.told(ctx, event.Change{Kind: event.Changed, Account: account, User: id}, func(ctx context.Context) error {
		return d.store.Update(ctx, store.AccountTag(account), func(tx store.Tx) error {
			u, err := store.Users.Read(tx, id)
			if err != nil {
				return err
			}
			if err := fn(u); err != nil {
				return err
			}
			written = u
			return SaveUser(ctx, tx, u, d.now())
		})
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// EndSessions makes every session of the user one of an older epoch.
func (d *Directory) EndSessions(ctx context.Context, account, id string) error {
	_, err := d.update(ctx, account, id, func(u *store.User) error {
		u.Epoch++
		return nil
	})
	return wrap("ending sessions", err)
}

// DeleteUser removes a user and frees address and id. Their sessions and
// attempts are not touched: a session without its user ends by itself.
func (d *Directory) DeleteUser(ctx context.Context, account, id string) error {
	return d.DeleteUserIf(ctx, account, id, func(store.Tx, *store.User) error { return nil })
}

// DeleteUserIf is DeleteUser if check, run in the same step on the user as they
// are, returns nil; its error is returned otherwise.
func (d *Directory) DeleteUserIf(ctx context.Context, account, id string, check func(store.Tx, *store.User) error) error {
	u, err := d.User(ctx, account, id)
	if err != nil {
		return wrap("deleting user", err)
	}
	tags := []string{store.EmailTag(u.Email), store.UserTag(id)}
	seen := make([]*store.Claim, len(tags))
	for i, tag := range tags {
		if seen[i], err = d.ownClaim(ctx, tag, u); err != nil {
			return wrap("deleting user", err)
		}
	}
	var identities []string
	err = d.feed.During(ctx, []event.Change{{Kind: event.Deleted, Account: account, User: id}}, func(ctx context.Context) error {
		return d.store.Update(ctx, store.AccountTag(account), func(tx store.Tx) (err error) {
			if err := d.removeUser(ctx, tx, id, check); err != nil {
				return err
			}
			identities, err = identity.Remove(tx, id)
			return err
		})
	})
	if err != nil {
		return wrap("deleting user", err)
	}
	identity.New(d.store, d.now).Forget(ctx, account, id, identities)
	for i, tag := range tags {
		d.release(ctx, tag, seen[i])
	}
	return nil
}

// removeUser removes all that is kept of a user beside the record.
func (d *Directory) removeUser(ctx context.Context, tx store.Tx, id string, check func(store.Tx, *store.User) error) error {
	u, err := store.Users.Read(tx, id)
	if err != nil {
		return err
	}
	if err := check(tx, u); err != nil {
		return err
	}
	if err := note(ctx, tx, userEntries(u, nil), d.now()); err != nil {
		return err
	}
	tx.Announce(store.Users.Kind, id)
	return errors.Join(
		store.Formers.Delete(tx, id), store.Logins.Delete(tx, id), store.Factors.Delete(tx, id), store.Passkeys.Delete(tx, id),
		store.Users.Delete(tx, id),
	)
}

// ownClaim returns the claim on tag when it is that of u, else nil.
func (d *Directory) ownClaim(ctx context.Context, tag string, u *store.User) (*store.Claim, error) {
	c, err := d.claimAt(ctx, tag)
	if err != nil || c == nil || c.Account != u.Account || c.User != u.ID {
		return nil, err
	}
	return c, nil
}
