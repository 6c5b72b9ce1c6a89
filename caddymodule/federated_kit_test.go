package caddymodule_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/federated"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/password"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/recent"
	"github.com/cliendo/gateway/caddymodule/secondfactor"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/security"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// oracle is a provider that says what it is told to say: of a code, who it is. It
// takes each code once, as they all do.
type oracle struct {
	name  string
	mu    sync.Mutex
	away  bool
	codes map[string]provider.Identity
	begun map[string]provider.Flow // by state
	asked int                      // how often it was asked who it is
}

func (o *oracle) Name() string        { return o.name }
func (o *oracle) Label() string       { return strings.ToUpper(o.name[:1]) + o.name[1:] }
func (o *oracle) Kind() provider.Kind { return provider.Kind(o.name) }
func (o *oracle) Ready() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.away
}

func (o *oracle) Chooses() bool { return o.name != "linkedin" }

func (o *oracle) Enough(id *provider.Identity) bool { return id.Acr == "enough" }

func (o *oracle) Begin(_ context.Context, f provider.Flow) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begun[f.State] = f
	q := url.Values{"state": {f.State}, "prompt": {f.Prompt}, "login_hint": {f.LoginHint}}
	return "https://" + o.name + ".example/auth?" + q.Encode(), nil
}

func (o *oracle) Finish(_ context.Context, callback url.Values, f provider.Flow) (*provider.Identity, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	refuse := func(why provider.Reason) (*provider.Identity, error) {
		return nil, &provider.RefusedError{Provider: o.name, Reason: why, Err: errors.New("said the oracle")}
	}
	if callback.Get("error") != "" {
		return refuse(provider.ReasonCancelled)
	}
	begun := o.begun[callback.Get("state")]
	id, ok := o.codes[callback.Get("code")]
	delete(o.codes, callback.Get("code"))
	if begun.LoginHint = ""; !ok || f != begun { // state, nonce, verifier, redirect: as they were asked
		return refuse(provider.ReasonCode)
	}
	return &id, nil
}

// inn is the rooms of logging in by providers, one mux for each node.
type inn struct {
	*testing.T
	*testkit.Clock
	store   store.Engine
	dir     *directory.Directory
	book    *identity.Book
	factors *factor.Factors
	hasher  testkit.Hasher
	post    *testkit.Post
	google  *oracle
	school  *oracle
	heard   *heard
	nodes   []*http.ServeMux
	checks  []*session.Manager
	n       int
}

func atInn(t *testing.T, test func(w *inn)) {
	testkit.OnNodes(t, testkit.Monday, func(t *testing.T, c *testkit.Clock, engines ...store.Engine) {
		test(furnished(t, c, engines...))
	})
}

func furnished(t *testing.T, c *testkit.Clock, engines ...store.Engine) *inn {
	t.Helper()
	w := &inn{T: t, Clock: c, store: engines[0], heard: &heard{logins: map[string]int{}}}
	w.google = &oracle{name: "google", codes: map[string]provider.Identity{}, begun: map[string]provider.Flow{}}
	w.school = &oracle{name: "school", codes: map[string]provider.Identity{}, begun: map[string]provider.Flow{}}
	keys := testkit.Keys(t)
	for _, e := range engines {
		w.open(keys, e)
	}
	w.dir = directory.New(w.store, directory.Options{Now: c.Now})
	w.book = identity.New(w.store, c.Now)
	testkit.Must(t, w.dir.CreateAccount(t.Context(), &store.Account{ID: "acme", Name: "Acme", State: directory.Active}))
	for _, name := range []string{"jan", "piet"} {
		w.person(name, "hash of "+name)
	}
	return w
}

func (w *inn) person(name, hash string) {
	w.Helper()
	testkit.Must(w, w.dir.CreateUser(w.Context(), &store.User{
		ID: name, Account: "acme", Email: name + "@acme.test", Name: name, Type: "teammate", Locale: "en", Password: hash,
	}))
}

