package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Store is where logs lie.
type Store interface {
	store.Reader
	store.Updater
}

// Options of a Log.
type Options struct {
	// Keys sign checkpoints. A Log without them can do all but Trim and Seal, and
	// vouches for nothing.
	Keys *secret.Keys
	// Keep is how long lines are kept; default 5 years.
	Keep time.Duration
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// DefaultKeep is how long lines are kept.
const DefaultKeep = 5 * 365 * 24 * time.Hour

// Log reads and keeps the logs of all accounts. It holds no state of its own.
type Log struct {
	Options
	store Store
}

// New returns the Log kept in s.
func New(s Store, o Options) *Log {
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Log{Options: o, store: s}
}

// Add writes an entry that goes with no change of the store: what was looked at,
// or done elsewhere.
func (l *Log) Add(ctx context.Context, account string, e Entry) error {
	e.Account = account
	return l.update(ctx, account, func(tx store.Tx) error { return Append(ctx, tx, e, l.Now()) })
}

// update tries again for as long as others are faster: all that is done in an
// account meets at the end of its log.
func (l *Log) update(ctx context.Context, account string, fn func(store.Tx) error) error {
	for {
		err := l.store.Update(ctx, store.AccountTag(account), fn)
		if !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
}

// step is how many lines are read or changed at once.
const step = 256

// span are the numbers of the lines there should be: from is the first, to the
// last. None: to is from-1.
type span struct {
	from, to uint64
	head     store.AuditHead
	check    *store.AuditCheck // nil: nothing was ever trimmed
}

// span reads where the log of an account begins and ends.
func (l *Log) span(ctx context.Context, account string) (s span, err error) {
	tag := store.AccountTag(account)
	s.check, err = store.AuditChecks.Get(ctx, l.store, tag, "")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return s, fmt.Errorf("reading the checkpoint of the audit log: %w", err)
	}
	head, err := store.AuditHeads.Get(ctx, l.store, tag, "")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return s, fmt.Errorf("reading the end of the audit log: %w", err)
	}
	if head != nil {
		s.head = *head
	}
	s.from, s.to = 1, s.head.Seq
	if s.check != nil {
		s.from = s.check.Seq + 1
	}
	return s, nil
}

// down calls fn for the lines below a number, newest first, in pieces, until it
// returns false. Lines come as they lie in the store, whatever is missing.
func (l *Log) down(ctx context.Context, account string, below uint64, fn func([]store.Item[store.AuditLine]) (bool, error)) error {
	after := lineID(below)
	for {
		lines, err := store.AuditLines.Scan(ctx, l.store, store.AccountTag(account), "", after, step)
		if err != nil {
			return fmt.Errorf("reading the audit log: %w", err)
		}
		if len(lines) == 0 {
			return nil
		}
		if more, err := fn(lines); err != nil || !more {
			return err
		}
		if len(lines) < step {
			return nil
		}
		after = lines[len(lines)-1].ID
	}
}

// up returns the lines from one number to another, at most step of them, oldest
// first.
func (l *Log) up(ctx context.Context, account string, from, to uint64) ([]*store.AuditLine, error) {
	to = min(to, from+step-1)
	if to < from {
		return nil, nil
	}
	items, err := store.AuditLines.Scan(ctx, l.store, store.AccountTag(account), "", lineID(to+1), step)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	var lines []*store.AuditLine
	for _, item := range items {
		if item.Value.Seq < from { // those between are missing
			break
		}
		lines = append(lines, item.Value)
	}
	slices.Reverse(lines)
	return lines, nil
}
