package guard_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// sessions answers from a table of cookies; "down" stands for an absent store.
type sessions map[string]*session.Facts

func (s sessions) Check(_ context.Context, value string) (*session.Facts, error) {
	if value == "down" {
		return nil, store.ErrUnavailable
	}
	if f := s[value]; f != nil {
		return f, nil
	}
	return session.Refused(cause.NotLoggedIn), nil
}

func (s sessions) Peek(ctx context.Context, value string) (*session.Facts, *session.Live, error) {
	f, err := s.Check(ctx, value)
	if err != nil || f.Session == nil {
		return f, nil, err
	}
	return f, &session.Live{}, nil
}

func (s sessions) Watch(string, func()) *session.Stream {
	panic("no test of this package opens a stream")
}

func (s sessions) End(_ context.Context, value string) error {
	delete(s, value)
	return nil
}

// users notes whose sessions were ended, all of them.
type users struct{ ended []string }

func (u *users) EndSessions(_ context.Context, account, id string) error {
	u.ended = append(u.ended, account+"/"+id)
	return nil
}

// asserter signs by saying what it was asked.
type asserter struct{ signed int }

func (a *asserter) Sign(f *session.Facts, audience string, _ time.Time) (string, error) {
	a.signed++
	return "signed for " + audience + " about " + f.User.ID(), nil
}

type records struct{ n int }

func (r *records) Record(context.Context, attempt.Entry) (string, error) {
	r.n++
	return "K7Q-4MD", nil
}

type counts struct{}

func (counts) Refused(cause.Cause) {}
func (counts) RedirectLoop()       {}

// app records what it received.
type app struct {
	calls   int
	header  http.Header
	trailer http.Header
	uri     string
	reply   func(http.ResponseWriter)
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	_, _ = io.Copy(io.Discard, r.Body)
	a.calls++
	a.header, a.trailer, a.uri = r.Header.Clone(), r.Trailer.Clone(), r.URL.RequestURI()
	if a.reply != nil {
		a.reply(w)
	}
	return nil
}

func facts(change func(*session.Facts)) *session.Facts {
	f := &session.Facts{
		Session: session.NewRecord(&store.Session{Handle: "handle"}),
		User:    session.NewPerson(&store.User{ID: "jan", Name: "Jan", Account: "praktijk"}),
		Verdict: &session.Verdict{Account: &store.Account{ID: "praktijk", PayURL: "https://pay.example"}},
	}
	if change != nil {
		change(f)
	}
	return f
}

func site() guard.Site {
	return guard.Site{
		Prefix: "/gateway", Headers: guard.DefaultHeaders, Origins: []string{"https://partner.example"},
		Public: []guard.Public{{Pattern: guard.NewPattern("/pub/*")}, {Methods: []string{"POST"}, Pattern: guard.NewPattern("/hook")}},
		API:    []guard.Pattern{guard.NewPattern("/api/*")},
		Repair: []guard.Pattern{guard.NewPattern("/billing/*")},
	}
}

func newGuard(t testing.TB, s guard.Site) *guard.Guard {
	t.Helper()
	return newGuardWith(t, s, &users{}, &asserter{})
}

func newGuardWith(t testing.TB, s guard.Site, u *users, a *asserter) *guard.Guard {
	t.Helper()
	pages, err := page.New(page.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return guard.New(guard.Options{
		Users: u, Asserter: a,
		Site: s, Pages: pages, Attempts: &records{}, Metrics: counts{}, Now: time.Now,
		Visitor: func(*http.Request) visitor.Visitor { return visitor.Visitor{} },
		Own:     http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
		Sessions: sessions{
			"good":    facts(nil),
			"blocked": facts(func(f *session.Facts) { f.Cause = cause.UserBlocked }),
			"repair":  facts(func(f *session.Facts) { f.Cause, f.Repair = cause.AccountArrears, true }),
			"noapp":   facts(func(f *session.Facts) { f.AppDenied = true }),
			"expired": session.Refused(cause.SessionExpired),
		},
	})
}

// ask sends a request through the guard; session is the value of the cookie.
func ask(t testing.TB, g *guard.Guard, a *app, r *http.Request, session string) *httptest.ResponseRecorder {
	t.Helper()
	if session != "" {
		r.AddCookie(&http.Cookie{Name: cookie.Session, Value: session})
	}
	w := httptest.NewRecorder()
	original := *r.URL
	if err := g.Serve(w, r, guard.Original{Method: r.Method, URL: &original}, nil, a); err != nil {
		t.Fatal(err)
	}
	return w
}

// request is one to a host where cookies have their plain names. The target is
// taken as a server takes it; nil when a server would refuse it.
func request(method, target string, headers ...string) *http.Request {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil
	}
	r := httptest.NewRequest(method, "/", strings.NewReader(""))
	r.URL, r.RequestURI, r.Host = u, target, "localhost:8080"
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}
