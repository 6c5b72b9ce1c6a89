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
		m.memory.allChanged()
	case c.Kind == store.Sessions.Kind.Name:
		m.memory.sessionChanged(account, c.ID)
	case c.Kind == store.Users.Kind.Name:
		m.memory.userChanged(account, c.ID)
	case c.Kind == store.Accounts.Kind.Name:
		m.memory.accountChanged(account)
	default:
		return
	}
	m.streams.wake()
}
