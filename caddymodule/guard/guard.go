// Package guard is the hot path: every request to a site goes through it. It
// strips what only the gateway may say, finds the session, decides, sets the
// identity headers and passes on. It owns the path rules and the shape of the
// answer for whoever may not pass; it leaves sessions to session, words to page,
// and the gateway's own pages to the handler it is given.
package guard

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Sessions decides about the session behind a cookie.
type Sessions interface {
	Check(ctx context.Context, cookie string) (*session.Facts, error)
	Peek(ctx context.Context, cookie string) (*session.Facts, *session.Live, error)
	Watch(cookie string, close func()) *session.Stream
	End(ctx context.Context, cookie string) error
}

// Users ends all sessions of a user, where the app asks for it.
type Users interface {
	EndSessions(ctx context.Context, account, id string) error
}

// Pages shows what a refused visitor sees.
type Pages interface {
	Login(w http.ResponseWriter, r *http.Request, status int, v page.Login)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
	Stay(w http.ResponseWriter, r *http.Request, status int, v page.Stay)
	Framed(w http.ResponseWriter, r *http.Request, v page.Framed)
	Locale(r *http.Request, stored string) string
	Text(locale, id string, args ...any) string
}

// Attempts keeps refusals so that the support desk finds them by reference.
type Attempts interface {
	Record(ctx context.Context, e attempt.Entry) (reference string, err error)
}

// Metrics counts.
type Metrics interface {
	Refused(c cause.Cause)
	RedirectLoop()
}

// Site is what the configuration of one site says.
type Site struct {
	Prefix  string // of our own pages, like "/gateway"
	Public  []Public
	API     []Pattern // never answered with a page or a redirect
	Repair  []Pattern // open to the superadmin of a blocked account
	Require []Require // where a session alone is not enough
	Headers [session.Values]string
	Origins []string // that scripts of other origins may come from (CORS)
	HTTPS   bool     // the public URL is https, whoever ends TLS
	Origin  string   // of the site as browsers know it; empty: not known
	// CookieDomain is what this site shares its cookies over; empty: each host has
	// its own, and its own sessions.
	CookieDomain string
	// Audience of the assertion that the app gets; empty: it gets none.
	Audience string
}

// Options are what a Guard works with.
type Options struct {
	Site     Site
	Sessions Sessions
	Users    Users
	Asserter session.Asserter // needed where the site has an audience
	Pages    Pages
	Attempts Attempts
	Metrics  Metrics
	// Parking keeps forms that come when nobody may pass; nil: none are kept.
	Parking Parking
	// Own answers requests below the prefix.
	Own http.Handler
	// Visitor says who is at the other end, for our own pages and for refusals.
	Visitor func(*http.Request) visitor.Visitor
	Log     *slog.Logger
	Now     func() time.Time
}

// Guard protects one site.
type Guard struct {
	Options
	names *names
	cross *http.CrossOriginProtection
	// malformed are the lines about requests that are.
	malformed sparing
}

// New returns a Guard. Empty header names are not sent.
func New(o Options) *Guard {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	for i, name := range o.Site.Headers {
		o.Site.Headers[i] = http.CanonicalHeaderKey(name)
	}
	return &Guard{Options: o, names: newNames(DefaultHeaders[:], o.Site.Headers[:]), cross: crossOrigin(o)}
}

// Original is the request as the client sent it, before any rewrite.
type Original struct {
	Method string
	URL    *url.URL
}

// Next passes a request on to the app.
type Next interface {
	ServeHTTP(http.ResponseWriter, *http.Request) error
}

// Identify is told whose request is passed on, before it is; nil for nobody's, on a
// path that is open.
type Identify func(*http.Request, *session.Facts)

// Serve decides about one request. identify may be nil. The error is next's.
func (g *Guard) Serve(w http.ResponseWriter, r *http.Request, o Original, identify Identify, next Next) error {
	g.names.strip(r)
	path, kind := o.URL.Path, inspect(o.URL)
	switch {
	case kind == malformed || malformedLine(r, o.Method):
		g.refuse(w, r, o, cause.BadRequest, nil)
		return nil
	case kind == plain && g.below(path):
		g.serveOwn(w, r, o)
		return nil
	case r.Method == http.MethodOptions && g.preflight(w, r):
		return nil
	}
	if id, ok := g.asked(r); ok {
		return g.sendOn(w, r, o, id, identify, next)
	}
	need := g.demands(kind, path)
	open := kind == plain && !need.any() && g.public(o.Method, path)
	value, facts, err := g.session(r)
	if facts == nil || facts.Session == nil || facts.Cause != cause.None || facts.AppDenied {
		if !open && !(err == nil && g.repair(facts, kind, path)) {
			g.stop(w, r, o, facts, err)
			return nil
		}
		if open {
			facts = nil
		}
	}
	if c := need.unmet(facts, g.Now); c != cause.None {
		g.prove(w, r, o, facts, c)
		return nil
	}
	cookie.Strip(r.Header)
	x := &exchange{ResponseWriter: w, guard: g}
	if identify != nil {
		identify(r, facts)
	}
	if facts == nil {
		return x.pass(r, next)
	}
	x.facts, x.cookie = facts, value
	g.tell(facts, &x.values)
	for i, name := range g.Site.Headers {
		if name != "" && x.values[i] != "" {
			r.Header[name] = x.values[i : i+1 : i+1]
		}
	}
	if streams(r) {
		return g.stream(x, r, value, next)
	}
	x.late = true
	defer x.done()
	return x.pass(r, next)
}

// tell writes down what the app is told about a session.
func (g *Guard) tell(f *session.Facts, values *[session.Values]string) {
	f.Tell(values)
	if g.Site.Audience != "" {
		var err error
		if values[session.ValueAssertion], err = f.Assertion(g.Asserter, g.Site.Audience, g.Now()); err != nil {
			g.Log.Error("an assertion could not be signed; the app gets none", "error", err)
		}
	}
}

// below tells whether a path is one of our own pages.
func (g *Guard) below(path string) bool {
	return strings.HasPrefix(path, g.Site.Prefix) &&
		(len(path) == len(g.Site.Prefix) || path[len(g.Site.Prefix)] == '/')
}

func (g *Guard) public(method, path string) bool {
	for i := range g.Site.Public {
		if g.Site.Public[i].match(method, path) {
			return true
		}
	}
	return false
}

// repair opens the paths where the superadmin of a blocked account can mend that.
func (g *Guard) repair(f *session.Facts, kind sort, path string) bool {
	if f == nil || !f.Repair || f.AppDenied || kind != plain {
		return false
	}
	for _, p := range g.Site.Repair {
		if p.match(path) {
			return true
		}
	}
	return false
}
