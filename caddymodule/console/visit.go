package console

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
)

// visit is one request of somebody who may be here.
type visit struct {
	route   Route
	facts   *session.Facts
	cookie  string // the value of their session cookie
	support bool
	account *store.Account // that the path names; nil where it names none
	locale  string
	text    func(locale, id string, args ...any) string
}

// say says a sentence in the language of the visitor.
func (v *visit) say(id string, args ...any) string { return v.text(v.locale, id, args...) }

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
		switch err := e.find(r, v); {
		case errors.Is(err, store.ErrNotFound):
			e.Pages.NotFound(w, r, v.locale)
		case err != nil:
			e.away(w, r, err)
		default:
			route.handle(e, w, r, v)
		}
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
		route: route, facts: f, cookie: value, locale: e.Pages.Locale(r, f.User.Locale), text: e.Pages.Text,
		support: f.User.Account == directory.StaffAccount && f.User.Type == directory.SupportType,
	}
	t, _ := e.Rules.TypeOf(&store.User{Account: f.User.Account, Type: f.User.Type})
	if !t.Administer {
		e.refuse(w, r, f, cause.Forbidden)
		return nil, false
	}
	if route.Who&v.who() == 0 {
		e.Pages.NotFound(w, r, v.locale)
		return nil, false
	}
	return v, true
}

// find reads the account that the path names. Another team's is not there.
func (e *Errand) find(r *http.Request, v *visit) error {
	id := r.PathValue("account")
	if !strings.Contains(v.route.Path, "{account}") {
		return nil
	}
	if !v.support && id != v.facts.User.Account {
		return store.ErrNotFound
	}
	var err error
	v.account, err = e.Directory.Account(r.Context(), id)
	return err
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
	v := page.Refusal{Cause: c, Name: f.User.Name, Locale: f.User.Locale, Superadmin: f.Repair}
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
