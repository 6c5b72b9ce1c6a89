package caddymodule_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
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
	"github.com/cliendo/gateway/caddymodule/magic"
	"github.com/cliendo/gateway/caddymodule/mailed"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// heard counts outcomes.
type heard struct {
	mu     sync.Mutex
	logins map[string]int
}

func (h *heard) Login(method, outcome string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.logins[method+" "+outcome]++
}
func (*heard) Refused(cause.Cause) {}
func (*heard) RedirectLoop()       {}

// tallied counts what is asked of a store.
type tallied struct {
	store.Engine
	reads, writes atomic.Int64
}

func (s *tallied) Get(ctx context.Context, key store.Key) ([]byte, error) {
	s.reads.Add(1)
	return s.Engine.Get(ctx, key)
}

func (s *tallied) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	s.writes.Add(1)
	return s.Engine.Update(ctx, tag, fn)
}

// postbox is an outbox whose letters stay here.
type postbox struct {
	*outbox.Outbox
	mu      sync.Mutex
	letters []outbox.Draft
}

func (p *postbox) Send(ctx context.Context, d outbox.Draft, with func(store.Tx) error) error {
	err := p.Outbox.Send(ctx, d, with)
	if err == nil && d.Letter.Kind != letter.NewDevice { // which comes when it comes
		p.mu.Lock()
		defer p.mu.Unlock()
		p.letters = append(p.letters, d)
	}
	return err
}

// clerk does without the cost of real hashes.
type clerk struct{}

func (clerk) Hash(_ context.Context, password string) (string, error) {
	return "hash of " + password, nil
}

// town is the rooms of logging in by mail, on a real store.
type town struct {
	t        *testing.T
	at       atomic.Int64
	store    *tallied
	dir      *directory.Directory
	limits   *limit.Limiter
	sessions *session.Manager
	post     *postbox
	tickets  *ticket.Book
	heard    *heard
	mux      *http.ServeMux
}

func (w *town) now() time.Time       { return time.Unix(0, w.at.Load()).UTC() }
func (w *town) push(d time.Duration) { w.at.Add(int64(d)) }

func inTown(t *testing.T, test func(w *town)) {
	t.Run("bolt", func(t *testing.T) {
		w := &town{t: t}
		e, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{Now: w.now})
		if err != nil {
			t.Fatal(err)
		}
		w.build(e)
		test(w)
	})
	t.Run("redis", func(t *testing.T) {
		w := &town{t: t}
		e, err := redisstore.Open(redistest.Start(t).URL(), store.Options{Now: w.now})
		if err != nil {
			t.Fatal(err)
		}
		w.build(e)
		test(w)
	})
}

const townOrigin = "https://app.example/gateway"

func (w *town) build(e store.Engine) {
	w.t.Helper()
	must := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.at.Store(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC).UnixNano())
	w.store, w.mux, w.heard = &tallied{Engine: e}, http.NewServeMux(), &heard{logins: map[string]int{}}
	w.dir = directory.New(w.store, directory.Options{Now: w.now})
	w.limits = limit.New(w.store, limit.Config{}, w.now)
	keys, err := secret.NewKeys([]byte(secret.Token()))
	must(err)
	box, err := keys.NewBox("outbox")
	must(err)
	fresh, err := keys.NewBox("fresh")
	must(err)
	words, err := letter.New(letter.Options{})
	must(err)
	w.post = &postbox{Outbox: outbox.New(w.store, outbox.Options{Box: box, Renderer: words, From: "a@app.example", Now: w.now})}
	w.tickets = ticket.New(w.store, ticket.Options{Box: fresh, Key: keys.Derive("tickets"), Hasher: clerk{}, Mails: w.post, Now: w.now})
	attempts := attempt.New(w.store, attempt.Options{Now: w.now})
	codec := func(base string) *cookie.Codec { return cookie.NewCodec(base, keys.DeriveAll(base)) }
	w.sessions = session.New(w.store, w.dir, session.Settings{Limits: session.DefaultLimits(), Codec: codec(cookie.Session)}, session.Options{Now: w.now})
	w.t.Cleanup(func() {
		attempts.Close()
		w.sessions.Close(context.Background())
		e.Close()
	})
	pages, err := page.New(page.Options{Now: w.now})
	must(err)
	d := signin.New(signin.Options{
		Prefix: "/gateway", Device: testkit.Sealed(cookie.Device), Flow: testkit.Sealed(cookie.Flow), Sessions: w.sessions, Directory: w.dir,
		Pages: pages, Attempts: attempts, Tickets: w.tickets, Metrics: w.heard, Now: w.now,
	})
	errand := magic.New(magic.Options{
		Prefix: "/gateway", Origin: townOrigin, Dispatcher: d, Directory: w.dir, Tickets: w.tickets, Quota: w.post,
		Limits: w.limits, Attempts: attempts, Pages: pages, Now: w.now,
	})
	room := mailed.New(mailed.Options{
		Prefix: "/gateway", Tickets: w.tickets, Browsers: d, Pages: pages, Acts: map[string]mailed.Act{ticket.Magic: errand},
	})
	for _, r := range []interface{ Mount(*http.ServeMux) }{d, errand, room} {
		r.Mount(w.mux)
	}
	must(w.dir.CreateAccount(w.t.Context(), &store.Account{ID: "acme", Name: "Acme", State: directory.Active}))
	for _, name := range []string{"jan", "piet"} {
		must(w.dir.CreateUser(w.t.Context(), &store.User{
			ID: name, Account: "acme", Email: name + "@acme.test", Name: name, Type: "teammate", Locale: "nl", Password: "old",
		}))
	}
}

