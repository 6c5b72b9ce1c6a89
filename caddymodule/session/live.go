package session

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"
	"unique"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Live is a session in memory.
type Live struct {
	cookie   key
	id       string // in the store
	account  unique.Handle[string]
	record   cell[Record]
	person   *cell[Person]
	customer *cell[store.Account]
	facts    atomic.Pointer[Facts]
	seen     moment // of the last request on this node
	marks    marks
}

// moment is a time in unix seconds, good until 2106.
type moment struct{ at atomic.Uint32 }

func (m *moment) Load() int64 { return int64(m.at.Load()) }

func (m *moment) Store(sec int64) { m.at.Store(uint32(sec)) } //nolint:gosec // see moment

// marks are what is true of a session on its way through memory.
type marks struct{ bits atomic.Uint32 }

const (
	queued  uint32 = 1 << iota // waits for its seen to be written
	dropped                    // is in memory no more
)

func (m *marks) has(mark uint32) bool { return m.bits.Load()&mark != 0 }

// set tells whether the mark was there before.
func (m *marks) set(mark uint32) (before bool) { return m.bits.Or(mark)&mark != 0 }

func (m *marks) unset(mark uint32) { m.bits.And(^mark) }

// user is the id of whose session this is.
func (l *Live) user() string {
	user, _, _ := strings.Cut(l.id, ".")
	return user
}

// Facts are what is known of a session at one moment. They are shared by many
// requests and never change; a change makes new ones.
type Facts struct {
	Session *Record
	User    *Person
	Account *store.Account
	// Cause says why this session may not reach the app; None when it may.
	Cause cause.Cause
	// Repair is true for the superadmin of a blocked account: Cause is set, yet the
	// repair paths are open.
	Repair bool
	// AppDenied is true for types without access to the app.
	AppDenied bool
	// Placeholders answers Caddy's {http.auth.user.*}.
	Placeholders func(key string) (any, bool)

	until    int64 // unix nanoseconds; from then on the facts have to be made anew
	asserted assertions
}

// Check returns the facts about the session that the cookie value opens. A
// cookie that is forged or opens nothing gives Facts whose Session is nil and
// whose Cause says why. An error means that nobody knows: the store is away.
//
// On the way of an authenticated request it takes a look into the cache and a
// few atomic loads; nothing is allocated, locked or written.
func (m *Manager) Check(ctx context.Context, value string) (*Facts, error) {
	now := m.now()
	l, ok := m.byCookie.GetIfPresent(keyOf(value))
	if ok && !l.marks.has(dropped) {
		if f := l.current(now); f != nil && now.UnixNano() < m.servedUntil.Load() {
			m.saw(l, now)
			return f, nil
		}
	}
	f, l, err := m.Peek(ctx, value)
	if err == nil && l != nil {
		m.saw(l, now)
	}
	return f, err
}

// Peek is Check for those who only look: it does not count as using the session.
func (m *Manager) Peek(ctx context.Context, value string) (*Facts, *Live, error) {
	now := m.now()
	l, ok := m.byCookie.GetIfPresent(keyOf(value))
	if !ok || l.marks.has(dropped) {
		var f *Facts
		var err error
		if l, f, err = m.find(ctx, value); l == nil {
			return f, nil, err
		}
	}
	f, err := m.recheck(ctx, l, now)
	if err != nil || over(f.Cause) {
		return f, nil, err
	}
	return f, l, nil
}

// current returns the facts when nothing they were made from has changed.
func (l *Live) current(now time.Time) *Facts {
	f := l.facts.Load()
	if f == nil || f.Session != l.record.value.Load() || f.User != l.person.value.Load() ||
		f.Account != l.customer.value.Load() {
		return nil
	}
	if now.UnixNano() >= f.until || now.Unix()-l.seen.Load() >= f.Session.idle() {
		return nil
	}
	return f
}

// recheck makes the facts anew, from the store where memory does not suffice.
func (m *Manager) recheck(ctx context.Context, l *Live, now time.Time) (*Facts, error) {
	if now.UnixNano() >= m.servedUntil.Load() {
		// The node has not heard from the store for long: ask it, and believe only it.
		m.refreshServedUntil()
		if now.UnixNano() >= m.servedUntil.Load() {
			return nil, store.ErrUnavailable
		}
	}
	if f := l.current(now); f != nil {
		return f, nil
	}
	if rec := l.record.value.Load(); rec != nil && now.Unix()-l.seen.Load() >= rec.idle() {
		l.record.empty() // perhaps it was used on another node meanwhile
	}
	f, err := m.facts(ctx, l, now)
	if err != nil {
		return nil, err
	}
	if over(f.Cause) {
		m.drop(l)
		return f, nil
	}
	l.facts.Store(f)
	return f, nil
}

// over tells whether a cause means that there is no session any more.
func over(c cause.Cause) bool {
	return c == cause.SessionEnded || c == cause.SessionExpired || c == cause.NotLoggedIn
}

func (m *Manager) facts(ctx context.Context, l *Live, now time.Time) (*Facts, error) {
	rec, err := l.record.load(ctx, func(ctx context.Context) (*Record, error) {
		return m.readRecord(ctx, l.account.Value(), l.id)
	})
	if errors.Is(err, store.ErrNotFound) {
		return &Facts{Cause: cause.SessionExpired}, nil
	} else if err != nil {
		return nil, err
	}
	person, err := l.person.load(ctx, func(ctx context.Context) (*Person, error) {
		return m.readPerson(ctx, l.account.Value(), l.user())
	})
	if errors.Is(err, store.ErrNotFound) {
		return &Facts{Cause: cause.SessionEnded}, nil
	} else if err != nil {
		return nil, err
	}
	customer, err := l.customer.load(ctx, func(ctx context.Context) (*store.Account, error) {
		return m.dir.Account(ctx, l.account.Value())
	})
	if errors.Is(err, store.ErrNotFound) {
		return &Facts{Cause: cause.SessionEnded}, nil
	} else if err != nil {
		return nil, err
	}
	if rec.lastSeen > l.seen.Load() {
		l.seen.Store(rec.lastSeen)
	}
	return judge(m.settings.Load().Rules, rec, person, customer, l.seen.Load(), now), nil
}

// judge decides in the order session, type, user, account.
func judge(rules directory.Rules, rec *Record, p *Person, a *store.Account, seen int64, now time.Time) *Facts {
	f := &Facts{Session: rec, User: p, Account: a}
	f.Placeholders = f.placeholder
	end := rec.end()
	f.until = end.UnixNano()
	switch {
	case rec.ended || rec.epoch < p.epoch || int(rec.account) < a.Epoch:
		f.Cause = cause.SessionEnded
	case !now.Before(end) || now.Unix()-seen >= rec.idle():
		f.Cause = cause.SessionExpired
	default:
		u := p.user()
		f.Cause = rules.May(&u, a, now)
		if f.Cause == cause.None && rules.Owes(&u, a, now) {
			f.Cause = cause.SecondStepRequired
		}
		t, _ := rules.TypeOf(&u)
		f.AppDenied = !t.App
		f.Repair = p.Type() == directory.SuperadminType && f.Cause.OfAccount()
		if t := rules.Steady(&u, a, now); !t.IsZero() && t.UnixNano() < f.until {
			f.until = t.UnixNano()
		}
		if required, from := rules.Duty(&u, a); required && from.After(now) && from.UnixNano() < f.until {
			f.until = from.UnixNano()
		}
	}
	return f
}
