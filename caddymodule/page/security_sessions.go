package page

import (
	"net/http"
	"time"
)

// SessionsSecurity is the page on which people see where they are logged in.
type SessionsSecurity struct {
	Sub
	Sessions []SessionRow
	// Devices are those that are not asked for the second step.
	Devices []TrustedDevice
	// Confirm is what needs a proof first: the handle of a session, or "all"; empty
	// for the list. Device is the one it is about.
	Confirm, Device string
}

// SessionRow is one session.
type SessionRow struct {
	Handle                string
	Agent, Network, Place string
	Since, Seen           time.Time
	Here                  bool
}

// sessionLine is one as the template sees it.
type sessionLine struct {
	Handle, Device, Where, When string
	Here                        bool
}

// sessionsBody is what security_sessions.html sees.
type sessionsBody struct {
	subBody
	Lines                             []sessionLine
	Others                            bool
	Trusted                           []deviceLine
	Confirm, ConfirmTitle             string
	End, EndOthers, Act, Forget, List string
}

// SessionsSecurity writes the page with the given status.
func (p *Renderer) SessionsSecurity(w http.ResponseWriter, r *http.Request, status int, v SessionsSecurity) {
	here, locale, sub := p.below(r, "sessions", "sessions", v.Sub)
	body := sessionsBody{
		subBody: sub, Confirm: v.Confirm, End: p.own(here, "security/sessions/end"), EndOthers: p.own(here, "security/sessions/end-others"),
		Forget: p.own(here, "security/devices"), List: p.own(here, "security/sessions"),
	}
	switch v.Confirm {
	case "":
	case "all":
		body.Act, body.ConfirmTitle = body.EndOthers, p.Text(locale, "sessions.confirm_others")
	default:
		body.Act, body.ConfirmTitle = body.End, p.Text(locale, "sessions.confirm_one", "device", p.agent(locale, v.Device))
	}
	for _, s := range v.Sessions {
		body.Others = body.Others || !s.Here
		body.Lines = append(body.Lines, sessionLine{
			Handle: s.Handle, Here: s.Here, Device: capital(p.agent(locale, s.Agent)), Where: p.where(locale, "sessions.where", s.Network, s.Place),
			When: p.Text(locale, "sessions.since", "since", p.moment(locale, "time.date", s.Since), "seen", p.moment(locale, "time.date", s.Seen)),
		})
	}
	for _, d := range v.Devices {
		body.Trusted = append(body.Trusted, p.trusted(locale, d))
	}
	p.finish(w, here, status, "security_sessions", p.Text(locale, "sessions.title"), v.Sub, sub, body)
}

// where words a network, with the place where one is known.
func (p *Renderer) where(locale, id, at, place string, pairs ...any) string {
	if place != "" {
		id += "_place"
	}
	return p.Text(locale, id, append(pairs, "network", network(at), "place", place)...)
}
