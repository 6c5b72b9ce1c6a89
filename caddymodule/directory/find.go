package directory

import (
	"context"

	"github.com/cliendo/gateway/caddymodule/store"
)

// User returns one user of an account, or store.ErrNotFound.
func (d *Directory) User(ctx context.Context, account, id string) (*store.User, error) {
	if !idPattern.MatchString(account) || !idPattern.MatchString(id) {
		return nil, wrap("reading user", store.ErrNotFound)
	}
	u, err := store.Users.Get(ctx, d.store, store.AccountTag(account), id)
	return u, wrap("reading user", err)
}

// FindByEmail returns the user who has an address, in whatever form it is
// written, or store.ErrNotFound; ErrInvalid when it is no address.
func (d *Directory) FindByEmail(ctx context.Context, address string) (*store.User, error) {
	canonical, err := Canonical(address)
	if err != nil {
		return nil, wrap("finding user", err)
	}
	u, err := d.follow(ctx, store.EmailTag(canonical))
	return u, wrap("finding user", err)
}

// FindByID returns the user with an id, whatever their account, or
// store.ErrNotFound.
func (d *Directory) FindByID(ctx context.Context, id string) (*store.User, error) {
	if !idPattern.MatchString(id) {
		return nil, wrap("finding user", store.ErrNotFound)
	}
	u, err := d.follow(ctx, store.UserTag(id))
	return u, wrap("finding user", err)
}

// Users returns up to limit users of an account with ids greater than after,
// by id. An account that does not exist has none.
func (d *Directory) Users(ctx context.Context, account, after string, limit int) ([]*store.User, error) {
	if !idPattern.MatchString(account) {
		return nil, nil
	}
	items, err := store.Users.Scan(ctx, d.store, store.AccountTag(account), "", after, limit)
	if err != nil {
		return nil, wrap("listing users", err)
	}
	users := make([]*store.User, len(items))
	for i, item := range items {
		users[i] = item.Value
	}
	return users, nil
}
