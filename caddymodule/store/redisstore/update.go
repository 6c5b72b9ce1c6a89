package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

const (
	// maxConflicts is how often an Update runs again because another node was
	// faster. Goroutines of this node wait for each other before they start.
	maxConflicts = 64
	// lag is how long Redis keeps a record after it expired, so that clocks that
	// differ do not matter.
	lag = time.Minute
)

// Update implements store.Updater.
func (s *Store) Update(ctx context.Context, tag string, fn func(store.Tx) error) (err error) {
	if err := store.CheckTag(tag); err != nil {
		return err
	}
	start := time.Now()
	fnErr, err := s.update(ctx, tag, fn)
	s.observe("update", start, &err)
	if err != nil {
		return late(ctx, err)
	}
	return fnErr
}

// late says of an error that the caller's deadline had come. Where it strikes in
// the middle of a command the connection only speaks of a timeout of its own.
func late(ctx context.Context, err error) error {
	end, ok := ctx.Deadline()
	if !ok || time.Now().Before(end) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
}

func (s *Store) update(ctx context.Context, tag string, fn func(store.Tx) error) (fnErr, err error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	done, err := s.locks.take(ctx, tag)
	if err != nil {
		return nil, err
	}
	defer func() { done(err) }()
	for n := range maxConflicts {
		tx := engine.NewTx(tag, s.opts.Now(), func(kind store.Kind, id string) ([]byte, error) {
			return s.raw(ctx, tag, kind.Name, id)
		})
		fnErr := tx.Run(fn)
		if tx.Failed() != nil {
			return nil, fnErr
		}
		committed, err := s.commit(ctx, tag, tx, fnErr == nil)
		if committed || err != nil {
			return fnErr, err
		}
		if !pause(ctx, time.Millisecond<<min(n, 5)) {
			return nil, fmt.Errorf("updating: %w", ctx.Err())
		}
	}
	return nil, fmt.Errorf("updating: %w", store.ErrConflict)
}

// commit returns false when a record is no longer what tx saw. When write is
// false nothing is written, but what tx saw must still fit together: the error fn
// returned may come of two records read at different moments.
func (s *Store) commit(ctx context.Context, tag string, tx *engine.Tx, write bool) (committed bool, err error) {
	c := commit{keys: s.keys, tag: tag, seen: tx.Reads()}
	if write {
		c.writes, c.changes = tx.Writes(), tx.Announced()
	}
	if len(c.writes) == 0 && len(c.changes) == 0 && len(c.seen) < 2 {
		return true, nil
	}
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("updating: %w", err)
	}
	c.id = strconv.FormatUint(s.updates.Add(1), 36)
	oneServer := s.settings.topology != cluster
	names, args := c.arguments(s.stream.node, oneServer, s.opts.Now())
	answer := 0
	err = s.try(ctx, "updating", func() (err error) {
		answer, err = s.run(ctx, updateScript, names, args).Int()
		return err
	})
	if err != nil {
		if !isRefused(err) {
			// It may have been executed, or be executed still.
			s.stream.doubt(c.id)
			s.hub.Deliver(c.changes...)
		}
		return false, err
	}
	if answer == 0 {
		return false, nil
	}
	if !oneServer {
		s.publish(c.id, c.changes)
	}
	s.hub.Deliver(c.changes...)
	return true, nil
}

// commit is what one run of updateScript is told.
type commit struct {
	keys    keys
	tag, id string
	seen    []engine.Seen
	writes  []engine.Write
	changes []store.Change
}

// arguments are those of updateScript. One server takes everything; a Cluster has
// the stream and the snapshot elsewhere than the records.
func (c *commit) arguments(node string, oneServer bool, now time.Time) (names []string, args []any) {
	changes, snapshot := c.changes, "1"
	if !oneServer {
		changes, snapshot = nil, ""
	}
	args = append(args, len(c.seen), len(c.writes), len(changes), node, c.id, streamLength, snapshot)
	for _, r := range c.seen {
		names = append(names, c.keys.record(c.tag, r.Kind.Name, r.ID))
		if r.Raw == nil {
			args = append(args, "0", "")
		} else {
			args = append(args, "1", r.Raw)
		}
	}
	for _, w := range c.writes {
		record := c.keys.record(c.tag, w.Kind.Name, w.ID)
		index, listed := record, "0"
		if w.Kind.Listed {
			index, listed = c.keys.index(c.tag, w.Kind.Name), "1"
		}
		names = append(names, record, index)
		args = append(args, w.Raw, listed, w.ID, keep(w.Expires, now))
	}
	for _, change := range changes {
		args = append(args, change.Tag, change.Kind, change.ID)
	}
	if len(changes) > 0 {
		names = append(names, c.keys.changes())
	}
	if oneServer {
		names = append(names, c.keys.snapshot())
	}
	return names, args
}

// keep is for how many milliseconds Redis keeps a record, "" for ever. It counts
// from the clock of the gateway: that of Redis may be wrong.
func keep(expires, now time.Time) string {
	if expires.IsZero() {
		return ""
	}
	ms := engine.Millis(expires) - now.UnixMilli() + lag.Milliseconds()
	return strconv.FormatInt(max(ms, 1), 10)
}
