package page

import (
	"net/http"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Kinds of mailed links.
const (
	MailedMagic    = "magic"    // logs in
	MailedPassword = "password" // shows a new password
	MailedInvite   = "invite"   // comes in for the first time
	MailedEntry    = "entry"    // logs in, by a link that an operator handed over
	MailedAddress  = "address"  // proves a new mailbox
	MailedNotMe    = "not_me"   // "this was not me"
)

// Mailed is the page behind a mailed link that can be used.
type Mailed struct {
	Kind string
	// Known is true in a browser in which one button is enough; in any other the
	// person types their address.
	Known bool
	// Tab offers to let the tab in that asked, by the code that it shows. Agent,
	// Network and Asked say which tab that is.
	Tab            bool
	Agent, Network string
	Asked          time.Time
	// Wrong is "address" or "match" where what was typed did not fit; Dead where it
	// cannot be typed any more.
	Wrong     string
	Dead      bool
	Cause     cause.Cause
	Reference string
	Locale    string
}

// mailedBody is what mailed.html sees.
type mailedBody struct {
	Mailed
	Error, Title, Text, Button, AddressText string
	Agent, Network, Asked                   string
}

// Mailed writes the page with the given status. It changes nothing: its buttons post.
func (p *Renderer) Mailed(w http.ResponseWriter, r *http.Request, status int, v Mailed) {
	locale, id := p.locale(r, v.Locale), "mailed."+v.Kind
	body := mailedBody{
		Mailed: v, Agent: p.agent(locale, v.Agent), Network: network(v.Network), Asked: p.clock(locale, v.Asked),
		Title: p.Text(locale, id+".title"), Text: p.Text(locale, id+".text"), Button: p.Text(locale, id+".button"),
		AddressText: p.Text(locale, id+".address"),
	}
	if v.Kind == MailedMagic && !v.Known {
		body.Text = "" // it takes more than a click
	}
	switch {
	case v.Dead:
		body.Error = p.Text(locale, "mailed.dead")
	case v.Wrong != "":
		body.Error = p.Text(locale, "mailed.wrong."+v.Wrong)
	}
	out := p.frame(r, locale, body.Title, body.Error != "")
	out.Cause, out.Reference, out.Body, out.Script = string(v.Cause.Public()), v.Reference, body, true
	out.Support = p.support(locale, v.Reference)
	p.render(w, status, "mailed", out)
}

// MailedDone is the page after something mailed was used.
type MailedDone struct {
	Kind string // "approved", "revoked", "secured", "proved" or "again"
	// Did is what was taken back, for "secured".
	Did    []string
	Locale string
}

// MailedDone says what came of it.
func (p *Renderer) MailedDone(w http.ResponseWriter, r *http.Request, v MailedDone) {
	locale, id := p.locale(r, v.Locale), "mailed."+v.Kind
	body := messageBody{Title: p.Text(locale, id+".title"), Text: []string{p.Text(locale, id+".text")}, After: p.Text(locale, id+".after")}
	for _, did := range v.Did {
		body.Did = append(body.Did, p.Text(locale, "notme.did_"+did))
	}
	ways := []Link{{Word: "link.help", URL: p.own(r, "help")}}
	if v.Kind == "secured" && slices.Contains(v.Did, "password") {
		body.After = p.Text(locale, "mailed.secured.mail")
	}
	if v.Kind == "proved" || v.Kind == "secured" {
		ways = append([]Link{{Word: "link.login", URL: p.own(r, "login")}}, ways...)
	}
	p.message(w, r, http.StatusOK, locale, body, ways)
}

// MailedOver is the page of a mailed link that cannot be used any more.
type MailedOver struct {
	Cause     cause.Cause
	Reference string
	// Again is where a post mails a fresh one; empty where that cannot be.
	Again string
	// Target is where somebody goes on who is logged in; empty for others.
	Target string
	Locale string
}

// MailedOver says why, and mails a fresh one in one click.
func (p *Renderer) MailedOver(w http.ResponseWriter, r *http.Request, v MailedOver) {
	var ways []Link
	if v.Target != "" {
		ways = append(ways, Link{Word: "link.go_on", URL: v.Target})
	}
	if v.Again != "" {
		ways = append(ways, Link{Word: "link.mail_again", URL: v.Again, Post: true})
	} else {
		ways = append(ways, Link{Word: "link.magic", URL: p.own(r, "magic")})
	}
	ways = append(ways, Link{Word: "link.login", URL: p.own(r, "login")}, Link{Word: "link.help", URL: p.help(r, "help", v.Cause, v.Reference)})
	p.Refusal(w, r, Refusal{Cause: v.Cause, Reference: v.Reference, Links: ways, Locale: v.Locale})
}
