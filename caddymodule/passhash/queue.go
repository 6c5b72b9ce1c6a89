package passhash

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// reservedShare is how many of the reserved lane are served in a row before one
// of the others has its turn.
const reservedShare = 3

// queue hands a fixed number of places to callers: those of the reserved lane
// first, those of the low lane last, within a lane network by network, within a
// network in order of arrival.
type queue struct {
	workers int
	ahead   int // have a place before their worker is free
	maxWait time.Duration

	mu       sync.Mutex
	placed   int
	row      int // reserved ones served since one of the others was
	reserved *lane
	ordinary *lane
	low      *lane
}

// lowRoom is how much of what nobody waits for may wait.
const lowRoom = 8

// ahead is how many wait in the process that computes, so that a worker of it
// goes on at once: from an answer to the next job by way of here it is a while.
const ahead = 1

func newQueue(o Options) *queue {
	q := &queue{
		workers:  o.Workers,
		maxWait:  o.MaxWait,
		reserved: newLane(o.Reserved, o.PerNetwork),
		ordinary: newLane(o.Queue, o.PerNetwork),
		low:      newLane(lowRoom, lowRoom),
	}
	if o.Process != nil {
		q.ahead = ahead
	}
	return q
}

// free tells whether there is a place. What nobody waits for never goes ahead: a
// login that comes then would wait behind it. q.mu is held.
func (q *queue) free(p Place) bool {
	if p.Low {
		return q.placed < q.workers
	}
	return q.placed < q.workers+q.ahead
}

// enter returns nil when the caller has a place, which it must leave. Errors
// are ErrBusy, and wrap the error of ctx where that ended the wait.
func (q *queue) enter(ctx context.Context, p Place) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("waiting to hash a password: %w: %w", ErrBusy, err)
	}
	q.mu.Lock()
	if q.free(p) { // then nobody waits who goes before
		q.placed++
		q.mu.Unlock()
		return nil
	}
	t := q.admit(p)
	q.mu.Unlock()
	if t == nil {
		return fmt.Errorf("waiting to hash a password: the queue is full: %w", ErrBusy)
	}
	return q.wait(ctx, t)
}

func (q *queue) admit(p Place) *turn {
	if p.Low {
		return q.low.admit(p.Network, false)
	}
	if p.Reserved {
		if t := q.reserved.admit(p.Network, false); t != nil {
			return t
		}
	}
	return q.ordinary.admit(p.Network, true)
}

// full tells whether enter would fail at once.
func (q *queue) full(p Place) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.free(p):
		return false
	case p.Low:
		return q.low.closed(p.Network, false)
	case p.Reserved && !q.reserved.closed(p.Network, false):
		return false
	}
	return q.ordinary.closed(p.Network, true)
}

func (q *queue) wait(ctx context.Context, t *turn) error {
	timer := time.NewTimer(q.maxWait)
	defer timer.Stop()
	var reason error
	select {
	case placed := <-t.outcome:
		if !placed {
			return fmt.Errorf("waiting to hash a password: made room for others: %w", ErrBusy)
		}
		return nil
	case <-ctx.Done():
		reason = fmt.Errorf("waiting to hash a password: %w: %w", ErrBusy, ctx.Err())
	case <-timer.C:
		reason = fmt.Errorf("waiting to hash a password: longer than %s: %w", q.maxWait, ErrBusy)
	}
	if q.withdraw(t) {
		q.leave() // the place came at the very moment we gave up
	}
	return reason
}

// withdraw takes t out of the queue; true when it was given a place meanwhile.
func (q *queue) withdraw(t *turn) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.lane.remove(t) {
		return false
	}
	return <-t.outcome // was decided under the lock, so it is there
}

// leave passes the place on.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if next := q.next(); next != nil {
		next.outcome <- true
		return
	}
	q.placed--
}

func (q *queue) next() *turn {
	if q.reserved.waiting > 0 && (q.row < reservedShare || q.ordinary.waiting == 0) {
		q.row++
		return q.reserved.pop()
	}
	q.row = 0
	if q.ordinary.waiting == 0 {
		return q.low.pop()
	}
	return q.ordinary.pop()
}

func (q *queue) stats() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	running = min(q.placed, q.workers)
	return running, q.placed - running + q.reserved.waiting + q.ordinary.waiting + q.low.waiting
}
