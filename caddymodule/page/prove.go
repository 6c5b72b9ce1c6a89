package page

import (
	"cmp"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Prove is the proof inside a form of somebody who is logged in: what it may be
// given with, and what is the matter with the one that was. A template shows its
// fields, and the button of the form, by
//
//	{{template "prove" (prove .Body.Prove "name of the form" (t "word of the button") "primary")}}
type Prove struct {
	// Form is the name of the form that was refused; empty for none.
	Form string
	// Prefix begins the names of its fields, where the form has others like them.
	Prefix string
	// What it may be given with. Where Code is set, that one is asked besides; a
	// passkey is enough by itself.
	Password, Mail, Code, Passkey bool
	// NoApp: the code can only be a recovery code.
	NoApp bool
	// Mailed: a code was mailed, and is asked instead of the password.
	Mailed bool
	Email  string // where mails go, and for password managers
	// Cause of the refusal, and what goes with it. FreshProofRequired is none: a code
	// was just mailed.
	Cause     cause.Cause
	Reference string
	// Reason and Off say what was wrong with a code, as in SecondStep.
	Reason     string
	Off        time.Duration
	RetryAfter time.Duration
	RetryAt    time.Time
}

// Sub is what the pages below the security page share.
type Sub struct {
	// Done is what was changed: a word of the page under "<page>.done_".
	Done string
	// Prove is for its forms, and says what is the matter with one.
	Prove Prove
	// Target is where the person was going.
	Target string
	Locale string

	passkeys bool // the page has passkeys in it
}

// subBody is what templates of these pages see; their own body embeds it.
type subBody struct {
	problem
	Prove            Prove
	Notice, Go, Home string
}

// below begins one of these pages. name is its path below the security page, words
// are its own: title, "<words>.done_..." and what it says of a cause in its own way.
// here is a request for the page itself, for addresses.
func (p *Renderer) below(r *http.Request, name, words string, v Sub) (here *http.Request, locale string, b subBody) {
	locale = p.locale(r, v.Locale)
	here = p.at(r, "security/"+name, v.Target)
	b = subBody{Prove: v.Prove, Home: p.own(here, "security")}
	if v.Target != "/" {
		b.Go = v.Target
	}
	if v.Done != "" {
		b.Notice = p.Text(locale, words+".done_"+v.Done)
	}
	if v.Prove.Cause != cause.FreshProofRequired {
		b.problem = p.problem(locale, "prove", v.Prove.Cause, nil, "")
		if v.Prove.Mailed && v.Prove.Cause == cause.WrongPassword {
			p.reword(locale, "prove.wrong_code", &b.problem)
		}
		p.reword(locale, words+"."+string(v.Prove.Cause), &b.problem)
		if v.Prove.NoApp && v.Prove.Cause == cause.SecondStepFailed {
			p.reword(locale, "keys."+string(v.Prove.Cause), &b.problem)
		}
	}
	if hint := p.ProofHint(locale, v.Prove); hint != "" {
		b.Hints = append(b.Hints, hint)
	}
	return here, locale, b
}

// ProofHint says what is the matter with a code or a passkey, empty for nothing.
func (p *Renderer) ProofHint(locale string, v Prove) string {
	return cmp.Or(p.codeHint(locale, v.Reason, v.Off, v.NoApp), p.passkeyHint(locale, v.Reason))
}

// finish writes one of these pages. body has b embedded.
func (p *Renderer) finish(w http.ResponseWriter, here *http.Request, status int, template, title string, v Sub, b subBody, body any) {
	locale := p.locale(here, v.Locale)
	out := p.frame(here, locale, title, b.Error)
	out.Cause, out.Reference, out.Script, out.Body = string(v.Prove.Cause), v.Prove.Reference, true, body
	out.Passkeys = v.passkeys || v.Prove.Passkey
	out.Support = p.support(locale, v.Prove.Reference)
	out.Retry = p.retryIn(locale, v.Prove.RetryAfter, v.Prove.RetryAt)
	p.render(w, status, template, out)
}

// proving is what the fields of one form need to know.
type proving struct {
	Prove
	Name, Submit, Class string
	PasskeyAsk          string // where a passkey is asked for; empty: none is
	// Asks: there is no password, so a code is to be mailed first. Can is false where
	// there is nothing to prove with.
	Asks, Can bool
	// WrongFirst and WrongCode say which field of this form was refused.
	WrongFirst, WrongCode bool
}

// prove is how templates say it.
func (r *Renderer) prove(p Prove, name, submit, class string) proving {
	v := proving{Prove: p, Name: name, Submit: submit, Class: class, Can: p.Password || p.Mail || p.Passkey}
	if p.Passkey {
		v.PasskeyAsk = r.options.Prefix + "/passkey/proof"
	}
	here := p.Form == name
	v.Mailed = here && p.Mailed
	v.Asks = !p.Password && !v.Mailed
	v.WrongFirst = here && p.Cause == cause.WrongPassword
	v.WrongCode = here && p.Cause == cause.SecondStepFailed
	return v
}
