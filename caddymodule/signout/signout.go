// Package signout is the errand of logging out, here or everywhere. It owns the
// pages for that; ending a session is the business of session.
package signout

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Sessions finds and ends sessions.
type Sessions interface {
	Check(ctx context.Context, cookie string) (*session.Facts, error)
	End(ctx context.Context, cookie string) error
}

// Directory ends all sessions of a user.
type Directory interface {
	EndSessions(ctx context.Context, account, id string) error
}

// Pages shows the button and what came of it.
type Pages interface {
	Logout(w http.ResponseWriter, r *http.Request, v page.Logout)
	LoggedOut(w http.ResponseWriter, r *http.Request, v page.LoggedOut)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
}

// Options are what an Errand works with.
type Options struct {
	Prefix    string
	HTTPS     bool
	Sessions  Sessions
	Directory Directory
	Pages     Pages
	Log       *slog.Logger
}

// Errand logs people out.
type Errand struct{ Options }

// New returns an Errand.
func New(o Options) *Errand {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Errand{o}
}

// Mount adds the routes. GET only shows a button: a prefetch or an image must not
// log anybody out (P9).
func (e *Errand) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+e.Prefix+"/logout", e.show)
	mux.HandleFunc("POST "+e.Prefix+"/logout", e.here)
	mux.HandleFunc("POST "+e.Prefix+"/logout/all", e.everywhere)
}

func (e *Errand) show(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Query().Get("done") {
	case "here":
		e.Pages.LoggedOut(w, r, page.LoggedOut{})
		return
	case "everywhere":
		e.Pages.LoggedOut(w, r, page.LoggedOut{Everywhere: true})
		return
	}
	v := page.Logout{}
	if f, _, err := e.facts(r); err == nil && f.Session != nil {
		v.Name, v.Locale = f.User.Name(), f.User.Locale()
	}
	e.Pages.Logout(w, r, v)
}

func (e *Errand) facts(r *http.Request) (*session.Facts, string, error) {
	value, ok := cookie.Find(r.Header, cookie.Name(cookie.Session, cookie.Secure(r, e.HTTPS)), 0)
	if !ok {
		return session.Refused(cause.NotLoggedIn), "", nil
	}
	f, err := e.Sessions.Check(r.Context(), value)
	return f, value, err
}

func (e *Errand) here(w http.ResponseWriter, r *http.Request) {
	value, _ := cookie.Find(r.Header, cookie.Name(cookie.Session, cookie.Secure(r, e.HTTPS)), 0)
	if err := e.Sessions.End(context.WithoutCancel(r.Context()), value); err != nil {
		e.failed(w, r, err)
		return
	}
	e.done(w, r, "here")
}

func (e *Errand) everywhere(w http.ResponseWriter, r *http.Request) {
	f, _, err := e.facts(r)
	if err == nil && f.Session != nil && f.Cause != cause.SessionEnded && f.Cause != cause.SessionExpired {
		v := visitor.Of(r)
		ctx := audit.As(context.WithoutCancel(r.Context()), audit.Actor{
			Kind: audit.ByUser, ID: f.User.ID(), Account: f.User.Account(), Name: f.User.Name(),
			Network: v.Network, Agent: v.Agent, Session: f.Session.Handle(),
		})
		err = e.Directory.EndSessions(ctx, f.User.Account(), f.User.ID())
		e.Log.Info("logged out everywhere", "user", f.User.ID(), "account", f.User.Account())
	}
	if err != nil {
		e.failed(w, r, err)
		return
	}
	e.done(w, r, "everywhere")
}

// failed leaves the cookies alone: whoever reads "logged out" must be.
func (e *Errand) failed(w http.ResponseWriter, r *http.Request, err error) {
	e.Log.Error("logging out failed", "error", err)
	e.Pages.Refusal(w, r, page.Refusal{Cause: cause.StoreUnavailable, RetryAfter: 5e9})
}

// done expires session and flow, not the device: it stays a known one.
func (e *Errand) done(w http.ResponseWriter, r *http.Request, where string) {
	secure := cookie.Secure(r, e.HTTPS)
	http.SetCookie(w, cookie.New(cookie.Session, "", secure, -1))
	http.SetCookie(w, cookie.New(cookie.Flow, "", secure, -1))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Login-Gateway", "1")
	http.Redirect(w, r, e.Prefix+"/logout?done="+where, http.StatusSeeOther)
}
