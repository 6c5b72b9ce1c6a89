package manage

import (
	"context"
	"errors"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// pageful is how many users are read at once while looking for one.
const pageful = 500

// another makes sure that an account keeps a superadmin. It looks for one who
// stays and returns what looks, inside the step, whether they still are one: of
// two who are demoted at once by each other, the second finds that nobody stays.
func (m *Manager) another(ctx context.Context, s step, u *store.User) (func(store.Tx, *store.User) error, error) {
	free := func(store.Tx, *store.User) error { return nil }
	if !rules[s.what].leaves || s.actor.Force || !m.leads(u) {
		return free, nil
	}
	stays, err := m.successor(ctx, s, u)
	if err != nil {
		return nil, err
	}
	return func(tx store.Tx, after *store.User) error {
		if s.what == SetType && m.leads(after) {
			return nil // they stay one
		}
		if stays == "" {
			return &Forbidden{s.what, WhyLast}
		}
		other, err := store.Users.Read(tx, stays)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err != nil || !m.leads(other) {
			return errMoved // look for another one
		}
		return nil
	}, nil
}

// leads: somebody who can manage the account as its owner, now.
func (m *Manager) leads(u *store.User) bool {
	t, ok := m.Rules().TypeOf(u)
	return ok && t.Login && u.Type == directory.SuperadminType && u.Invited == nil && !directory.Blocked(u, m.o.Now())
}

// successor returns the id of a superadmin of the account besides u, empty where
// there is none. Whoever asks is one in most cases.
func (m *Manager) successor(ctx context.Context, s step, u *store.User) (string, error) {
	if a := s.actor; a.Kind == audit.ByUser && a.ID != u.ID && a.Account == u.Account {
		me, err := m.o.Directory.User(ctx, a.Account, a.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
		if err == nil && m.leads(me) {
			return me.ID, nil
		}
	}
	for after := ""; ; {
		users, err := m.o.Directory.Users(ctx, u.Account, after, pageful)
		if err != nil {
			return "", err
		}
		for _, other := range users {
			if other.ID != u.ID && m.leads(other) {
				return other.ID, nil
			}
			after = other.ID
		}
		if len(users) < pageful {
			return "", nil
		}
	}
}
