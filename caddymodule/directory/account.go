package directory

import (
	"context"
	"errors"

	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/store"
)

// CreateAccount adds an account. ID, Name and State must be given; Since and
// Created are filled in. An id in use is ErrTaken.
func (d *Directory) CreateAccount(ctx context.Context, a *store.Account) error {
	if err := checkID("account", a.ID); err != nil {
		return wrap("creating account", err)
	}
	if a.ID == StaffAccount {
		return wrap("creating account", invalid("account", "staff is the built-in account", "choose another id"))
	}
	if err := d.checkAccount(noAccount, a); err != nil {
		return wrap("creating account", err)
	}
	return wrap("creating account", d.putAccount(ctx, a))
}

// putAccount writes the roll first: a crash leaves an entry without an account,
// which lists skip, never an account that no list shows.
func (d *Directory) putAccount(ctx context.Context, a *store.Account) error {
	now := d.now().UTC()
	a.Created, a.Since = now, now
	err := d.store.Update(ctx, store.DirectoryTag, func(tx store.Tx) error {
		_, err := store.Roll.Read(tx, a.ID)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return store.Roll.Put(tx, a.ID, &store.RollEntry{Created: now}, never)
	})
	if err != nil {
		return err
	}
	return d.feed.During(ctx, []event.Change{{Kind: event.Created, Account: a.ID}}, func(ctx context.Context) error {
		return d.store.Update(ctx, store.AccountTag(a.ID), func(tx store.Tx) error {
			switch _, err := store.Accounts.Read(tx, a.ID); {
			case err == nil:
				return ErrTaken
			case !errors.Is(err, store.ErrNotFound):
				return err
			}
			return d.saveAccount(ctx, tx, nil, a)
		})
	})
}

// saveAccount writes an account, and in the audit log what differs from before,
// which is nil for a new one.
func (d *Directory) saveAccount(ctx context.Context, tx store.Tx, before, a *store.Account) error {
	if err := note(ctx, tx, accountEntries(before, a), d.now()); err != nil {
		return err
	}
	tx.Announce(store.Accounts.Kind, a.ID)
	return store.Accounts.Put(tx, a.ID, a, never)
}

// staff makes the built-in account when it is not there yet.
func (d *Directory) staff(ctx context.Context) error {
	_, err := d.Account(ctx, StaffAccount)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	err = d.putAccount(ctx, &store.Account{ID: StaffAccount, Name: "Staff", State: Active})
	if errors.Is(err, ErrTaken) { // somebody else was faster
		return nil
	}
	return err
}

// Account returns the account with this id, or store.ErrNotFound.
func (d *Directory) Account(ctx context.Context, id string) (*store.Account, error) {
	if !idPattern.MatchString(id) {
		return nil, wrap("reading account", store.ErrNotFound)
	}
	a, err := store.Accounts.Get(ctx, d.store, store.AccountTag(id), id)
	return a, wrap("reading account", err)
}

// Accounts returns up to limit accounts with ids greater than after, by id.
func (d *Directory) Accounts(ctx context.Context, after string, limit int) ([]*store.Account, error) {
	accounts := make([]*store.Account, 0, min(limit, 1024))
	for len(accounts) < limit {
		want := limit - len(accounts)
		roll, err := store.Roll.Scan(ctx, d.store, store.DirectoryTag, "", after, want)
		if err != nil {
			return nil, wrap("listing accounts", err)
		}
		for _, entry := range roll {
			after = entry.ID
			a, err := d.Account(ctx, entry.ID)
			if errors.Is(err, store.ErrNotFound) { // its making was cut short
				continue
			}
			if err != nil {
				return nil, wrap("listing accounts", err)
			}
			accounts = append(accounts, a)
		}
		if len(roll) < want {
			break
		}
	}
	return accounts, nil
}

// UpdateAccount changes an account by fn, which may run more than once and must
// have no other effect; its error is returned and nothing is written. ID and
// Created stay; Since follows the state. It returns the account as written.
func (d *Directory) UpdateAccount(ctx context.Context, id string, fn func(*store.Account) error) (*store.Account, error) {
	var written *store.Account
	if !idPattern.MatchString(id) {
		return nil, wrap("changing account", store.ErrNotFound)
	}
	err := d.told(ctx, event.Change{Kind: event.Changed, Account: id}, func(ctx context.Context) error {
		return d.store.Update(ctx, store.AccountTag(id), func(tx store.Tx) (err error) {
			written, err = d.changeAccount(ctx, tx, id, fn)
			return err
		})
	})
	if err != nil {
		return nil, wrap("changing account", err)
	}
	return written, nil
}

func (d *Directory) changeAccount(ctx context.Context, tx store.Tx, id string, fn func(*store.Account) error) (*store.Account, error) {
	a, err := store.Accounts.Read(tx, id)
	if err != nil {
		return nil, err
	}
	before, err := store.Accounts.Read(tx, id) // its own lists, which fn may change in place
	if err != nil {
		return nil, err
	}
	if err := fn(a); err != nil {
		return nil, err
	}
	a.ID, a.Created = before.ID, before.Created
	if err := d.checkAccount(before, a); err != nil {
		return nil, err
	}
	if a.State != before.State {
		a.Since = d.now().UTC()
	}
	return a, d.saveAccount(ctx, tx, before, a)
}

// EndAccountSessions makes every session of the account one of an older epoch.
func (d *Directory) EndAccountSessions(ctx context.Context, id string) error {
	_, err := d.UpdateAccount(ctx, id, func(a *store.Account) error {
		a.Epoch++
		return nil
	})
	return wrap("ending sessions", err)
}
