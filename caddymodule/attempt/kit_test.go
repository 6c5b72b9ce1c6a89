package attempt_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
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

// kit is a store with a clock, and opens the store again as a restart does.
type kit struct {
	*clock
	store  store.Engine
	reopen func() store.Engine
	path   string // of the file, if it is one
}

func onBolt(t testing.TB) *kit {
	k := &kit{clock: newClock(), path: filepath.Join(t.TempDir(), "store.db")}
	k.reopen = func() store.Engine {
		s, err := boltstore.Open(k.path, store.Options{Now: k.now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	k.open(t)
	return k
}

func onRedis(t testing.TB) *kit {
	k := &kit{clock: newClock()}
	server := redistest.Start(t)
	k.reopen = func() store.Engine {
		s, err := redisstore.Open(server.URL(), store.Options{Now: k.now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	k.open(t)
	return k
}

func (k *kit) open(t testing.TB) {
	k.store = k.reopen()
	t.Cleanup(func() { k.store.Close() })
}

// recorder returns a recorder that flushes only when told.
func (k *kit) recorder(t testing.TB, o attempt.Options) *attempt.Recorder {
	o.Now = k.now
	if o.FlushEvery == 0 {
		o.FlushEvery = time.Hour
	}
	r := attempt.New(k.store, o)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// onEngines runs a test on each engine.
func onEngines(t *testing.T, test func(t *testing.T, k *kit)) {
	t.Run("bolt", func(t *testing.T) { test(t, onBolt(t)) })
	t.Run("redis", func(t *testing.T) { test(t, onRedis(t)) })
}

const (
	office = "192.0.2.1/32"
	agent  = "Firefox / Linux"
)

// wrong is a wrong password for a user's address.
var wrong = attempt.Entry{
	Cause: cause.WrongPassword, Method: "password", Typed: "jan@example.com",
	User: "jan", Account: "praktijk", Network: office, Agent: agent, Locale: "nl",
}

// stranger is a try with an address that nobody has.
var stranger = attempt.Entry{
	Cause: cause.UnknownEmail, Method: "password", Typed: "niemand@example.com", Network: office,
}

func record(t testing.TB, r *attempt.Recorder, e attempt.Entry) string {
	t.Helper()
	ref, err := r.Record(t.Context(), e)
	if err != nil {
		t.Fatalf("recording %+v: %v", e, err)
	}
	return ref
}

func find(t testing.TB, r *attempt.Recorder, reference string) *store.Attempt {
	t.Helper()
	a, err := r.Find(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func of(t testing.TB, r *attempt.Recorder, subject string) []*store.Attempt {
	t.Helper()
	all, err := r.Of(t.Context(), subject, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// faulty is a store whose writes fail while an error is set.
type faulty struct {
	store.Engine
	fault atomic.Pointer[error]
	// after is called after each write, if set.
	after func()
}

func (f *faulty) fail(err error) { f.fault.Store(&err) }
func (f *faulty) heal()          { f.fault.Store(nil) }

func (f *faulty) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	if err := f.fault.Load(); err != nil {
		return *err
	}
	err := f.Engine.Update(ctx, tag, fn)
	if f.after != nil {
		f.after()
	}
	return err
}
