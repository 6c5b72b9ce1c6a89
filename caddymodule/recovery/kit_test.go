package recovery_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/password"
	"github.com/cliendo/gateway/caddymodule/recovery"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

const (
	origin = "https://app.example.test/gateway"
	old    = "Kq7Wm3tRzPdv4F"
)

// post remembers what it was given to send, and has the real outbox write it.
type post struct {
	*outbox.Outbox
	mu    sync.Mutex
	mails []outbox.Draft
}

func (p *post) Send(ctx context.Context, d outbox.Draft, with func(store.Tx) error) error {
	err := p.Outbox.Send(ctx, d, with)
	if err == nil && d.Letter.Kind != letter.NewDevice { // which comes when it comes
		p.mu.Lock()
		p.mails = append(p.mails, d)
		p.mu.Unlock()
	}
	return err
}

type metrics struct{}

func (metrics) Login(string, string) {}
func (metrics) Refused(cause.Cause)  {}
func (metrics) RedirectLoop()        {}

type house struct {
	t        *testing.T
	store    *testkit.Counted
	path     string // of the file, if it is one
	shift    atomic.Int64
	stopped  atomic.Int64 // unix nanoseconds; zero: it runs
	dir      *directory.Directory
	hasher   *passhash.Hasher
	attempts *attempt.Recorder
	sessions *session.Manager
	post     *post
	book     *ticket.Book
	errand   *recovery.Errand
	mux      *http.ServeMux
	log      *testkit.Log
}

func (h *house) now() time.Time {
	if at := h.stopped.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Now().Add(time.Duration(h.shift.Load()))
}

// stop has the clock stand still: pages tell the time of day.
func (h *house) stop() { h.stopped.Store(h.now().UnixNano()) }

func (h *house) push(d time.Duration) { h.shift.Add(int64(d)) }

func onStores(t *testing.T, mode string, test func(t *testing.T, h *house)) {
	t.Run("bolt", func(t *testing.T) {
		h := &house{t: t, path: filepath.Join(t.TempDir(), "store.db")}
		e, err := boltstore.Open(h.path, store.Options{Now: h.now})
		if err != nil {
			t.Fatal(err)
		}
		h.furnish(e, mode)
		test(t, h)
	})
	t.Run("redis", func(t *testing.T) {
		h := &house{t: t}
		e, err := redisstore.Open(redistest.Start(t).URL(), store.Options{Now: h.now})
		if err != nil {
			t.Fatal(err)
		}
		h.furnish(e, mode)
		test(t, h)
	})
}

func (h *house) furnish(e store.Engine, mode string) {
	t := h.t
	h.store, h.log, h.mux = &testkit.Counted{Engine: e}, &testkit.Log{}, http.NewServeMux()
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.hasher = passhash.New(passhash.Options{Params: passhash.Params{Memory: 64, Time: 1, Threads: 1}, Queue: 4096, PerNetwork: 4096})
	rules := directory.Rules{Types: directory.BuiltinTypes()}
	h.dir = directory.New(h.store, directory.Options{Rules: rules, Now: h.now})
	h.attempts = attempt.New(h.store, attempt.Options{Now: h.now, Log: log})
	codec := func(base string) *cookie.Codec {
		return cookie.NewCodec(base, [][]byte{[]byte(strings.Repeat("k", 32))})
	}
	h.sessions = session.New(h.store, h.dir, session.Settings{
		Limits: session.DefaultLimits(), Rules: rules, Codec: codec(cookie.Session),
	}, session.Options{Now: h.now})
	t.Cleanup(func() {
		h.store.Away.Store(false)
		h.attempts.Close()
		h.sessions.Close(context.Background())
		e.Close()
	})
	keys := testkit.Keys(t)
	box, err := keys.NewBox("outbox")
	testkit.Must(t, err)
	fresh, err := keys.NewBox("fresh")
	testkit.Must(t, err)
	h.post = &post{Outbox: outbox.New(h.store, outbox.Options{Box: box, Now: h.now, Log: log})}
	h.book = ticket.New(h.store, ticket.Options{
		Box: fresh, Key: keys.Derive("tickets"), Hasher: h.hasher, Mails: h.post, Now: h.now, Log: log,
	})
	pages, err := page.New(page.Options{Now: h.now})
	testkit.Must(t, err)
	d := signin.New(signin.Options{
		Prefix: "/gateway", Rules: rules, Device: testkit.Sealed(cookie.Device), Flow: testkit.Sealed(cookie.Flow), Sessions: h.sessions,
		Directory: h.dir, Pages: pages, Attempts: h.attempts, Tickets: h.book, Metrics: metrics{}, Log: log, Now: h.now,
	})
	d.Mount(h.mux)
	password.New(password.Options{
		Prefix: "/gateway", Dispatcher: d, Directory: h.dir, Tickets: h.book, Limits: limit.New(h.store, limit.Config{}, h.now),
		Hasher: h.hasher, Pages: pages, Log: log, Now: h.now,
	}).Mount(h.mux)
	h.errand = recovery.New(recovery.Options{
		Prefix: "/gateway", Origin: origin, Mode: mode, Dispatcher: d, Directory: h.dir, Quota: h.post, Tickets: h.book,
		Attempts: h.attempts, Sessions: h.sessions, Pages: pages, Log: log, Now: h.now,
	})
	h.errand.Mount(h.mux)
	testkit.Must(t, h.dir.CreateAccount(context.Background(), &store.Account{ID: "praktijk", Name: "Praktijk", State: "active"}))
	h.user("jan@example.test")
}

