package guard_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/cliendo/gateway/caddymodule/assertion"
	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// What a request costs in the guard itself: the sessions are real, on a real
// file; pages and app do nothing.

func BenchmarkAuthenticated(b *testing.B) { benchServe(b, "/app/clients/17", true, "") }

// BenchmarkAsserted is one of a site whose app gets a signed assertion as well.
func BenchmarkAsserted(b *testing.B) {
	g, cookies := benchGuard(b, "https://app.example")
	benchLoop(b, g, "/app/clients/17", cookies, "")
}

func BenchmarkAnonymous(b *testing.B) { benchServe(b, "/app/clients/17", false, "") }

func BenchmarkPublic(b *testing.B) { benchServe(b, "/assets/app.css", false, "") }

// BenchmarkStrip is a visitor who says to be somebody, in four spellings.
func BenchmarkStrip(b *testing.B) { benchServe(b, "/app/clients/17", true, "boss") }

func benchServe(b *testing.B, path string, loggedIn bool, forged string) {
	g, cookies := benchGuard(b, "")
	if !loggedIn {
		cookies = ""
	}
	benchLoop(b, g, path, cookies, forged)
}

func benchLoop(b *testing.B, g *guard.Guard, path, cookies, forged string) {
	b.Helper()
	template := http.Header{
		"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		"Accept-Encoding": {"gzip, deflate, br"}, "Accept-Language": {"nl,en;q=0.7"},
		"Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"same-origin"},
		"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
	}
	if cookies != "" {
		template.Set("Cookie", "theme=dark; "+cookies)
	}
	if forged != "" {
		for _, name := range []string{"Remote-User", "remote_user", "REMOTE.USER", "Remote-Groups"} {
			template[name] = []string{forged}
		}
	}
	u := &url.URL{Path: path}
	r := httptest.NewRequest(http.MethodGet, "https://app.example"+path, nil)
	r.RequestURI, r.URL = path, u
	w := &benchWriter{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(r.Header)
		for name, values := range template {
			r.Header[name] = values
		}
		clear(w.header)
		if err := g.Serve(w, r, guard.Original{Method: r.Method, URL: u}, nil, benchApp{}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if got, want := r.Header.Get("Remote-User") != "", cookies != ""; got != want {
		b.Fatalf("the app was told of a user: %v, want %v", got, want)
	}
	if got, want := r.Header.Get("Remote-Assertion") != "", g.Site.Audience != ""; got != want {
		b.Fatalf("the app got an assertion: %v, want %v", got, want)
	}
	if r.Header.Get("Remote-User") == forged && forged != "" {
		b.Fatal("the forged user reached the app")
	}
}

// benchGuard returns a guard on a real store, and the Cookie header of a session.
func benchGuard(b *testing.B, audience string) (*guard.Guard, string) {
	b.Helper()
	ctx := context.Background()
	s, err := boltstore.Open(filepath.Join(b.TempDir(), "gateway.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	dir := directory.New(s, directory.Options{})
	if err := dir.CreateAccount(ctx, &store.Account{ID: "praktijk", Name: "Praktijk", State: directory.Active}); err != nil {
		b.Fatal(err)
	}
	u := &store.User{Account: "praktijk", Email: "anna@praktijk.example", Name: "Anna Jansen", Type: "teammate"}
	if err := dir.CreateUser(ctx, u); err != nil {
		b.Fatal(err)
	}
	keys, err := secret.NewKeys([]byte("q8Zr1vX0c7Lk2mNp9sTu4wYb6dEf3gHj"))
	if err != nil {
		b.Fatal(err)
	}
	m := session.New(s, dir, session.Settings{
		Limits: session.DefaultLimits(), Rules: dir.Rules(),
		Codec: cookie.NewCodec(cookie.Session, keys.DeriveAll("session cookie")),
	}, session.Options{})
	b.Cleanup(func() { m.Close(ctx) })
	started, err := m.Start(ctx, session.Login{User: u, Amr: []string{"pwd"}})
	if err != nil {
		b.Fatal(err)
	}
	signer, err := assertion.New("https://app.example", keys.DeriveAll("assertion")...)
	if err != nil {
		b.Fatal(err)
	}
	return guard.New(guard.Options{
		Asserter: signer,
		Site: guard.Site{
			Prefix: "/gateway", Headers: guard.DefaultHeaders, HTTPS: true, Audience: audience,
			Public: []guard.Public{{Methods: []string{"GET", "HEAD"}, Pattern: guard.NewPattern("/assets/*")}},
		},
		Sessions: m, Pages: benchPages{}, Attempts: benchAttempts{}, Metrics: benchMetrics{}, Own: http.NotFoundHandler(),
		Visitor: func(*http.Request) visitor.Visitor { return visitor.Visitor{} },
	}), cookie.Name(cookie.Session, cookie.Form{Secure: true}) + "=" + started.Cookie
}

// benchApp answers 1 KiB, like the upstream of the large bench.
type benchApp struct{}

var benchBody [1024]byte

func (benchApp) ServeHTTP(w http.ResponseWriter, _ *http.Request) error {
	_, err := w.Write(benchBody[:])
	return err
}

type benchWriter struct{ header http.Header }

func (w *benchWriter) Header() http.Header         { return w.header }
func (w *benchWriter) WriteHeader(int)             {}
func (w *benchWriter) Write(p []byte) (int, error) { return io.Discard.Write(p) }

type benchPages struct{}

func (benchPages) Login(http.ResponseWriter, *http.Request, int, page.Login) {}
func (benchPages) Refusal(http.ResponseWriter, *http.Request, page.Refusal)  {}
func (benchPages) Stay(http.ResponseWriter, *http.Request, int, page.Stay)   {}
func (benchPages) Framed(http.ResponseWriter, *http.Request, page.Framed)    {}
func (benchPages) Locale(*http.Request, string) string                       { return "nl" }
func (benchPages) Text(_, id string, _ ...any) string                        { return id }

type benchAttempts struct{}

func (benchAttempts) Record(context.Context, attempt.Entry) (string, error) { return "K7Q-4MD", nil }

type benchMetrics struct{}

func (benchMetrics) Refused(cause.Cause) {}
func (benchMetrics) RedirectLoop()       {}
