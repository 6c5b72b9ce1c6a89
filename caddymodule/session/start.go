package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Login is what a session begins with.
type Login struct {
	User     *store.User
	Method   string   // by which they came in, e.g. "password"; kept as that of the last login
	Amr      []string // how the user proved who they are, as in RFC 8176
	Remember bool     // "stay logged in"
	Agent    string
	Network  string
	Site     string // the host where they came in
	Scope    string // the domain over which that site shares its cookies; empty: with nobody
}

// Started is a session that was just begun.
type Started struct {
	Cookie string // the value of the session cookie
	// MaxAge of the cookie; zero: until the browser closes. It outlives the session, as
	// its record does: who sends a form a moment too late is still known by it.
	MaxAge time.Duration
	Handle string // public
}

// Start begins a session. It returns only when the session is durable.
func (m *Manager) Start(ctx context.Context, in Login) (*Started, error) {
	set := m.settings.Load()
	now := m.now()
	idle, absolute := set.Limits.Idle, set.Limits.Absolute
	if in.Remember {
		idle, absolute = set.Limits.RememberIdle, set.Limits.RememberAbsolute
	}
	p := payload{account: in.User.Account, user: in.User.ID, secret: secret.Token()}
	value, err := set.Codec.Encode(p.encode())
	if err != nil {
		return nil, fmt.Errorf("signing the session cookie: %w", err)
	}
	rec := store.Session{
		Handle: secret.ID(), User: in.User.ID, Account: in.User.Account, Created: now, LastSeen: now, AuthTime: now,
		Idle: int64(idle / time.Second), Absolute: int64(absolute / time.Second), Remember: in.Remember,
		Amr: in.Amr, Agent: in.Agent, Network: in.Network, Site: in.Site, Scope: in.Scope,
	}
	err = m.store.Update(ctx, store.AccountTag(p.account), func(tx store.Tx) error {
		// Epochs are read in the same step: a log-out of all or a block that comes
		// between the proof and here must not be outrun.
		u, err := store.Users.Read(tx, p.user)
		if err != nil {
			return err
		}
		a, err := store.Accounts.Read(tx, p.account)
		if err != nil {
			return err
		}
		if u.Epoch != in.User.Epoch {
			return ErrChanged
		}
		rec.Epoch, rec.AccEpoch = u.Epoch, a.Epoch
		last := &store.LastLogin{At: now.UTC(), Method: in.Method}
		if err := store.Logins.Put(tx, p.user, last, time.Time{}); err != nil {
			return err
		}
		return store.Sessions.Put(tx, p.id(), &rec, expiry(&rec))
	})
	if err != nil {
		return nil, fmt.Errorf("storing the session: %w", err)
	}
	s := &Started{Cookie: value, Handle: rec.Handle}
	if in.Remember {
		s.MaxAge = absolute + keepEnded
	}
	return s, nil
}

// ErrChanged is returned by Start when all sessions of the user were ended, by a
// new password for example, between the proof and the session: the proof is not
// worth anything any more.
var ErrChanged = errors.New("all sessions of the user were ended meanwhile")

// expiry is when the record of a session can be thrown away.
func expiry(s *store.Session) time.Time {
	idle := s.LastSeen.Add(time.Duration(s.Idle) * time.Second)
	absolute := s.Created.Add(time.Duration(s.Absolute) * time.Second)
	if absolute.Before(idle) {
		idle = absolute
	}
	return idle.Add(keepEnded)
}

// End ends the session that the cookie value opens, on every node, and closes its
// streams. A value that opens nothing is no error.
func (m *Manager) End(ctx context.Context, value string) error {
	p, ok := m.open(value)
	if !ok {
		return nil
	}
	err := m.end(ctx, p.account, p.id(), nil)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("ending the session: %w", err)
	}
	return nil
}
