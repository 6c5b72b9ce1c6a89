package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/store"
)

// scanned is how many sessions are read at once.
const scanned = 256

// Of returns the sessions of a user that are live, the last used first. They end
// with their user's or account's epoch, so a user that is gone has none.
func (m *Manager) Of(ctx context.Context, account, user string) ([]*store.Session, error) {
	u, err := m.dir.User(ctx, account, user)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	a, err := m.dir.Account(ctx, account)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	used := map[string]int64{} // in memory, perhaps since it was written
	for _, l := range m.memory.of(account, user) {
		if f := l.facts.Load(); f != nil {
			used[f.record.Handle()] = max(used[f.record.Handle()], l.seen.Load())
		}
	}
	var live []*store.Session
	err = m.each(ctx, account, user, func(id string, s *store.Session) bool {
		if seen := time.Unix(used[s.Handle], 0); seen.After(s.LastSeen) {
			s.LastSeen = seen.UTC()
		}
		if s.Epoch >= u.Epoch && s.AccEpoch >= a.Epoch && lasts(s, m.now()) {
			live = append(live, s)
		}
		return true
	})
	slices.SortFunc(live, func(a, b *store.Session) int { return b.LastSeen.Compare(a.LastSeen) })
	return live, err
}

// lasts tells whether a session has reached none of its limits.
func lasts(s *store.Session, now time.Time) bool {
	return s.Ended.IsZero() && now.Before(s.Created.Add(time.Duration(s.Absolute)*time.Second)) &&
		now.Before(s.LastSeen.Add(time.Duration(s.Idle)*time.Second))
}

// each calls fn for the sessions of a user in the store until it returns false.
func (m *Manager) each(ctx context.Context, account, user string, fn func(id string, s *store.Session) bool) error {
	for after := ""; ; {
		items, err := store.Sessions.Scan(ctx, m.store, store.AccountTag(account), user+".", after, scanned)
		if err != nil {
			return fmt.Errorf("listing sessions: %w", err)
		}
		for _, item := range items {
			after = item.ID
			if !fn(item.ID, item.Value) {
				return nil
			}
		}
		if len(items) < scanned {
			return nil
		}
	}
}

// EndOne ends one session of a user by its public handle, on every node, and
// closes its streams. One that is not there, or is somebody else's, is
// store.ErrNotFound; one that was ended before is no error.
func (m *Manager) EndOne(ctx context.Context, account, user, handle string) error {
	id, err := m.Named(ctx, account, user, handle)
	if err == nil {
		err = m.end(ctx, account, id, func(tx store.Tx) error { return m.noteEnd(ctx, tx, account, user) })
	}
	if err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}

// noteEnd is the line of the audit log for a session that was ended by name.
func (m *Manager) noteEnd(ctx context.Context, tx store.Tx, account, user string) error {
	e := audit.Entry{Action: audit.UserSessionEnded, Account: account, User: user}
	u, err := store.Users.Read(tx, user)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if u != nil {
		e.Email = u.Email
	}
	return audit.Append(ctx, tx, e, m.now())
}

// Named returns the id, in the store, of the session of a user with a public
// handle, or store.ErrNotFound.
func (m *Manager) Named(ctx context.Context, account, user, handle string) (id string, err error) {
	err = m.each(ctx, account, user, func(found string, s *store.Session) bool {
		if s.Handle == handle {
			id = found
		}
		return id == ""
	})
	if err == nil && id == "" {
		err = store.ErrNotFound
	}
	return id, err
}

// end marks a session as over; note, if any, runs in the step that does.
func (m *Manager) end(ctx context.Context, account, id string, note func(store.Tx) error) error {
	return m.store.Update(ctx, store.AccountTag(account), func(tx store.Tx) error {
		rec, err := store.Sessions.Read(tx, id)
		if err != nil {
			return err
		}
		if rec.Ended.IsZero() {
			rec.Ended, rec.EndReason = m.now(), string(cause.SessionEnded)
			if note != nil {
				if err := note(tx); err != nil {
					return err
				}
			}
		}
		tx.Announce(store.Sessions.Kind, id)
		return store.Sessions.Put(tx, id, rec, m.now().Add(keepEnded))
	})
}

// AuthTime returns when whoever has the session last proved who they are; zero
// where there is no session.
func (f *Facts) AuthTime() time.Time {
	if f.Session == nil || f.Session.proved() == 0 {
		return time.Time{}
	}
	return time.Unix(f.Session.proved(), 0).UTC()
}
