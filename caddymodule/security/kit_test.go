package security_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/chosen"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/recent"
	"github.com/cliendo/gateway/caddymodule/security"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

const password = "Kq7Wm3tRzPdv4F"

// house is the security page with all it stands on; a hash is the password itself.
type house struct {
	t         *testing.T
	shift     atomic.Int64
	engine    store.Engine
	dir       *directory.Directory
	sessions  *session.Manager
	factors   *factor.Factors
	party     *factor.Party
	limits    *limit.Limiter
	tries     *attempt.Recorder
	post      *outbox.Outbox
	log       *audit.Log
	mover     *manage.Manager
	mux       *http.ServeMux
	mu        sync.Mutex
	mails     []outbox.Draft
	noted     []attempt.Entry
	mailDown  bool
	mailsFull bool
	noMail    bool
	listDown  bool
	pages     *page.Renderer
	book      *ticket.Book
}

func (h *house) now() time.Time       { return time.Now().Add(time.Duration(h.shift.Load())) }
func (h *house) push(d time.Duration) { h.shift.Add(int64(d)) }

func (h *house) KnownDevice(*http.Request, string) string { return "" }

func (h *house) Note(_ context.Context, e attempt.Entry) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.noted = append(h.noted, e)
	return "K7Q-4MD"
}

func (h *house) Verify(_ context.Context, encoded, typed string, _ passhash.Place) (passhash.Result, error) {
	return passhash.Result{OK: encoded == typed}, nil
}

func (h *house) Hash(_ context.Context, typed string) (string, error) { return typed, nil }

// Send writes what a mail carries, and keeps the mail.
func (h *house) Send(ctx context.Context, d outbox.Draft, with func(store.Tx) error) error {
	if h.mailDown {
		return store.ErrUnavailable
	}
	err := h.post.Send(ctx, d, with)
	if err == nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.mails = append(h.mails, d)
	}
	return err
}

