package outbox

import (
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// queue is what this node knows of the mails to send. The records decide; this
// spares reading each of them every second.
type queue struct {
	mu    sync.Mutex
	mails map[string]*glance
	looks int
	done  chan struct{} // closed when Run returns; nil before it began
}

// glance is one mail as this node saw it last.
type glance struct {
	id    string
	ref   store.MailRef
	due   time.Time // zero: at once
	tries int
	busy  bool // this node is at it
	seen  int  // the look that found it
}

// next is what is to be done about a mail after a try.
type next struct {
	over  bool // nothing
	due   time.Time
	tries int
}

func newQueue() *queue { return &queue{mails: map[string]*glance{}} }

// begin is called by Run; only the first one may.
func (q *queue) begin() (done chan struct{}, first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.done != nil {
		return nil, false
	}
	q.done = make(chan struct{})
	return q.done, true
}

// end returns what is closed when Run is over, nil when it never began and, from
// now on, never will.
func (q *queue) end() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.done == nil {
		q.done = make(chan struct{})
		close(q.done)
	}
	return q.done
}

// look begins a look at the queue in the store.
func (q *queue) look() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.looks++
	return q.looks
}

// found takes note of an entry of the queue.
func (q *queue) found(id string, ref store.MailRef, look int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := q.mails[id]
	if g == nil {
		g = &glance{id: id, ref: ref}
		q.mails[id] = g
	}
	g.seen = max(g.seen, look)
}

// looked ends a look: what it did not find is not in the queue any more.
func (q *queue) looked(look int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, g := range q.mails {
		if g.seen < look && !g.busy {
			delete(q.mails, id)
		}
	}
}

// now makes a mail due, for one just written or to be tried again.
func (q *queue) now(id string, ref store.MailRef) {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := q.mails[id]
	if g == nil {
		// A look under way may have passed the place of this mail.
		g = &glance{id: id, ref: ref, seen: q.looks}
		q.mails[id] = g
	}
	g.due = time.Time{}
}

// take returns the mail that is to be tried next: of those that are due the one
// tried least, so that mails that keep failing hold up nobody; of these the one
// that waits longest.
func (q *queue) take(now time.Time) (glance, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var best *glance
	for _, g := range q.mails {
		if g.busy || g.due.After(now) {
			continue
		}
		if best == nil || g.tries < best.tries || g.tries == best.tries && g.ref.At.Before(best.ref.At) {
			best = g
		}
	}
	if best == nil {
		return glance{}, false
	}
	best.busy = true
	return *best, true
}

// give puts a mail back that was taken.
func (q *queue) give(id string, n next) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n.over {
		delete(q.mails, id)
		return
	}
	if g := q.mails[id]; g != nil {
		g.busy, g.due, g.tries = false, n.due, n.tries
	}
}

// waiting returns how many mails wait and since when the oldest does.
func (q *queue) waiting() (n int, oldest time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, g := range q.mails {
		if oldest.IsZero() || g.ref.At.Before(oldest) {
			oldest = g.ref.At
		}
	}
	return len(q.mails), oldest
}
