package security

import (
	"errors"
	"net/http"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
)

// pathProve is where people prove again who they are, on their way to a part of
// the app that asks for it.
const pathProve = "/prove"

const formAgain = "again"

func (e *Errand) mountProve(mux *http.ServeMux) {
	mux.HandleFunc("GET "+e.Prefix+pathProve, e.inside(func(v *visit) { e.showAgain(v, http.StatusOK, e.asked(v)) }))
	mux.HandleFunc("POST "+e.Prefix+pathProve, e.inside(e.proveAgain))
}

func (e *Errand) showAgain(v *visit, status int, p page.Prove) {
	e.Pages.Again(v.w, v.Request, status, page.Sub{Target: e.to(v), Locale: v.locale, Prove: p})
}

// proveAgain takes the proof, notes it in the session, and leads on. Where a second
// step is on it was part of the proof, and a session that began without one, on a
// trusted device, has one from now on.
func (e *Errand) proveAgain(v *visit) {
	if !e.prove(v, formAgain, e.showAgain) {
		return
	}
	switch err := e.Sessions.RenewWith(v.Context(), v.cookie, v.amr...); {
	case errors.Is(err, store.ErrNotFound):
		e.outside(v, cause.SessionEnded)
	case err != nil:
		e.away(v, err)
	default:
		e.Log.Info("proved again", "user", v.user.ID, "account", v.user.Account, "session", v.session)
		target.Redirect(v.w, e.to(v))
	}
}

// admits tells whether the page is open in a session: to who may reach the app, to
// who has to mend a second step, and, for a proof, to the superadmin of a blocked
// account, whose repair paths may ask for one.
func (e *Errand) admits(v *visit, f *session.Facts) bool {
	return mayStay(f.Cause) || f.Repair && v.URL.Path == e.Prefix+pathProve
}

// back is where a login leads instead: one is a proof, so past this page.
func (e *Errand) back(v *visit) string {
	if v.URL.Path == e.Prefix+pathProve {
		return e.to(v)
	}
	return v.URL.Path
}
