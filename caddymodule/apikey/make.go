package apikey

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// maxLive bounds the keys that open something, maxKept those that lists show.
	maxLive = 500
	maxKept = 2000
	// keepRevoked is how long a revoked key stays in lists.
	keepRevoked = 365 * 24 * time.Hour
)

// keysTag is where keys live.
var keysTag = store.AccountTag(directory.StaffAccount)

// Make makes a key and returns it together with what has to be shown to whoever
// asked, once: the record has a digest only. What is not acceptable is a
// *directory.FieldError.
func (b *Book) Make(ctx context.Context, w Wanted) (made *store.APIKey, key string, err error) {
	if err := b.clean(ctx, &w); err != nil {
		return nil, "", wrap("making key", err)
	}
	id := secret.ID()
	key = mark + id + secret.APIKey()
	made = &store.APIKey{
		ID: id, Name: w.Name, Scopes: w.Scopes, Account: w.Account, Digest: secret.Digest(key),
		Created: b.o.Now().UTC(), By: w.By,
	}
	live, err := b.all(ctx)
	if err != nil {
		return nil, "", wrap("making key", err)
	}
	if len(live) >= maxLive {
		return nil, "", wrap("making key", invalid("name", "there are 500 keys already", "revoke one that is not used any more"))
	}
	if err := b.tellTeam(ctx, audit.KeyMade, made); err != nil {
		return nil, "", wrap("making key", err)
	}
	err = b.store.Update(ctx, keysTag, func(tx store.Tx) error {
		tx.Announce(store.APIKeys.Kind, id)
		if err := store.APIKeys.Put(tx, id, made, time.Time{}); err != nil {
			return err
		}
		return audit.Append(ctx, tx, entry(audit.KeyMade, directory.StaffAccount, made), made.Created)
	})
	if err != nil {
		return nil, "", wrap("making key", err)
	}
	return made, key, nil
}

// Revoke ends a key on every node. One that is revoked already stays as it is.
func (b *Book) Revoke(ctx context.Context, id, by string) (*store.APIKey, error) {
	if !isID(id) {
		return nil, wrap("revoking key", store.ErrNotFound)
	}
	var revoked *store.APIKey
	now := b.o.Now().UTC()
	have, err := store.APIKeys.Get(ctx, b.store, keysTag, id)
	if err == nil && have.Revoked.IsZero() {
		err = b.tellTeam(ctx, audit.KeyRevoked, have)
	}
	if err != nil {
		return nil, wrap("revoking key", err)
	}
	err = b.store.Update(ctx, keysTag, func(tx store.Tx) error {
		k, err := store.APIKeys.Read(tx, id)
		if err != nil {
			return err
		}
		revoked = k
		if !k.Revoked.IsZero() {
			return nil
		}
		k.Revoked, k.RevokedBy = now, by
		tx.Announce(store.APIKeys.Kind, id)
		if err := store.APIKeys.Put(tx, id, k, now.Add(keepRevoked)); err != nil {
			return err
		}
		return audit.Append(ctx, tx, entry(audit.KeyRevoked, directory.StaffAccount, k), now)
	})
	if err != nil {
		return nil, wrap("revoking key", err)
	}
	return revoked, nil
}

// entry is the line of an audit log about a key: never with its secret.
func entry(action audit.Action, account string, k *store.APIKey) audit.Entry {
	about := map[string]string{"key": k.ID, "name": k.Name, "scopes": strings.Join(k.Scopes, " "), "account": k.Account}
	e := audit.Entry{Action: action, Account: account}
	if action == audit.KeyRevoked {
		e.Before = about
	} else {
		e.After = about
	}
	return e
}

// tellTeam writes into the log of the only account of a key. It comes first: the
// team may read of a key that came to nothing, never nothing of one that is there.
func (b *Book) tellTeam(ctx context.Context, action audit.Action, k *store.APIKey) error {
	if k.Account == "" || k.Account == directory.StaffAccount {
		return nil
	}
	return b.store.Update(ctx, store.AccountTag(k.Account), func(tx store.Tx) error {
		return audit.Append(ctx, tx, entry(action, k.Account, k), b.o.Now())
	})
}

// clean makes w as it is kept, or says what is not acceptable.
func (b *Book) clean(ctx context.Context, w *Wanted) (err error) {
	if w.Name, err = directory.CleanName(w.Name); err != nil {
		return err
	}
	if len(w.Scopes) == 0 {
		return invalid("scopes", "there is none", "name what it may do: "+strings.Join(Scopes(), ", "))
	}
	var scopes []string
	for _, scope := range Scopes() {
		if slices.Contains(w.Scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	for _, scope := range w.Scopes {
		if !slices.Contains(scopes, scope) {
			return invalid("scopes", "there is no such scope", "take from "+strings.Join(Scopes(), ", "))
		}
	}
	w.Scopes = scopes
	if w.Account == "" {
		return nil
	}
	_, err = b.accounts.Account(ctx, w.Account)
	if errors.Is(err, store.ErrNotFound) {
		return invalid("account", "there is no such account", "look it up in the list of accounts")
	}
	return err
}

func invalid(field, problem, fix string) error {
	return &directory.FieldError{Field: field, Problem: problem, Fix: fix}
}
