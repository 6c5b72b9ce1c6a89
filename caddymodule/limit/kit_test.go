package limit_test

import (
	"context"
	"errors"
	"flag"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

func TestMain(m *testing.M) {
	// Every step of the model is several writes to a disk; -rapid.checks asks for
	// more rounds.
	if err := flag.Set("rapid.checks", "40"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// clock stands still until it is pushed.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) push(d time.Duration) { c.at.Add(int64(d)) }

// openBolt opens a store in a new file.
func openBolt(t testing.TB, c *clock) store.Engine {
	return openFile(t, c, filepath.Join(t.TempDir(), "store.db"))
}

func openFile(t testing.TB, c *clock, path string) store.Engine {
	s, err := boltstore.Open(path, store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// setup is a limiter on a store of its own, and a clock.
func setup(t testing.TB) (*limit.Limiter, *clock) {
	c := newClock()
	return limit.New(openBolt(t, c), limit.Config{}, c.now), c
}

// openRedis opens a store on a server, one for each call.
func openRedis(t testing.TB, c *clock, server *redistest.Server) store.Engine {
	s, err := redisstore.Open(server.URL(), store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// onNodes runs a test on each engine, and with two nodes on one store where
// that can be. Nodes share a clock.
func onNodes(t *testing.T, test func(t *testing.T, c *clock, nodes []*limit.Limiter)) {
	for name, open := range map[string]func(t *testing.T, c *clock) []store.Engine{
		"bolt": func(t *testing.T, c *clock) []store.Engine { return []store.Engine{openBolt(t, c)} },
		"redis": func(t *testing.T, c *clock) []store.Engine {
			return []store.Engine{openRedis(t, c, redistest.Start(t))}
		},
		"two nodes on redis": func(t *testing.T, c *clock) []store.Engine {
			server := redistest.Start(t)
			return []store.Engine{openRedis(t, c, server), openRedis(t, c, server)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			var nodes []*limit.Limiter
			for _, s := range open(t, c) {
				nodes = append(nodes, limit.New(s, limit.Config{}, c.now))
			}
			test(t, c, nodes)
		})
	}
}

// fail makes one wrong guess. until is the wait that follows.
func fail(t testing.TB, l *limit.Limiter, try limit.Try) (until time.Time) {
	t.Helper()
	p, err := l.Reserve(t.Context(), try)
	if err != nil {
		t.Fatalf("reserving for a wrong guess: %v", err)
	}
	if until, err = p.Failed(t.Context()); err != nil {
		t.Fatal(err)
	}
	return until
}

// succeed makes one right guess.
func succeed(t testing.TB, l *limit.Limiter, try limit.Try) {
	t.Helper()
	p, err := l.Reserve(t.Context(), try)
	if err != nil {
		t.Fatalf("reserving for a right guess: %v", err)
	}
	if err := p.Succeeded(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// refusal returns how a try is refused, nil when it is not. It changes nothing.
func refusal(t testing.TB, l *limit.Limiter, try limit.Try) *limit.Refused {
	t.Helper()
	until, refused, err := l.Peek(t.Context(), try)
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Reserve(t.Context(), try)
	var r *limit.Refused
	switch {
	case err == nil:
		if err := p.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	case !errors.As(err, &r):
		t.Fatal(err)
	}
	if refused != (r != nil) || refused && !until.Equal(r.Until) {
		t.Fatalf("Peek says %v until %s, Reserve %v", refused, until, err)
	}
	return r
}

// crowd runs n tries side by side, spread over the nodes. Each that gets a
// place calls outcome. It returns how many got one and how many were refused;
// most is the largest number under way at once.
func crowd(t *testing.T, nodes []*limit.Limiter, n int, try func(i int) limit.Try, outcome func(i int, p *limit.Place) error) (placed, refused, most int64) {
	var wg sync.WaitGroup
	var inside, got, turned, peak atomic.Int64
	for i := range n {
		wg.Go(func() {
			p, err := nodes[i%len(nodes)].Reserve(t.Context(), try(i))
			if r := (*limit.Refused)(nil); errors.As(err, &r) {
				turned.Add(1)
				return
			}
			if err != nil {
				t.Errorf("try %d: %v", i, err)
				return
			}
			now := inside.Add(1)
			for old := peak.Load(); now > old && !peak.CompareAndSwap(old, now); old = peak.Load() {
			}
			got.Add(1)
			time.Sleep(time.Millisecond) // comparing takes its time
			inside.Add(-1)
			if err := outcome(i, p); err != nil {
				t.Errorf("try %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	return got.Load(), turned.Load(), peak.Load()
}

// faulty is a store that fails on demand.
type faulty struct {
	store.Engine
	updates atomic.Int64
	// fault is asked before each step; an error of it is the answer.
	fault func(tag string) error
}

func (f *faulty) Get(ctx context.Context, k store.Key) ([]byte, error) {
	return f.Engine.Get(ctx, k)
}

func (f *faulty) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	f.updates.Add(1)
	if f.fault != nil {
		if err := f.fault(tag); err != nil {
			return err
		}
	}
	return f.Engine.Update(ctx, tag, fn)
}
