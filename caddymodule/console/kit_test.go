package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/console"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/roster"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
	"github.com/cliendo/gateway/caddymodule/tally"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// devices knows none.
type devices struct{}

func (devices) KnownDevice(*http.Request, string) string { return "" }

// steady is a store that is in touch whatever the clock of the test says.
type steady struct {
	store.Engine
	clock *testkit.Clock
	away  atomic.Bool
}

func (s *steady) InSync() time.Time { return s.clock.Now() }

func (s *steady) Get(ctx context.Context, key store.Key) ([]byte, error) {
	if s.away.Load() {
		return nil, store.ErrUnavailable
	}
	return s.Engine.Get(ctx, key)
}

// world is a gateway as far as the admin path goes: two teams, and the staff.
type world struct {
	*testkit.Clock
	t        *testing.T
	store    *steady
	dir      *directory.Directory
	sessions *session.Manager
	attempts *attempt.Recorder
	limits   *limit.Limiter
	log      *audit.Log
	tally    *tally.Counter
	keys     *apikey.Book
	stories  *story.Teller
	post     *testkit.Post
	book     *ticket.Book
	hasher   *testkit.Hasher
	factors  *factor.Factors
	party    *factor.Party
	pages    *page.Renderer
	mux      *http.ServeMux
	cookies  map[string]string // by user
}

// password is that of everybody.
const password = "Planted-Secret-9vXq"

func build(t *testing.T, c *testkit.Clock, engine store.Engine) *world {
	t.Helper()
	keys := testkit.Keys(t)
	box := testkit.Box(t, keys, "outbox")
	w := &world{Clock: c, t: t, store: &steady{Engine: engine, clock: c}, hasher: &testkit.Hasher{}, cookies: map[string]string{}, mux: http.NewServeMux()}
	w.dir = directory.New(w.store, directory.Options{Now: c.Now})
	w.limits = limit.New(w.store, limit.Config{}, c.Now)
	w.tally = tally.New(w.store, tally.Options{Now: c.Now, FlushEvery: time.Hour})
	w.attempts = attempt.New(w.store, attempt.Options{Now: c.Now, Tally: w.tally})
	w.log = audit.New(w.store, audit.Options{Now: c.Now})
	w.post = &testkit.Post{Outbox: outbox.New(w.store, outbox.Options{Box: box, Now: c.Now})}
	w.book = ticket.New(w.store, ticket.Options{Box: box, Key: keys.Derive("tickets"), Hasher: w.hasher, Mails: w.post, Now: c.Now})
	w.sessions = session.New(w.store, w.dir, session.Settings{
		Limits: session.Limits{Idle: 24 * time.Hour, Absolute: 48 * time.Hour, RememberIdle: 24 * time.Hour, RememberAbsolute: 48 * time.Hour},
		Rules:  w.dir.Rules(), Codec: cookie.NewCodec(cookie.Session, keys.DeriveAll("session cookie")),
	}, session.Options{Now: c.Now})
	var err error
	w.party, err = factor.NewParty("localhost", "Test", "http://localhost")
	testkit.Must(t, err)
	w.factors = factor.New(w.store, factor.Options{Box: box, Issuer: "Test", Now: c.Now, Party: w.party})
	w.keys = apikey.New(w.store, w.dir, apikey.Options{Now: c.Now})
	w.stories = story.New(story.Options{Directory: w.dir, Limits: w.limits, Attempts: w.attempts, Mails: w.post, Tickets: w.book, Now: c.Now})
	teams := roster.New(w.store, roster.Options{Now: c.Now})
	w.pages, err = page.New(page.Options{Now: c.Now})
	testkit.Must(t, err)
	t.Cleanup(func() {
		w.sessions.Close(context.Background())
		teams.Close()
		_ = w.attempts.Close()
		_ = w.tally.Close()
		_ = w.keys.Close()
	})
	console.New(console.Options{
		Prefix: "/gateway", Rules: w.dir.Rules(), Sessions: w.sessions, Directory: w.dir, Roster: teams, Devices: devices{}, Audit: w.log,
		Manage: manage.New(manage.Options{
			Store: w.store, Directory: w.dir, Hasher: w.hasher, Limits: w.limits, Sessions: w.sessions, Audit: w.log,
			Tickets: w.book, Mails: w.post, Origin: "https://app.example/gateway", Brand: "Cliendo", Now: c.Now,
		}),
		Stories: w.stories,
		Desk: console.Desk{
			Stories: w.stories, Audit: w.log, Tally: w.tally, Keys: w.keys, Directory: w.dir, Limits: w.limits, Mails: w.post,
		},
		Prover: proof.New(proof.Options{
			Codes: w.book, Quota: w.post, Origin: "https://app.example/gateway",
			Directory: w.dir, Limits: w.limits, Hasher: w.hasher, Attempts: noting{w.attempts},
			Factors: w.factors, Party: w.party,
		}),
		Pages: w.pages, Now: c.Now,
	}).Mount(w.mux)
	w.settle()
	return w
}

