package testkit

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

// Bolt opens a store in a folder of the test.
func Bolt(t testing.TB, now func() time.Time) store.Engine {
	t.Helper()
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{Now: now})
	return opened(t, s, err)
}

// Redis opens a store on a server of the test, once for each node.
func Redis(t testing.TB, now func() time.Time, nodes int) []store.Engine {
	t.Helper()
	server := redistest.Start(t)
	var all []store.Engine
	for range nodes {
		s, err := redisstore.Open(server.URL(), store.Options{Now: now})
		all = append(all, opened(t, s, err))
	}
	return all
}

func opened(t testing.TB, s store.Engine, err error) store.Engine {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// OnEngines runs a test on both kinds of store, with a clock that stands at a moment.
func OnEngines(t *testing.T, at time.Time, test func(t *testing.T, c *Clock, s store.Engine)) {
	t.Helper()
	t.Run("bolt", func(t *testing.T) {
		c := NewClock(at)
		test(t, c, Bolt(t, c.Now))
	})
	t.Run("redis", func(t *testing.T) {
		c := NewClock(at)
		test(t, c, Redis(t, c.Now, 1)[0])
	})
}

// OnNodes runs a test on one node with bolt, and on two with Redis between them.
func OnNodes(t *testing.T, at time.Time, test func(t *testing.T, c *Clock, nodes ...store.Engine)) {
	t.Helper()
	t.Run("bolt", func(t *testing.T) {
		c := NewClock(at)
		test(t, c, Bolt(t, c.Now))
	})
	t.Run("two nodes on redis", func(t *testing.T) {
		c := NewClock(at)
		test(t, c, Redis(t, c.Now, 2)...)
	})
}
