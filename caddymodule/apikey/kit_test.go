package apikey_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock stands still until it is pushed.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) push(d time.Duration) { c.at.Add(int64(d)) }

// counting counts what is asked of a store.
type counting struct {
	store.Engine
	reads, writes atomic.Int64
}

func (c *counting) Scan(ctx ctx, tag string, kind store.Kind, prefix, after string, limit int) ([]store.Entry, error) {
	c.reads.Add(1)
	return c.Engine.Scan(ctx, tag, kind, prefix, after, limit)
}

func (c *counting) Get(ctx ctx, key store.Key) ([]byte, error) {
	c.reads.Add(1)
	return c.Engine.Get(ctx, key)
}

func (c *counting) Update(ctx ctx, tag string, fn func(store.Tx) error) error {
	c.writes.Add(1)
	return c.Engine.Update(ctx, tag, fn)
}

// house is two nodes on one store; on a file both are the same store.
type house struct {
	*clock
	t        *testing.T
	engine   *counting
	one, two *apikey.Book
	dir      *directory.Directory
}

func onEngines(t *testing.T, test func(t *testing.T, h *house)) {
	for name, open := range map[string]func(*testing.T, store.Options) (store.Engine, store.Engine){
		"bolt": func(t *testing.T, o store.Options) (store.Engine, store.Engine) {
			s, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), o)
			opened(t, s, err)
			return s, s
		},
		"redis": func(t *testing.T, o store.Options) (store.Engine, store.Engine) {
			server := redistest.Start(t)
			one, err := redisstore.Open(server.URL(), o)
			opened(t, one, err)
			two, err := redisstore.Open(server.URL(), o)
			opened(t, two, err)
			return one, two
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := &clock{}
			c.at.Store(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC).UnixNano())
			one, two := open(t, store.Options{Now: c.now})
			h := &house{clock: c, t: t, engine: &counting{Engine: one}}
			h.dir = directory.New(h.engine, directory.Options{Now: c.now})
			h.one = apikey.New(h.engine, h.dir, apikey.Options{Now: c.now})
			h.two = apikey.New(two, h.dir, apikey.Options{Now: c.now})
			t.Cleanup(func() { h.one.Close(); h.two.Close() })
			must(t, h.dir.CreateAccount(t.Context(), &store.Account{ID: "acme", Name: "Acme", State: directory.Active}))
			test(t, h)
		})
	}
}

func opened(t *testing.T, s store.Engine, err error) {
	t.Helper()
	must(t, err)
	t.Cleanup(func() { s.Close() })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// make makes a key that may read users.
func (h *house) make(account string) (*store.APIKey, string) {
	h.t.Helper()
	k, key, err := h.one.Make(h.t.Context(), apikey.Wanted{
		Name: "Billing", Scopes: []string{apikey.UsersRead}, Account: account, By: "support",
	})
	must(h.t, err)
	return k, key
}
