package page

import (
	"html/template"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// FewCodes is how many recovery codes are worth a warning.
const FewCodes = 3

// SecondSecurity is the page on which people manage their own second step.
type SecondSecurity struct {
	Sub
	// On is whether there is one, Since and CodesLeft what there is of it.
	On        bool
	Since     time.Time
	CodesLeft int
	// Setup: one is being set up in this session.
	Setup   bool
	Devices []TrustedDevice
	// Required: it has to be on, from By where that is not zero.
	Required bool
	By       time.Time
	// Keys: they have passkeys or security keys that it can be made of.
	Keys bool
	// OwnPassword: they chose their password, which goes with the second step.
	OwnPassword bool
}

// TrustedDevice is one that is not asked for the second step.
type TrustedDevice struct {
	ID, Agent, Network string
	Since, Until       time.Time
	Here               bool // this very browser
}

// deviceLine is one as the template sees it.
type deviceLine struct {
	ID, Text, Until string
	Here            bool
}

// secondSecurityBody is what security_second.html sees.
type secondSecurityBody struct {
	subBody
	On, Few, Stays, OwnPassword, Keys  bool
	CodesLeft                          int
	State, Left, Asked                 string
	Start, NewCodes, SwitchOff, Forget string
	StartKeys, Passkeys                string
	Lines                              []deviceLine
}

// SecondSecurity writes the page with the given status.
func (p *Renderer) SecondSecurity(w http.ResponseWriter, r *http.Request, status int, v SecondSecurity) {
	here, locale, sub := p.below(r, "second-step", "security", v.Sub)
	body := secondSecurityBody{
		subBody: sub, On: v.On, CodesLeft: v.CodesLeft, Few: v.On && v.CodesLeft <= FewCodes,
		Start: p.own(here, "security/second-step/start"), NewCodes: p.own(here, "security/second-step/codes"),
		SwitchOff: p.own(here, "security/second-step/off"), Forget: p.own(here, "security/devices"),
		State: p.Text(locale, "security.off"), Asked: p.secondAsked(locale, v.On, v.Required, v.By),
		Stays: v.Required && v.By.IsZero(), OwnPassword: v.OwnPassword,
		Keys: v.Keys, StartKeys: p.own(here, "security/second-step/keys"), Passkeys: p.own(here, "security/passkeys"),
	}
	if !v.On && body.Stays {
		body.Go = "" // it is closed to them until then
	}
	if v.On {
		body.State = p.Text(locale, "security.on", "date", p.Day(locale, v.Since))
		body.Left = p.Text(locale, "security.codes_left", "n", v.CodesLeft)
	}
	for _, d := range v.Devices {
		body.Lines = append(body.Lines, p.trusted(locale, d))
	}
	p.finish(w, here, status, "security_second", p.Text(locale, "security.second"), v.Sub, sub, body)
}

// trusted words a device that is not asked.
func (p *Renderer) trusted(locale string, d TrustedDevice) deviceLine {
	return deviceLine{
		ID: d.ID, Here: d.Here, Until: p.Text(locale, "security.device_until", "date", p.Day(locale, d.Until)),
		Text: p.Text(locale, "security.device", "agent", capital(p.agent(locale, d.Agent)), "network", network(d.Network), "date", p.Day(locale, d.Since)),
	}
}

// SecondSetup is the page on which a second step is set up.
type SecondSetup struct {
	// Key in groups, URL and QR code of the app; empty once a code was right.
	Key, URL string
	QRPath   string
	QRSide   int
	// Keys: it is made of passkeys, without an app.
	Keys bool
	// Codes are the recovery codes to be stored, OnlyCodes that it is just them.
	Codes     []string
	OnlyCodes bool
	// NotStored: the person has not said that they are.
	NotStored  bool
	Cause      cause.Cause
	Reference  string
	Reason     string
	Off        time.Duration
	RetryAfter time.Duration
	RetryAt    time.Time
	Target     string
	Locale     string
}

// setupBody is what setup.html sees.
type setupBody struct {
	problem
	SecondSetup
	AppURL                             template.URL
	PasskeyAsk                         string
	Confirm, Download, TurnOn, Abandon string
	Heading, Intro, Submit             string
}

// SecondSetup writes the page with the given status: the QR code and a field for a
// code, or the recovery codes.
func (p *Renderer) SecondSetup(w http.ResponseWriter, r *http.Request, status int, v SecondSetup) {
	locale := p.locale(r, v.Locale)
	here, id := p.at(r, "security/second-step", v.Target), "setup.app_"
	switch {
	case len(v.Codes) > 0:
		id = "setup.codes_"
	case v.Keys:
		id = "setup.keys_"
	}
	body := setupBody{
		SecondSetup: v, problem: p.problem(locale, "setup", v.Cause, nil, ""),
		AppURL:  template.URL(v.URL), //nolint:gosec // otpauth, made by us
		Confirm: p.own(here, "security/second-step/confirm"), Download: p.own(here, "security/second-step/download"),
		PasskeyAsk: p.options.Prefix + "/passkey/proof",
		TurnOn:     p.own(here, "security/second-step/on"), Abandon: p.own(here, "security/second-step/cancel"),
		Heading: p.Text(locale, id+"title"), Intro: p.Text(locale, id+"text"), Submit: p.Text(locale, "setup.turn_on"),
	}
	if v.OnlyCodes {
		body.Submit = p.Text(locale, "setup.replace")
	}
	if hint := p.passkeyHint(locale, v.Reason); hint != "" {
		body.Hints = append(body.Hints, hint)
	}
	if hint := p.codeHint(locale, v.Reason, v.Off, false); hint != "" {
		body.Hints = append(body.Hints, hint, p.Text(locale, "second.now", "clock", p.options.Now().In(p.options.Location).Format("15:04:05")))
	}
	out := p.frame(here, locale, body.Heading, body.Error)
	out.Cause, out.Reference, out.Script, out.Body = string(v.Cause), v.Reference, true, body
	out.Passkeys = v.Keys
	out.Support = p.support(locale, v.Reference)
	out.Retry = p.retryIn(locale, v.RetryAfter, v.RetryAt)
	p.render(w, status, "setup", out)
}
