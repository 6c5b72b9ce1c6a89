package session

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const shards = 64

// registry is a map that many goroutines use at once, none of them on the way of
// an authenticated request.
type registry[V any] struct {
	seed  maphash.Seed
	shard [shards]struct {
		sync.Mutex
		m map[string]V
	}
}

func (r *registry[V]) init() {
	r.seed = maphash.MakeSeed()
	for i := range r.shard {
		r.shard[i].m = map[string]V{}
	}
}

// with runs fn while it alone uses the part of the map that holds key.
func (r *registry[V]) with(key string, fn func(m map[string]V)) {
	s := &r.shard[maphash.String(r.seed, key)%shards]
	s.Lock()
	defer s.Unlock()
	fn(s.m)
}

func (r *registry[V]) get(key string) (v V, ok bool) {
	r.with(key, func(m map[string]V) { v, ok = m[key] })
	return v, ok
}

func (r *registry[V]) all() []V {
	var all []V
	for i := range r.shard {
		s := &r.shard[i]
		s.Lock()
		for _, v := range s.m {
			all = append(all, v)
		}
		s.Unlock()
	}
	return all
}

func (r *registry[V]) len() int {
	n := 0
	for i := range r.shard {
		s := &r.shard[i]
		s.Lock()
		n += len(s.m)
		s.Unlock()
	}
	return n
}

// cell holds the newest known state of one record, shared by everybody who looks
// at it. A change empties it; the next reader fills it from the store.
type cell[T any] struct {
	value atomic.Pointer[T]
	mu    sync.Mutex
	turn  uint64 // grows with each change, so that a read begun before it is not kept
	refs  int    // under the registry's lock
}

// load returns the value, from the store when the cell is empty.
func (c *cell[T]) load(ctx context.Context, read func(context.Context) (*T, error)) (*T, error) {
	if v := c.value.Load(); v != nil {
		return v, nil
	}
	c.mu.Lock()
	turn := c.turn
	c.mu.Unlock()
	v, err := read(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn == turn {
		c.value.Store(v)
	}
	return v, nil
}

func (c *cell[T]) empty() {
	c.mu.Lock()
	c.turn++
	c.value.Store(nil)
	c.mu.Unlock()
}

// cells are the cells in use, by key.
type cells[T any] struct{ registry[*cell[T]] }

// take returns the cell of key and counts one more user of it.
func (cs *cells[T]) take(key string) (c *cell[T]) {
	cs.with(key, func(m map[string]*cell[T]) {
		if c = m[key]; c == nil {
			c = &cell[T]{}
			m[key] = c
		}
		c.refs++
	})
	return c
}

// release counts one user less and drops a cell that nobody uses.
func (cs *cells[T]) release(key string) {
	cs.with(key, func(m map[string]*cell[T]) {
		if c := m[key]; c != nil {
			if c.refs--; c.refs <= 0 {
				delete(m, key)
			}
		}
	})
}

// empty has the next reader of key ask the store.
func (cs *cells[T]) empty(key string) {
	if c, ok := cs.get(key); ok {
		c.empty()
	}
}

// replace swaps a value that was read for a newer one; an emptied cell stays empty.
func (c *cell[T]) replace(v *T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value.Load() != nil {
		c.value.Store(v)
	}
}