// SendAll is Send for several.
func (h *house) SendAll(ctx context.Context, drafts []outbox.Draft, with func(store.Tx) error) error {
	if h.mailDown {
		return store.ErrUnavailable
	}
	if err := h.post.SendAll(ctx, drafts, with); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mails = append(h.mails, drafts...)
	return nil
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

func (h *house) furnish(e store.Engine) {
	t, ctx := h.t, context.Background()
	h.engine = e
	rules := directory.Rules{Types: directory.BuiltinTypes()}
	h.dir = directory.New(e, directory.Options{Rules: rules, Now: h.now})
	h.sessions = session.New(e, h.dir, session.Settings{
		Limits: session.DefaultLimits(), Rules: rules, Codec: cookie.NewCodec(cookie.Session, [][]byte{[]byte(strings.Repeat("k", 32))}),
	}, session.Options{Now: h.now})
	t.Cleanup(func() { h.sessions.Close(ctx) })
	keys := testkit.Keys(t)
	var err error
	h.party, err = factor.NewParty("localhost", "Test", "http://localhost")
	testkit.Must(t, err)
	h.factors = factor.New(e, factor.Options{Box: testkit.Box(t, keys, "factor"), Issuer: "Test", Now: h.now, Party: h.party})
	h.book = ticket.New(e, ticket.Options{Box: testkit.Box(t, keys, "fresh"), Key: keys.Derive("tickets"), Hasher: h, Mails: h, Now: h.now})
	h.limits = limit.New(e, limit.Config{}, h.now)
	h.books(keys)
	pages, err := page.New(page.Options{Now: h.now, Passkeys: h.party.Fits})
	testkit.Must(t, err)
	h.mount(pages)
	testkit.Must(t, h.dir.CreateAccount(ctx, &store.Account{ID: "praktijk", Name: "Praktijk", State: directory.Active}))
	testkit.Must(t, h.dir.CreateUser(ctx, &store.User{
		ID: "jan", Account: "praktijk", Email: "jan@example.test", Name: "Jan", Type: "teammate", Password: password, Locale: "en",
	}))
}

// mount makes the errand anew.
func (h *house) mount(pages *page.Renderer) {
	h.pages, h.mux = pages, http.NewServeMux()
	o := security.Options{
		Prefix: "/gateway", Origin: "https://app.example/gateway", Sessions: h.sessions, Directory: h.dir, Dispatcher: h, Factors: h.factors,
		Keys: h.factors, Party: h.party, Prover: h.prover(), Hasher: h, Choosing: chosen.Rules{Brand: "Gateway Test", Forbidden: h}, Store: h.engine, Pages: pages, Now: h.now,
		Log:  slog.New(slog.NewTextHandler(h.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		Live: h.sessions, Recent: recent.New(recent.Options{Attempts: h.tries, Mails: h.post, Lines: h.log}), Places: places{},
	}
	if !h.noMail {
		o.Tickets, o.Mails, o.Mover = h.book, h, h.mover
	}
	security.New(o).Mount(h.mux)
}

// Has is the operator's list of one password.
func (h *house) Has(password string) (bool, error) {
	if h.listDown {
		return false, errors.New("no disk")
	}
	return password == "leaked by somebody", nil
}

// withoutMail is the product where no mail is configured.
func (h *house) withoutMail() {
	h.noMail = true
	h.mount(h.pages)
}

func (h *house) owner() outbox.Owner { return outbox.OfUser("praktijk", "jan") }

// prover asks for proofs as the product does.
func (h *house) prover() *proof.Prover {
	o := proof.Options{Directory: h.dir, Limits: h.limits, Hasher: h, Attempts: h, Factors: h.factors, Party: h.party}
	if !h.noMail {
		o.Codes, o.Quota, o.Origin = h.book, h, "https://app.example/gateway"
	}
	return proof.New(o)
}

// Allow refuses mails while mailsFull is set.
func (h *house) Allow(context.Context, outbox.Request) error {
	if h.mailsFull {
		return &outbox.TooMany{Until: h.now().Add(time.Hour)}
	}
	return nil
}

func (h *house) jan() *store.User {
	h.t.Helper()
	u, err := h.dir.User(context.Background(), "praktijk", "jan")
	testkit.Must(h.t, err)
	return u
}

// browser is one that jan is logged in with.
type browser struct {
	h      *house
	cookie string
	header map[string]string
}

func (h *house) login() *browser {
	h.t.Helper()
	s, err := h.sessions.Start(context.Background(), session.Login{User: h.jan(), Amr: []string{"pwd"}})
	testkit.Must(h.t, err)
	return &browser{h: h, cookie: s.Cookie}
}

func (b *browser) do(r *http.Request) *httptest.ResponseRecorder {
	r.AddCookie(&http.Cookie{Name: cookie.Session, Value: b.cookie})
	for name, value := range b.header {
		r.Header.Set(name, value)
	}
	addr := netip.MustParseAddr("192.0.2.1")
	w := httptest.NewRecorder()
	b.h.mux.ServeHTTP(w, visitor.With(r, visitor.Visitor{IP: addr, Network: limit.Network(addr), Agent: "Firefox on Linux"}))
	return w
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	return b.do(httptest.NewRequest(http.MethodGet, "http://localhost/gateway/security"+path, nil))
}

func (b *browser) post(path string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "http://localhost/gateway/security"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// in tells whether the session goes on, and why not.
func (b *browser) in() (cause.Cause, *session.Facts) {
	f, err := b.h.sessions.Check(context.Background(), b.cookie)
	testkit.Must(b.h.t, err)
	return f.Cause, f
}

func (h *house) want(res *httptest.ResponseRecorder, status int, c cause.Cause, location string) {
	h.t.Helper()
	testkit.Want(h.t, res, status, c, location)
}

var (
	keyShown   = regexp.MustCompile(`<code id="key"[^>]*>([A-Z2-7 ]+)</code>`)
	codesShown = regexp.MustCompile(`(?s)<pre class="codes"[^>]*>(.*?)</pre>`)
)

// setUp switches the second step on as a person would, and returns seed and codes.
func (b *browser) setUp() (seed string, codes []string) {
	h := b.h
	h.t.Helper()
	h.want(b.post("/second-step/start", "password", password), 303, "", "/gateway/security/second-step")
	shown := keyShown.FindStringSubmatch(b.get("/second-step").Body.String())
	if shown == nil {
		h.t.Fatal("no key is shown")
	}
	seed = strings.ReplaceAll(shown[1], " ", "")
	h.want(b.post("/second-step/confirm", "code", h.code(seed)), 303, "", "/gateway/security/second-step")
	codes = b.codes()
	h.want(b.post("/second-step/on", "stored", "1"), 303, "", "/gateway/security/second-step?done=on")
	return seed, codes
}

func (b *browser) codes() []string {
	b.h.t.Helper()
	shown := codesShown.FindStringSubmatch(b.get("/second-step").Body.String())
	if shown == nil {
		b.h.t.Fatal("no recovery codes are shown")
	}
	return strings.Split(strings.TrimSpace(shown[1]), "\n")
}

func (h *house) code(seed string) string {
	h.t.Helper()
	code, err := totp.GenerateCode(seed, h.now())
	testkit.Must(h.t, err)
	return code
}

// noSetup says that nothing is being set up in the session of b.
func (h *house) noSetup(b *browser) {
	h.t.Helper()
	res := b.get("/second-step")
	h.want(res, 200, "", "")
	if body := res.Body.String(); testkit.Attr(res, "data-second-step") == "" || keyShown.MatchString(body) || codesShown.MatchString(body) {
		h.t.Errorf("a set-up is shown: %s", body)
	}
}

// letters are the kinds of the mails so far.
func (h *house) letters() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var kinds []string
	for _, m := range h.mails {
		kinds = append(kinds, m.Letter.Kind)
	}
	return strings.Join(kinds, " ")
}

// mailed is the code of the last mail.
func (h *house) mailed() string {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.mails) == 0 || h.mails[len(h.mails)-1].Letter.Code == "" {
		h.t.Fatal("no code was mailed")
	}
	return h.mails[len(h.mails)-1].Letter.Code
}

// edit changes jan from elsewhere.
func (h *house) edit(fn func(u *store.User)) {
	h.t.Helper()
	_, err := h.dir.UpdateUser(context.Background(), "praktijk", "jan", func(u *store.User) error {
		fn(u)
		return nil
	})
	testkit.Must(h.t, err)
}
