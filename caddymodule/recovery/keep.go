package recovery

import (
	"errors"
	"net/http"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// keep shows the fresh password to the person who is logged in. It comes back
// after each login, until they say that they stored it.
func (e *Errand) keep(w http.ResponseWriter, r *http.Request) {
	e.fresh(w, r, func(u *store.User, password string) {
		e.showFresh(w, r, u, password, false)
	})
}

// stored is "I stored it". What came back with it shows what a password manager
// may have saved; another password than ours is shown again.
func (e *Errand) stored(w http.ResponseWriter, r *http.Request) {
	e.fresh(w, r, func(u *store.User, password string) {
		if typed, err := field(w, r, "password"); err == nil && typed != password {
			e.showFresh(w, r, u, password, true)
			return
		}
		if err := e.Tickets.Stored(r.Context(), u); err != nil {
			e.away(w, r, err)
			return
		}
		e.Log.Info("a fresh password was stored by its owner", "user", u.ID, "account", u.Account)
		noStore(w)
		target.Redirect(w, e.target(r))
	})
}

func (e *Errand) showFresh(w http.ResponseWriter, r *http.Request, u *store.User, password string, differs bool) {
	e.Pages.Keep(w, r, page.Keep{
		Email: u.Email, Password: password, Action: target.With(e.Prefix+"/recover/keep", e.target(r)), Differs: differs,
		Locale: e.Pages.Locale(r, u.Locale),
	})
}

// fresh finds who is logged in and their fresh password. Who is not is sent to
// the login, who has none goes on.
func (e *Errand) fresh(w http.ResponseWriter, r *http.Request, show func(u *store.User, password string)) {
	noStore(w)
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
		// A script of the app shares our origin. It has no business here.
		w.WriteHeader(http.StatusForbidden)
		return
	}
	value, _ := cookie.Find(r.Header, cookie.Name(cookie.Session, cookie.Secure(r, e.HTTPS)), 0)
	f, err := e.Sessions.Check(r.Context(), value)
	switch {
	case err != nil:
		e.away(w, r, err)
		return
	case !present(f):
		target.Redirect(w, target.With(e.Prefix+"/login", e.target(r)))
		return
	}
	u := &store.User{ID: f.User.ID(), Account: f.User.Account(), Email: f.User.Email(), Locale: f.User.Locale()}
	password, err := e.Tickets.Fresh(r.Context(), u)
	switch {
	case errors.Is(err, ticket.ErrNone):
		target.Redirect(w, e.target(r))
	case err != nil:
		e.away(w, r, err)
	default:
		show(u, password)
	}
}

// present is true for somebody whose session is good, if only for the page where
// a superadmin pays, or for those where a second step is switched on.
func present(f *session.Facts) bool {
	return f.Session != nil && (f.Cause == cause.None || f.Cause == cause.SecondStepRequired || f.Repair)
}

func (e *Errand) away(w http.ResponseWriter, r *http.Request, err error) {
	e.Log.Error("storing the fresh password is not possible: the store does not answer", "error", err)
	e.Pages.Refusal(w, r, page.Refusal{Cause: cause.StoreUnavailable, RetryAfter: busyRetry})
}

func (e *Errand) target(r *http.Request) string {
	return target.Safe(r.URL.Query().Get(target.Param), e.Prefix)
}

// revealed is where the form of a revealed password is sent, for the sake of
// password managers; it leads on to the login.
func (e *Errand) revealed(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	target.Redirect(w, target.With(e.Prefix+"/login", e.target(r)))
}
