package secondfactor_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/secondfactor"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// house is the way in, from a first step that is taken for right to the session.
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
	jan      *store.User
	setup    factor.Setup
	mu       sync.Mutex
	told     []string // letters
	settled  []string // tickets that were used
}

func (h *house) now() time.Time       { return time.Now().Add(time.Duration(h.shift.Load())) }
func (h *house) push(d time.Duration) { h.shift.Add(int64(d)) }

type metrics struct{}

func (metrics) Login(string, string) {}
func (metrics) Refused(cause.Cause)  {}
func (metrics) RedirectLoop()        {}

// The tickets of these tests are names; what is told is remembered.
func (h *house) Settle(_ context.Context, u *store.User, id string) (ticket.Settled, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled = append(h.settled, id)
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

func (h *house) letters() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.told, " ")
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
	keys := testkit.Keys(t)
	box, err := keys.NewBox("factor")
	testkit.Must(t, err)
	party, err := factor.NewParty("localhost", "Test", "http://localhost")
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
	secondfactor.New(secondfactor.Options{
		Prefix: "/gateway", Dispatcher: d, Factors: h.factors, Limits: h.limits, Pages: pages, Now: h.now,
	}).Mount(h.mux)
	h.mux.HandleFunc("POST /first", func(w http.ResponseWriter, r *http.Request) {
		u, err := h.dir.User(r.Context(), "praktijk", r.FormValue("user"))
		testkit.Must(t, err)
		p := signin.Proof{User: u, Method: "password", Amr: []string{"pwd"}, Remember: true, Known: d.KnownDevice(r, u.ID) != ""}
		if p.Ticket = r.FormValue("ticket"); p.Ticket != "" {
			p.Method, p.Amr, p.Target = "magic", []string{"otp"}, "/mailed"
		}
		d.Proven(w, r, p)
	})
	testkit.Must(t, h.dir.CreateAccount(ctx, &store.Account{ID: "praktijk", Name: "Praktijk", State: directory.Active, PayURL: "/billing"}))
	h.user("jan", "teammate")
	h.setup = h.enrol("jan")
	h.jan = h.reread("jan")
}

func (h *house) user(id, kind string) {
	h.t.Helper()
	u := &store.User{ID: id, Account: "praktijk", Email: id + "@example.test", Name: "Jan & Co", Type: kind, Password: "hash", Locale: "en"}
	testkit.Must(h.t, h.dir.CreateUser(context.Background(), u))
}

func (h *house) reread(id string) *store.User {
	h.t.Helper()
	u, err := h.dir.User(context.Background(), "praktijk", id)
	testkit.Must(h.t, err)
	return u
}

func (h *house) enrol(id string) factor.Setup {
	h.t.Helper()
	s, err := h.factors.Enrol(context.Background(), h.reread(id))
	testkit.Must(h.t, err)
	return s
}

func (h *house) code() string {
	h.t.Helper()
	code, err := totp.GenerateCode(h.setup.Seed, h.now())
	testkit.Must(h.t, err)
	return code
}

// wrongCode is right at no time near now.
func (h *house) wrongCode() string {
	h.t.Helper()
	for n := 0; ; n++ {
		code := strings.Repeat(string(rune('0'+n%10)), 6)
		near := false
		for step := -12; step <= 12; step++ {
			c, err := totp.GenerateCode(h.setup.Seed, h.now().Add(time.Duration(step)*30*time.Second))
			testkit.Must(h.t, err)
			near = near || c == code
		}
		if !near {
			return code
		}
	}
}

// browser keeps cookies between requests.
type browser struct {
	*testkit.Browser
	h *house
}

func (h *house) browser(ip string) *browser { return &browser{testkit.NewBrowser(h.mux, ip), h} }

// first takes the first step.
func (b *browser) first(user string) *httptest.ResponseRecorder {
	return b.Post("/first?to=%2Fclients%3Fx%3D1", "user", user)
}

func (b *browser) step(code string, more ...string) *httptest.ResponseRecorder {
	return b.Post("/gateway/second-step", append([]string{"code", code}, more...)...)
}

// in tells whether the browser is logged in, and how.
func (b *browser) in() (facts *session.Facts, ok bool) {
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
