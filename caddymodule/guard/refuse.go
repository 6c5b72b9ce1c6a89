package guard

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/target"
)

// storeRetry is what Retry-After says when the store does not answer.
const storeRetry = 5 * time.Second

// stop answers a request that may not pass.
func (g *Guard) stop(w http.ResponseWriter, r *http.Request, o Original, f *session.Facts, err error) {
	switch {
	case err != nil:
		// Nobody knows whether there is a session: say so, and touch no cookie (P21).
		g.Log.Error("store does not answer", "error", err)
		g.refuse(w, r, o, cause.StoreUnavailable, nil)
	case f == nil:
		g.refuse(w, r, o, cause.NotLoggedIn, nil)
	case f.Session == nil || f.Cause == cause.SessionExpired || f.Cause == cause.SessionEnded:
		// The cookie stays: this may answer a request that was on its way while
		// another tab logged in, and would take the new session's cookie away. The
		// login page, where people are sent, clears what is dead.
		g.refuse(w, r, o, f.Cause, f)
	case f.Cause != cause.None:
		g.refuse(w, r, o, f.Cause, f)
	default:
		g.refuse(w, r, o, cause.Forbidden, f)
	}
}

// refuse gives each kind of caller the answer it understands: a page that is
// being opened is sent to the login, a form gets the login itself, and everything
// else a problem document it can read (P2).
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, o Original, c cause.Cause, f *session.Facts) {
	g.Metrics.Refused(c)
	reference := g.record(r, c, f)
	own(w.Header())
	nav := g.navigation(r, o)
	login := wantsLogin(c)
	switch {
	case !nav:
		g.problem(w, r, c, reference)
	case login && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		http.Redirect(w, r, g.loginURL(o.URL.RequestURI(), c), http.StatusSeeOther)
	case c == cause.SecondStepRequired && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		// They are logged in, and go on when they have switched one on.
		http.Redirect(w, r, target.With(g.Site.Prefix+"/security", target.Safe(o.URL.RequestURI(), g.Site.Prefix)), http.StatusSeeOther)
	case inFrame(r):
		to := target.Safe(o.URL.RequestURI(), g.Site.Prefix)
		if login {
			to = target.Safe(refererPath(r), g.Site.Prefix)
		}
		g.framePage(w, r, c, to, to)
	case login:
		g.late(w, r, o, c)
	default:
		g.Pages.Refusal(w, r, g.refusal(r, c, reference, f))
	}
}

func (g *Guard) refusal(r *http.Request, c cause.Cause, reference string, f *session.Facts) page.Refusal {
	v := page.Refusal{Cause: c, Reference: reference}
	if info, _ := c.Info(); info.Retry {
		v.RetryAfter = storeRetry
	}
	if f != nil && f.User != nil {
		v.Name, v.Locale = f.User.Name(), g.Pages.Locale(r, f.User.Locale())
		v.Superadmin = f.Repair
		if c == cause.SecondStepRequired {
			v.Links = []page.Link{{Word: "link.security", URL: g.Site.Prefix + "/security"}}
		}
		if f.Repair {
			v.Links = page.PayLinks(c, f.Account.PayURL)
		}
		v.Links = append(v.Links, page.Link{Word: "link.logout", URL: g.Site.Prefix + "/logout", Post: true})
	}
	return v
}

// wantsLogin tells whether logging in is all there is to do about a cause.
func wantsLogin(c cause.Cause) bool {
	return c == cause.NotLoggedIn || c == cause.SessionExpired || c == cause.SessionEnded
}

// record keeps the refusal of somebody known, and of a form that another site sent,
// so that its reference can be looked up. That nobody is logged in (any more) is no
// event.
func (g *Guard) record(r *http.Request, c cause.Cause, f *session.Facts) (reference string) {
	if c == cause.BadRequest {
		g.noteMalformed(r)
		return ""
	}
	event := !wantsLogin(c) && (f != nil || c == cause.CrossSite)
	if !event && !g.Log.Enabled(r.Context(), slog.LevelDebug) {
		return "" // strangers are many
	}
	v := g.Visitor(r)
	e := attempt.Entry{Cause: c, Method: "session", Network: v.Network, Agent: v.Agent}
	if f != nil && f.User != nil {
		e.User, e.Account, e.Typed = f.User.ID(), f.User.Account(), f.User.Email()
	}
	if f != nil && f.Session != nil {
		e.Session = f.Session.Handle()
	}
	level, found := slog.LevelDebug, slog.Attr{} // an empty one is left out
	if event {
		level = slog.LevelInfo
		var err error
		if reference, err = g.Attempts.Record(r.Context(), e); err != nil {
			g.Log.Error("recording a refusal failed", "error", err)
		}
		found = slog.String("reference", reference)
	}
	g.Log.LogAttrs(r.Context(), level, "refused", slog.String("cause", string(c)), found,
		slog.String("user", e.User), slog.String("account", e.Account), slog.String("session", e.Session),
		slog.String("network", v.Network), slog.String("method", r.Method))
	return reference
}

// noteMalformed logs that somebody sent what no browser sends (ASVS 16.3.3), without a
// word of it.
func (g *Guard) noteMalformed(r *http.Request) {
	if more, ok := g.malformed.line(g.Now()); ok {
		g.Log.LogAttrs(r.Context(), slog.LevelInfo, "malformed request",
			slog.String("network", g.Visitor(r).Network), slog.Int64("more", more))
	}
}

func (g *Guard) loginURL(to string, c cause.Cause) string {
	to = target.Safe(to, g.Site.Prefix)
	if c == cause.SessionExpired || c == cause.SessionEnded {
		return target.With(g.Site.Prefix+"/login", to, "reason", string(c))
	}
	return target.With(g.Site.Prefix+"/login", to)
}

// refererPath is where a form was sent from: the page to come back to. Of other
// sites nothing is taken over.
func refererPath(r *http.Request) string {
	ref := r.Referer()
	for _, scheme := range []string{"https://", "http://"} {
		if rest, ok := strings.CutPrefix(ref, scheme+r.Host); ok && strings.HasPrefix(rest, "/") {
			return rest
		}
	}
	return target.Home
}

// navigation tells whether a browser is opening a page. Only then a redirect or
// a page makes sense; for everything else it would be taken for the answer.
func (g *Guard) navigation(r *http.Request, o Original) bool {
	for _, p := range g.Site.API {
		if p.matchFold(o.URL.Path) {
			return false
		}
	}
	if len(r.Header["Upgrade"]) > 0 {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	if r.Header.Get("X-Requested-With") != "" || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodPost:
		ct := r.Header.Get("Content-Type")
		return strings.HasPrefix(ct, "application/x-www-form-urlencoded") || strings.HasPrefix(ct, "multipart/form-data")
	}
	return false
}
