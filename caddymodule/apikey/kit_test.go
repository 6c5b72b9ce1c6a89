package apikey_test

import (
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
	*testkit.Clock
	t        *testing.T
	engine   *counting
	one, two *apikey.Book
	dir      *directory.Directory
}

func onEngines(t *testing.T, test func(t *testing.T, h *house)) {
	testkit.OnNodes(t, testkit.Monday, func(t *testing.T, c *testkit.Clock, nodes ...store.Engine) {
		h := &house{Clock: c, t: t, engine: &counting{Engine: nodes[0]}}
		h.dir = directory.New(h.engine, directory.Options{Now: c.Now})
		h.one = apikey.New(h.engine, h.dir, apikey.Options{Now: c.Now})
		h.two = apikey.New(nodes[len(nodes)-1], h.dir, apikey.Options{Now: c.Now})
		t.Cleanup(func() { h.one.Close(); h.two.Close() })
		must(t, h.dir.CreateAccount(t.Context(), &store.Account{ID: "acme", Name: "Acme", State: directory.Active}))
		test(t, h)
	})
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
