package manage

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Edit are the plain fields of a user; nil leaves one as it is.
type Edit struct{ Name, Type, Locale *string }

// User returns one user. That support looked is in the audit log of the account.
func (m *Manager) User(ctx context.Context, a Actor, account, id string) (*store.User, error) {
	u, err := m.look(ctx, a, LookUser, account, id)
	if err == nil {
		err = m.looked(ctx, a, account, audit.Entry{Action: audit.LookedUser, User: u.ID, Email: u.Email})
	}
	if err != nil {
		return nil, m.plain("reading user", err)
	}
	return u, nil
}

// looked writes down what somebody of the staff saw of another account.
func (m *Manager) looked(ctx context.Context, a Actor, account string, e audit.Entry) error {
	if !a.Support() || a.Account == account {
		return nil
	}
	return m.o.Audit.Add(a.with(ctx), account, e)
}

// Users returns up to n users of an account with ids after the cursor.
func (m *Manager) Users(ctx context.Context, a Actor, account, after string, n int) ([]*store.User, error) {
	err := m.May(a, LookTeam, account, nil)
	if err == nil {
		_, err = m.o.Directory.Account(ctx, account)
	}
	if err == nil {
		err = m.looked(ctx, a, account, audit.Entry{Action: audit.LookedUsers})
	}
	if err != nil {
		return nil, m.plain("listing users", err)
	}
	users, err := m.o.Directory.Users(ctx, account, after, n)
	return users, m.plain("listing users", err)
}

// Edit changes name, type and language.
func (m *Manager) Edit(ctx context.Context, a Actor, account, id string, e Edit) (*store.User, error) {
	s := step{actor: a, what: Rename, account: account, id: id}
	if e.Type != nil {
		u, err := m.look(ctx, a, Rename, account, id)
		if err != nil {
			return nil, m.plain("changing user", err)
		}
		if u.Type == *e.Type {
			e.Type = nil
		} else {
			s.what = SetType
		}
	}
	s.change = func(_ store.Tx, u *store.User, _ time.Time) error {
		if e.Type != nil {
			if err := MayGrant(m.Rules(), a, account, *e.Type); err != nil {
				return err
			}
			u.Type = *e.Type
		}
		if e.Name != nil {
			u.Name = *e.Name
		}
		if e.Locale != nil {
			u.Locale = *e.Locale
		}
		return nil
	}
	return m.do(ctx, s)
}

// Block withdraws somebody's access; a zero until means until it is lifted.
func (m *Manager) Block(ctx context.Context, a Actor, account, id, why string, until time.Time) (*store.User, error) {
	return m.do(ctx, step{
		actor: a, what: Block, account: account, id: id,
		change: func(_ store.Tx, u *store.User, now time.Time) error {
			u.Block = &store.Block{By: by(a), At: now.UTC(), Why: why, Until: until}
			return nil
		},
	})
}

// Unblock lifts a block.
func (m *Manager) Unblock(ctx context.Context, a Actor, account, id string) (*store.User, error) {
	return m.do(ctx, step{
		actor: a, what: Unblock, account: account, id: id,
		change: func(_ store.Tx, u *store.User, _ time.Time) error {
			u.Block = nil
			return nil
		},
	})
}

// EndSessions logs somebody out, everywhere.
func (m *Manager) EndSessions(ctx context.Context, a Actor, account, id string) error {
	_, err := m.do(ctx, step{
		actor: a, what: EndSessions, account: account, id: id,
		change: func(_ store.Tx, u *store.User, _ time.Time) error {
			u.Epoch++
			return nil
		},
	})
	return err
}

// EndSession ends one session, by its public handle.
func (m *Manager) EndSession(ctx context.Context, a Actor, account, id, handle string) error {
	if _, err := m.look(ctx, a, EndSessions, account, id); err != nil {
		return m.plain("ending a session", err)
	}
	return m.plain("ending a session", m.o.Sessions.EndOne(a.with(ctx), account, id, handle))
}

// ClearDelays forgets somebody's failed attempts: the next try is possible at once.
func (m *Manager) ClearDelays(ctx context.Context, a Actor, account, id string) error {
	u, err := m.look(ctx, a, ClearDelays, account, id)
	if err == nil {
		// The entry first: what was done is never without one.
		err = m.o.Audit.Add(a.with(ctx), account, audit.Entry{Action: audit.DelaysCleared, User: u.ID, Email: u.Email})
	}
	if err == nil {
		err = m.o.Limits.Clear(ctx, attempt.Subject(u.ID, ""))
	}
	return m.plain("forgetting failed attempts", err)
}

// Delete removes a user; their address and id are free again.
func (m *Manager) Delete(ctx context.Context, a Actor, account, id string) error {
	return m.remove(ctx, step{actor: a, what: Delete, account: account, id: id})
}

// Depart removes the record of a user who is to be erased, under the same rules as
// Erase. Whoever calls it erases the rest, by the id.
func (m *Manager) Depart(ctx context.Context, a Actor, account, id string) error {
	return m.remove(ctx, step{actor: a, what: Erase, account: account, id: id})
}

// Erase removes a user and all that is known about them as a person, wherever it
// lies. In the audit log it stays that it was done.
func (m *Manager) Erase(ctx context.Context, a Actor, account, id string) error {
	u, err := m.look(ctx, a, Erase, account, id)
	if err != nil {
		return m.plain("erasing a user", err)
	}
	if m.o.Eraser == nil {
		return errNoEraser
	}
	if err := m.remove(ctx, step{actor: a, what: Erase, account: account, id: id}); err != nil {
		return err
	}
	return m.plain("erasing a user", m.o.Eraser.Erase(a.with(ctx), u))
}

var errNoEraser = errors.New("erasing a user: nothing is set that does it; this is a mistake in the program")

// remove deletes in the same way as do changes.
func (m *Manager) remove(ctx context.Context, s step) error {
	for {
		err := m.tryRemove(s.actor.with(ctx), s)
		if !errors.Is(err, errMoved) && !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return m.plain(string(s.what), err)
		}
	}
}

func (m *Manager) tryRemove(ctx context.Context, s step) error {
	before, err := m.look(ctx, s.actor, s.what, s.account, s.id)
	if err != nil {
		return err
	}
	after, err := m.another(ctx, s, before)
	if err != nil {
		return err
	}
	return m.o.Directory.DeleteUserIf(ctx, s.account, s.id, func(tx store.Tx, u *store.User) error {
		if _, err := m.inside(ctx, tx, s, before); err != nil {
			return err
		}
		return after(tx, u)
	})
}
