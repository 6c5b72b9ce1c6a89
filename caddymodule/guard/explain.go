package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Explained is what a site decides about a request, and from what.
type Explained struct {
	// Path is the one that rules look at, and Sort how servers would read it: plain,
	// ambiguous or malformed.
	Path, Sort string
	// Own: it is one of the gateway's own pages, which look after themselves.
	Own bool
	// The rules that match: those that open, those where a program is answered, those
	// open to the superadmin of a blocked account, and those that ask for more.
	Opens, API, Repairs, Asks []string
	// Overruled: rules that open match, and count for nothing.
	Overruled bool
	// Cause why the session may not go on; None when it may, or where there is none.
	Cause cause.Cause
	// Page and Program are the answers to a browser that opens a page and to a program.
	Page, Program Answer
	// Headers are what the app would be told, where it is reached.
	Headers [][2]string
}

// Answer is what somebody gets.
type Answer struct {
	Passes bool // it reaches the app
	Status int
	To     string // where a redirect or a problem leads
	Reason cause.Cause
}

// Explain decides about a request to host as the guard does, because it is the
// guard that decides. Nobody is told of it, and nothing is kept. f are the facts
// about the session; nil: nobody is logged in.
func Explain(site Site, method, host string, u *url.URL, f *session.Facts, now time.Time) Explained {
	g := New(Options{
		Site: site, Sessions: shown{f}, Users: nobodys{}, Pages: dry{}, Attempts: dry{}, Metrics: dry{}, Own: http.HandlerFunc(ownPage),
		Visitor: func(*http.Request) visitor.Visitor { return visitor.Visitor{} }, Now: func() time.Time { return now },
	})
	g.Site.Audience = "" // an assertion is signed for apps only
	path, kind := u.Path, inspect(u)
	e := Explained{Path: path, Sort: kind.String(), Own: kind == plain && g.below(path)}
	if f != nil {
		e.Cause = f.Cause
	}
	if kind != malformed && !e.Own {
		e.match(g, method, path, kind)
	}
	e.Page, _ = g.rehearse(method, host, u, f, "Sec-Fetch-Mode", "navigate")
	e.Program, e.Headers = g.rehearse(method, host, u, f, "Accept", "*/*")
	return e
}

// match finds the rules that have to do with a path.
func (e *Explained) match(g *Guard, method, path string, kind sort) {
	for _, p := range g.Site.Public {
		if kind == plain && p.match(method, path) {
			e.Opens = append(e.Opens, p.String())
		}
	}
	for _, p := range g.Site.API {
		if p.matchFold(path) {
			e.API = append(e.API, p.String())
		}
	}
	for _, p := range g.Site.Repair {
		if kind == plain && p.match(path) {
			e.Repairs = append(e.Repairs, p.String())
		}
	}
	for _, r := range g.Site.Require {
		if kind != plain || r.Pattern.protects(path) {
			e.Asks = append(e.Asks, r.String())
		}
	}
	e.Overruled = len(e.Opens) > 0 && len(e.Asks) > 0
}

// rehearse has the guard answer the request, with an app that only looks.
func (g *Guard) rehearse(method, host string, u *url.URL, f *session.Facts, header, value string) (Answer, [][2]string) {
	at := *u
	r := (&http.Request{
		Method: method, URL: &at, Host: host, RequestURI: u.RequestURI(), Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{header: {value}},
	}).WithContext(context.Background())
	form := cookie.FormOf(r, g.Site.HTTPS, g.Site.CookieDomain)
	if f != nil {
		r.Header.Set("Cookie", cookie.Name(cookie.Session, form)+"=imagined")
	}
	var told [][2]string
	a, w := Answer{}, &paper{header: http.Header{}}
	app := handing(func(_ http.ResponseWriter, r *http.Request) error {
		a.Passes = true
		for i, name := range g.Site.Headers {
			if v := r.Header.Get(name); name != "" && v != "" {
				told = append(told, [2]string{g.Site.Headers[i], v})
			}
		}
		return nil
	})
	if err := g.Serve(w, r, Original{Method: method, URL: u}, nil, app); err != nil || a.Passes {
		return a, told
	}
	a.Status, a.To = w.status, w.Header().Get("Location")
	var p Problem
	if json.Unmarshal(w.body.Bytes(), &p) == nil {
		a.Reason = cause.Cause(p.Reason)
		if a.To = p.LoginURL; p.ProveURL != "" {
			a.To = p.ProveURL
		}
	}
	if said := w.Header().Get(headerReason); said != "" {
		a.Reason = cause.Cause(said)
	}
	return a, nil
}

