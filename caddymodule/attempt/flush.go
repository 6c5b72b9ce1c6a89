package attempt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// writers is how many records a flush writes side by side.
const writers = 16

// schedule has a flush run soon. r.mu is held.
func (r *Recorder) schedule() {
	if r.timer != nil {
		return
	}
	r.timers.Add(1)
	r.timer = time.AfterFunc(r.o.FlushEvery, func() {
		defer r.timers.Done()
		r.mu.Lock()
		r.timer = nil
		r.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), writeTime)
		defer cancel()
		if err := r.Flush(ctx); err != nil {
			r.o.Log.Warn("repeated login attempts are not counted yet", "error", err)
			r.mu.Lock()
			defer r.mu.Unlock()
			if !r.closed {
				r.schedule()
			}
		}
	})
}

// Flush writes the repeats counted so far. What could not be written is kept
// and tried again.
func (r *Recorder) Flush(ctx context.Context) error {
	r.flushing.Lock()
	defer r.flushing.Unlock()
	var (
		wg    sync.WaitGroup
		dirty = r.dirty()
		errs  = make([]error, len(dirty))
		slots = make(chan struct{}, writers)
	)
	for i, g := range dirty {
		slots <- struct{}{}
		wg.Go(func() {
			errs[i] = r.flush(ctx, g)
			<-slots
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("writing repeated attempts: %w", err) // one tells it all
		}
	}
	return nil
}

func (r *Recorder) dirty() []*growing {
	r.mu.Lock()
	defer r.mu.Unlock()
	var dirty []*growing
	for _, g := range r.byRef {
		if g.more > 0 {
			dirty = append(dirty, g)
		}
	}
	return dirty
}

func (r *Recorder) flush(ctx context.Context, g *growing) error {
	r.mu.Lock()
	more, last, retryAt := g.more, g.last, g.retryAt
	r.mu.Unlock()
	err := r.store.Update(ctx, store.AttemptTag(g.ref), func(tx store.Tx) error {
		a, err := store.Attempts.Read(tx, g.ref)
		if errors.Is(err, store.ErrNotFound) {
			return nil // erased, or past its time
		}
		if err != nil {
			return err
		}
		a.Count, a.Last, a.RetryAt = a.Count+more, last, retryAt
		return store.Attempts.Put(tx, g.ref, a, g.expires)
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	g.more -= more
	r.mu.Unlock()
	return nil
}

// sweep forgets the records that have grown enough. r.mu is held.
func (r *Recorder) sweep(now time.Time) {
	if len(r.open) < 2*r.kept {
		return
	}
	for k, g := range r.open {
		if !now.Before(g.until) && g.more == 0 && g.ref != "" {
			delete(r.open, k)
		}
	}
	for ref, g := range r.byRef {
		if !now.Before(g.until) && g.more == 0 {
			delete(r.byRef, ref)
		}
	}
	r.kept = max(len(r.open), 64)
}

// Close writes what is still held. Attempts recorded later are written at once.
func (r *Recorder) Close() error {
	r.mu.Lock()
	r.closed = true
	if r.timer != nil && r.timer.Stop() {
		r.timers.Done()
	}
	r.timer = nil
	r.mu.Unlock()
	r.timers.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), writeTime)
	defer cancel()
	return r.Flush(ctx)
}
