package boltstore

// Commits returns how many commits the file has seen.
func (s *Store) Commits() (int, error) {
	tx, err := s.db.Load().Begin(false)
	if err != nil {
		return 0, err
	}
	return tx.ID(), tx.Rollback()
}

// Waiting returns how many Updates wait for the next commit.
func (s *Store) Waiting() int {
	s.batches.mu.Lock()
	defer s.batches.mu.Unlock()
	return len(s.batches.waiting)
}
