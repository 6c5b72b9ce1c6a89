// Package resend is the errand of forms that were kept while their sender was
// logged out: the page on which they are sent on with one click, or thrown away.
// The forms themselves are kept by parked; the sending is done by guard, because a
// form goes the way of every request to the app.
package resend

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/parked"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/target"
)

// Sessions finds who is logged in.
type Sessions interface {
	Check(ctx context.Context, cookie string) (*session.Facts, error)
}

// Lot keeps the forms.
type Lot interface {
	Find(r *http.Request, id, account, user string) (*parked.Waiting, error)
	Drop(ctx context.Context, id string) error
}

// Pages shows what people see.
type Pages interface {
	Parked(w http.ResponseWriter, r *http.Request, status int, v page.Parked)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
}

// Options are what an Errand works with.
type Options struct {
	Prefix   string
	HTTPS    bool
	Sessions Sessions
	Lot      Lot
	Pages    Pages
	Log      *slog.Logger
}

// Errand shows parked forms.
type Errand struct{ Options }

// New returns an Errand.
func New(o Options) *Errand {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Errand{o}
}

// Mount adds the routes. Looking has no effect, except that a form of somebody
// else is thrown away.
func (e *Errand) Mount(mux *http.ServeMux) {
	at := e.Prefix + "/parked/"
	mux.HandleFunc("GET "+at+"{$}", e.inside(e.back))
	mux.HandleFunc("GET "+at+"{id}", e.inside(e.show))
	mux.HandleFunc("POST "+at+"{id}/discard", e.inside(e.discard))
}

// visit is one request of somebody who is logged in.
type visit struct {
	*http.Request
	w     http.ResponseWriter
	facts *session.Facts
}

// inside finds who is logged in, or has them log in and come back.
func (e *Errand) inside(do func(v visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Login-Gateway", "1")
		// A script of the app that asks for the page has no business with the form.
		if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		value, _ := cookie.Find(r.Header, cookie.Name(cookie.Session, cookie.Secure(r, e.HTTPS)), 0)
		f, err := e.Sessions.Check(r.Context(), value)
		switch {
		case err != nil:
			e.away(w, r, err)
		case f.Session == nil || f.Cause == cause.NotLoggedIn || f.Cause == cause.SessionExpired || f.Cause == cause.SessionEnded:
			target.Redirect(w, target.With(e.Prefix+"/login", strings.TrimSuffix(r.URL.Path, "/discard")))
		default:
			do(visit{r, w, f})
		}
	}
}

const retryAfter = 5 * time.Second

func (e *Errand) away(w http.ResponseWriter, r *http.Request, err error) {
	e.Log.Error("a parked form cannot be shown: the store does not answer", "error", err)
	e.Pages.Refusal(w, r, page.Refusal{Cause: cause.StoreUnavailable, RetryAfter: retryAfter})
}

// back is where the login in another tab leads, while the form is in the first.
func (e *Errand) back(v visit) { e.tell(v, http.StatusOK, page.FormBack) }

func (e *Errand) tell(v visit, status int, state string) {
	e.Pages.Parked(v.w, v.Request, status, page.Parked{State: state, Name: v.facts.User.Name(), Locale: v.facts.User.Locale()})
}

// find returns the form that the address names, or answers.
func (e *Errand) find(v visit) *parked.Waiting {
	form, err := e.Lot.Find(v.Request, v.PathValue("id"), v.facts.User.Account(), v.facts.User.ID())
	switch {
	case errors.Is(err, parked.ErrGone):
		e.tell(v, http.StatusGone, page.FormGone)
	case err != nil:
		e.away(v.w, v.Request, err)
	case form.Taken:
		e.tell(v, http.StatusGone, page.FormSent)
	default:
		return form
	}
	return nil
}

func (e *Errand) show(v visit) {
	if form := e.find(v); form != nil {
		e.Pages.Parked(v.w, v.Request, http.StatusOK, page.Parked{
			State: page.FormWaiting, Name: v.facts.User.Name(), Locale: v.facts.User.Locale(),
			Address: form.Form.URI, Field: parked.Field, ID: form.ID, Encoding: parked.Encoding,
			Size: len(form.Form.Body), At: form.Created, Until: form.Until,
		})
	}
}

func (e *Errand) discard(v visit) {
	form := e.find(v)
	if form == nil {
		return
	}
	if err := e.Lot.Drop(v.Context(), form.ID); err != nil {
		e.away(v.w, v.Request, err)
		return
	}
	e.tell(v, http.StatusOK, page.FormDropped)
}
