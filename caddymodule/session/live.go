package session

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Live is a session in memory. Its id in the store is not: whoever asks for it
// brings the cookie, which says it.
type Live struct {
	cookie  key
	facts   atomic.Pointer[Facts]
	turn    atomic.Uint32 // grows with each change; facts of an older one count no more
	seen    moment        // of the last request on this node
	written moment        // of the last request, in the store
	mark    mark
	holder  *holder
}

// moment is a time in unix seconds that changes; see seconds.
type moment struct{ at atomic.Uint32 }

func (m *moment) Load() int64 { return int64(m.at.Load()) }

func (m *moment) Store(sec int64) { m.at.Store(seconds(time.Unix(sec, 0))) }

// mark is a hash of the session's id in the store, by which a change of it is told
// from those of the user's other sessions. Its lowest bit says that the session
// waits for its seen to be written.
type mark struct{ bits atomic.Uint32 }

func (m *mark) set(hash uint64) { m.bits.Store(uint32(hash) &^ 1) } //nolint:gosec // a part of it is enough

func (m *mark) is(hash uint64) bool { return m.bits.Load()&^1 == uint32(hash)&^1 } //nolint:gosec // see set

// queue tells whether the session waited before.
func (m *mark) queue() bool { return m.bits.Or(1)&1 != 0 }

func (m *mark) unqueue() { m.bits.And(^uint32(1)) }

// idler tells which of two sessions nobody has used for longer. One that has just
// come is used right now.
func (l *Live) idler(than *Live) bool {
	one, other := l.seen.Load(), than.seen.Load()
	return one != 0 && (other == 0 || one < other)
}

// outdate has facts made anew from what is known.
func (l *Live) outdate() {
	if f := l.facts.Load(); f != nil {
		l.facts.CompareAndSwap(f, &Facts{record: f.record})
	}
}

// Facts are what is known of a session at one moment. They are shared by many
// requests and never change; a change makes new ones.
type Facts struct {
	Session *Record
	User    *Person
	*Verdict

	asserted atomic.Pointer[assertions]
	record   Record // what Session leads to
	until    uint32 // unix seconds; from then on the facts have to be made anew
}

// Verdict is what was decided about a session. All sessions of an account that may
// reach the app share one.
type Verdict struct {
	Account *store.Account
	// Cause says why this session may not reach the app; None when it may.
	Cause cause.Cause
	// Repair is true for the superadmin of a blocked account: Cause is set, yet the
	// repair paths are open.
	Repair bool
	// AppDenied is true for types without access to the app.
	AppDenied bool

	of *account
}

// Refused are facts about nobody.
func Refused(c cause.Cause) *Facts { return &Facts{Verdict: &Verdict{Cause: c}} }

// Check returns the facts about the session that the cookie value opens. A
// cookie that is forged or opens nothing gives Facts whose Session is nil and
// whose Cause says why. An error means that nobody knows: the store is away.
//
// On the way of an authenticated request it takes a look into the cache and a
// few atomic loads; nothing is allocated, locked or written.
func (m *Manager) Check(ctx context.Context, value string) (*Facts, error) {
	now := m.now()
	if l := m.memory.table.get(keyOf(value)); l != nil {
		if f := l.current(now); f != nil && now.UnixNano() < m.servedUntil.Load() {
			m.saw(l, f, value, now)
			return f, nil
		}
	}
	f, l, err := m.Peek(ctx, value)
	if err == nil && l != nil {
		m.saw(l, f, value, now)
	}
	return f, err
}

// Peek is Check for those who only look: it does not count as using the session.
func (m *Manager) Peek(ctx context.Context, value string) (*Facts, *Live, error) {
	now := m.now()
	l := m.memory.table.get(keyOf(value))
	if l == nil {
		var f *Facts
		var err error
		if l, f, err = m.find(ctx, value); l == nil {
			return f, nil, err
		}
	}
	f, err := m.recheck(ctx, l, value, now)
	if err != nil || over(f.Cause) {
		return f, nil, err
	}
	return f, l, nil
}

// current returns the facts when nothing they were made from has changed.
func (l *Live) current(now time.Time) *Facts {
	f := l.facts.Load()
	sec := now.Unix()
	if f == nil || f.Verdict == nil || f.record.turn != l.turn.Load() || f.Account != f.of.record.value.Load() ||
		sec >= int64(f.until) || sec-l.seen.Load() >= f.record.idle() {
		return nil
	}
	return f
}

