package attempt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/store"
)

// maxOpen bounds the records that may still grow. The caps keep below it; above
// it an attempt that proved something gets a record that does not grow.
const maxOpen = 50_000

// writeTime bounds a write that goes on when the request it is about is gone.
const writeTime = 10 * time.Second

// Recorder records attempts. It is safe for concurrent use; over several nodes
// each draws its own attempts together.
type Recorder struct {
	store Store
	o     Options

	mu     sync.Mutex
	caps   caps
	open   map[key]*growing
	byRef  map[string]*growing
	kept   int         // open after the last sweep
	timer  *time.Timer // set while a flush is due
	closed bool

	flushing sync.Mutex // one flush at a time
	timers   sync.WaitGroup
}

// key names what attempts alike have in common.
type key struct {
	scope           scope
	subject         string
	network, method string
	cause           cause.Cause
	asked           bool
}

// growing is a record in which more of the same is counted.
type growing struct {
	key   key
	until time.Time     // no more are added from then on
	ready chan struct{} // closed when the first was written, or failed to be
	err   error         // of the first write
	ref   string

	expires time.Time
	// What is not written yet, under Recorder.mu.
	more    int
	last    time.Time
	retryAt time.Time
}

// New returns a Recorder. Close writes what it still holds.
func New(s Store, o Options) *Recorder {
	o = o.withDefaults()
	return &Recorder{
		store: s, o: o, caps: caps{Caps: o.Caps},
		open: make(map[key]*growing), byRef: make(map[string]*growing),
	}
}

// Record keeps e and returns its reference, which is new or that of the record
// in which e was counted. A new record is durable when Record returns. It
// writes also when ctx is done.
func (r *Recorder) Record(ctx context.Context, e Entry) (reference string, err error) {
	e = e.cleaned()
	now := r.o.Now()
	if r.o.Tally != nil {
		r.o.Tally.Attempt(e)
	}
	if e.Cause == cause.None && !e.Asked {
		return r.create(ctx, e, now) // every session has its own
	}
	g, e, first := r.find(e, now)
	if !first {
		return r.repeat(ctx, g, e, now)
	}
	ref, err := r.create(ctx, e, now)
	r.mu.Lock()
	defer r.mu.Unlock()
	g.ref, g.err, g.expires = ref, err, now.Add(r.o.Keep)
	if err != nil {
		delete(r.open, g.key)
	} else if r.open[g.key] == g {
		r.byRef[ref] = g
	}
	close(g.ready)
	return ref, err
}

// find returns the record in which e is to be counted and what is kept of e
// there. first is true when the caller has to create it.
func (r *Recorder) find(e Entry, now time.Time) (g *growing, kept Entry, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	subject := Subject(e.User, e.Typed)
	k := key{own, subject, e.Network, e.Method, e.Cause, e.Asked}
	// Every mail has a story of its own, as far as the caps go.
	if g := r.open[k]; g != nil && now.Before(g.until) && !e.sent() {
		return g, e, false
	}
	until := now.Add(r.o.Coalesce)
	if s := r.caps.scope(e, subject, now); s != own {
		e = s.shared(e)
		k = key{s, Subject(e.User, e.Typed), e.Network, e.Method, e.Cause, e.Asked}
		until = now.Truncate(time.Hour).Add(time.Hour)
		if g := r.open[k]; g != nil && now.Before(g.until) {
			return g, e, false
		}
	}
	g = &growing{key: k, until: until, ready: make(chan struct{})}
	r.sweep(now)
	if len(r.open) < maxOpen {
		r.open[k] = g
	}
	return g, e, true
}

// repeat counts e in g. It is counted before g is waited for: a browser that
// hangs up does not go uncounted.
func (r *Recorder) repeat(ctx context.Context, g *growing, e Entry, now time.Time) (string, error) {
	r.mu.Lock()
	g.more++
	g.last, g.retryAt = now, e.RetryAt
	closed := r.closed
	if !closed {
		r.schedule()
	}
	r.mu.Unlock()
	<-g.ready // the write it waits for is bounded
	if g.err != nil {
		return "", g.err
	}
	if closed {
		return g.ref, r.Flush(ctx)
	}
	return g.ref, nil
}

// create writes a new record and the entry that leads to it from its subject.
func (r *Recorder) create(ctx context.Context, e Entry, now time.Time) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	a := &store.Attempt{
		Cause: string(e.Cause), Method: e.Method, First: now, Last: now, Count: 1,
		Typed: e.Typed, User: e.User, Account: e.Account, Network: e.Network, Agent: e.Agent,
		Known: e.Known, Locale: e.Locale, Session: e.Session, RetryAt: e.RetryAt, Asked: e.Asked,
		DeviceUsers: e.DeviceUsers,
	}
	if err := r.claim(ctx, a, now.Add(r.o.Keep)); err != nil {
		return "", fmt.Errorf("recording an attempt: %w", err)
	}
	return a.Reference, nil
}

// errTaken: the reference belongs to another attempt.
var errTaken = errors.New("reference is taken")

// claim writes a under a reference that nobody has, and lists it under its subject.
func (r *Recorder) claim(ctx context.Context, a *store.Attempt, expires time.Time) error {
	for range 20 {
		a.Reference = r.o.Reference()
		// Side by side: a store that groups its writes makes one of them. Where the
		// reference is another's after all, its entry in this list is not shown, see
		// Before, and goes.
		var listed error
		var listing sync.WaitGroup
		listing.Go(func() { listed = r.list(ctx, a, expires) })
		err := r.write(ctx, a, expires)
		listing.Wait()
		if errors.Is(err, errTaken) {
			r.unlist(ctx, a)
			continue
		}
		if err == nil && listed != nil {
			err = fmt.Errorf("listing it: %w", listed)
		}
		return err
	}
	return ErrNoReference
}

// write fails with errTaken where the reference of a is another's.
func (r *Recorder) write(ctx context.Context, a *store.Attempt, expires time.Time) error {
	return r.store.Update(ctx, store.AttemptTag(a.Reference), func(tx store.Tx) error {
		_, err := store.Attempts.Read(tx, a.Reference)
		if err == nil {
			return errTaken
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return store.Attempts.Put(tx, a.Reference, a, expires)
	})
}

// list adds the entry that leads to a from its subject.
func (r *Recorder) list(ctx context.Context, a *store.Attempt, expires time.Time) error {
	subject := Subject(a.User, a.Typed)
	if subject == "" {
		return nil
	}
	return r.store.Update(ctx, store.SubjectTag(subject), func(tx store.Tx) error {
		ref := &store.AttemptRef{Reference: a.Reference, At: a.First}
		return store.AttemptIndex.Put(tx, indexID(a.First, a.Reference), ref, expires)
	})
}

// unlist takes that entry out again. One that stays leads nowhere.
func (r *Recorder) unlist(ctx context.Context, a *store.Attempt) {
	subject := Subject(a.User, a.Typed)
	if subject == "" {
		return
	}
	err := r.store.Update(ctx, store.SubjectTag(subject), func(tx store.Tx) error {
		return store.AttemptIndex.Delete(tx, indexID(a.First, a.Reference))
	})
	if err != nil {
		r.o.Log.Warn("taking an attempt out of a list failed", "error", err)
	}
}

// indexID sorts the newest first.
func indexID(at time.Time, reference string) string {
	const end = 9_999_999_999_999_999 // of 16 digits
	return fmt.Sprintf("%016d.%s", end-at.UnixMilli(), reference)
}
