package page

import (
	"net/http"
	"net/url"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// SecondStep is one showing of the page that asks for the second step of a login.
type SecondStep struct {
	// Name greets the person, whose first step was right.
	Name string
	// Target is where the login leads, kept in the address that the form posts to.
	Target string
	// Login names the login that waits, for tabs that another one has overtaken.
	Login string
	// Trust is whether "trust this device" is ticked.
	Trust bool
	// Keys: they have a passkey or security key that can be used instead of a code.
	// NoApp: their second step is made of those alone.
	Keys, NoApp bool
	// Cause of the refusal; cause.None and SecondStepRequired show no error.
	Cause     cause.Cause
	Reference string
	// Reason says what was wrong with a code, "wrong", "used" or "clock", or with a
	// passkey, as "late" or "copied"; Off is how far the clock that made it is ahead.
	Reason string
	Off    time.Duration
	// RetryAfter and RetryAt say when a next code is looked at.
	RetryAfter time.Duration
	RetryAt    time.Time
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// secondBody is what second.html sees.
type secondBody struct {
	problem
	Greeting, Text, Action string
	Cancel, Login, Help    string
	Trust, NoApp           bool
	Passkey                string // where one is asked for; empty: not here
}

// SecondStep writes the page with the given status. It may answer a login, so
// everything in it names addresses of its own.
func (p *Renderer) SecondStep(w http.ResponseWriter, r *http.Request, status int, v SecondStep) {
	locale := p.locale(r, v.Locale)
	here := p.at(r, "second-step", v.Target)
	body := secondBody{
		Greeting: p.Text(locale, "greeting", "name", v.Name), Action: p.own(here, "second-step"),
		Cancel: p.own(here, "second-step/cancel"), Login: v.Login, Trust: v.Trust, NoApp: v.NoApp, Help: p.help(here, "help", v.Cause, v.Reference),
	}
	if v.Keys && p.options.Passkeys(r.Host) {
		body.Passkey = p.options.Prefix + "/second-step/passkey"
	}
	body.Text = p.Text(locale, "second.text")
	if v.NoApp {
		body.Text = p.Text(locale, "second.keys_text")
		if body.Passkey == "" {
			body.Text = p.Text(locale, "second.keys_not_here")
		}
	}
	shown := v.Cause
	if shown != cause.SecondStepRequired {
		body.problem = p.problem(locale, "second", shown, nil, "")
		if v.NoApp {
			p.reword(locale, "keys."+string(shown), &body.problem)
		}
	}
	if hint := p.codeHint(locale, v.Reason, v.Off, v.NoApp); hint != "" {
		body.Hints = append(body.Hints, hint)
	}
	if passkey := p.passkeyHint(locale, v.Reason); passkey != "" {
		body.Hints = append(body.Hints, passkey)
	} else if len(body.Hints) > 0 {
		body.Hints = append(body.Hints, p.Text(locale, "second.now", "clock", p.options.Now().In(p.options.Location).Format("15:04:05")))
	}
	out := p.frame(here, locale, p.Text(locale, "second.title"), body.Error)
	out.Cause, out.Reference, out.Script, out.Body = string(shown), v.Reference, true, body
	out.Passkeys = body.Passkey != ""
	out.Support = p.support(locale, v.Reference)
	out.Retry = p.retryIn(locale, v.RetryAfter, v.RetryAt)
	p.render(w, status, "second", out)
}

// at is a request for another of our pages by the same visitor.
func (p *Renderer) at(r *http.Request, name, to string) *http.Request {
	here := r.Clone(r.Context())
	q := here.URL.Query()
	q.Del("to")
	if to != "" && to != "/" {
		q.Set("to", to)
	}
	here.Method, here.URL = http.MethodGet, &url.URL{Path: p.options.Prefix + "/" + name, RawQuery: q.Encode()}
	return here
}

// codeHint says what is the matter with a code that was not accepted. Where there is
// no app it was meant to be a recovery code, and there is nothing to look up.
func (p *Renderer) codeHint(locale, reason string, off time.Duration, noApp bool) string {
	if noApp {
		return ""
	}
	switch reason {
	case "wrong", "used":
		return p.Text(locale, "second.hint_"+reason)
	case "clock":
		id, n := "second.hint_ahead", int(off/time.Second)
		if off < 0 {
			id, n = "second.hint_behind", -n
		}
		return p.Text(locale, id, "n", n)
	}
	return ""
}