// open builds the rooms of one node.
func (w *inn) open(keys *secret.Keys, e store.Engine) {
	w.Helper()
	now := w.Now
	codec := func(base string) *cookie.Codec { return cookie.NewCodec(base, keys.DeriveAll(base)) }
	dir := directory.New(e, directory.Options{Now: now})
	limits := limit.New(e, limit.Config{}, now)
	attempts := attempt.New(e, attempt.Options{Now: now})
	sessions := session.New(e, dir, session.Settings{Limits: session.DefaultLimits(), Codec: codec(cookie.Session)}, session.Options{Now: now})
	w.Cleanup(func() {
		attempts.Close()
		sessions.Close(context.Background())
	})
	party, err := factor.NewParty("localhost", "Test", "http://localhost")
	testkit.Must(w, err)
	factors := factor.New(e, factor.Options{Box: testkit.Box(w, keys, "factor"), Issuer: "Test", Now: now, Party: party, Challenges: keys.DeriveAll("passkeys")})
	w.factors = factors
	words, err := letter.New(letter.Options{})
	testkit.Must(w, err)
	post := &testkit.Post{Outbox: outbox.New(e, outbox.Options{Box: testkit.Box(w, keys, "outbox"), Renderer: words, From: "a@app.example", Now: now})}
	if w.post == nil {
		w.post = post
	}
	tickets := ticket.New(e, ticket.Options{Box: testkit.Box(w, keys, "fresh"), Key: keys.Derive("tickets"), Hasher: &w.hasher, Mails: post, Now: now})
	pages, err := page.New(page.Options{Now: now})
	testkit.Must(w, err)
	providers := []federated.Provider{w.google, w.school}
	pages = pages.Offering(func(r *http.Request) page.Ways {
		ways := federated.Offered(providers)
		ways.Last = signin.LastWay(testkit.Sealed(cookie.Device), r, false)
		return ways
	})
	d := signin.New(signin.Options{
		Prefix: "/gateway", Device: testkit.Sealed(cookie.Device), Flow: testkit.Sealed(cookie.Flow), Sessions: sessions, Directory: dir, Pages: pages,
		Attempts: attempts, Tickets: tickets, Factors: factors, Metrics: w.heard, Origin: townOrigin, Now: now,
	})
	flows := identity.NewFlows(e, testkit.Box(w, keys, "flows"), now)
	own := security.New(security.Options{
		Prefix: "/gateway", Origin: townOrigin, Sessions: sessions, Directory: dir, Rules: dir.Rules(), Dispatcher: d, Factors: factors, Keys: factors, Party: party,
		Prover: proof.New(proof.Options{Directory: dir, Limits: limits, Hasher: &w.hasher, Factors: factors, Attempts: d}),
		Store:  e, Tickets: tickets, Mails: post, Pages: pages, IdentityPages: pages, Live: sessions, Recent: recent.New(recent.Options{Attempts: attempts, Mails: post, Lines: audit.New(e, audit.Options{Now: now})}), Now: now,
		Linking: &security.Linking{Providers: []security.Provider{w.google, w.school}, Book: identity.New(e, now), Flows: flows, Browsers: d, Origin: townOrigin},
	})
	mux := http.NewServeMux()
	for _, room := range []interface{ Mount(*http.ServeMux) }{
		d, own,
		password.New(password.Options{Prefix: "/gateway", Dispatcher: d, Directory: dir, Limits: limits, Hasher: &w.hasher, Pages: pages, Now: now}),
		secondfactor.New(secondfactor.Options{Prefix: "/gateway", Dispatcher: d, Factors: factors, Limits: limits, Pages: pages, Now: now}),
		federated.New(federated.Options{
			Prefix: "/gateway", Origin: townOrigin, Providers: providers, Dispatcher: d, Identities: identity.New(e, now), Flows: flows,
			Linker: own, Limits: limits, Pages: pages,
		}),
	} {
		room.Mount(mux)
	}
	w.nodes, w.checks = append(w.nodes, mux), append(w.checks, sessions)
}

// ServeHTTP gives each request to the next node: what one begins another finishes.
func (w *inn) ServeHTTP(res http.ResponseWriter, r *http.Request) {
	w.n++
	w.nodes[w.n%len(w.nodes)].ServeHTTP(res, r)
}

