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

// Impatient sets how long a job may take in a process of its own.
func (h *Hasher) Impatient(d time.Duration) { h.process.patience = d }

// Level is how long a "no" lasts at least.
func (h *Hasher) Level() time.Duration {
	h.level.mu.Lock()
	defer h.level.mu.Unlock()
	return h.level.top
}
