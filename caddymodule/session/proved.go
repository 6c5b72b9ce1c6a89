package session

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// amrSecond is what a session says of itself that began with a second step, or
// was given one since (RFC 8176).
const amrSecond = "mfa"

// SecondStep tells whether a second step was passed in this session. On a device
// that its owner trusts there is none.
func (f *Facts) SecondStep() bool { return f.Session != nil && f.Session.manner.Value().second }

// HasSecondStep tells whether the user has one switched on.
func (f *Facts) HasSecondStep() bool { return f.User != nil && f.User.kind.Value().second }

// ProvedWithin tells whether whoever has the session proved who they are within
// that time before now. It allocates nothing.
func (f *Facts) ProvedWithin(d time.Duration, now time.Time) bool {
	if f.Session == nil {
		return false
	}
	at := f.Session.proved()
	// A clock that was set back makes no proof younger.
	age := now.Unix() - at
	return at != 0 && age < int64(d/time.Second) && age > -int64(time.Minute/time.Second)
}

// RenewWith notes that whoever has this session has just proved again who they are:
// AuthTime is now, for the app too. amr is added to how they did. A session that may
// not go on, or is none, is store.ErrNotFound.
func (m *Manager) RenewWith(ctx context.Context, value string, amr ...string) error {
	p, ok := m.open(value)
	if !ok {
		return fmt.Errorf("renewing a session: %w", store.ErrNotFound)
	}
	err := m.store.Update(ctx, store.AccountTag(p.account), func(tx store.Tx) error {
		rec, err := store.Sessions.Read(tx, p.id())
		if err != nil {
			return err
		}
		u, err := store.Users.Read(tx, p.user)
		if err != nil {
			return err
		}
		a, err := store.Accounts.Read(tx, p.account)
		if err != nil {
			return err
		}
		over := !m.now().Before(rec.Created.Add(time.Duration(rec.Absolute) * time.Second))
		if over || !rec.Ended.IsZero() || rec.Epoch < u.Epoch || rec.AccEpoch < a.Epoch {
			return store.ErrNotFound
		}
		rec.AuthTime = m.now()
		for _, way := range amr {
			if !slices.Contains(rec.Amr, way) {
				rec.Amr = append(rec.Amr, way)
			}
		}
		tx.Announce(store.Sessions.Kind, p.id())
		return store.Sessions.Put(tx, p.id(), rec, expiry(rec))
	})
	if err != nil {
		return fmt.Errorf("renewing a session: %w", err)
	}
	return nil
}
