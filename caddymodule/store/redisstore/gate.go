package redisstore

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// gate lets nothing through before the schema is known to fit and the place in
// the stream is taken: a record read earlier could change unnoticed.
type gate struct {
	open atomic.Bool
	mu   sync.Mutex
	now  *attempt
}

type attempt struct {
	done chan struct{}
	err  error
}

// ready returns nil once the store may be used. Callers share one attempt, so
// that a Redis that hangs costs everybody one timeout and not one after another.
func (s *Store) ready(ctx context.Context) error {
	if s.gate.open.Load() {
		return nil
	}
	a := s.attempt()
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return unavailable("connecting to redis", ctx.Err())
	}
}

func (s *Store) attempt() *attempt {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if s.gate.now != nil {
		return s.gate.now
	}
	a := &attempt{done: make(chan struct{})}
	if s.ctx.Err() != nil {
		a.err = unavailable("connecting to redis", redis.ErrClosed)
		close(a.done)
		return a
	}
	s.gate.now = a
	s.running.Go(func() {
		a.err = s.prepare()
		s.gate.mu.Lock()
		s.gate.open.Store(a.err == nil)
		s.gate.now = nil
		s.gate.mu.Unlock()
		close(a.done)
	})
	return a
}

// prepare fails with store.ErrUnavailable whatever the reason is: also records
// that are too new mean that nobody can say anything about them.
func (s *Store) prepare() error {
	if err := s.takePlace(s.ctx); err != nil {
		return unavailable("connecting to redis", err)
	}
	if err := s.prepareSchema(s.ctx); err != nil {
		return unavailable("preparing redis", err)
	}
	return nil
}
