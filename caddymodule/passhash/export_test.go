package passhash

import (
	"context"
	"time"
)

// Hold waits for a place as a hash does and keeps it until release: with it
// tests decide how long a hash takes.
func (h *Hasher) Hold(ctx context.Context, p Place) (release func(), err error) {
	if err := h.queue.enter(ctx, p); err != nil {
		return nil, err
	}
	return h.queue.leave, nil
}

// Join queues up and does not wait; false where there is no room. All workers have
// to be busy.
func (h *Hasher) Join(p Place) bool {
	h.queue.mu.Lock()
	defer h.queue.mu.Unlock()
	return h.queue.admit(p) != nil
}

// Impatient sets how long a job may take in a process of its own.
func (h *Hasher) Impatient(d time.Duration) { h.process.patience = d }

// ServeBesides is Serve with the priority of the test.
var ServeBesides = serve

// Occupy takes the place of one that hashes in this process until release.
func (h *Hasher) Occupy() (release func()) {
	h.here <- struct{}{}
	return func() { <-h.here }
}

// Sent is how many jobs the process has and has not answered.
func (h *Hasher) Sent() int {
	h.process.mu.Lock()
	c := h.process.child
	h.process.mu.Unlock()
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting)
}

// Level is how long a "no" lasts at least.
func (h *Hasher) Level() time.Duration {
	h.level.mu.Lock()
	defer h.level.mu.Unlock()
	return h.level.top
}
