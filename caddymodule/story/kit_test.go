package story_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var base = time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC)

// clock stands still until it is pushed.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(base.UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) push(d time.Duration) { c.at.Add(int64(d)) }

// onEngines runs a test on both stores, with a clock that can be pushed.
func onEngines(t *testing.T, test func(t *testing.T, c *clock, s store.Engine)) {
	t.Helper()
	open := func(t *testing.T, c *clock, s store.Engine, err error) {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		test(t, c, s)
	}
	t.Run("bolt", func(t *testing.T) {
		c := newClock()
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{Now: c.now})
		open(t, c, s, err)
	})
	t.Run("redis", func(t *testing.T) {
		c := newClock()
		s, err := redisstore.Open(redistest.Start(t).URL(), store.Options{Now: c.now})
		open(t, c, s, err)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
