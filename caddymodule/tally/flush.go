package tally

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// writers is how many accounts are written side by side.
	writers = 16
	// writeTime bounds one write of everything.
	writeTime = 20 * time.Second
)

// schedule has a flush run. c.mu is held.
func (c *Counter) schedule() {
	if c.timer != nil || c.closed {
		return
	}
	c.timers.Add(1)
	c.timer = time.AfterFunc(c.o.FlushEvery, func() {
		defer c.timers.Done()
		c.mu.Lock()
		c.timer = nil
		c.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), writeTime)
		defer cancel()
		if err := c.Flush(ctx); err != nil {
			c.o.Log.Warn("counters for reports are not written yet", "error", err)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.schedule()
		}
	})
}

// Flush writes what was counted so far. What could not be written is kept.
func (c *Counter) Flush(ctx context.Context) error {
	return errors.Join(c.writeCounts(ctx), c.writeDelays(ctx))
}

func (c *Counter) writeCounts(ctx context.Context) error {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.mu.Lock()
	counted := c.counts
	c.counts = map[bucket]map[string]int64{}
	c.mu.Unlock()
	return each(counted, func(b bucket, counts map[string]int64) error {
		err := c.store.Update(ctx, store.TallyTag(b.account), func(tx store.Tx) error {
			t, err := store.Tallies.Read(tx, b.day)
			if errors.Is(err, store.ErrNotFound) {
				t, err = &store.Tally{}, nil
			}
			if err != nil {
				return err
			}
			if t.Counts == nil {
				t.Counts = map[string]int64{}
			}
			merge(t.Counts, counts)
			return store.Tallies.Put(tx, b.day, t, c.o.Now().Add(c.o.Keep))
		})
		if err != nil && !errors.Is(err, store.ErrUnavailable) {
			// After ErrUnavailable nobody knows whether it was counted: rather too few than
			// twice.
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.counts[b] == nil {
				c.counts[b] = map[string]int64{}
			}
			merge(c.counts[b], counts)
		}
		return err
	})
}

// writeDelays writes the delays that are new, for their accounts and for all.
func (c *Counter) writeDelays(ctx context.Context) error {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	now := c.o.Now()
	fresh := map[string][]*delay{}
	c.mu.Lock()
	c.drop(now)
	for _, d := range c.delays {
		if !d.dirty {
			continue
		}
		copied := *d
		d.dirty = false
		fresh[""] = append(fresh[""], &copied)
		if d.Account != "" {
			fresh[d.Account] = append(fresh[d.Account], &copied)
		}
	}
	c.mu.Unlock()
	return each(fresh, func(account string, delays []*delay) error {
		for i := 0; i < len(delays); i += 200 {
			some := delays[i:min(i+200, len(delays))]
			err := c.store.Update(ctx, store.TallyTag(account), func(tx store.Tx) error {
				for _, d := range some {
					if err := store.Delays.Put(tx, d.id, &d.Delay, d.Until); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				c.again(delays[i:])
				return err
			}
		}
		return nil
	})
}

// again has delays written with the next flush.
func (c *Counter) again(delays []*delay) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range delays {
		if current := c.delays[d.id]; current != nil {
			current.dirty = true
		}
	}
}

// each runs fn for every entry, some side by side, and returns one of the errors.
func each[K comparable, V any](all map[K]V, fn func(K, V) error) error {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		first error
		slots = make(chan struct{}, writers)
	)
	for k, v := range all {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := fn(k, v); err != nil {
				mu.Lock()
				defer mu.Unlock()
				first = err
			}
		})
	}
	wg.Wait()
	if first != nil {
		return fmt.Errorf("writing counters: %w", first)
	}
	return nil
}

// Close writes what is still held.
func (c *Counter) Close() error {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil && c.timer.Stop() {
		c.timers.Done()
	}
	c.timer = nil
	c.mu.Unlock()
	c.timers.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), writeTime)
	defer cancel()
	return c.Flush(ctx)
}
