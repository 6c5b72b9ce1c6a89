package session_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock stands still until it is pushed.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) push(d time.Duration) { c.at.Add(int64(d)) }

// flaky is a store that can be taken away.
type flaky struct {
	store.Engine
	away   atomic.Bool
	reads  atomic.Int64
	writes atomic.Int64
	since  atomic.Int64 // unix nanoseconds of InSync while away
	// after runs once, when a session was read and nobody has seen it yet.
	after atomic.Pointer[func()]
	clock *clock
}

var errAway = errors.Join(store.ErrUnavailable, errors.New("taken away by the test"))

func (f *flaky) Get(ctx context.Context, key store.Key) ([]byte, error) {
	f.reads.Add(1)
	if f.away.Load() {
		return nil, errAway
	}
	value, err := f.Engine.Get(ctx, key)
	if key.Kind.Name == store.Sessions.Kind.Name {
		if after := f.after.Swap(nil); after != nil {
			(*after)()
		}
	}
	return value, err
}

func (f *flaky) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	f.writes.Add(1)
	if f.away.Load() {
		return errAway
	}
	return f.Engine.Update(ctx, tag, fn)
}

func (f *flaky) InSync() time.Time {
	if f.away.Load() {
		return time.Unix(0, f.since.Load())
	}
	// The clock of the tests jumps by hours; the store is in touch all the while.
	return f.clock.now()
}

func (f *flaky) take(c *clock) {
	f.since.Store(c.now().UnixNano())
	f.away.Store(true)
}

// node is one gateway process as far as sessions go.
type node struct {
	*session.Manager
	dir   *directory.Directory
	store *flaky
}

// kit is a store with an account and a user, seen from one or two nodes.
type kit struct {
	t     *testing.T
	clock *clock
	nodes []node
	user  *store.User
}

const (
	keyOne = "a key of thirty-two bytes, or more!"
	keyTwo = "another key of thirty-two bytes, too"
)

func settings(rules directory.Rules, secrets ...string) session.Settings {
	var old [][]byte
	for _, s := range secrets[1:] {
		old = append(old, []byte(s))
	}
	keys, err := secret.NewKeys([]byte(secrets[0]), old...)
	if err != nil {
		panic(err)
	}
	return session.Settings{
		Limits: session.DefaultLimits(), Rules: rules,
		Codec: cookie.NewCodec(cookie.Session, keys.DeriveAll("session cookie")),
	}
}

func rules() directory.Rules {
	return directory.Rules{Types: directory.BuiltinTypes(), ArrearsBlocksAt: 2, Location: time.UTC}
}

// onStores runs a test on bbolt, and with two nodes on one redis-server.
func onStores(t *testing.T, test func(t *testing.T, k *kit)) {
	t.Run("bolt", func(t *testing.T) {
		c := newClock()
		e, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		test(t, newKit(t, c, e))
	})
	t.Run("two nodes on redis", func(t *testing.T) {
		c, server := newClock(), redistest.Start(t)
		var engines []store.Engine
		for range 2 {
			e, err := redisstore.Open(server.URL(), store.Options{Now: c.now})
			if err != nil {
				t.Fatal(err)
			}
			engines = append(engines, e)
		}
		test(t, newKit(t, c, engines...))
	})
}

func newKit(t *testing.T, c *clock, engines ...store.Engine) *kit {
	k := &kit{t: t, clock: c}
	for _, e := range engines {
		f := &flaky{Engine: e, clock: c}
		dir := directory.New(f, directory.Options{Rules: rules(), Now: c.now})
		m := session.New(f, dir, settings(rules(), keyOne), session.Options{Now: c.now})
		t.Cleanup(func() {
			m.Close(context.Background())
			e.Close()
		})
		k.nodes = append(k.nodes, node{m, dir, f})
	}
	ctx := context.Background()
	if err := k.first().dir.CreateAccount(ctx, &store.Account{ID: "praktijk", Name: "Praktijk", State: "active"}); err != nil {
		t.Fatal(err)
	}
	k.user = &store.User{Account: "praktijk", Email: "jan@example.test", Name: "Jan", Type: "superadmin"}
	if err := k.first().dir.CreateUser(ctx, k.user); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *kit) first() node { return k.nodes[0] }
func (k *kit) last() node  { return k.nodes[len(k.nodes)-1] }

func (k *kit) start(remember bool) string {
	k.t.Helper()
	u, err := k.first().dir.User(context.Background(), k.user.Account, k.user.ID)
	if err != nil {
		k.t.Fatal(err)
	}
	s, err := k.first().Start(context.Background(), session.Login{User: u, Amr: []string{"pwd"}, Remember: remember})
	if err != nil {
		k.t.Fatal(err)
	}
	return s.Cookie
}

// want checks what a node decides right now.
func (k *kit) want(n node, value string, c cause.Cause, why string) {
	k.t.Helper()
	f, err := n.Check(context.Background(), value)
	if err != nil || f.Cause != c || (c == cause.None && f.Session == nil) {
		k.t.Fatalf("%s: %+v, %v; want cause %q", why, f, err, c)
	}
}

// soon is want for another node, which learns of a change within a second.
func (k *kit) soon(n node, value string, c cause.Cause, why string) {
	k.t.Helper()
	k.eventually(why, func() bool {
		f, err := n.Check(context.Background(), value)
		return err == nil && f.Cause == c
	})
}

func (k *kit) eventually(why string, ok func() bool) {
	k.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	k.t.Fatalf("%s: did not happen", why)
}
