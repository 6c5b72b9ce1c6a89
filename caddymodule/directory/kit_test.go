package directory_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

func TestMain(m *testing.M) {
	if beKilled() {
		return
	}
	goleak.VerifyTestMain(m)
}

// house is a directory on an engine that can be made to fail and to tell what
// was announced.
type house struct {
	*directory.Directory
	*testkit.Clock
	engine *engine
	// second is another node on the same store; the same one where there can be
	// only one.
	second *directory.Directory
}

// onEngines runs a test on a real file and on a real server with two nodes.
func onEngines(t *testing.T, test func(t *testing.T, h *house)) {
	testkit.OnNodes(t, base, func(t *testing.T, c *testkit.Clock, nodes ...store.Engine) {
		h := &house{Clock: c, engine: &engine{Engine: nodes[0]}}
		o := directory.Options{Now: c.Now}
		h.Directory = directory.New(h.engine, o)
		h.second = directory.New(nodes[len(nodes)-1], o)
		test(t, h)
	})
}

func opened(t *testing.T, s store.Engine, err error) store.Engine {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// engine lets a test stop the world before an Update of a tag.
type engine struct {
	store.Engine
	mu     sync.Mutex
	before func(tag string) error
	deaf   bool // does not hear that time is up
}

func (e *engine) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	e.mu.Lock()
	before := e.before
	e.mu.Unlock()
	if before != nil {
		if err := before(tag); err != nil {
			return err
		}
	}
	if e.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	return e.Engine.Update(ctx, tag, fn)
}

// crashAt makes the n-th Update from now on, and all after it, fail as if the
// process had died. n < 0 heals it.
func (e *engine) crashAt(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.before = nil
	if n < 0 {
		return
	}
	var count atomic.Int32
	e.before = func(string) error {
		if int(count.Add(1)) > n {
			return errCrash
		}
		return nil
	}
}

var errCrash = errors.New("the process died")

// watched returns what was announced while do ran.
func (h *house) watched(do func()) []store.Change {
	var mu sync.Mutex
	var changes []store.Change
	stop := h.engine.Watch(func(c store.Change) {
		mu.Lock()
		defer mu.Unlock()
		if !c.Lost {
			changes = append(changes, c)
		}
	})
	do()
	stop()
	return changes
}

func (h *house) account(t *testing.T, id string) *store.Account {
	t.Helper()
	a := &store.Account{ID: id, Name: "Account " + id, State: "active"}
	must(t, h.CreateAccount(t.Context(), a))
	return a
}

func (h *house) user(t *testing.T, account, email string) *store.User {
	t.Helper()
	u := &store.User{Account: account, Email: email, Name: "Somebody", Type: "client"}
	must(t, h.CreateUser(t.Context(), u))
	return u
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

// wantField checks that an error names a field.
func wantField(t *testing.T, err error, field string) {
	t.Helper()
	var f *directory.FieldError
	if !errors.As(err, &f) || f.Field != field {
		t.Fatalf("got error %v, want one about %s", err, field)
	}
}

// owners returns the ids of the users of the account that bear an address: more
// than one is what must never be.
func (h *house) owners(t *testing.T, account, email string) []string {
	t.Helper()
	users, err := h.Users(t.Context(), account, "", 1000)
	must(t, err)
	var ids []string
	for _, u := range users {
		if u.Email == email {
			ids = append(ids, u.ID)
		}
	}
	slices.Sort(ids)
	return ids
}