// guest is somebody's browser.
type guest struct {
	*testkit.Browser
	w   *inn
	res *httptest.ResponseRecorder
}

func (w *inn) guest() *guest { return &guest{Browser: testkit.NewBrowser(w, "192.0.2.1"), w: w} }

func (g *guest) get(path string) *guest {
	g.res = g.Get(path)
	return g
}

func (g *guest) post(path string, pairs ...string) *guest {
	g.res = g.Post(path, pairs...)
	return g
}

// is checks status, cause and where it leads.
func (g *guest) is(status int, c, location string) *guest {
	g.w.Helper()
	found := ""
	if m := causeInPage.FindStringSubmatch(g.res.Body.String()); m != nil {
		found = m[1]
	}
	if g.res.Code != status || found != c || location != "*" && g.res.Header().Get("Location") != location {
		g.w.Fatalf("%d %q to %q, want %d %q to %q\n%s", g.res.Code, found, g.res.Header().Get("Location"), status, c, location, g.res.Body)
	}
	return g
}

// sent is the question that the browser was sent to the provider with.
func (g *guest) sent() url.Values {
	g.w.Helper()
	to := g.res.Header().Get("Location")
	if refresh := g.res.Header().Get("Refresh"); refresh != "" {
		to = strings.TrimPrefix(refresh, "0; url=")
	}
	u, err := url.Parse(to)
	if err != nil || !strings.HasSuffix(u.Host, ".example") {
		g.w.Fatalf("sent to %q: %d %s", to, g.res.Code, g.res.Body)
	}
	return u.Query()
}

// answers has a provider say who it is, and returns the way back.
func (o *oracle) answers(state, subject string) string {
	code := secret.ID()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.codes[code] = provider.Identity{
		Issuer: "https://" + o.name + ".example", Subject: subject, Email: subject + "@mail.example", EmailVerified: true,
	}
	return "/gateway/provider/" + o.name + "/callback?" + url.Values{"state": {state}, "code": {code}}.Encode()
}

// by goes to Google and comes back as somebody.
func (g *guest) by(subject, to string) *guest {
	g.w.Helper()
	g.get("/gateway/provider/google?to=" + url.QueryEscape(to))
	return g.get(g.w.google.answers(g.sent().Get("state"), subject))
}

// in tells whom the session of the browser belongs to.
func (g *guest) in() string {
	g.w.Helper()
	f, err := g.w.checks[0].Check(g.w.Context(), g.Cookies[cookie.Session])
	testkit.Must(g.w, err)
	if f.Session == nil || f.Cause != "" {
		return ""
	}
	return f.User.ID()
}

// isOut wants somebody's session over. Another node than the one that ended it may hold it until word of that arrives.
func (g *guest) isOut() {
	g.w.Helper()
	const patience = 400
	for range patience {
		if g.in() == "" {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	g.w.Errorf("%s is still in", g.in())
}

func (g *guest) login(name string) *guest {
	g.w.Helper()
	g.post("/gateway/login", "email", name+"@acme.test", "password", name)
	if g.in() != name {
		g.w.Fatalf("%s is not in: %d %s", name, g.res.Code, g.res.Body)
	}
	return g
}

// links is somebody who has a Google account linked.
func (w *inn) links(name, subject string) {
	w.Helper()
	u, err := w.dir.User(w.Context(), "acme", name)
	testkit.Must(w, err)
	ctx := audit.As(w.Context(), audit.Actor{Kind: audit.ByUser, ID: name, Account: "acme"})
	n := identity.Named{Provider: "google", Issuer: "https://google.example", Subject: subject, Email: subject + "@mail.example"}
	testkit.Must(w, w.book.Link(ctx, u, n, "", func(ctx context.Context, step identity.Step) error {
		return w.store.Update(ctx, store.AccountTag("acme"), func(tx store.Tx) error { return step(ctx, tx, u) })
	}))
}

// linked are the subjects that log somebody in.
func (w *inn) linked(name string) string {
	w.Helper()
	list, err := w.book.List(w.Context(), "acme", name)
	testkit.Must(w, err)
	var all []string
	for _, l := range list {
		all = append(all, l.Subject)
	}
	return strings.Join(all, " ")
}
