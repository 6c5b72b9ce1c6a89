package page

import (
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// maxEcho bounds how much of a typed address comes back into the form.
const maxEcho = 2048

// Login is one showing of the login page. The zero value is a fresh form.
type Login struct {
	// Email as typed; shown again only if it has an @, because people type
	// passwords into the wrong field.
	Email string
	// Remember is whether "stay logged in" is ticked.
	Remember bool
	// Action is where the form posts to. Leave it empty on the login page itself:
	// a form without action keeps the #fragment of the address over the post, even
	// without script. Elsewhere empty means <prefix>/login with the target kept.
	Action string
	// Cause of the refusal, cause.None on a fresh form. Causes that only say
	// that a log-in is due are shown calmly, without an error.
	Cause cause.Cause
	// Reference of the refused attempt.
	Reference string
	// RetryAfter and RetryAt say when a next try is looked at; RetryAt may be zero.
	RetryAfter time.Duration
	RetryAt    time.Time
	// Hints are word ids, and Suggestion the domain for "hint.mail_domain": see Hints.
	Hints      []string
	Suggestion string
	// Notice is a word id like "notice.logged_out"; empty for none.
	Notice string
	// Form is the page of the form that was just parked: every way in leads there.
	// Action is of no meaning then.
	Form string
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// loginBody is what login.html sees.
type loginBody struct {
	problem
	Email, Action, Notice         string
	Remember                      bool
	EmailInvalid, PasswordInvalid bool
	Magic, Recover, Help          string
	Providers                     []providerButton
	Away                          []providerAway
	LastWay                       string
	// PasskeyAsk and Passkey are where a passkey is asked for and sent to; empty where
	// there are none.
	PasskeyAsk, Passkey string
}

// Login writes the login page with the given status. The form always works:
// there is no refusal after which a person cannot type again.
func (p *Renderer) Login(w http.ResponseWriter, r *http.Request, status int, v Login) {
	locale := p.locale(r, v.Locale)
	if v.Form != "" {
		r, v.Notice = p.at(r, "login", v.Form), "notice.form_parked"
		v.Action = p.own(r, "login")
	}
	body := loginBody{
		Email: echo(v.Email), Remember: v.Remember, Action: p.action(r, v.Action),
		Magic: p.own(r, "magic"), Recover: p.own(r, "recover"), Help: p.help(r, "help", v.Cause, v.Reference),
	}
	passkeys := p.options.Passkeys(r.Host)
	if passkeys {
		body.PasskeyAsk, body.Passkey = p.options.Prefix+"/passkey/options", p.own(r, "passkey/login")
	}
	body.Providers, body.LastWay = p.offered(r, locale, passkeys)
	body.Away = p.away(r, locale)
	shown := v.Cause.Public()
	if notice, calm := p.notice(r, shown); !calm {
		body.problem = p.problem(locale, "login", shown, v.Hints, v.Suggestion)
		body.EmailInvalid, body.PasswordInvalid = wrongFields(shown, v.Hints)
	} else if v.Notice == "" {
		v.Notice = notice
	}
	if v.Notice != "" {
		body.Notice = p.Text(locale, v.Notice)
	}
	out := p.frame(r, locale, p.Text(locale, "login.title"), body.Error)
	out.Cause, out.Reference, out.Script, out.Body = string(shown), v.Reference, true, body
	out.Passkeys = body.Passkey != ""
	out.Support = p.support(locale, v.Reference)
	out.Retry = p.retryIn(locale, v.RetryAfter, v.RetryAt)
	p.render(w, status, "login", out)
}

// notice is the word id of the usual notice for causes that only say that a
// log-in is due; calm is false for causes that are errors.
func (p *Renderer) notice(r *http.Request, shown cause.Cause) (id string, calm bool) {
	switch shown {
	case cause.None, cause.NotLoggedIn, cause.SessionExpired, cause.SessionEnded:
	default:
		return "", false
	}
	switch {
	case r.Method == http.MethodPost && !p.isOwn(r.URL.Path):
		return "notice.form_not_sent", true // somebody's work hangs on knowing this
	case shown == cause.SessionExpired || shown == cause.SessionEnded:
		return "notice." + string(shown), true
	}
	return "", true
}

// wrongFields says which fields to mark: after a wrong password nobody knows
// which of the two it was; malformed input is where the hints point.
func wrongFields(shown cause.Cause, hints []string) (email, password bool) {
	if shown == cause.BadRequest {
		for _, id := range hints {
			inEmail := strings.HasPrefix(id, "hint.email") || id == hintMailDomain
			email, password = email || inEmail, password || !inEmail
		}
	}
	neither := !email && !password
	marked := shown == cause.WrongPassword || shown == cause.BadRequest && neither
	return email || marked, password || marked
}

// action leaves the attribute out where the address of the page is the right one already.
func (p *Renderer) action(r *http.Request, given string) string {
	if given != "" || r.URL.Path == p.options.Prefix+"/login" {
		return given
	}
	return p.own(r, "login")
}

// echo makes a typed address fit to be shown again.
func echo(email string) string {
	if !strings.Contains(email, "@") {
		return ""
	}
	if len(email) > maxEcho {
		email = email[:maxEcho]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.ToValidUTF8(email, ""))
}
