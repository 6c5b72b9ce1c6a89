package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// tendEvery is how often the logs are trimmed and sealed.
	tendEvery = 24 * time.Hour
	// lookEvery is how often a node looks whether it is time.
	lookEvery = 10 * time.Minute
	// leased is how long a node has the work to itself.
	leased = time.Hour
)

// Tend removes the lines of all accounts that are past their time, and seals the
// logs. One account that cannot be tended does not keep the others from it.
func (l *Log) Tend(ctx context.Context) error {
	var errs []error
	for after := ""; ; {
		roll, err := store.Roll.Scan(ctx, l.store, store.DirectoryTag, "", after, step)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("tending the audit logs: %w", err))...)
		}
		for _, account := range roll {
			after = account.ID
			if _, err := l.Trim(ctx, account.ID, l.Now().Add(-l.Keep)); err != nil {
				errs = append(errs, err)
				continue
			}
			if err := l.Seal(ctx, account.ID); err != nil {
				errs = append(errs, err)
			}
		}
		if len(roll) < step || ctx.Err() != nil {
			return errors.Join(errs...)
		}
	}
}

// recordID: there is one record of this upkeep.
const recordID = "audit"

// Due takes the daily upkeep for this node. It is false when it was done, or
// another node is at it.
func (l *Log) Due(ctx context.Context) (due bool, err error) {
	err = l.store.Update(ctx, store.GatewayTag, func(tx store.Tx) error {
		now := l.Now().UTC()
		u, err := store.Upkeeps.Read(tx, recordID)
		if isGone(err) {
			u, err = &store.Upkeep{}, nil
		}
		if err != nil {
			return err
		}
		if due = now.Sub(u.Done) >= tendEvery && !now.Before(u.Lease); !due {
			return nil
		}
		u.Lease = now.Add(leased)
		return store.Upkeeps.Put(tx, recordID, u, never)
	})
	return due && err == nil, err
}

// tended notes that the upkeep is done for this time.
func (l *Log) tended(ctx context.Context) error {
	return l.store.Update(ctx, store.GatewayTag, func(tx store.Tx) error {
		return store.Upkeeps.Put(tx, recordID, &store.Upkeep{Done: l.Now().UTC()}, never)
	})
}

// Start tends the logs from now on, in the background and on one node of all,
// until stop is called. What goes wrong is told to log, and tried again.
func (l *Log) Start(log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var over sync.WaitGroup
	over.Go(func() {
		t := time.NewTicker(lookEvery)
		defer t.Stop()
		for {
			if err := l.TendIfDue(ctx); err != nil && ctx.Err() == nil {
				log.Error("keeping the audit logs in order failed", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
	})
	return func() {
		cancel()
		over.Wait()
	}
}

// TendIfDue is what Start does every now and then.
func (l *Log) TendIfDue(ctx context.Context) error {
	due, err := l.Due(ctx)
	if err != nil || !due {
		return err
	}
	if err := l.Tend(ctx); err != nil {
		return err // the lease lapses, and somebody tries again
	}
	return l.tended(ctx)
}