// recheck makes the facts anew, from the store where memory does not suffice.
func (m *Manager) recheck(ctx context.Context, l *Live, value string, now time.Time) (*Facts, error) {
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
	set := m.settings.Load()
	f, err := m.settled(ctx, l, value, set.Rules, now)
	if err != nil {
		return nil, err
	}
	if over(f.Cause) {
		m.memory.drop(l)
		return f, nil
	}
	if l.facts.Store(f); m.settings.Load() != set {
		l.outdate()
	}
	return f, nil
}

// over tells whether a cause means that there is no session any more.
func over(c cause.Cause) bool {
	return c == cause.SessionEnded || c == cause.SessionExpired || c == cause.NotLoggedIn
}

// settled makes facts. Where a session seems over it looks again if there was a
// change meanwhile: what it read may be from before and from after one by which all
// other sessions of the user ended.
func (m *Manager) settled(ctx context.Context, l *Live, value string, rules directory.Rules, now time.Time) (f *Facts, err error) {
	for range 3 {
		turn := l.turn.Load()
		f, err = m.facts(ctx, l, value, rules, now)
		if err != nil || !over(f.Cause) || turn == l.turn.Load() {
			break
		}
	}
	return f, err
}

func (m *Manager) facts(ctx context.Context, l *Live, value string, rules directory.Rules, now time.Time) (*Facts, error) {
	turn := l.turn.Load() // before anything is read: a change meanwhile outdates what is made here
	rec, err := m.record(ctx, l, value, turn, now)
	if errors.Is(err, store.ErrNotFound) {
		return Refused(cause.SessionExpired), nil
	} else if err != nil {
		return nil, err
	}
	person, err := load(ctx, &m.memory, &l.holder.person, func(ctx context.Context) (*Person, error) {
		return m.readPerson(ctx, l)
	})
	if errors.Is(err, store.ErrNotFound) {
		return Refused(cause.SessionEnded), nil
	} else if err != nil {
		return nil, err
	}
	customer, err := load(ctx, &m.memory, &l.holder.account.record, func(ctx context.Context) (*store.Account, error) {
		return m.dir.Account(ctx, l.holder.account.id)
	})
	if errors.Is(err, store.ErrNotFound) {
		return Refused(cause.SessionEnded), nil
	} else if err != nil {
		return nil, err
	}
	f := judge(rules, rec, person, customer, l.seen.Load(), now)
	f.Verdict = l.holder.account.share(f.Verdict)
	return f, nil
}

// record returns that of a session, from the store where it has changed, and where
// it seems idle: perhaps it was used on another node meanwhile.
func (m *Manager) record(ctx context.Context, l *Live, value string, turn uint32, now time.Time) (Record, error) {
	if f := l.facts.Load(); f != nil && f.record.turn == turn && now.Unix()-l.seen.Load() < f.record.idle() {
		return f.record, nil
	}
	p, ok := m.open(value)
	if !ok {
		return Record{}, store.ErrNotFound // its secret has just gone
	}
	s, err := store.Sessions.Get(ctx, m.store, store.AccountTag(p.account), p.id())
	if err != nil {
		return Record{}, err
	}
	l.written.Store(s.LastSeen.Unix())
	if s.LastSeen.Unix() > l.seen.Load() {
		l.seen.Store(s.LastSeen.Unix())
	}
	rec := record(s)
	rec.turn = turn
	return rec, nil
}

// judge decides in the order session, type, user, account.
func judge(rules directory.Rules, rec Record, p *Person, a *store.Account, seen int64, now time.Time) *Facts {
	f := &Facts{User: p, Verdict: &Verdict{Account: a}, record: rec}
	f.Session = &f.record
	end := rec.end()
	f.until = rec.limit
	switch {
	case rec.epoch < p.epoch || int(rec.account) < a.Epoch:
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
		if t := rules.Steady(&u, a, now); !t.IsZero() {
			f.until = min(f.until, seconds(t))
		}
		if required, from := rules.Duty(&u, a); required && from.After(now) {
			f.until = min(f.until, seconds(from))
		}
	}
	return f
}
