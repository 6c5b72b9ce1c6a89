package passkey_test

import (
	"context"
	"encoding/json"
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
	"github.com/cliendo/gateway/caddymodule/factor/softkey"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passkey"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// house is the way in by passkey, from what a browser asks to the session.
type house struct {
	t        *testing.T
	store    store.Engine
	shift    atomic.Int64
	dir      *directory.Directory
	sessions *session.Manager
	factors  *factor.Factors
	attempts *attempt.Recorder
	limits   *limit.Limiter
	mux      *http.ServeMux
	phone    *softkey.Device // with a passkey of jan
	mu       sync.Mutex
	told     []string // letters
}

func (h *house) now() time.Time       { return time.Now().Add(time.Duration(h.shift.Load())) }
func (h *house) push(d time.Duration) { h.shift.Add(int64(d)) }

type metrics struct{}

func (metrics) Login(string, string) {}
func (metrics) Refused(cause.Cause)  {}
func (metrics) RedirectLoop()        {}

// No login here comes from a mail; what is told is remembered.
func (h *house) Settle(_ context.Context, u *store.User, _ string) (ticket.Settled, error) {
	return ticket.Settled{User: u}, nil
}

func (h *house) Began(context.Context, *store.User, string, string) error { return nil }

func (h *house) Fresh(context.Context, *store.User) (string, error) { return "", ticket.ErrNone }

func (h *house) Tell(_ context.Context, _ *store.User, what ticket.Telling) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, what.Kind)
	return nil
}

// letter waits for one of a kind; letters are written beside the answer.
func (h *house) letter(kind string) bool {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		h.mu.Lock()
		found := strings.Contains(strings.Join(h.told, " "), kind)
		h.mu.Unlock()
		if found {
			return true
		}
	}
	return false
}

func onStores(t *testing.T, test func(h *house)) {
	t.Run("bolt", func(t *testing.T) {
		h := &house{t: t}
		h.furnish(testkit.Bolt(t, h.now))
		test(h)
	})
	t.Run("redis", func(t *testing.T) {
		h := &house{t: t}
		h.furnish(testkit.Redis(t, h.now, 1)[0])
		test(h)
	})
}

func codec(base string) *cookie.Codec {
	return cookie.NewCodec(base, [][]byte{[]byte(strings.Repeat("k", 32))})
}

func (h *house) furnish(e store.Engine) {
	t, ctx := h.t, context.Background()
	h.store, h.mux = e, http.NewServeMux()
	rules := directory.Rules{Types: directory.BuiltinTypes()}
	h.dir = directory.New(e, directory.Options{Rules: rules, Now: h.now})
	h.attempts = attempt.New(e, attempt.Options{Now: h.now})
	h.sessions = session.New(e, h.dir, session.Settings{Limits: session.DefaultLimits(), Rules: rules, Codec: codec(cookie.Session)}, session.Options{Now: h.now})
	t.Cleanup(func() {
		h.attempts.Close()
		h.sessions.Close(ctx)
	})
	party, err := factor.NewParty("localhost", "Test", "http://localhost")
	testkit.Must(t, err)
	box, err := testkit.Keys(t).NewBox("factor")
	testkit.Must(t, err)
	h.factors = factor.New(e, factor.Options{Box: box, Issuer: "Test", Now: h.now, Party: party})
	h.limits = limit.New(e, limit.Config{}, h.now)
	pages, err := page.New(page.Options{Now: h.now, Passkeys: party.Fits})
	testkit.Must(t, err)
	d := signin.New(signin.Options{
		Prefix: "/gateway", CanRepair: true, Rules: rules, Device: codec(cookie.Device), Flow: codec(cookie.Flow), Sessions: h.sessions,
		Directory: h.dir, Pages: pages, Attempts: h.attempts, Tickets: h, Factors: h.factors, Metrics: metrics{}, Now: h.now,
	})
	d.Mount(h.mux)
	passkey.New(passkey.Options{
		Prefix: "/gateway", Dispatcher: d, Factors: h.factors, Sessions: h.sessions, Limits: h.limits, Pages: pages, Fits: party.Fits, Now: h.now,
	}).Mount(h.mux)
	testkit.Must(t, h.dir.CreateAccount(ctx, &store.Account{ID: "praktijk", Name: "Praktijk", State: directory.Active, PayURL: "/billing"}))
	h.user("jan", "teammate")
	h.phone = device()
	h.add("jan", h.phone)
}