// tab is a browser: it keeps cookies and knows where it is.
type tab struct {
	w       *town
	agent   string
	network string
	lang    string
	cookies map[string]string
	res     *httptest.ResponseRecorder
}

func (w *town) browser(agent, ip string) *tab {
	return &tab{w: w, agent: agent, network: limit.Network(netip.MustParseAddr(ip)), lang: "nl", cookies: map[string]string{}}
}

// do sends a request; a nil form sends no body.
func (b *tab) do(method, target string, form url.Values) *tab {
	b.w.t.Helper()
	if i := strings.Index(target, "/gateway"); i > 0 {
		target = target[i:] // links of mails
	}
	r := httptest.NewRequest(method, "http://localhost"+target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept-Language", b.lang)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	b.res = httptest.NewRecorder()
	b.w.mux.ServeHTTP(b.res, visitor.With(r, visitor.Visitor{Agent: b.agent, Network: b.network, Site: "app.example"}))
	for _, line := range b.res.Header()["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			b.w.t.Fatal(err)
		}
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return b
}

func (b *tab) get(target string) *tab { return b.do(http.MethodGet, target, nil) }

func (b *tab) send(target string, pairs ...string) *tab {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, target, form)
}

func (b *tab) to() string { return b.res.Header().Get("Location") }

// in tells whom the session of this browser belongs to.
func (b *tab) in() string {
	b.w.t.Helper()
	f, err := b.w.sessions.Check(b.w.t.Context(), b.cookies[cookie.Session])
	for i := 0; err != nil && i < 400; i++ {
		// After a leap of the clock sessions learn within a second that the store is there.
		time.Sleep(25 * time.Millisecond)
		f, err = b.w.sessions.Check(b.w.t.Context(), b.cookies[cookie.Session])
	}
	if err != nil {
		b.w.t.Fatal(err)
	}
	if f.Session == nil || f.Cause != cause.None {
		return ""
	}
	return f.User.ID()
}

var causeInPage = regexp.MustCompile(`data-cause="([^"]*)"`)

// told is status and cause of the last answer.
func (b *tab) told() string {
	c := causeInPage.FindStringSubmatch(b.res.Body.String())
	if c == nil {
		return http.StatusText(b.res.Code)
	}
	return http.StatusText(b.res.Code) + " " + c[1]
}

// wants compares what the last answer told.
func (b *tab) wants(want string) *tab {
	b.w.t.Helper()
	if got := b.told(); got != want {
		b.w.t.Errorf("told %q, want %q", got, want)
	}
	return b
}

// asks for a mail and waits on the page that follows.
func (b *tab) asks(address, to string) letter.Letter {
	b.w.t.Helper()
	before := len(b.w.post.letters)
	b.get("/gateway/magic?to="+url.QueryEscape(to)).send("/gateway/magic?to="+url.QueryEscape(to), "email", address)
	if b.res.Code != http.StatusSeeOther {
		b.w.t.Fatalf("asking for a mail: %s", b.told())
	}
	if len(b.w.post.letters) != before+1 {
		b.w.t.Fatalf("%d letters were written", len(b.w.post.letters)-before)
	}
	return b.w.post.letters[before].Letter
}

var matchInPage = regexp.MustCompile(`class="match"><strong>(\d+)<`)

// match reads the digits of the page that waits.
func (b *tab) match() string {
	b.w.t.Helper()
	m := matchInPage.FindStringSubmatch(b.res.Body.String())
	if m == nil {
		b.w.t.Fatalf("no match code: %s", b.told())
	}
	return m[1]
}
