package signin

import (
	"net/http"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Query parameters of the login page besides the target.
const (
	paramReason = "reason" // why the session is over
	paramCheck  = "check"  // a login just succeeded; see whether its cookie came back
)

// show answers the login page: with the form, or, for somebody who is logged in
// already, by sending them on. It is never a dead end (P4).
func (d *Dispatcher) show(w http.ResponseWriter, r *http.Request) {
	to := target.Safe(r.URL.Query().Get(target.Param), d.Prefix)
	secure := cookie.Secure(r, d.HTTPS)
	value, hasCookie := cookie.Find(r.Header, cookie.Name(cookie.Session, secure), 0)
	f := session.Refused(cause.NotLoggedIn)
	if hasCookie {
		var err error
		if f, err = d.Sessions.Check(r.Context(), value); err != nil {
			// Perhaps they are logged in and perhaps not; the form does no harm.
			f = session.Refused(cause.NotLoggedIn)
			d.Log.Error("store does not answer", "error", err)
			hasCookie = false
		}
	}
	if f.Session != nil && (f.Cause == cause.None || f.Cause == cause.SecondStepRequired || f.Repair) {
		d.sendOn(w, r, to, f)
		return
	}
	if check := r.URL.Query().Get(paramCheck); check != "" && !d.cookiesWork(r) {
		v := page.Refusal{Cause: cause.CookiesBlocked, PlainHTTP: check == checkPlain}
		v.Reference = d.Note(r.Context(), d.visit(r, v.Cause, ""))
		d.Pages.Refusal(w, r, v)
		return
	}
	if hasCookie && (f.Session == nil || f.Cause == cause.SessionEnded || f.Cause == cause.SessionExpired) {
		http.SetCookie(w, cookie.New(cookie.Session, "", secure, -1))
		d.remain(w, r, value, f)
	}
	d.setFlow(w, r, flow{})
	d.Pages.Login(w, r, http.StatusOK, page.Login{Cause: reason(r)})
}

// reason takes over only what a redirect of ours may say.
func reason(r *http.Request) cause.Cause {
	switch c := cause.Cause(r.URL.Query().Get(paramReason)); c {
	case cause.SessionExpired, cause.SessionEnded:
		return c
	default:
		return cause.None
	}
}

// Bounces between an app that sends people to the login and a gateway that knows
// them already: this many within this time, and somebody has to say so (P8).
const (
	maxBounces   = 3
	bounceWindow = 10 * time.Second
)

func (d *Dispatcher) sendOn(w http.ResponseWriter, r *http.Request, to string, f *session.Facts) {
	fl := d.flow(r)
	now := d.Now()
	if now.Sub(time.UnixMilli(fl.Since)) > bounceWindow {
		fl = flow{Since: now.UnixMilli()}
	}
	fl.Bounces++
	if fl.Bounces > maxBounces {
		d.setFlow(w, r, flow{})
		d.Metrics.RedirectLoop()
		v := page.Refusal{Cause: cause.RedirectLoop, Locale: d.Pages.Locale(r, f.User.Locale())}
		e := d.visit(r, v.Cause, v.Locale)
		e.Typed, e.User, e.Account, e.Session = f.User.Email(), f.User.ID(), f.User.Account(), f.Session.Handle()
		v.Reference = d.Note(r.Context(), e)
		path, _, _ := strings.Cut(to, "?") // what follows is the app's, and may be secret
		d.Log.Warn("redirect loop: the app sends a logged-in user back to the login",
			"user", f.User.ID(), "path", path)
		d.Pages.Refusal(w, r, v)
		return
	}
	if f.AppDenied {
		to = d.adminPath(to)
	}
	if f.Cause == cause.SecondStepRequired && !below(to, d.Prefix+"/security") {
		to = target.With(d.Prefix+"/security", to) // all that their session opens yet
	}
	if r.URL.Query().Get(paramCheck) != "" && d.fresh(r, &store.User{ID: f.User.ID(), Account: f.User.Account()}) {
		// They came by a mailed link as their first visit, and have yet to see the
		// password they are to keep.
		to = target.With(d.Prefix+"/recover/keep", to)
	}
	d.setFlow(w, r, fl)
	noStore(w)
	target.Redirect(w, to)
}

// methodSession is how attempts call what happens to somebody without a login of
// theirs under way.
const methodSession = "session"

// visit is the attempt of somebody who shows up at the login page and is refused
// there.
func (d *Dispatcher) visit(r *http.Request, c cause.Cause, locale string) attempt.Entry {
	v := visitor.Of(r)
	return attempt.Entry{
		Cause: c, Method: methodSession, Network: v.Network, Agent: v.Agent, Locale: d.Pages.Locale(r, locale),
		DeviceUsers: d.DeviceUsers(r),
	}
}

// CrossSite notes a form that another site sent, to whichever page of ours, and
// returns its reference. What it says is not read, so it is no login.
func (d *Dispatcher) CrossSite(r *http.Request) (reference string) {
	e := d.visit(r, cause.CrossSite, "")
	reference, err := d.Attempts.Record(r.Context(), e)
	if err != nil {
		d.Log.Error("recording a refusal failed", "error", err)
	}
	d.Metrics.Refused(e.Cause)
	d.Log.Info("refused", "cause", string(e.Cause), "reference", reference, "user", e.User, "account", e.Account,
		"session", e.Session, "network", e.Network, "method", r.Method)
	return reference
}

// adminPath is where somebody goes who has no business in the app: the page of
// the admin path or of their own security they came for, or where the admin path
// begins.
func (d *Dispatcher) adminPath(to string) string {
	if below(to, d.Prefix+"/admin") || below(to, d.Prefix+"/security") {
		return to
	}
	return d.Prefix + "/admin"
}

// below tells whether a target is root or a page below it.
func below(to, root string) bool {
	rest, ok := strings.CutPrefix(to, root)
	return ok && (rest == "" || rest[0] == '/' || rest[0] == '?')
}

// cookiesWork tells whether the browser sent any cookie of ours back.
func (d *Dispatcher) cookiesWork(r *http.Request) bool {
	secure := cookie.Secure(r, d.HTTPS)
	for _, base := range []string{cookie.Flow, cookie.Device, cookie.Session} {
		if _, ok := cookie.Find(r.Header, cookie.Name(base, secure), 0); ok {
			return true
		}
	}
	return false
}

// What a login asks the page behind it to look for.
const (
	checkCookies = "1"
	checkPlain   = "http" // no browser sends Secure cookies over plain HTTP
)

// checkOf is what to look for with somebody whose cookies are doubtful. Only the
// browser knows how it came: TLS may end in front of us.
func (d *Dispatcher) checkOf(r *http.Request) string {
	if cookie.Secure(r, d.HTTPS).Secure && strings.HasPrefix(r.Header.Get("Origin"), "http://") {
		return checkPlain
	}
	return checkCookies
}

// cookiesDoubtful is true for a browser that came from our form without the
// cookie that the form was sent with. Programs need not have opened the page.
func (d *Dispatcher) cookiesDoubtful(r *http.Request) bool {
	sent := r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != ""
	browser := strings.HasPrefix(r.UserAgent(), "Mozilla/") // all of them, for thirty years
	return sent && browser && !d.cookiesWork(r)
}
