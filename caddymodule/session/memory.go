package session

import (
	"context"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/store"
)

// memory is what this node knows of sessions, and of users and accounts that have
// some. Requests find their session without a lock; logins, and changes of what is
// known, take the one there is.
type memory struct {
	table table

	mu       sync.Mutex
	max      int
	holders  map[uint64]*holder // by number
	accounts map[string]*account
	// What most have none of costs nobody else a place: another holder with the same
	// number, another session of the same user.
	namesakes map[*holder]*holder
	siblings  map[*Live]*Live
	number    func(account, id string) uint64 // of a user or session
}

// mostOfOne is how many sessions of one user are kept. Who logs in all the time
// pushes out themselves, not others.
const mostOfOne = 256

// holder is a user who has sessions in memory.
type holder struct {
	person  cell[Person]
	account *account
	first   *Live  // of the user's sessions, see memory.siblings
	id      string // under the lock; part of the text of the person, once there is one
}

// account is one whose users have sessions in memory.
type account struct {
	record  cell[store.Account]
	open    atomic.Pointer[Verdict] // the newest about those who may reach the app
	holders int
	id      string
}

// share returns the verdict that says what v says.
func (a *account) share(v *Verdict) *Verdict {
	v.of = a
	if v.Cause != cause.None || v.AppDenied {
		return v
	}
	if known := a.open.Load(); known != nil && known.Account == v.Account {
		return known
	}
	a.open.Store(v)
	return v
}

// cell holds the newest known state of one record, shared by everybody who looks
// at it. A change empties it; the next reader fills it from the store.
type cell[T any] struct {
	value atomic.Pointer[T]
	turn  uint32 // grows with each change, so that a read begun before it is not kept; under the lock
}

func (c *cell[T]) empty() {
	c.turn++
	c.value.Store(nil)
}

// load returns what is in a cell, from the store when it is empty.
func load[T any](ctx context.Context, m *memory, c *cell[T], read func(context.Context) (*T, error)) (*T, error) {
	if v := c.value.Load(); v != nil {
		return v, nil
	}
	m.mu.Lock()
	turn := c.turn
	m.mu.Unlock()
	v, err := read(ctx)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.turn == turn {
		c.value.Store(v)
	}
	return v, nil
}

func (m *memory) init() {
	m.table.init()
	m.holders, m.accounts = map[uint64]*holder{}, map[string]*account{}
	m.namesakes, m.siblings = map[*holder]*holder{}, map[*Live]*Live{}
	seed := maphash.MakeSeed()
	m.number = func(account, id string) uint64 {
		return maphash.Comparable(seed, [2]string{account, id})
	}
}

// holder finds a user. All that follow are called under the lock.
func (m *memory) holder(accountID, user string) *holder {
	h := m.holders[m.number(accountID, user)]
	for h != nil && (h.id != user || h.account.id != accountID) {
		h = m.namesakes[h]
	}
	return h
}

func (m *memory) add(a *account, user string) *holder {
	n := m.number(a.id, user)
	h := &holder{id: user, account: a}
	chain(m.namesakes, h, m.holders[n])
	m.holders[n] = h
	a.holders++
	return h
}

// part takes out a user who has no session any more.
func (m *memory) part(h *holder) {
	a := h.account
	n := m.number(a.id, h.id)
	if first := unchain(m.namesakes, m.holders[n], h); first != nil {
		m.holders[n] = first
	} else {
		delete(m.holders, n)
	}
	if a.holders--; a.holders == 0 {
		delete(m.accounts, a.id)
	}
}

// chain puts one in front of others, of which next leads from each to the one after.
func chain[T any](next map[*T]*T, one, others *T) {
	if others != nil {
		next[one] = others
	}
}

// unchain takes one out of those that begin with first, and returns the new first.
func unchain[T any](next map[*T]*T, first, one *T) *T {
	after := next[one]
	delete(next, one)
	if first == one {
		return after
	}
	before := first
	for next[before] != one {
		before = next[before]
	}
	delete(next, before)
	chain(next, before, after)
	return first
}

// adopt brings a session into memory, or returns the one that is already there.
// Where there is no room another one leaves.
func (m *memory) adopt(cookie key, accountID, user, id string) *Live {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.table.get(cookie); l != nil {
		return l
	}
	a := m.accounts[accountID]
	if a == nil {
		a = &account{id: strings.Clone(accountID)}
		m.accounts[a.id] = a
	}
	h := m.holder(accountID, user)
	if h == nil {
		h = m.add(a, user)
	}
	if l := m.excess(h); l != nil {
		m.leave(l)
	}
	l := &Live{cookie: cookie, holder: h}
	chain(m.siblings, l, h.first)
	l.mark.set(m.number(accountID, id))
	h.first = l
	m.table.put(l)
	m.shrink(l)
	return l
}

// excess is the session of a user that is to leave before another comes; nil: none.
func (m *memory) excess(h *holder) (idlest *Live) {
	n := 0
	for l := h.first; l != nil; l = m.siblings[l] {
		if n++; idlest == nil || l.idler(idlest) {
			idlest = l
		}
	}
	if n < mostOfOne {
		return nil
	}
	return idlest
}

// shrink has those leave for whom there is no room.
func (m *memory) shrink(keep *Live) {
	for m.table.live > m.max {
		l := m.table.idlest(keep)
		if l == nil {
			return
		}
		m.leave(l)
	}
}

// drop takes a session out of memory.
func (m *memory) drop(l *Live) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leave(l)
}

func (m *memory) leave(l *Live) {
	if !m.table.remove(l) {
		return
	}
	h := l.holder
	if h.first = unchain(m.siblings, h.first, l); h.first == nil {
		m.part(h)
	}
}

// setMax sets how many sessions there is room for.
func (m *memory) setMax(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.max = n
	m.shrink(nil)
	m.table.fit(0)
}

func (m *memory) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.table.live
}

func (m *memory) all() []*Live {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.table.all()
}

// of returns the sessions of a user that are in memory.
func (m *memory) of(accountID, user string) (all []*Live) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h := m.holder(accountID, user); h != nil {
		for l := h.first; l != nil; l = m.siblings[l] {
			all = append(all, l)
		}
	}
	return all
}

// sessionChanged has the next request of a session ask the store.
func (m *memory) sessionChanged(accountID, id string) {
	user, _, _ := strings.Cut(id, ".")
	hash := m.number(accountID, id)
	for _, l := range m.of(accountID, user) {
		if l.mark.is(hash) {
			l.turn.Add(1)
		}
	}
}

// userChanged has the next request of each session of a user ask the store.
func (m *memory) userChanged(accountID, user string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h := m.holder(accountID, user); h != nil {
		m.changed(h)
	}
}

// changed is called under the lock. The person goes first: who sees the new turn
// of a session sees no old person.
func (m *memory) changed(h *holder) {
	h.person.empty()
	for l := h.first; l != nil; l = m.siblings[l] {
		l.turn.Add(1)
	}
}

// called returns the id of a holder.
func (m *memory) called(h *holder) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return h.id
}

// call has a holder share the id of the person that was read.
func (m *memory) call(h *holder, p *Person) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h.id = p.ID()
}

func (m *memory) accountChanged(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.accounts[id]; a != nil {
		a.record.empty()
	}
}

// allChanged forgets everything but that there are sessions.
func (m *memory) allChanged() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.holders {
		for ; h != nil; h = m.namesakes[h] {
			m.changed(h)
		}
	}
	for _, a := range m.accounts {
		a.record.empty()
	}
}
