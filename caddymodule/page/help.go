package page

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Cookies is what is known of whether a browser keeps our cookies.
type Cookies string

// What can be known of it.
const (
	CookiesUnknown Cookies = "unknown"
	CookiesKept    Cookies = "ok"
	CookiesRefused Cookies = "bad"
)

// Answer is what somebody says about the help page.
type Answer string

// Whether it was an answer to their question.
const (
	NoAnswer  Answer = ""
	AnswerYes Answer = "yes"
	AnswerNo  Answer = "no"
)

// NoMail is what the help page is asked about by people whose mail does not come:
// nothing was refused, so it is no cause of the closed list.
const NoMail cause.Cause = "no_mail"

// Topic tells whether the help page can be asked about c, and answers be counted
// for it.
func Topic(c cause.Cause) bool {
	_, listed := c.Info()
	return listed || c == NoMail
}

// Help is one showing of the page behind "trouble logging in?".
type Help struct {
	// Cause of the refusal that led here, or NoMail; cause.None when it is not known.
	Cause cause.Cause
	// Reference of the refused attempt; whoever fills it in has checked its shape.
	Reference string
	// Down: logging in does not work, and it is our fault.
	Down bool
	// LastLogin is how long ago somebody logged in; negative when not known.
	LastLogin time.Duration
	// Known: the gateway recognises the device.
	Known   bool
	Cookies Cookies
	// Answered is the answer that was just given.
	Answered Answer
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// reasons are why people cannot get in, in the order of the page, each with the
// causes it explains; the first is the one that answers are counted for.
var reasons = []struct {
	id     string
	causes []cause.Cause
}{
	{"password", []cause.Cause{cause.WrongPassword, cause.PasswordPendingExpired}},
	{"address", []cause.Cause{cause.UnknownEmail}},
	{"wait", []cause.Cause{cause.TooManyAttempts}},
	{"mail", []cause.Cause{NoMail, cause.TooManyMails}},
	{"link", []cause.Cause{cause.LinkExpired, cause.LinkUsed, cause.LinkSuperseded, cause.OtherBrowser}},
	{"browser", []cause.Cause{cause.CookiesBlocked}},
	{"loop", []cause.Cause{cause.RedirectLoop}},
	{"account", []cause.Cause{cause.AccountSuspended, cause.AccountTrialEnded, cause.AccountArrears, cause.AccountCancelled}},
	{"withdrawn", []cause.Cause{cause.UserBlocked}},
	{"type", []cause.Cause{cause.TypeDenied}},
}

// reason is one of them as help.html sees it.
type reason struct {
	ID, Title string
	Cause     cause.Cause
	Text      []string
	Open      bool
}

// helpBody is what help.html sees.
type helpBody struct {
	Thanks, Status                       string
	Down                                 bool
	Reasons                              []reason
	Login, Magic, Recover, Answer, Check string
	Cookies                              Cookies
	Device, Clock, Now                   string
}

// Help writes the help page.
func (p *Renderer) Help(w http.ResponseWriter, r *http.Request, v Help) {
	locale, now := p.locale(r, v.Locale), p.options.Now()
	body := helpBody{
		Status: p.Text(locale, "help.status."+status(v)), Down: v.Down, Reasons: p.reasons(locale, v.Cause),
		Login: p.own(r, "login"), Magic: p.own(r, "magic"), Recover: p.own(r, "recover"),
		Answer: p.help(r, "help/answer", v.Cause, v.Reference), Check: p.help(r, "help/check", v.Cause, v.Reference),
		Cookies: v.Cookies, Device: "unknown",
		Clock: now.In(p.options.Location).Format(p.Text(locale, "time.clock")), Now: strconv.FormatInt(now.UnixMilli(), 10),
	}
	if v.Cookies == "" {
		body.Cookies = CookiesUnknown
	}
	if v.Known {
		body.Device = "ok"
	}
	if v.Answered != NoAnswer {
		body.Thanks = p.Text(locale, "help.thanks."+string(v.Answered))
	}
	out := p.frame(r, locale, p.Text(locale, "help.title"), false)
	out.Reference, out.Script, out.Body = v.Reference, true, body
	out.Support = p.support(locale, v.Reference)
	p.render(w, http.StatusOK, "help", out)
}

// status is the word for whether logging in works. It is coarse, so that nobody
// can count logins with it.
func status(v Help) string {
	switch {
	case v.Down:
		return "down"
	case v.LastLogin < 0 || v.LastLogin >= time.Hour:
		return "works"
	case v.LastLogin < time.Minute:
		return "minute"
	case v.LastLogin < 10*time.Minute:
		return "minutes"
	}
	return "hour"
}

// explained reports whether the page has something to say about c.
func explained(c cause.Cause) bool {
	for _, known := range reasons {
		if slices.Contains(known.causes, c) {
			return true
		}
	}
	return false
}

func (p *Renderer) reasons(locale string, asked cause.Cause) []reason {
	all := make([]reason, len(reasons))
	for i, known := range reasons {
		id := "help.reason." + known.id
		all[i] = reason{ID: known.id, Title: p.Text(locale, id), Cause: known.causes[0]}
		if slices.Contains(known.causes, asked) {
			all[i].Open, all[i].Cause = true, asked
		}
		for n := 1; p.words.has(locale, fmt.Sprintf("%s.%d", id, n)); n++ {
			all[i].Text = append(all[i].Text, p.Text(locale, fmt.Sprintf("%s.%d", id, n), "brand", p.options.Brand.Name))
		}
	}
	// What led here comes first.
	slices.SortStableFunc(all, func(a, b reason) int {
		switch {
		case a.Open == b.Open:
			return 0
		case a.Open:
			return -1
		}
		return 1
	})
	return all
}

// help is the address of a page of help, which is told what the matter is.
func (p *Renderer) help(r *http.Request, name string, c cause.Cause, reference string) string {
	address, err := url.Parse(p.own(r, name))
	if err != nil {
		return p.options.Prefix + "/" + name // own escapes what it is given
	}
	query := address.Query()
	if explained(c) {
		query.Set("cause", string(c.Public()))
	}
	if reference != "" {
		query.Set("reference", reference)
	}
	address.RawQuery = query.Encode()
	return address.String()
}
