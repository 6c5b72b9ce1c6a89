package page

import (
	"net/http"
	"time"
)

// Identities is the page of the accounts with providers that log somebody in.
type Identities struct {
	Sub
	Linked []LinkedIdentity
	// Providers can be linked; those that do not work now are said to be Away.
	Providers []Linkable
}

// LinkedIdentity is one of them.
type LinkedIdentity struct {
	ID, Label, Kind string
	Address         string // masked
	Linked, Used    time.Time
	LastWay         bool // without it they could not log in
}

// Linkable is a provider with which another one can be linked.
type Linkable struct {
	Provider
	Away bool
}

// identityLine is one as identities.html sees it.
type identityLine struct {
	ID, Form, Kind, What, Since, Unlink string
	LastWay, Open                       bool
	Prove                               proving
}

// linkLine is a provider as identities.html sees it.
type linkLine struct {
	Name, Form, Kind, Title, Text, Away string
	Open                                bool
	Prove                               proving
}

// identitiesBody is what identities.html sees.
type identitiesBody struct {
	subBody
	Lines             []identityLine
	Links             []linkLine
	LinkURL, UnlinkTo string
}

// Identities writes the page with the given status.
func (p *Renderer) Identities(w http.ResponseWriter, r *http.Request, status int, v Identities) {
	here, locale, sub := p.below(r, "identities", "identities", v.Sub)
	body := identitiesBody{subBody: sub, LinkURL: p.own(here, "security/identities/link"), UnlinkTo: p.own(here, "security/identities/unlink")}
	for _, l := range v.Linked {
		what, form := p.identity(locale, l), "unlink-"+l.ID
		line := identityLine{
			ID: l.ID, Form: form, Kind: l.Kind, What: what, LastWay: l.LastWay, Open: v.Prove.Form == form,
			Since:  p.Text(locale, "identities.since", "date", p.Day(locale, l.Linked)) + " " + p.Text(locale, "identities.unused"),
			Unlink: p.Text(locale, "identities.unlink", "what", what),
			Prove:  p.prove(v.Prove, form, p.Text(locale, "identities.unlink_submit"), "secondary"),
		}
		if !l.Used.IsZero() {
			line.Since = p.Text(locale, "identities.since", "date", p.Day(locale, l.Linked)) + " " + p.Text(locale, "identities.used", "date", p.Day(locale, l.Used))
		}
		body.Lines = append(body.Lines, line)
	}
	for _, o := range v.Providers {
		form := "link-" + o.Name
		line := linkLine{
			Name: o.Name, Form: form, Kind: o.Kind, Open: v.Prove.Form == form,
			Title: p.Text(locale, "identities.link_one", "provider", o.Label), Text: p.Text(locale, "identities.link_text", "provider", o.Label),
			Prove: p.prove(v.Prove, form, p.Text(locale, "identities.link_submit", "provider", o.Label), "secondary"),
		}
		if o.Away {
			line.Away = p.Text(locale, "identities.away", "provider", o.Label)
		}
		body.Links = append(body.Links, line)
	}
	p.finish(w, here, status, "identities", p.Text(locale, "identities.title"), v.Sub, sub, body)
}

// identity names one for people.
func (p *Renderer) identity(locale string, l LinkedIdentity) string {
	if l.Address == "" {
		return l.Label
	}
	return p.Text(locale, "identities.line", "provider", l.Label, "address", l.Address)
}

// Arrived asks whether the account that was just chosen is to be linked.
type Arrived struct {
	Sub
	Provider Provider
	Address  string // masked
	Email    string // of the person here
	// Fresh: they logged in a moment ago for this, and prove nothing again.
	Fresh bool
}

// arrivedBody is what link.html sees.
type arrivedBody struct {
	subBody
	Title, Text, Confirm, Dismiss string
	Fresh                         bool
}

// Arrived writes the question with the given status.
func (p *Renderer) Arrived(w http.ResponseWriter, r *http.Request, status int, v Arrived) {
	here, locale, sub := p.below(r, "identities/confirm", "link", v.Sub)
	sub.Go = "" // that is what both buttons lead to
	say := func(id string) string {
		return p.Text(locale, id, "provider", v.Provider.Label, "address", v.Address, "email", v.Email)
	}
	body := arrivedBody{
		subBody: sub, Fresh: v.Fresh, Title: say("link.title"), Text: say("link.text"),
		Confirm: p.own(here, "security/identities/confirm"), Dismiss: p.own(here, "security/identities/dismiss"),
	}
	if v.Address != "" {
		body.Text = say("link.text_address")
	}
	p.finish(w, here, status, "link", body.Title, v.Sub, sub, body)
}
