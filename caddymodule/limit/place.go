package limit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// errFull: reservations under way take all places.
var errFull = errors.New("all places are taken")

// settleTime bounds the writing of an outcome, which goes on when the request
// that asked is gone: otherwise hanging up would save a guesser the failure.
const settleTime = 10 * time.Second

// Place is a reserved try. One of Failed, Succeeded and Release ends it; after
// the first of them the others do nothing, so Release can be deferred.
type Place struct {
	limiter *Limiter
	token   string
	groups  []group
	settled atomic.Bool
}

// Reserve takes a place in every budget of t, or none. It waits while only
// reservations stand in the way, until ctx is done or MaxWait has passed: that
// is ErrBusy. A *Refused says until when failures stand in the way; such a try
// changes nothing.
func (l *Limiter) Reserve(ctx context.Context, t Try) (*Place, error) {
	groups, err := l.groups(t)
	if err != nil {
		return nil, err
	}
	// Reading first keeps a flood of refused tries from writing at all.
	if refused, err := l.peek(ctx, groups); err != nil {
		return nil, err
	} else if refused != nil {
		return nil, refused
	}
	ctx, cancel := context.WithTimeout(ctx, MaxWait)
	defer cancel()
	p := &Place{limiter: l, token: secret.ID()}
	for _, g := range groups {
		// Counted in before it is tried: a store that answers with an error may
		// have written.
		p.groups = append(p.groups, g)
		if err := l.take(ctx, g, p.token); err != nil {
			return nil, p.abandon(ctx, err)
		}
	}
	return p, nil
}

// abandon gives back what was taken before err.
func (p *Place) abandon(ctx context.Context, err error) error {
	if refused := (*Refused)(nil); errors.As(err, &refused) || errors.Is(err, ErrBusy) {
		p.groups = p.groups[:len(p.groups)-1]
	}
	// What cannot be given back now lapses.
	_ = p.Release(ctx)
	return err
}

// take reserves in one group, waiting in line where it is full.
func (l *Limiter) take(ctx context.Context, g group, token string) error {
	if !l.lines.standing(g) {
		if err := l.reserve(ctx, g, token); !again(err) {
			return err
		}
	}
	in, err := l.lines.stand(ctx, g)
	if err != nil {
		return fmt.Errorf("waiting in line: %w: %w", ErrBusy, err)
	}
	defer in.leave()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		if err := l.reserve(ctx, g, token); !again(err) {
			return err
		}
		// Places of this node are announced; those of other nodes are not.
		if err := in.wait(ctx, around(pause)); err != nil {
			return fmt.Errorf("waiting for a place: %w: %w", ErrBusy, err)
		}
	}
}

// again tells whether err goes away by itself.
func again(err error) bool { return errors.Is(err, errFull) || errors.Is(err, store.ErrConflict) }

// reserve takes a place in every slot of g in one step.
func (l *Limiter) reserve(ctx context.Context, g group, token string) error {
	err := l.store.Update(ctx, g.tag, func(tx store.Tx) error {
		now, full := l.now(), false
		var refused *Refused
		records := make([]store.Budget, len(g.slots))
		for i, s := range g.slots {
			rec, err := s.read(tx, now)
			if err != nil {
				return err
			}
			refused = refused.or(s.refuse(rec, now))
			full = full || s.budget.places(rec) <= 0
			records[i] = rec
		}
		if refused != nil {
			return refused
		}
		if full {
			return errFull
		}
		for i, s := range g.slots {
			if records[i].Reserved == nil {
				records[i].Reserved = make(map[string]time.Time, 1)
			}
			records[i].Reserved[token] = now.Add(Lapse)
			if err := s.write(tx, records[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if refused := (*Refused)(nil); err == nil || errors.As(err, &refused) || again(err) {
		return err
	}
	return fmt.Errorf("reserving a try: %w", err)
}

// Failed counts the failure and gives the place back. until is when the next
// try is possible, zero when at once. It writes also when ctx is done.
func (p *Place) Failed(ctx context.Context) (until time.Time, err error) {
	var mu sync.Mutex // groups are written side by side, and more than once
	err = p.settle(ctx, func(s slot, rec store.Budget, now time.Time) store.Budget {
		rec = s.budget.fail(rec, now)
		mu.Lock()
		defer mu.Unlock()
		if rec.Until.After(until) {
			until = rec.Until
		}
		return rec
	})
	return until, err
}

// Succeeded gives the place back and forgets the failures of the budgets that
// success resets. It writes also when ctx is done.
func (p *Place) Succeeded(ctx context.Context) error {
	return p.settle(ctx, func(s slot, rec store.Budget, _ time.Time) store.Budget {
		if s.budget.ResetOnSuccess {
			return store.Budget{Reserved: rec.Reserved}
		}
		return rec
	})
}

// Release gives the place back as if there had been no try: for one that never
// came to comparing. It writes also when ctx is done.
func (p *Place) Release(ctx context.Context) error {
	return p.settle(ctx, func(_ slot, rec store.Budget, _ time.Time) store.Budget { return rec })
}

// settle takes the reservation out of every slot and writes what outcome makes
// of the rest.
func (p *Place) settle(ctx context.Context, outcome func(slot, store.Budget, time.Time) store.Budget) error {
	if p.settled.Swap(true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	errs := make([]error, len(p.groups))
	var wg sync.WaitGroup
	for i, g := range p.groups {
		// Side by side, so that a store that groups its writes needs one wait.
		wg.Go(func() { errs[i] = p.settleGroup(ctx, g, outcome) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("writing the outcome of a try: %w", err)
	}
	return nil
}

func (p *Place) settleGroup(ctx context.Context, g group, outcome func(slot, store.Budget, time.Time) store.Budget) error {
	defer p.limiter.lines.wake(g)
	return p.limiter.update(ctx, g.tag, func(tx store.Tx) error {
		now := p.limiter.now()
		for _, s := range g.slots {
			rec, err := s.read(tx, now)
			if err != nil {
				return err
			}
			delete(rec.Reserved, p.token)
			if err := s.write(tx, outcome(s, rec, now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// update tries again for as long as others are faster.
func (l *Limiter) update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	for {
		err := l.store.Update(ctx, tag, fn)
		if !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return err
		}
		time.Sleep(around(20 * time.Millisecond))
	}
}

// around returns half to one and a half of d, so that nodes do not keep step.
func around(d time.Duration) time.Duration {
	return d/2 + rand.N(d) //nolint:gosec // nobody gains by guessing it
}

func (s slot) read(tx store.Tx, now time.Time) (store.Budget, error) {
	rec, err := store.Budgets.Read(tx, s.id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Budget{}, nil
	}
	if err != nil {
		return store.Budget{}, err
	}
	return s.budget.at(*rec, now), nil
}

func (s slot) write(tx store.Tx, rec store.Budget) error {
	if rec.Failures == 0 && len(rec.Reserved) == 0 {
		return store.Budgets.Delete(tx, s.id)
	}
	return store.Budgets.Put(tx, s.id, &rec, s.budget.expires(rec))
}
