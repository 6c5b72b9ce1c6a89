package guard

import (
	"cmp"
	"maps"
	"net/http"
	"strings"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// maxTries bounds how many session cookies of one request are looked at: a
// browser sends several when somebody planted one.
const maxTries = 3

// session finds the session of a request: the first of its cookies that opens
// one of this site. Without any, facts say why.
func (g *Guard) session(r *http.Request) (value string, facts *session.Facts, err error) {
	if len(r.Header["Cookie"]) == 0 {
		return "", nil, nil
	}
	form := cookie.FormOf(r, g.Site.HTTPS, g.Site.CookieDomain)
	name := cookie.Name(cookie.Session, form)
	for n := range maxTries {
		v, ok := cookie.Find(r.Header, name, n)
		if !ok {
			break
		}
		f, checkErr := g.Sessions.Check(r.Context(), v)
		if checkErr != nil {
			err = checkErr
			continue
		}
		if f.Session != nil && !f.Session.CountsAt(r.Host, form.Domain) {
			continue // of another site: here it is none
		}
		if f.Session != nil && f.Cause == cause.None {
			return v, f, nil
		}
		if facts == nil || facts.Session == nil {
			value, facts = v, f
		}
	}
	return value, facts, err
}

// serveOwn answers on our own pages, by the address the client asked for.
func (g *Guard) serveOwn(w http.ResponseWriter, r *http.Request, o Original) {
	r = g.sharing(visitor.With(r, g.Visitor(r)))
	r.Method, r.URL = o.Method, o.URL
	if o.URL.Path != g.Site.Prefix+VerifyPath { // which finds out for itself whose host it is
		r = g.oneSession(r)
	}
	if inFrame(r) && !g.bare(o.URL.Path) {
		g.frame(w, r)
		return
	}
	g.Own.ServeHTTP(w, r)
}

// sharing has whoever reads and writes cookies of a request know their form.
func (g *Guard) sharing(r *http.Request) *http.Request { return cookie.Sharing(r, g.Site.CookieDomain) }

// bare are the paths below ours that show no page.
func (g *Guard) bare(path string) bool {
	rest := strings.TrimPrefix(path, g.Site.Prefix)
	return rest == VerifyPath || strings.HasPrefix(rest, "/assets/")
}

// oneSession leaves at most one session cookie to our own pages: the first that
// opens a session of this site, else the first that opens none and may tell why.
// So the pages need not know that there are others, planted or of other sites.
func (g *Guard) oneSession(r *http.Request) *http.Request {
	form := cookie.Secure(r, g.Site.HTTPS)
	name := cookie.Name(cookie.Session, form)
	if _, ok := cookie.Find(r.Header, name, 0); !ok {
		return r
	}
	kept := ""
	for n := range maxTries {
		value, ok := cookie.Find(r.Header, name, n)
		if !ok {
			break
		}
		f, live, err := g.Sessions.Peek(r.Context(), value)
		if err == nil && f.Session != nil && !f.Session.CountsAt(r.Host, form.Domain) {
			continue
		}
		if live != nil {
			kept = value
			break
		}
		kept = cmp.Or(kept, value)
	}
	if _, more := cookie.Find(r.Header, name, 1); kept != "" && !more {
		return r // as most requests have it
	}
	r.Header = maps.Clone(r.Header)
	cookie.Only(r.Header, name, kept)
	return r
}
