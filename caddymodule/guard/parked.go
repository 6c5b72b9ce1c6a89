package guard

import (
	"context"
	"errors"
	"net/http"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/parked"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/target"
)

// Parking keeps forms that come when nobody may pass. *parked.Lot is one.
type Parking interface {
	Park(w http.ResponseWriter, r *http.Request, uri, value string, f *session.Facts) (page string, err error)
	Page(id string) string
	Take(r *http.Request, id, account, user string) (*parked.Waiting, error)
	Settle(ctx context.Context, id string, arrived bool) error
}

// crossOrigin tells what other sites have a browser send.
func crossOrigin(o Options) *http.CrossOriginProtection {
	p := http.NewCrossOriginProtection()
	if o.Site.Origin != "" {
		if err := p.AddTrustedOrigin(o.Site.Origin); err != nil {
			o.Log.Error("public_url cannot be trusted as an origin", "error", err)
		}
	}
	return p
}

// late answers a form that comes when its session is over (P3). It is kept, where
// that is possible, until its sender is in again; else the browser keeps it.
func (g *Guard) late(w http.ResponseWriter, r *http.Request, o Original, c cause.Cause) {
	v := page.Login{Cause: c, Action: g.loginURL(refererPath(r), cause.None)}
	if g.Parking != nil {
		value, facts, err := g.session(r)
		if err == nil {
			var form string
			form, err = g.Parking.Park(w, g.sharing(r), o.URL.RequestURI(), value, facts)
			v.Form = form
		}
		if err != nil && !errors.Is(err, parked.ErrNot) {
			g.stay(w, r, c, err, target.With(g.Site.Prefix+"/login", g.Parking.Page("")))
			return
		}
	}
	g.Pages.Login(w, r, http.StatusUnauthorized, v)
}

// stay leaves a form in the browser, and says how it is sent again from there, once
// its sender did in another tab what the page at way asks for.
func (g *Guard) stay(w http.ResponseWriter, r *http.Request, c cause.Cause, err error, way string) {
	if errors.Is(err, parked.ErrStay) {
		g.Log.Info("a form is left in the browser", "why", err)
	} else {
		g.Log.Error("a form could not be parked; it is left in the browser", "error", err)
	}
	g.Pages.Stay(w, r, http.StatusUnauthorized, page.Stay{Cause: c, Login: way})
}

// asked tells whether a request asks for a parked form to be sent on.
func (g *Guard) asked(r *http.Request) (id string, ok bool) {
	if g.Parking == nil || r.Method != http.MethodPost {
		return "", false
	}
	return parked.Asked(r)
}

// sendOn sends a parked form on to where it was going, as a request of the session
// that its sender has now. It goes the way of every request, so all rules hold.
func (g *Guard) sendOn(w http.ResponseWriter, r *http.Request, o Original, id string, identify Identify, next Next) (err error) {
	if g.cross.Check(r) != nil {
		g.refuse(w, r, o, cause.CrossSite, nil)
		return nil
	}
	_, facts, err := g.session(r)
	switch {
	case err != nil:
		g.stop(w, r, o, facts, err)
		return nil
	case facts == nil || facts.Session == nil || facts.User == nil || facts.Cause == cause.SessionExpired || facts.Cause == cause.SessionEnded:
		// Not parked again: the form is still there, and its page says so.
		g.back(w, id)
		return nil
	}
	form, err := g.Parking.Take(g.sharing(r), id, facts.User.Account(), facts.User.ID())
	switch {
	case errors.Is(err, parked.ErrGone) || errors.Is(err, parked.ErrTaken):
		g.back(w, id)
		return nil
	case err != nil:
		g.stop(w, r, o, nil, err)
		return nil
	case form.Form.URI != o.URL.RequestURI():
		g.settle(r.Context(), id, false)
		g.refuse(w, r, o, cause.BadRequest, nil)
		return nil
	}
	d := &delivery{ResponseWriter: w, next: next}
	defer func() { g.settle(r.Context(), id, d.arrived(err)) }()
	return g.Serve(d, form.Form.Request(r, id), o, identify, handing(d.pass))
}

// back leads to the page of a form, which says how it stands.
func (g *Guard) back(w http.ResponseWriter, id string) {
	w.Header().Set("X-Login-Gateway", "1")
	w.Header().Set("Cache-Control", "no-store")
	target.Redirect(w, g.Parking.Page(id))
}

func (g *Guard) settle(ctx context.Context, id string, arrived bool) {
	if err := g.Parking.Settle(ctx, id, arrived); err != nil {
		g.Log.Error("a parked form was sent on, but not marked as such", "id", id, "arrived", arrived, "error", err)
		return
	}
	g.Log.Info("a parked form was sent on", "id", id, "arrived", arrived)
}

// delivery is a form on its way to the app, and what became of it.
type delivery struct {
	http.ResponseWriter
	next    Next
	reached bool
	status  int
}

// Unwrap is for http.ResponseController.
func (d *delivery) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// WriteHeader remembers how it was answered.
func (d *delivery) WriteHeader(status int) {
	if d.status < http.StatusOK {
		d.status = status
	}
	d.ResponseWriter.WriteHeader(status)
}

// pass is the Next of the form.
func (d *delivery) pass(w http.ResponseWriter, r *http.Request) error {
	d.reached = true
	return d.next.ServeHTTP(w, r)
}

// arrived is false where the app was not there to take the form: the person can
// send it once more, as a browser could.
func (d *delivery) arrived(err error) bool {
	if !d.reached || err != nil {
		return false
	}
	return d.status != http.StatusBadGateway && d.status != http.StatusServiceUnavailable && d.status != http.StatusGatewayTimeout
}

// handing makes a Next of a function.
type handing func(http.ResponseWriter, *http.Request) error

// ServeHTTP calls it.
func (h handing) ServeHTTP(w http.ResponseWriter, r *http.Request) error { return h(w, r) }
