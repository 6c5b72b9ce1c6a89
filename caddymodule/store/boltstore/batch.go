package boltstore

import (
	"errors"
	"runtime"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

// maxBatch is how many Updates share one commit at most: what they write must
// fit in memory, and the first of them waits for the last.
const maxBatch = 1000

// While Updates come side by side, a commit begins when enough of them wait, or pace
// after the one before began. Each commit reads and writes pages of its own, whose
// garbage costs everybody time: in a flood of logins, a dozen Updates in each are far
// less work than three.
const (
	pace   = 20 * time.Millisecond
	enough = 16
)

// batches lets Updates share commits. While one commit reaches the disk the next
// ones gather, so that there are more in each the slower the disk is. One that comes
// alone waits for nobody. (bbolt's own Batch begins a commit every so many
// milliseconds, whether the one before is through or not: on a disk that needs
// longer they queue up.)
type batches struct {
	mu      sync.Mutex
	waiting []*job
	running bool
	full    chan struct{} // told when enough wait; of New

	// Of the last commit; those of whoever commits.
	begun  time.Time
	shared bool
}

// job is one Update that waits for its commit.
type job struct {
	tag string
	fn  func(store.Tx) error

	// What became of it, once done is closed.
	done     chan struct{}
	changes  []store.Change
	fnErr    error
	err      error // of the file
	panicked any
}

// errNothing ends a commit that would change nothing: it needs no disk.
var errNothing = errors.New("nothing to write")

// share runs fn within a commit and returns when that is through. A panic of fn
// comes out here.
func (s *Store) share(tag string, fn func(store.Tx) error) *job {
	j := &job{tag: tag, fn: fn, done: make(chan struct{})}
	b := &s.batches
	b.mu.Lock()
	b.waiting = append(b.waiting, j)
	if len(b.waiting) == enough {
		select {
		case b.full <- struct{}{}:
		default:
		}
	}
	if !b.running {
		b.running = true
		go s.commitAll()
	}
	b.mu.Unlock()
	<-j.done
	if j.panicked != nil {
		panic(j.panicked)
	}
	return j
}

// commitAll commits until nobody waits.
func (s *Store) commitAll() {
	b := &s.batches
	for {
		runtime.Gosched() // so that those who come side by side come together
		if b.done() {
			return
		}
		if b.shared {
			b.gather()
		}
		jobs := b.take()
		b.begun, b.shared = time.Now(), len(jobs) > 1
		s.commitTogether(jobs)
	}
}

// done says that nobody waits; the next to come starts anew.
func (b *batches) done() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = len(b.waiting) > 0
	return !b.running
}

// gather returns when enough wait, at the latest pace after the last commit began.
func (b *batches) gather() {
	due := time.NewTimer(time.Until(b.begun.Add(pace)))
	defer due.Stop()
	for !b.enoughWait() {
		select {
		case <-due.C:
			return
		case <-b.full: // or was, before the last commit
		}
	}
}

func (b *batches) enoughWait() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting) >= enough
}

// take returns those whom the next commit is for.
func (b *batches) take() []*job {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.waiting), maxBatch)
	now := b.waiting[:n:n]
	if b.waiting = b.waiting[n:]; len(b.waiting) == 0 {
		b.waiting = nil
	}
	return now
}

func (s *Store) commitTogether(jobs []*job) {
	err := s.db.Load().Update(func(btx *bbolt.Tx) error {
		written := false
		for _, j := range jobs {
			wrote, err := s.run(btx, j)
			if err != nil {
				return err
			}
			written = written || wrote
		}
		if !written {
			return errNothing
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		err = nil
	} else {
		s.noteWrite(err)
	}
	for _, j := range jobs {
		j.err = err
		close(j.done)
	}
}

// run runs one Update within a commit. What it wants to write is held back until
// it has returned, so that one that fails or panics leaves no trace.
func (s *Store) run(btx *bbolt.Tx, j *job) (wrote bool, err error) {
	tx := engine.NewTx(j.tag, s.opts.Now(), func(kind store.Kind, id string) ([]byte, error) {
		return rawRecord(btx, kind.Name, j.tag, id), nil
	})
	if j.call(tx); j.fnErr != nil || j.panicked != nil {
		return false, nil
	}
	j.changes = tx.Announced()
	return len(tx.Writes()) > 0, apply(btx, j.tag, tx.Writes())
}

func (j *job) call(tx *engine.Tx) {
	defer func() { j.panicked = recover() }()
	j.fnErr = tx.Run(j.fn)
}
