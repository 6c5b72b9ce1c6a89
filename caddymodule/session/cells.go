package session

import (
	"context"
	"sync"
	"sync/atomic"
)

const shards = 64

// registry is a map that many goroutines use at once, none of them on the way of
// an authenticated request.
type registry[V any] struct {
	shard [shards]struct {
		sync.Mutex
		m map[key]V
	}
}

func (r *registry[V]) init() {
	for i := range r.shard {
		r.shard[i].m = map[key]V{}
	}
}

// with runs fn while it alone uses the part of the map that holds k.
func (r *registry[V]) with(k key, fn func(m map[key]V)) {
	s := &r.shard[k[0]%shards]
	s.Lock()
	defer s.Unlock()
	fn(s.m)
}

func (r *registry[V]) get(k key) (v V, ok bool) {
	r.with(k, func(m map[key]V) { v, ok = m[k] })
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
	turn  uint32 // grows with each change, so that a read begun before it is not kept
	refs  int32  // under the registry's lock
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

// take returns the cell of k and counts one more user of it.
func (cs *cells[T]) take(k key) (c *cell[T]) {
	cs.with(k, func(m map[key]*cell[T]) {
		if c = m[k]; c == nil {
			c = &cell[T]{}
			m[k] = c
		}
		c.refs++
	})
	return c
}

// release counts one user less and drops a cell that nobody uses.
func (cs *cells[T]) release(k key) {
	cs.with(k, func(m map[key]*cell[T]) {
		if c := m[k]; c != nil {
			if c.refs--; c.refs <= 0 {
				delete(m, k)
			}
		}
	})
}

// empty has the next reader of k ask the store.
func (cs *cells[T]) empty(k key) {
	if c, ok := cs.get(k); ok {
		c.empty()
	}
}

// replace swaps a value that was read for what became of it, unless the cell was
// emptied meanwhile: who filled it since knows better.
func (c *cell[T]) replace(old, v *T) {
	if old != nil {
		c.value.CompareAndSwap(old, v)
	}
}
