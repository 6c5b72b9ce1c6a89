package session

// Kept counts what is in memory, and who is in it by way of a session.
func (m *Manager) Kept() (sessions, users, accounts int) {
	m.memory.mu.Lock()
	defer m.memory.mu.Unlock()
	return len(m.memory.table.all()), len(m.memory.holders), len(m.memory.accounts)
}