func (h *house) user(email string) *store.User {
	h.t.Helper()
	encoded, err := h.hasher.Hash(context.Background(), old)
	testkit.Must(h.t, err)
	u := &store.User{Account: "praktijk", Email: email, Name: "Jan", Type: "teammate", Password: encoded, Locale: "nl"}
	testkit.Must(h.t, h.dir.CreateUser(context.Background(), u))
	return u
}

// browser keeps cookies between requests.
type browser struct {
	*testkit.Browser
	h *house
}

func (h *house) browser(ip string) *browser { return &browser{testkit.NewBrowser(h.mux, ip), h} }

func (b *browser) login(email, password string) *httptest.ResponseRecorder {
	return b.Post("/gateway/login?to=%2Fclients", "email", email, "password", password)
}

// ask asks for a new password, and returns the mail that was written.
func (b *browser) ask(email string) outbox.Draft {
	b.h.t.Helper()
	before := len(b.h.post.mails)
	res := b.Post("/gateway/recover?to=%2Fclients", "email", email)
	if res.Code != http.StatusSeeOther || len(b.h.post.mails) != before+1 {
		b.h.t.Fatalf("asking for %s: %d, %d mails", email, res.Code, len(b.h.post.mails)-before)
	}
	return b.h.post.mails[before]
}

func (h *house) want(res *httptest.ResponseRecorder, status int, contains string) {
	h.t.Helper()
	if res.Code != status || !strings.Contains(res.Body.String(), contains) && res.Header().Get("Location") != contains {
		h.t.Fatalf("%d to %q, want %d and %q: %s", res.Code, res.Header().Get("Location"), status, contains, res.Body)
	}
}

var shown = regexp.MustCompile(`<code id="secret"[^>]*>([^<]+)</code>`)

func (h *house) shown(res *httptest.ResponseRecorder) string {
	h.t.Helper()
	found := shown.FindStringSubmatch(res.Body.String())
	if res.Code != http.StatusOK || found == nil {
		h.t.Fatalf("no password is shown: %d %s", res.Code, res.Body)
	}
	if got := res.Header().Get("Cache-Control"); got != "no-store" {
		h.t.Errorf("the page with the password may be kept: %q", got)
	}
	return found[1]
}

// nowhere fails where a secret lies in the log or, as it is, in the store.
func (h *house) nowhere(secrets ...string) {
	h.t.Helper()
	places := map[string]string{"log": h.log.String()}
	if h.path != "" {
		raw, err := os.ReadFile(h.path)
		testkit.Must(h.t, err)
		places["store"] = string(raw)
	}
	for place, text := range places {
		for _, s := range secrets {
			if s == "" || strings.Contains(text, s) {
				h.t.Errorf("the secret %q is in the %s", s, place)
			}
		}
	}
}
