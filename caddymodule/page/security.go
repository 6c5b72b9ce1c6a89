package page

import (
	"html/template"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Security is the page on which people manage their own access.
type Security struct {
	Name string
	// On is whether a second step is, Since and CodesLeft what there is of it.
	On        bool
	Since     time.Time
	CodesLeft int
	// Setup: one is being set up in this session.
	Setup bool
	// HasPassword: there is one to prove who they are with.
	HasPassword bool
	Devices     []TrustedDevice
	// Required: the second step has to be on, from By where that is not zero.
	Required bool
	By       time.Time
	// Done is "on", "off", "codes", "forgotten" or "cancelled" after a change.
	Done string
	// Form is the one that was refused: "start", "codes" or "off".
	Form      string
	Cause     cause.Cause
	Reference string
	// Reason and Off say what was wrong with a code, as in SecondStep.
	Reason     string
	Off        time.Duration
	RetryAfter time.Duration
	RetryAt    time.Time
	// Target is where the person was going.
	Target string
	Locale string
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

// securityBody is what security.html sees.
type securityBody struct {
	problem
	Security
	Notice, State, Left, Asked             string
	Few                                    bool
	Start, NewCodes, SwitchOff, Forget, Go string
	SetupURL                               string
	Lines                                  []deviceLine
}

// Security writes the page with the given status.
func (p *Renderer) Security(w http.ResponseWriter, r *http.Request, status int, v Security) {
	locale := p.locale(r, v.Locale)
	here := p.at(r, "security", v.Target)
	body := securityBody{
		Security: v, problem: p.problem(locale, "security", v.Cause, nil, ""),
		Start: p.own(here, "security/second-step/start"), NewCodes: p.own(here, "security/second-step/codes"),
		SwitchOff: p.own(here, "security/second-step/off"), Forget: p.own(here, "security/devices"),
		SetupURL: p.own(here, "security/second-step"), Few: v.On && v.CodesLeft <= few,
	}
	if v.Target != "" && v.Target != "/" && (v.On || !v.Required || !v.By.IsZero()) {
		body.Go = v.Target
	}
	if hint := p.codeHint(locale, v.Reason, v.Off); hint != "" {
		body.Hints = append(body.Hints, hint)
	}
	if v.Done != "" {
		body.Notice = p.Text(locale, "security.done_"+v.Done)
	}
	p.secondState(locale, &body)
	for _, d := range v.Devices {
		body.Lines = append(body.Lines, deviceLine{
			ID: d.ID, Here: d.Here, Until: p.Text(locale, "security.device_until", "date", p.Day(locale, d.Until)),
			Text: p.Text(locale, "security.device", "agent", p.agent(locale, d.Agent), "network", network(d.Network), "date", p.Day(locale, d.Since)),
		})
	}
	out := p.frame(here, locale, p.Text(locale, "security.title"), body.Error)
	out.Cause, out.Reference, out.Script, out.Body = string(v.Cause), v.Reference, true, body
	out.Support = p.support(locale, v.Reference)
	out.Retry = p.retryIn(locale, v.RetryAfter, v.RetryAt)
	p.render(w, status, "security", out)
}

// proof is what the fields of a proof inside an action need to know.
type proof struct {
	Form        string
	Code, Wrong bool
}

// proofForm is how templates say it.
func proofForm(form string, code, wrong bool) proof { return proof{form, code, wrong} }

// few recovery codes are worth a warning.
const few = 3

// secondState words how the second step stands.
func (p *Renderer) secondState(locale string, body *securityBody) {
	v := &body.Security
	body.State = p.Text(locale, "security.off")
	if v.On {
		body.State = p.Text(locale, "security.on", "date", p.Day(locale, v.Since))
		body.Left = p.Text(locale, "security.codes_left", "n", v.CodesLeft)
	}
	switch {
	case v.On || !v.Required:
	case v.By.IsZero():
		body.Asked = p.Text(locale, "security.required")
	default:
		body.Asked = p.Text(locale, "security.required_by", "date", p.Day(locale, v.By))
	}
}

// SecondSetup is the page on which a second step is set up.
type SecondSetup struct {
	// Key in groups, URL and QR code of the app; empty once a code was right.
	Key, URL string
	QRPath   string
	QRSide   int
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
	Confirm, Download, TurnOn, Abandon string
	Heading, Intro, Submit             string
}

// SecondSetup writes the page with the given status: the QR code and a field for a
// code, or the recovery codes.
func (p *Renderer) SecondSetup(w http.ResponseWriter, r *http.Request, status int, v SecondSetup) {
	locale := p.locale(r, v.Locale)
	here, id := p.at(r, "security/second-step", v.Target), "setup.app_"
	if len(v.Codes) > 0 {
		id = "setup.codes_"
	}
	body := setupBody{
		SecondSetup: v, problem: p.problem(locale, "setup", v.Cause, nil, ""),
		AppURL:  template.URL(v.URL), //nolint:gosec // otpauth, made by us
		Confirm: p.own(here, "security/second-step/confirm"), Download: p.own(here, "security/second-step/download"),
		TurnOn: p.own(here, "security/second-step/on"), Abandon: p.own(here, "security/second-step/cancel"),
		Heading: p.Text(locale, id+"title"), Intro: p.Text(locale, id+"text"), Submit: p.Text(locale, "setup.turn_on"),
	}
	if v.OnlyCodes {
		body.Submit = p.Text(locale, "setup.replace")
	}
	if hint := p.codeHint(locale, v.Reason, v.Off); hint != "" {
		body.Hints = append(body.Hints, hint, p.Text(locale, "second.now", "clock", p.options.Now().In(p.options.Location).Format("15:04:05")))
	}
	out := p.frame(here, locale, body.Heading, body.Error)
	out.Cause, out.Reference, out.Script, out.Body = string(v.Cause), v.Reference, true, body
	out.Support = p.support(locale, v.Reference)
	out.Retry = p.retryIn(locale, v.RetryAfter, v.RetryAt)
	p.render(w, status, "setup", out)
}
