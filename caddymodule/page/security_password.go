package page

import (
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// PasswordSecurity is the page on which people manage their own password.
type PasswordSecurity struct {
	Sub
	// State says which they have: "own", "generated", "chosen" (by support, or before
	// they were here) or "none"; Since is from when.
	State string
	Since time.Time
	// May: they may choose one themselves, because a second step is on.
	May bool
	// Why is what is the matter with what they chose, a word under "own.why_".
	Why string
	// New is what they typed, for a form that is shown again.
	New string
	// Suggestion is a generated one that they may take for their own.
	Suggestion string
}

// passwordSecurityBody is what security_password.html sees.
type passwordSecurityBody struct {
	subBody
	State, StateText, Since    string
	May                        bool
	New, Suggestion            string
	WrongNew                   bool
	Choose, Generate, SwitchOn string
}

// PasswordSecurity writes the page with the given status.
func (p *Renderer) PasswordSecurity(w http.ResponseWriter, r *http.Request, status int, v PasswordSecurity) {
	here, locale, sub := p.below(r, "password", "own", v.Sub)
	if v.Why != "" {
		sub.Hints = append(sub.Hints, p.Text(locale, "own.why_"+v.Why))
	}
	body := passwordSecurityBody{
		subBody: sub, State: v.State, StateText: p.Text(locale, "own.state_"+v.State), May: v.May, New: v.New, Suggestion: v.Suggestion,
		WrongNew: v.Prove.Cause == cause.BadRequest, Choose: p.own(here, "security/password"),
		Generate: p.own(here, "security/password/generate"), SwitchOn: p.own(here, "security/second-step"),
	}
	if v.State != "none" && !v.Since.IsZero() {
		body.Since = p.Text(locale, "own.since", "date", p.Day(locale, v.Since))
	}
	p.finish(w, here, status, "security_password", p.Text(locale, "own.title"), v.Sub, sub, body)
}
