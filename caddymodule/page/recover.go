package page

import (
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Recover is one showing of the form that asks for a new password by mail. The
// zero value is a fresh form.
type Recover struct {
	// Email as typed; shown again only if it has an @.
	Email string
	// Cause why no mail was asked for; cause.None on a fresh form.
	Cause cause.Cause
	// Reference of the refused attempt.
	Reference string
	// RetryAfter and RetryAt say when a mail can be asked for again; RetryAt may be
	// zero. Sent is how many were asked for lately, 0 for not known.
	RetryAfter time.Duration
	RetryAt    time.Time
	Sent       int
	// Hints are word ids, and Suggestion the domain for "hint.mail_domain".
	Hints      []string
	Suggestion string
	// Link: the mail holds a link that shows the password.
	Link bool
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// recoverBody is what recover.html sees.
type recoverBody struct {
	problem
	Email, Intro, Login, Help string
	Action                    string // empty on the page itself
	EmailInvalid              bool
}

// Recover writes the form with the given status.
func (p *Renderer) Recover(w http.ResponseWriter, r *http.Request, status int, v Recover) {
	locale, shown := p.locale(r, v.Locale), v.Cause.Public()
	body := recoverBody{
		Email: echo(v.Email), Login: p.own(r, "login"), Help: p.help(r, "help", shown, v.Reference),
		Intro: p.Text(locale, "recover.intro"), EmailInvalid: shown == cause.BadRequest,
		problem: p.problem(locale, "recover", shown, v.Hints, v.Suggestion),
	}
	if r.URL.Path != p.options.Prefix+"/recover" {
		body.Action = p.own(r, "recover")
	}
	if v.Link {
		body.Intro = p.Text(locale, "recover.intro_link")
	}
	if v.Sent > 0 {
		body.Hints = append([]string{p.Text(locale, "recover.sent_so_far", "n", v.Sent)}, body.Hints...)
	}
	out := p.frame(r, locale, p.Text(locale, "recover.title"), body.Error)
	out.Cause, out.Reference, out.Script, out.Body = string(shown), v.Reference, true, body
	out.Support = p.support(locale, v.Reference)
	out.Retry = p.retryIn(locale, v.RetryAfter, v.RetryAt)
	p.render(w, status, "recover", out)
}

// RecoverSent is the page after a new password was asked for.
type RecoverSent struct {
	// Until is when what was mailed ends; zero where it is not known.
	Until time.Time
	// NextMail is from when another mail may be asked for; zero where it is not known.
	NextMail time.Time
	// Link: the mail holds a link that shows the password.
	Link bool
	// Reference of the request.
	Reference string
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// RecoverSent says where to look, and what to do when nothing comes. It says the
// same to everybody: whether the address is somebody's is nobody's business.
func (p *Renderer) RecoverSent(w http.ResponseWriter, r *http.Request, v RecoverSent) {
	locale, kind := p.locale(r, v.Locale), ""
	if v.Link {
		kind = "_link"
	}
	body := messageBody{Title: p.Text(locale, "recover.sent.title"), Text: []string{p.Text(locale, "recover.sent.text"+kind)}}
	if !v.Until.IsZero() {
		until := v.Until.In(p.options.Location)
		body.Text = append(body.Text, p.Text(locale, "recover.sent.until"+kind, "until", until.Format(p.Text(locale, "time.date"))))
	}
	body.Text = append(body.Text, p.Text(locale, "recover.sent.old"), p.Text(locale, "recover.sent.nothing"))
	for _, step := range []string{"spam", "address", "wait"} {
		body.Steps = append(body.Steps, p.Text(locale, "recover.sent.step."+step))
	}
	if next := p.nextMail(locale, v.NextMail); next != "" {
		body.Steps = append(body.Steps, next)
	}
	body.Steps = append(body.Steps, p.Text(locale, "recover.sent.step.admin"))
	out := p.frame(r, locale, body.Title, false)
	out.Reference, out.Body = v.Reference, body
	out.Support = p.support(locale, v.Reference)
	out.Links = p.buttons(locale, []Link{
		{Word: "link.login", URL: p.own(r, "login")},
		{Word: "recover.again", URL: p.own(r, "recover")},
		{Word: "link.help", URL: p.help(r, "help", NoMail, v.Reference)},
	})
	p.render(w, http.StatusOK, "message", out)
}

// Keep is the page that shows somebody their new password.
type Keep struct {
	Email, Password string
	// Action is where "I stored it" posts to: a path of ours.
	Action string
	// Revealed: it is the password of a mailed link, and works from the next login.
	Revealed bool
	// Differs: what came back with "I stored it" is not the password.
	Differs bool
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// keepBody is what keep.html sees.
type keepBody struct {
	Title, Text, Again, Submit, Notice string
	Email, Password, Action            string
}

// Keep shows a password: to be read, copied, and saved by a password manager,
// which looks for a form with both fields that is really sent.
func (p *Renderer) Keep(w http.ResponseWriter, r *http.Request, v Keep) {
	locale, id := p.locale(r, v.Locale), "keep."
	if v.Revealed {
		id = "reveal."
	}
	body := keepBody{
		Title: p.Text(locale, id+"title"), Text: p.Text(locale, id+"text"), Again: p.Text(locale, id+"again"),
		Submit: p.Text(locale, id+"submit"), Email: v.Email, Password: v.Password, Action: v.Action,
	}
	if v.Differs {
		body.Notice = p.Text(locale, "keep.differs")
	}
	out := p.frame(r, locale, body.Title, false)
	out.Script, out.Body = true, body
	if v.Revealed {
		out.Languages = nil // it is shown once: in another language it would be gone
	}
	p.render(w, http.StatusOK, "keep", out)
}
