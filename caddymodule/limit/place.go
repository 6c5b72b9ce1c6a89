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
	if err := p.takeAll(ctx, groups); err != nil {
		// What cannot be given back now lapses.
		_ = p.Release(ctx)
		return nil, err
	}
	return p, nil
}

// takeAll takes a place in every group. Those taken, and those of which nobody
// knows, are in p.groups also after an error.
func (p *Place) takeAll(ctx context.Context, groups []group) error {
	if len(groups) > 1 && !p.limiter.lines.standing(groups) {
		if err := p.takeAtOnce(ctx, groups); !again(err) {
			return err
		}
		// Nobody waits in one line with a place of another in hand.
		if err := p.settleGroups(ctx, same); err != nil {
			return err
		}
		p.groups = nil
	}
	for _, g := range groups {
		err := p.limiter.take(ctx, g, p.token)
		if !untaken(err) {
			p.groups = append(p.groups, g)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takeAtOnce reserves in all groups side by side, and waits for no places: a store
// that groups its writes needs one wait.
func (p *Place) takeAtOnce(ctx context.Context, groups []group) error {
	errs := make([]error, len(groups))
	var wg sync.WaitGroup
	for i, g := range groups {
		wg.Go(func() { errs[i] = p.limiter.reserve(ctx, g, p.token) })
	}
	wg.Wait()
	var full error
	for i, err := range errs {
		if !untaken(err) {
			p.groups = append(p.groups, groups[i])
		}
		if again(err) {
			full, errs[i] = err, nil
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return full
}

// untaken tells whether err says for sure that no place was taken. A store that
// answers with another one may have written.
func untaken(err error) bool {
	refused := (*Refused)(nil)
	return errors.As(err, &refused) || errors.Is(err, ErrBusy) || again(err)
}

// take reserves in one group, waiting in line where it is full.
func (l *Limiter) take(ctx context.Context, g group, token string) error {
	if !l.lines.standing([]group{g}) {
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
	return p.settle(ctx, same)
}

// same is the outcome of a try that never was.
func same(_ slot, rec store.Budget, _ time.Time) store.Budget { return rec }

// settle takes the reservation out of every slot and writes what outcome makes
// of the rest.
func (p *Place) settle(ctx context.Context, outcome func(slot, store.Budget, time.Time) store.Budget) error {
	if p.settled.Swap(true) {
		return nil
	}
	return p.settleGroups(ctx, outcome)
}

func (p *Place) settleGroups(ctx context.Context, outcome func(slot, store.Budget, time.Time) store.Budget) error {
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
