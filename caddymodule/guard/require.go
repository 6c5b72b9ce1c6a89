package guard

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/parked"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/target"
)

// Require is a rule that protects: below its path a session alone is not enough.
type Require struct {
	Pattern Pattern
	// SecondStep asks for a session in which a second step was passed.
	SecondStep bool
	// Fresh asks that the person proved who they are no longer ago than this; zero
	// does not ask.
	Fresh time.Duration
}

// demand is what all rules together ask of one request.
type demand struct {
	second bool
	fresh  time.Duration
}

func (d demand) any() bool { return d.second || d.fresh > 0 }

// with is d and what a rule asks: of two ages the younger.
func (d demand) with(r Require) demand {
	d.second = d.second || r.SecondStep
	if r.Fresh > 0 && (d.fresh == 0 || r.Fresh < d.fresh) {
		d.fresh = r.Fresh
	}
	return d
}

// demands is what the rules ask for a path. A path that servers may read in
// different ways could be any, so all rules ask.
func (g *Guard) demands(kind sort, path string) (d demand) {
	for i := range g.Site.Require {
		if kind != plain || g.Site.Require[i].Pattern.protects(path) {
			d = d.with(g.Site.Require[i])
		}
	}
	return d
}

// protects is for rules that ask for more: neither case nor a slash at the end
// gets anybody around them, as many apps take no notice of either.
func (p Pattern) protects(path string) bool {
	if p.matchFold(path) {
		return true
	}
	own, asked := strings.TrimSuffix(p.path, "/"), strings.TrimSuffix(path, "/")
	return own != "" && strings.EqualFold(own, asked)
}

// unmet is the first demand that a session does not meet.
func (d demand) unmet(f *session.Facts, now func() time.Time) cause.Cause {
	switch {
	case d.second && !f.SecondStep():
		return cause.SecondStepRequired
	case d.fresh > 0 && !f.ProvedWithin(d.fresh, now()):
		return cause.FreshProofRequired
	}
	return cause.None
}

// The pages on which a demand is met.
const (
	provePath  = "/prove"
	secondPath = "/security/second-step"
)

// proveURL is the page that takes somebody through what is missing: to show again
// who they are, or to switch a second step on where there is none.
func (g *Guard) proveURL(c cause.Cause, f *session.Facts) string {
	if c == cause.SecondStepRequired && !f.HasSecondStep() {
		return g.Site.Prefix + secondPath
	}
	return g.Site.Prefix + provePath
}

// prove answers somebody who is logged in and has to do more: pages lead through
// it and back, programs are told where. It is no refusal that anybody has to look
// up, so none is recorded.
func (g *Guard) prove(w http.ResponseWriter, r *http.Request, o Original, f *session.Facts, c cause.Cause) {
	g.Metrics.Refused(c)
	where := g.proveURL(c, f)
	own(w.Header())
	switch {
	case !g.navigation(r, o):
		g.allowOrigin(w.Header(), r)
		writeProblem(w, r, g.Pages, c, ways{login: g.Site.Prefix + "/login", prove: where})
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		target.Redirect(w, target.With(where, target.Safe(o.URL.RequestURI(), g.Site.Prefix)))
	case inFrame(r):
		to := target.Safe(refererPath(r), g.Site.Prefix)
		g.framePage(w, r, c, target.With(where, to), to)
	default:
		g.proveForm(w, r, o, f, c, where)
	}
}

// proveForm keeps a form until its sender has done what is missing; where it cannot
// be kept the browser keeps it.
func (g *Guard) proveForm(w http.ResponseWriter, r *http.Request, o Original, f *session.Facts, c cause.Cause, where string) {
	var form string
	var err error
	if g.Parking != nil {
		value, facts, _ := g.session(r)
		form, err = g.Parking.Park(w, g.sharing(r), o.URL.RequestURI(), value, facts)
	} else {
		err = parked.ErrNot
	}
	switch {
	case err == nil:
		target.Redirect(w, target.With(where, form))
	case errors.Is(err, parked.ErrNot):
		g.Pages.Refusal(w, r, page.Refusal{
			Cause: c, Name: f.User.Name(), Locale: f.User.Locale(),
			Links: []page.Link{{Word: "link.prove", URL: target.With(where, target.Safe(refererPath(r), g.Site.Prefix))}},
		})
	default:
		g.stay(w, r, c, err, target.With(where, g.Parking.Page("")))
	}
}

// own marks an answer as the gateway's, which depends on who asks and how.
func own(h http.Header) {
	h.Set("X-Login-Gateway", "1")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Cookie, Accept, Sec-Fetch-Mode")
}
