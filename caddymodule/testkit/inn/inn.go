// Package inn is the way in for the tests of its errands: a dispatcher on a store,
// one account, and browsers that knock. What one errand needs besides, its own
// tests add.
package inn

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Account is the id of the one there is.
const Account = "praktijk"

// Inn is the way in, on a store.
type Inn struct {
	T          *testing.T
	Store      store.Engine
	Dir        *directory.Directory
	Sessions   *session.Manager
	Factors    *factor.Factors
	Party      *factor.Party
	Attempts   *attempt.Recorder
	Limits     *limit.Limiter
	Pages      *page.Renderer
	Dispatcher *signin.Dispatcher
	Mux        *http.ServeMux

	shift   atomic.Int64
	mu      sync.Mutex
	told    []string
	settled []string
}

// OnStores runs a test on both kinds of store.
func OnStores(t *testing.T, test func(i *Inn)) {
	t.Helper()
	t.Run("bolt", func(t *testing.T) {
		i := &Inn{T: t}
		i.furnish(testkit.Bolt(t, i.Now))
		test(i)
	})
	t.Run("redis", func(t *testing.T) {
		i := &Inn{T: t}
		i.furnish(testkit.Redis(t, i.Now, 1)[0])
		test(i)
	})
}

func codec(base string) *cookie.Codec {
	return cookie.NewCodec(base, [][]byte{[]byte(strings.Repeat("k", 32))})
}

func (i *Inn) furnish(e store.Engine) {
	t, ctx := i.T, context.Background()
	i.Store, i.Mux = e, http.NewServeMux()
	rules := directory.Rules{Types: directory.BuiltinTypes()}
	i.Dir = directory.New(e, directory.Options{Rules: rules, Now: i.Now})
	i.Attempts = attempt.New(e, attempt.Options{Now: i.Now})
	i.Sessions = session.New(e, i.Dir, session.Settings{Limits: session.DefaultLimits(), Rules: rules, Codec: codec(cookie.Session)}, session.Options{Now: i.Now})
	t.Cleanup(func() {
		testkit.Must(t, i.Attempts.Close())
		i.Sessions.Close(ctx)
	})
	var err error
	i.Party, err = factor.NewParty("localhost", "Test", "http://localhost")
	testkit.Must(t, err)
	i.Factors = factor.New(e, factor.Options{Box: testkit.Box(t, testkit.Keys(t), "factor"), Issuer: "Test", Now: i.Now, Party: i.Party})
	i.Limits = limit.New(e, limit.Config{}, i.Now)
	i.Pages, err = page.New(page.Options{Now: i.Now, Passkeys: i.Party.Fits})
	testkit.Must(t, err)
	i.Dispatcher = signin.New(signin.Options{
		Prefix: "/gateway", CanRepair: true, Rules: rules, Device: testkit.Sealed(cookie.Device), Flow: testkit.Sealed(cookie.Flow), Sessions: i.Sessions,
		Directory: i.Dir, Pages: i.Pages, Attempts: i.Attempts, Tickets: i, Factors: i.Factors, Metrics: deaf{}, Now: i.Now,
	})
	i.Dispatcher.Mount(i.Mux)
	testkit.Must(t, i.Dir.CreateAccount(ctx, &store.Account{ID: Account, Name: "Praktijk", State: directory.Active, PayURL: "/billing"}))
}

// Now is the time at the inn: it goes on, and can be pushed.
func (i *Inn) Now() time.Time { return time.Now().Add(time.Duration(i.shift.Load())) }

// Push lets time pass.
func (i *Inn) Push(d time.Duration) { i.shift.Add(int64(d)) }

// deaf counts nothing.
type deaf struct{}

func (deaf) Login(string, string) {}
func (deaf) Refused(cause.Cause)  {}
func (deaf) RedirectLoop()        {}

// Settle takes every ticket, by its name. Tickets of these tests are names; what is
// told is remembered.
func (i *Inn) Settle(_ context.Context, u *store.User, id string) (ticket.Settled, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.settled = append(i.settled, id)
	return ticket.Settled{User: u}, nil
}

// Settled are the tickets that were used.
func (i *Inn) Settled() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string(nil), i.settled...)
}

// Began has nothing to remember.
func (i *Inn) Began(context.Context, *store.User, string, string) error { return nil }

// Fresh has none.
func (i *Inn) Fresh(context.Context, *store.User) (string, error) { return "", ticket.ErrNone }

// Tell remembers the kind of a letter.
func (i *Inn) Tell(_ context.Context, _ *store.User, what ticket.Telling) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.told = append(i.told, what.Kind)
	return nil
}

// Letters are the kinds of those that were written.
func (i *Inn) Letters() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return strings.Join(i.told, " ")
}

// Letter waits for one of a kind; letters are written beside the answer.
func (i *Inn) Letter(kind string) bool {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(i.Letters(), kind) {
			return true
		}
	}
	return false
}

// User makes one.
func (i *Inn) User(id, kind, name string) {
	i.T.Helper()
	testkit.Must(i.T, i.Dir.CreateUser(context.Background(), &store.User{
		ID: id, Account: Account, Email: id + "@example.test", Name: name, Type: kind, Password: "hash", Locale: "en",
	}))
}

// Reread is a user as they are now.
func (i *Inn) Reread(id string) *store.User {
	i.T.Helper()
	u, err := i.Dir.User(context.Background(), Account, id)
	testkit.Must(i.T, err)
	return u
}

// Facts are what is known of the session of a browser, and whether it is in.
func (i *Inn) Facts(b *testkit.Browser) (*session.Facts, bool) {
	i.T.Helper()
	f, err := i.Sessions.Check(context.Background(), b.Cookies[cookie.Session])
	testkit.Must(i.T, err)
	return f, f.Session != nil && f.Cause == cause.None
}

// Want checks status, cause and where an answer leads.
func (i *Inn) Want(res *httptest.ResponseRecorder, status int, c cause.Cause, location string) {
	i.T.Helper()
	testkit.Want(i.T, res, status, c, location)
}
