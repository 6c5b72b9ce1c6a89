package page

import (
	"net/http"
	"time"
)

// EmailSecurity is the page on which people change their own address.
type EmailSecurity struct {
	Sub
	Email string
	// Pending waits for its proof until Until.
	Pending string
	Until   time.Time
	// Can is false where nobody is mailed.
	Can bool
	// Typed is what was given, Wrong what is the matter with it: "empty", "shape",
	// "same", or "likely" where Domain was probably meant.
	Typed, Wrong, Domain string
}

// emailBody is what security_email.html sees.
type emailBody struct {
	subBody
	EmailSecurity
	Now, State, Fault string
	Ask, Cancel       string
	Sure              string
}

// EmailSecurity writes the page with the given status.
func (p *Renderer) EmailSecurity(w http.ResponseWriter, r *http.Request, status int, v EmailSecurity) {
	here, locale, sub := p.below(r, "email", "email", v.Sub)
	body := emailBody{
		subBody: sub, EmailSecurity: v, Now: p.Text(locale, "email.now", "email", v.Email),
		Ask: p.own(here, "security/email"), Cancel: p.own(here, "security/email/cancel"),
	}
	if v.Pending != "" {
		body.State = p.Text(locale, "email.pending", "email", v.Pending, "until", p.moment(locale, "time.date", v.Until), "now", v.Email)
	}
	if v.Wrong != "" {
		body.Fault = p.Text(locale, "email.wrong."+v.Wrong, "domain", v.Domain)
	}
	if v.Wrong == "likely" {
		body.Sure = v.Typed
	}
	sub.Error = sub.Error || v.Wrong != ""
	p.finish(w, here, status, "security_email", p.Text(locale, "email.title"), v.Sub, sub, body)
}
