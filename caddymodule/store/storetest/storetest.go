// Package storetest holds every store to the sentences of package store: one
// suite, run on each engine with a clock the suite can push. It also brings the
// writer and the checks for tests that kill a process while it writes. What only
// one engine has (files, servers, migrations) is tested beside that engine.
package storetest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Harness is one store under test, with data of its own.
type Harness struct {
	Engine store.Engine
	// Reopen closes the engine given and opens the same data again.
	Reopen func(t *testing.T, old store.Engine) store.Engine
	// Second opens the same data as another node does. Nil when the data can be
	// open once only.
	Second func(t *testing.T) store.Engine
}

// Run runs the suite. open returns a new, empty store that is closed when its
// test ends, unless the test closed it before; engines can be closed twice.
func Run(t *testing.T, open func(t *testing.T, opts store.Options) Harness) {
	for _, group := range [][]check{
		recordChecks, keyChecks, expiryChecks, scanChecks, updateChecks, raceChecks, watchChecks, lifeChecks, propertyChecks, dumpChecks,
	} {
		runAll(t, group, open)
	}
}

// RunWhole runs what holds for a store that dumps all its records as they were at
// one moment. A Redis Cluster does not.
func RunWhole(t *testing.T, open func(t *testing.T, opts store.Options) Harness) {
	runAll(t, wholeChecks, open)
}

func runAll(t *testing.T, checks []check, open func(t *testing.T, opts store.Options) Harness) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, before) })
			clock := NewClock()
			c.run(t, &subject{Harness: open(t, store.Options{Now: clock.Now}), clock: clock})
		})
	}
}

// check is one test of the suite.
type check struct {
	name string
	run  func(*testing.T, *subject)
}

// subject is what a check works on, with short forms of what it does most.
type subject struct {
	Harness
	clock *Clock
}

// The kinds that the suite uses.
var (
	plain  = store.Kind{Name: "plain"}
	listed = store.Kind{Name: "listed", Listed: true}
)

var never time.Time

func (s *subject) put(t testing.TB, tag string, kind store.Kind, id, value string, expires time.Time) {
	t.Helper()
	err := s.Engine.Update(ctx(t), tag, func(tx store.Tx) error {
		return tx.Put(kind, id, []byte(value), expires)
	})
	if err != nil {
		t.Fatalf("putting %s %q: %v", kind.Name, id, err)
	}
}

func (s *subject) delete(t testing.TB, tag string, kind store.Kind, id string) {
	t.Helper()
	err := s.Engine.Update(ctx(t), tag, func(tx store.Tx) error { return tx.Delete(kind, id) })
	if err != nil {
		t.Fatalf("deleting %s %q: %v", kind.Name, id, err)
	}
}

// expect wants this value.
func (s *subject) expect(t testing.TB, tag string, kind store.Kind, id, want string) {
	t.Helper()
	got, err := s.Engine.Get(ctx(t), store.Key{Tag: tag, Kind: kind, ID: id})
	if err != nil || string(got) != want {
		t.Fatalf("%s %q is %.80q, %v; want %.80q", kind.Name, id, got, err, want)
	}
}

// expectNone wants ErrNotFound.
func (s *subject) expectNone(t testing.TB, tag string, kind store.Kind, id string) {
	t.Helper()
	got, err := s.Engine.Get(ctx(t), store.Key{Tag: tag, Kind: kind, ID: id})
	if !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("%s %q is %.80q, %v; want ErrNotFound", kind.Name, id, got, err)
	}
}

func (s *subject) ids(t testing.TB, tag, prefix, after string, limit int) []string {
	t.Helper()
	entries, err := s.Engine.Scan(ctx(t), tag, listed, prefix, after, limit)
	if err != nil {
		t.Fatalf("scanning: %v", err)
	}
	ids := make([]string, 0, len(entries))
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}

// ctx ends a test that hangs with an error that names the operation.
func ctx(t interface{ Cleanup(func()) }) context.Context {
	c, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return c
}

// Clock is a clock for store.Options.Now that stands still until it is pushed.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that is years away from the real time: what a store
// reads off another clock shows.
func NewClock() *Clock {
	return &Clock{now: time.Date(2033, 3, 4, 5, 6, 7, 890_000_000, time.UTC)}
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Push moves the clock by d.
func (c *Clock) Push(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Rounds returns how often a test with random parts runs: brief, or soak when the
// environment has SOAK=1.
func Rounds(brief, soak int) int {
	if os.Getenv("SOAK") == "1" {
		return soak
	}
	return brief
}