func device() *softkey.Device { return &softkey.Device{Origin: "http://localhost"} }

func (h *house) user(id, kind string) {
	h.t.Helper()
	testkit.Must(h.t, h.dir.CreateUser(context.Background(), &store.User{
		ID: id, Account: "praktijk", Email: id + "@example.test", Name: id, Type: kind, Password: "hash", Locale: "en",
	}))
}

func (h *house) reread(id string) *store.User {
	h.t.Helper()
	u, err := h.dir.User(context.Background(), "praktijk", id)
	testkit.Must(h.t, err)
	return u
}

// add gives a user a passkey on a device.
func (h *house) add(user string, d *softkey.Device) {
	h.t.Helper()
	ctx, u := context.Background(), h.reread(user)
	asked, err := h.factors.AskNew(ctx, u, "a session")
	testkit.Must(h.t, err)
	answer, err := d.Create(asked)
	testkit.Must(h.t, err)
	made, err := h.factors.MakeKey(u, "a session", answer)
	testkit.Must(h.t, err)
	testkit.Must(h.t, h.store.Update(ctx, store.AccountTag("praktijk"), func(tx store.Tx) error {
		_, err := h.factors.AddKey(ctx, tx, u, made, "Phone", "")
		return err
	}))
}

func (h *house) change(user string, fn func(u *store.User)) {
	h.t.Helper()
	_, err := h.dir.UpdateUser(context.Background(), "praktijk", user, func(u *store.User) error {
		fn(u)
		return nil
	})
	testkit.Must(h.t, err)
}

// browser keeps cookies between requests.
type browser struct {
	*testkit.Browser
	h *house
}

func (h *house) browser(ip string) *browser { return &browser{testkit.NewBrowser(h.mux, ip), h} }

// asked is what the login page of this browser asks a device for.
func (b *browser) asked() string {
	b.h.t.Helper()
	res := b.Get("/gateway/passkey/options")
	if res.Code != http.StatusOK || !json.Valid(res.Body.Bytes()) || res.Header().Get("Cache-Control") != "no-store" {
		b.h.t.Fatalf("%d %v: %s", res.Code, res.Header(), res.Body)
	}
	return res.Body.String()
}

// answer is what a device says to that.
func (b *browser) answer(d *softkey.Device) string {
	b.h.t.Helper()
	text, err := d.Get(b.asked())
	testkit.Must(b.h.t, err)
	return text
}

func (b *browser) post(answer string, more ...string) *httptest.ResponseRecorder {
	return b.Post("/gateway/passkey/login?to=%2Fclients%3Fx%3D1", append([]string{"passkey", answer}, more...)...)
}

// in tells whether the browser is logged in.
func (b *browser) in() (*session.Facts, bool) {
	b.h.t.Helper()
	f, err := b.h.sessions.Check(context.Background(), b.Cookies[cookie.Session])
	testkit.Must(b.h.t, err)
	return f, f.Session != nil && f.Cause == cause.None
}

func attr(res *httptest.ResponseRecorder, name string) string {
	_, rest, _ := strings.Cut(res.Body.String(), name+`="`)
	found, _, _ := strings.Cut(rest, `"`)
	return found
}

// want checks status, cause and where an answer leads.
func (h *house) want(res *httptest.ResponseRecorder, status int, c cause.Cause, location string) {
	h.t.Helper()
	if res.Code != status || attr(res, "data-cause") != string(c) || res.Header().Get("Location") != location {
		h.t.Fatalf("%d %q to %q, want %d %q to %q: %s", res.Code, attr(res, "data-cause"), res.Header().Get("Location"), status, c, location, res.Body)
	}
}

// refused wants a passkey that was refused, with a page to go on from and nobody in.
func (b *browser) refused(name string, res *httptest.ResponseRecorder, status int, c cause.Cause) {
	b.h.t.Helper()
	if res.Code != status || attr(res, "data-cause") != string(c) || attr(res, "data-reference") == "" || !strings.Contains(res.Body.String(), `id="password"`) {
		b.h.t.Errorf("%s: %d %q, want %d %q: %.1500s", name, res.Code, attr(res, "data-cause"), status, c, res.Body)
	}
	if f, _ := b.in(); f.Session != nil {
		b.h.t.Errorf("%s: a session", name)
	}
}
