package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// visit is one request of somebody who may be here.
type visit struct {
	route   Route
	facts   *session.Facts
	cookie  string // the value of their session cookie
	support bool
	actor   manage.Actor
	account *store.Account // that the path names; nil where it names none
	user    *store.User    // likewise
	form    url.Values     // what was posted
	locale  string
	text    func(locale, id string, args ...any) string
}

// say says a sentence in the language of the visitor.
func (v *visit) say(id string, args ...any) string { return v.text(v.locale, id, args...) }

// device words a browser and its system, which are kept as "Firefox / Linux".
func (v *visit) device(agent string) string {
	browser, system, both := strings.Cut(agent, " / ")
	if !both {
		return agent
	}
	return v.say("device.both", "browser", browser, "system", system)
}

// who is the kind of person that visits.
func (v *visit) who() Who {
	if v.support {
		return Support
	}
	return TeamAdmin
}

// enter is the door of every route: who is at the other end, may they open it, and
// is what it names theirs.
func (e *Errand) enter(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Login-Gateway", "1")
		if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
			// A script or a frame of the app shares our origin. It has no business here.
			w.WriteHeader(http.StatusForbidden)
			return
		}
		v, ok := e.recognise(w, r, route)
		if !ok {
			return
		}
		if err := e.find(r, v); err != nil {
			e.fail(w, r, v, err)
			return
		}
		if r.Method == http.MethodPost && !route.Upload {
			var err error
			if v.form, err = readForm(w, r); err != nil {
				e.fail(w, r, v, err)
				return
			}
			if !e.proved(w, r, v) {
				return
			}
		}
		route.handle(e, w, r, v)
	})
}

// recognise finds out who is at the other end, or answers the request. Account
// states and blocks count here as on every other page.
func (e *Errand) recognise(w http.ResponseWriter, r *http.Request, route Route) (*visit, bool) {
	value, _ := cookie.Find(r.Header, cookie.Name(cookie.Session, cookie.Secure(r, e.HTTPS)), 0)
	f, err := e.Sessions.Check(r.Context(), value)
	switch {
	case err != nil:
		e.away(w, r, err)
		return nil, false
	case f.Session == nil || f.Cause == cause.SessionExpired || f.Cause == cause.SessionEnded:
		e.login(w, r, f.Cause)
		return nil, false
	case f.Cause != cause.None:
		e.refuse(w, r, f, f.Cause)
		return nil, false
	}
	v := &visit{
		route: route, facts: f, cookie: value, locale: e.Pages.Locale(r, f.User.Locale()), text: e.Pages.Text,
	}
	v.actor = manage.OfSession(f, e.Rules, visitor.Of(r))
	v.support = v.actor.Support()
	if !v.actor.Administers {
		e.refuse(w, r, f, cause.Forbidden)
		return nil, false
	}
	if route.Who&v.who() == 0 {
		e.Pages.NotFound(w, r, v.locale)
		return nil, false
	}
	return v, true
}

// find reads the account and the user that the path names, and asks whether the
// visitor may do to them what the route is for. Another team's are not there,
// and are not even read, so that the clock does not tell either.
func (e *Errand) find(r *http.Request, v *visit) error {
	if !strings.Contains(v.route.Path, "{account}") {
		if v.route.Action == "" {
			return nil
		}
		return manage.May(e.Rules, v.actor, v.route.Action, "", nil)
	}
	id := r.PathValue("account")
	if !v.support && id != v.actor.Account {
		return store.ErrNotFound
	}
	a, err := e.Directory.Account(r.Context(), id)
	if err != nil {
		return err
	}
	var u *store.User
	if id := r.PathValue("user"); id != "" {
		if u, err = e.Directory.User(r.Context(), a.ID, id); err != nil {
			return err
		}
	}
	if err := manage.May(e.Rules, v.actor, v.route.Action, a.ID, u); errors.Is(err, store.ErrNotFound) {
		return err
	} else if err != nil {
		v.account, v.user = a, u // theirs to see, so the page can say what it is about
		return err
	}
	v.account, v.user = a, u
	return nil
}

// fail answers what went wrong.
func (e *Errand) fail(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	var no *manage.Forbidden
	switch {
	case errors.Is(err, store.ErrNotFound):
		e.Pages.NotFound(w, r, v.locale)
	case errors.As(err, &no):
		e.forbidden(w, r, v, no)
	case errors.Is(err, errForm):
		e.Pages.Refusal(w, r, page.Refusal{Cause: cause.BadRequest, Locale: v.locale, Links: e.wayBack(v)})
	default:
		e.away(w, r, err)
	}
}

// forbidden says why something that may be seen may not be done.
func (e *Errand) forbidden(w http.ResponseWriter, r *http.Request, v *visit, no *manage.Forbidden) {
	e.show(w, r, v, page.Admin{
		Name: "message", Status: http.StatusForbidden, Title: v.say("admin.no.title"),
		Problem: page.AdminProblem{Cause: cause.Forbidden, Title: v.say("admin.no.title"), Text: v.say(whyWord(no.Why))},
		Body:    messageBody{Back: e.back(v)},
	})
}

// messageBody is what message.html sees.
type messageBody struct{ Text, Back string }

// whyWord is the id of the sentence that says why an action is forbidden.
func whyWord(why string) string { return "admin.why." + why }

// wayBack is the button back to where the visitor came from.
func (e *Errand) wayBack(v *visit) []page.Link {
	return []page.Link{{Word: "admin.back", URL: e.back(v)}}
}

// back is the page that a page is about: the user, the team, or the beginning.
func (e *Errand) back(v *visit) string {
	switch {
	case v.user != nil:
		return e.path(v, pathUser, v.user.ID)
	case v.account != nil:
		return e.path(v, pathTeam)
	}
	return e.root()
}

// login sends somebody who is not logged in to do so. What they posted is not
// done; they come back to the page they posted from.
func (e *Errand) login(w http.ResponseWriter, r *http.Request, c cause.Cause) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		target.Redirect(w, target.With(e.Prefix+"/login", r.URL.RequestURI(), reason(c)...))
		return
	}
	e.Pages.Login(w, r, http.StatusUnauthorized, page.Login{Cause: c, Action: target.With(e.Prefix+"/login", e.root())})
}

// reason is what the login page is told of why it is shown.
func reason(c cause.Cause) []string {
	if c == cause.SessionExpired || c == cause.SessionEnded {
		return []string{"reason", string(c)}
	}
	return nil
}

func (e *Errand) refuse(w http.ResponseWriter, r *http.Request, f *session.Facts, c cause.Cause) {
	v := page.Refusal{Cause: c, Name: f.User.Name(), Locale: f.User.Locale(), Superadmin: f.Repair}
	if f.Repair {
		v.Links = page.PayLinks(c, f.Account.PayURL)
	}
	v.Links = append(v.Links, page.Link{Word: "link.back", URL: "/"},
		page.Link{Word: "link.logout", URL: e.Prefix + "/logout", Post: true})
	e.Pages.Refusal(w, r, v)
}

// away answers where the store does not.
func (e *Errand) away(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, context.Canceled) {
		e.Log.Error("the admin path cannot be served: the store does not answer", "path", r.URL.Path, "error", err)
	}
	e.Pages.Refusal(w, r, page.Refusal{Cause: cause.StoreUnavailable, RetryAfter: storeRetry})
}