// paper is an answer that is only looked at.
type paper struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (p *paper) Header() http.Header         { return p.header }
func (p *paper) Write(b []byte) (int, error) { return p.body.Write(b) }
func (p *paper) WriteHeader(status int)      { p.status = status }

// headerReason carries the cause out of a page that is not written.
const headerReason = "Explained-Reason"

// ownPage stands for the gateway's own pages.
func ownPage(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

// shown is the session of whoever is explained, whatever cookie is shown.
type shown struct{ *session.Facts }

func (s shown) Check(context.Context, string) (*session.Facts, error) {
	if s.Facts == nil {
		return session.Refused(cause.NotLoggedIn), nil
	}
	return s.Facts, nil
}

func (s shown) Peek(ctx context.Context, value string) (*session.Facts, *session.Live, error) {
	f, err := s.Check(ctx, value)
	return f, nil, err
}

func (shown) Watch(string, func()) *session.Stream { return nil }

func (shown) End(context.Context, string) error { return nil }

type nobodys struct{}

func (nobodys) EndSessions(context.Context, string, string) error { return nil }

// dry shows, counts and records nothing.
type dry struct{}

func (dry) page(w http.ResponseWriter, status int, c cause.Cause) {
	w.Header().Set(headerReason, string(c.Public()))
	w.WriteHeader(status)
}

func (d dry) Login(w http.ResponseWriter, _ *http.Request, status int, v page.Login) {
	d.page(w, status, v.Cause)
}

func (d dry) Refusal(w http.ResponseWriter, _ *http.Request, v page.Refusal) {
	d.page(w, v.Cause.Status(), v.Cause)
}

func (d dry) Stay(w http.ResponseWriter, _ *http.Request, status int, v page.Stay) {
	d.page(w, status, v.Cause)
}

func (d dry) Framed(w http.ResponseWriter, _ *http.Request, v page.Framed) {
	d.page(w, http.StatusOK, v.Cause)
}

func (dry) Locale(*http.Request, string) string                                 { return "" }
func (dry) Text(string, string, ...any) string                                  { return "" }
func (dry) Record(context.Context, attempt.Entry) (reference string, err error) { return "", nil }
func (dry) Refused(cause.Cause)                                                 {}
func (dry) RedirectLoop()                                                       {}

// String says how servers read a path.
func (s sort) String() string {
	switch s {
	case plain:
		return "plain"
	case malformed:
		return "malformed"
	default:
		return "ambiguous"
	}
}

// String is the pattern as a configuration has it.
func (p Pattern) String() string {
	if p.below {
		return p.path + "*"
	}
	return p.path
}

// String is the rule as a Caddyfile has it.
func (p Public) String() string {
	methods := p.Methods
	if len(methods) == 0 || slices.Equal(methods, []string{"GET", "HEAD"}) {
		return "public " + p.Pattern.String()
	}
	return "public " + strings.Join(methods, ",") + " " + p.Pattern.String()
}

// String is the rule as a Caddyfile has it.
func (r Require) String() string {
	var asks []string
	if r.SecondStep {
		asks = append(asks, "second_step")
	}
	if r.Fresh > 0 {
		asks = append(asks, "fresh_proof "+short(r.Fresh))
	}
	return "require " + strings.Join(asks, " ") + " " + r.Pattern.String()
}

// short writes a duration without parts that are zero.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
