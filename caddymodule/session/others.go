package session

import (
	"errors"
	"slices"

	"github.com/cliendo/gateway/caddymodule/store"
)

// EndOthers ends all sessions of u but the one that a cookie value opens, in an
// Update of the account's tag; u is to be saved after it. That one goes on with
// what was just proved in it. A session that may not go on is store.ErrNotFound.
func (m *Manager) EndOthers(tx store.Tx, u *store.User, value string, amr ...string) error {
	p, ok := m.open(value)
	if !ok || p.account != u.Account || p.user != u.ID {
		return store.ErrNotFound
	}
	rec, err := store.Sessions.Read(tx, p.id())
	if err != nil {
		return err
	}
	a, err := store.Accounts.Read(tx, p.account)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if rec.Epoch < u.Epoch || a != nil && rec.AccEpoch < a.Epoch || !lasts(rec, m.now()) {
		return store.ErrNotFound
	}
	u.Epoch++
	rec.Epoch, rec.AuthTime = u.Epoch, m.now()
	for _, way := range amr {
		if !slices.Contains(rec.Amr, way) {
			rec.Amr = append(rec.Amr, way)
		}
	}
	tx.Announce(store.Sessions.Kind, p.id())
	return store.Sessions.Put(tx, p.id(), rec, expiry(rec))
}

// EndAllBut ends all sessions of u but the one with that id in the store, which
// may be empty or over, in an Update of the account's tag; u is to be saved after
// it. Unlike in EndOthers nothing was proved in the one that goes on.
func (m *Manager) EndAllBut(tx store.Tx, u *store.User, id string) error {
	before := u.Epoch
	u.Epoch++
	if id == "" {
		return nil
	}
	rec, err := store.Sessions.Read(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if rec.User != u.ID || rec.Epoch < before || !lasts(rec, m.now()) {
		return nil
	}
	rec.Epoch = u.Epoch
	tx.Announce(store.Sessions.Kind, id)
	return store.Sessions.Put(tx, id, rec, expiry(rec))
}
