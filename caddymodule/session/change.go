package session

import (
	"strings"

	"github.com/cliendo/gateway/caddymodule/store"
)

// changed empties what a change made stale. It runs inside the commit of the
// change, so that the next request on this node already sees it.
func (m *Manager) changed(c store.Change) {
	account := strings.TrimPrefix(c.Tag, "a:")
	switch {
	case c.Lost:
		m.forgetAll()
	case c.Kind == store.Sessions.Kind.Name:
		if l, ok := m.byID.get(within(account, c.ID)); ok {
			l.record.empty()
		}
	case c.Kind == store.Users.Kind.Name:
		m.users.empty(within(account, c.ID))
	case c.Kind == store.Accounts.Kind.Name:
		m.accounts.empty(keyOf(account))
	default:
		return
	}
	m.streams.wake()
}

func (m *Manager) forgetAll() {
	for _, l := range m.byID.all() {
		l.record.empty()
	}
	for _, c := range m.users.all() {
		c.empty()
	}
	for _, c := range m.accounts.all() {
		c.empty()
	}
}