// noting keeps attempts as the dispatcher does.
type noting struct{ *attempt.Recorder }

func (n noting) Note(ctx context.Context, e attempt.Entry) (reference string) {
	reference, _ = n.Record(ctx, e)
	return reference
}

// settle fills two teams: everybody of acme has a twin in rival.
func (w *world) settle() {
	w.t.Helper()
	for _, id := range []string{"acme", "rival"} {
		w.account(store.Account{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], State: directory.Active})
		for _, kind := range []string{"superadmin", "admin", "teammate", "client"} {
			w.user(id+"-"+kind, id, kind)
		}
		w.user(id+"-second", id, "superadmin")
	}
	w.user("saskia", directory.StaffAccount, directory.SupportType)
}

func (w *world) account(a store.Account) {
	w.t.Helper()
	if err := w.dir.CreateAccount(w.t.Context(), &a); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) user(id, account, kind string) *store.User {
	w.t.Helper()
	u := &store.User{
		ID: id, Account: account, Email: id + "@demo.test", Name: "Person " + id, Type: kind, Locale: "en",
		Password: "hash of " + password, PasswordChanged: w.Now(),
	}
	if err := w.dir.CreateUser(w.t.Context(), u); err != nil {
		w.t.Fatal(err)
	}
	return u
}

// change changes a user past everybody.
func (w *world) change(id string, fn func(*store.User)) {
	w.t.Helper()
	u := w.find(id)
	if _, err := w.dir.UpdateUser(w.t.Context(), u.Account, id, func(u *store.User) error { fn(u); return nil }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) find(id string) *store.User {
	w.t.Helper()
	u, err := w.dir.FindByID(w.t.Context(), id)
	if err != nil {
		w.t.Fatalf("%s: %v", id, err)
	}
	return u
}

// enter logs somebody in.
func (w *world) enter(id string) {
	w.t.Helper()
	s, err := w.sessions.Start(w.t.Context(), session.Login{User: w.find(id), Amr: []string{"pwd"}, Agent: "Firefox on Linux", Network: "192.0.2.1/32"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.cookies[id] = s.Cookie
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	body string
}

var causeIn = regexp.MustCompile(`data-cause="([a-z_]+)"`)

func (a answer) cause() string {
	if m := causeIn.FindStringSubmatch(a.body); m != nil {
		return m[1]
	}
	return ""
}

func (a answer) to() string { return a.Header().Get("Location") }

// send makes a request as somebody; the empty name is nobody.
func (w *world) send(as, method, path string, form url.Values, headers ...string) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, "http://localhost/gateway/admin"+path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if as != "" {
		if w.cookies[as] == "" {
			w.enter(as)
		}
		r.AddCookie(&http.Cookie{Name: cookie.Session, Value: w.cookies[as]})
	}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return answer{rec, rec.Body.String()}
}

func (w *world) get(as, path string) answer {
	w.t.Helper()
	return w.send(as, http.MethodGet, path, nil)
}

func (w *world) submit(as, path string, fields ...string) answer {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return w.send(as, http.MethodPost, path, form)
}

// raw posts a body as it is.
func (w *world) raw(as, path, kind, body string) answer {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://localhost/gateway/admin"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.AddCookie(&http.Cookie{Name: cookie.Session, Value: w.cookies[as]})
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return answer{rec, rec.Body.String()}
}

// of is the path of a user of acme.
func of(id, rest string) string { return "/accounts/acme/users/" + id + rest }

// onBoth runs a test on both stores.
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	testkit.OnEngines(t, testkit.Monday, func(t *testing.T, c *testkit.Clock, s store.Engine) { test(t, build(t, c, s)) })
}

func onBolt(t *testing.T) *world {
	t.Helper()
	c := testkit.NewClock(testkit.Monday)
	return build(t, c, testkit.Bolt(t, c.Now))
}
