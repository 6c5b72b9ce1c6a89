package guard

import (
	"net/http"
	"net/url"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/target"
)

// headerLoginURL leads to the login, for proxies that answer 401 themselves.
const headerLoginURL = "X-Login-Url"

// VerifyPath is where, below the prefix, other proxies ask.
const VerifyPath = "/verify"

// paramRedirect asks for a redirect instead of a 401, where a page is opened.
const paramRedirect = "redirect"

// Verify answers another proxy that asks whether a request may pass: 200 with the
// identity headers, or a refusal with X-Login-URL. trusted says whether that proxy
// may tell of whom and where the request is; of others only the cookie counts, and
// no rule opens.
func (g *Guard) Verify(w http.ResponseWriter, r *http.Request, trusted bool) {
	w.Header().Set("X-Login-Gateway", "1")
	w.Header().Set("Cache-Control", "no-store")
	o := g.forwarded(r, trusted)
	path, kind := o.URL.Path, inspect(o.URL)
	r.Method, r.Host = o.Method, host(r, trusted)
	if kind == malformed || malformedLine(r, o.Method) {
		g.refuse(w, r, o, cause.BadRequest, nil)
		return
	}
	need := g.demands(kind, path)
	open := !need.any() && kind == plain && g.public(o.Method, path) || r.Method == http.MethodOptions && g.listed(r)
	_, facts, err := g.session(r)
	if facts == nil || facts.Session == nil || facts.Cause != cause.None || facts.AppDenied {
		if !open && !(err == nil && g.repair(facts, kind, path)) {
			g.deny(w, r, o, facts, err)
			return
		}
		if open {
			return
		}
	}
	if c := need.unmet(facts, g.Now); c != cause.None {
		g.demand(w, r, o, facts, c)
		return
	}
	g.introduce(w.Header(), facts)
}

// introduce writes the identity headers into a response.
func (g *Guard) introduce(h http.Header, f *session.Facts) {
	var values [session.Values]string
	g.tell(f, &values)
	for i, name := range g.Site.Headers {
		if name != "" && values[i] != "" {
			h[name] = []string{values[i]}
		}
	}
}

// deny refuses. Redirects are only for who asked for them: nginx makes a 500 of
// what is neither 2xx nor 401 nor 403.
func (g *Guard) deny(w http.ResponseWriter, r *http.Request, o Original, f *session.Facts, err error) {
	c := cause.NotLoggedIn
	if f != nil && f.Cause != cause.None {
		c = f.Cause
	}
	login := err == nil && (f == nil || f.Session == nil || f.Cause == cause.SessionExpired || f.Cause == cause.SessionEnded)
	if !login {
		g.stop(w, r, o, f, err)
		return
	}
	to := g.loginURL(o.URL.RequestURI(), c)
	w.Header().Set(headerLoginURL, to)
	if r.URL.Query().Get(paramRedirect) == "1" && g.navigation(r, o) && r.Method != http.MethodPost {
		g.stop(w, r, o, f, nil)
		return
	}
	g.Metrics.Refused(c)
	g.allowOrigin(w.Header(), r)
	WriteProblem(w, r, g.Pages, c, "", to)
}

// demand refuses somebody who is logged in and has to do more, as deny does: the
// page that leads through it stands where else the login does.
func (g *Guard) demand(w http.ResponseWriter, r *http.Request, o Original, f *session.Facts, c cause.Cause) {
	to := target.With(g.proveURL(c, f), target.Safe(o.URL.RequestURI(), g.Site.Prefix))
	w.Header().Set(headerLoginURL, to)
	if r.URL.Query().Get(paramRedirect) == "1" && g.navigation(r, o) && r.Method != http.MethodPost {
		g.prove(w, r, o, f, c)
		return
	}
	g.Metrics.Refused(c)
	g.allowOrigin(w.Header(), r)
	writeProblem(w, r, g.Pages, c, ways{login: g.Site.Prefix + "/login", prove: to})
}

// host is the site that the other proxy asks about, where it may tell. Two that do
// not say the same are a client's attempt.
func host(r *http.Request, trusted bool) string {
	if told, ok := agreed(r.Header, "X-Forwarded-Host"); trusted && ok && told != "" {
		return told
	}
	return r.Host
}

// listed tells whether a preflight comes from an origin that may ask. The app
// behind the other proxy answers it.
func (g *Guard) listed(r *http.Request) bool {
	return r.Header.Get("Access-Control-Request-Method") != "" && g.allowOrigin(http.Header{}, r)
}

// unknown stands for a request that nobody trustworthy describes. It is
// ambiguous: it opens nothing.
func unknown() Original { return Original{Method: http.MethodGet, URL: &url.URL{Path: ""}} }

// forwarded is the request that the other proxy asks about. nginx passes on what
// a client sent: two headers that do not say the same are a client's attempt, and
// count for nothing.
func (g *Guard) forwarded(r *http.Request, trusted bool) Original {
	if !trusted {
		return unknown()
	}
	method, ok1 := agreed(r.Header, "X-Forwarded-Method", "X-Original-Method")
	uri, ok2 := agreed(r.Header, "X-Forwarded-Uri", "X-Original-Uri")
	u, err := url.ParseRequestURI(uri)
	if !ok1 || !ok2 || err != nil || u.Host != "" || u.Scheme != "" {
		return unknown()
	}
	if method == "" {
		method = http.MethodGet
	}
	return Original{Method: method, URL: u}
}

// agreed returns what the headers say, if all that are there say the same once.
func agreed(h http.Header, names ...string) (value string, ok bool) {
	seen := false
	for _, name := range names {
		for _, v := range h[name] {
			if seen && v != value {
				return "", false
			}
			value, seen = v, true
		}
	}
	return value, true
}
