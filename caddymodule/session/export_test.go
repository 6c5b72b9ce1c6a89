package session

// Kept counts what is in memory, and who is in it by way of a session.
func (m *Manager) Kept() (sessions, users, accounts int) {
	m.memory.mu.Lock()
	defer m.memory.mu.Unlock()
	for _, h := range m.memory.holders {
		for ; h != nil; h = m.memory.namesakes[h] {
			users++
		}
	}
	return len(m.memory.table.all()), users, len(m.memory.accounts)
}

// Confuse has all users share few numbers. Nobody may have a session yet.
func (m *Manager) Confuse() {
	m.memory.number = func(_, user string) uint64 { return uint64(user[0] % 2) }
}

// Chained counts what is kept of those who share a user or a number with others.
func (m *Manager) Chained() int {
	m.memory.mu.Lock()
	defer m.memory.mu.Unlock()
	return len(m.memory.siblings) + len(m.memory.namesakes)
}
