package page

import (
	"net/http"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Magic is the form in which people ask for a mail to log in with.
type Magic struct {
	// Email as typed; shown again only if it has an @.
	Email    string
	Remember bool
	// Cause of the refusal, cause.None on a fresh form.
	Cause     cause.Cause
	Reference string
	// RetryAfter and RetryAt say when a mail can be asked for again.
	RetryAfter time.Duration
	RetryAt    time.Time
	// Sent is how many mails were asked for, where that is why there is none now.
	Sent int
	// Hints are word ids, and Suggestion the domain for "hint.mail_domain".
	Hints      []string
	Suggestion string
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// magicBody is what magic.html and sent.html see.
type magicBody struct {
	problem
	Email                                string
	Remember, Code                       bool
	Match, Agent, Network, Asked, Until  string
	CodeUntil, State, Again, Login, Help string
	Notice, NextMail                     string
}

// Magic writes the form with the given status.
func (p *Renderer) Magic(w http.ResponseWriter, r *http.Request, status int, v Magic) {
	locale, shown := p.locale(r, v.Locale), v.Cause.Public()
	body := magicBody{
		Email: echo(v.Email), Remember: v.Remember, Login: p.own(r, "login"), Help: p.help(r, "help", shown, v.Reference),
	}
	body.problem = p.problem(locale, "magic", shown, v.Hints, v.Suggestion)
	if shown == cause.TooManyMails && v.Sent > 0 {
		body.Text = p.Text(locale, "magic.too_many_mails.sent", "n", v.Sent)
	}
	out := p.frame(r, locale, p.Text(locale, "magic.title"), body.Error)
	out.Cause, out.Reference, out.Script, out.Body = string(shown), v.Reference, true, body
	out.Support = p.support(locale, v.Reference)
	out.Retry = p.retryIn(locale, v.RetryAfter, v.RetryAt)
	p.render(w, status, "magic", out)
}

// MagicSent is the page of the tab that waits for its mail. It is the same
// whether anybody has the address or not.
type MagicSent struct {
	Ask string // names the mail
	// Match is what somebody types in another browser to let this tab in; Agent,
	// Network and Asked are what they see beside it there.
	Match, Agent, Network string
	Asked                 time.Time
	CodeUntil, Until      time.Time
	// NextMail is from when another mail may be asked for; zero where it is not known.
	NextMail time.Time
	// Code is false when the code can no longer be typed.
	Code bool
	// NotYet answers somebody who looked whether they were let in.
	NotYet     bool
	Cause      cause.Cause
	Reference  string
	RetryAfter time.Duration
	RetryAt    time.Time
	Locale     string
}

// MagicSent writes the page with the given status.
func (p *Renderer) MagicSent(w http.ResponseWriter, r *http.Request, status int, v MagicSent) {
	locale, shown := p.locale(r, v.Locale), v.Cause.Public()
	body := magicBody{
		Match: v.Match, Agent: p.agent(locale, v.Agent), Network: network(v.Network), Asked: p.clock(locale, v.Asked),
		CodeUntil: p.clock(locale, v.CodeUntil), Until: p.clock(locale, v.Until), Code: v.Code,
		State: p.options.Prefix + "/magic/state?ask=" + v.Ask, Again: p.own(r, "magic"), Help: p.help(r, "help", NoMail, v.Reference),
		NextMail: p.nextMail(locale, v.NextMail),
	}
	if v.NotYet {
		body.Notice = p.Text(locale, "sent.not_yet")
	}
	body.problem = p.problem(locale, "sent", shown, nil, "")
	out := p.frame(r, locale, p.Text(locale, "sent.title"), body.Error)
	out.Cause, out.Reference, out.Script, out.Body = string(shown), v.Reference, true, body
	out.Support = p.support(locale, v.Reference)
	out.Retry = p.retryIn(locale, v.RetryAfter, v.RetryAt)
	p.render(w, status, "sent", out)
}

// clock is a time of today as people say it.
func (p *Renderer) clock(locale string, at time.Time) string {
	return at.In(p.options.Location).Format(p.Text(locale, "time.clock"))
}

// agent names a browser, also one that says nothing about itself.
func (p *Renderer) agent(locale, agent string) string {
	if agent == "" {
		return p.Text(locale, "device.unknown")
	}
	browser, system, both := strings.Cut(agent, " / ")
	if !both {
		return agent
	}
	return p.Text(locale, "device.both", "browser", browser, "system", system)
}

// network leaves out what says nothing to people: that one address is one.
func network(n string) string { return strings.TrimSuffix(n, "/32") }
