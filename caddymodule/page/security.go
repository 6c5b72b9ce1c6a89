package page

import (
	"net/http"
	"time"
)

// Security is the hub on which people find what they can do about their own access.
type Security struct {
	Name  string
	Cards []SecurityCard
	// On is whether a second step is; Required that it has to be, from By where that
	// is not zero.
	On, Required bool
	By           time.Time
	// Target is where the person was going.
	Target string
	Locale string
}

// SecurityCard leads to one page below the hub.
type SecurityCard struct {
	Key   string // tells it from the others
	Title string
	Text  string // how it stands, in a line
	URL   string // path below the security page
	Warn  bool   // something is to be done there
}

// securityBody is what security.html sees.
type securityBody struct {
	Cards               []SecurityCard
	Intro, Asked        string
	SwitchOn, Go, Leave string
}

// Security writes the hub.
func (p *Renderer) Security(w http.ResponseWriter, r *http.Request, status int, v Security) {
	locale := p.locale(r, v.Locale)
	here := p.at(r, "security", v.Target)
	body := securityBody{Asked: p.secondAsked(locale, v.On, v.Required, v.By)}
	for _, c := range v.Cards {
		c.URL = p.own(here, "security/"+c.URL)
		body.Cards = append(body.Cards, c)
	}
	if body.Asked != "" {
		body.SwitchOn = p.own(here, "security/second-step")
	}
	if v.Target != "" && v.Target != "/" && (v.On || !v.Required || !v.By.IsZero()) {
		body.Go = v.Target
	}
	out := p.frame(here, locale, p.Text(locale, "security.title"), false)
	out.Script, out.Body, out.Support = true, body, p.support(locale, "")
	p.render(w, status, "security", out)
}

// secondAsked says that somebody has to switch their second step on; empty where
// they need not.
func (p *Renderer) secondAsked(locale string, on, required bool, by time.Time) string {
	switch {
	case on || !required:
		return ""
	case by.IsZero():
		return p.Text(locale, "security.required")
	}
	return p.Text(locale, "security.required_by", "date", p.Day(locale, by))
}
