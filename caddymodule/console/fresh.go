package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Prover compares what somebody shows to prove again who they are.
type Prover interface {
	Password(ctx context.Context, who proof.Person, typed string) error
	// Mail sends a code, and Code compares it. ErrNoMail of manage where nobody is mailed.
	Mail(ctx context.Context, who proof.Person) error
	Code(ctx context.Context, who proof.Person, typed string) error
	// Mails tells whether codes can be mailed.
	Mails() bool
}

// The fields of the proof. They come with the form of the action, and go before
// anybody else sees it.
const (
	freshPrefix   = "fresh_"
	freshPassword = "fresh_password"
	freshCode     = "fresh_code"
	freshMail     = "fresh_mail"
)

// freshBody is what fresh.html sees.
type freshBody struct {
	Action, Back, Email string
	Fields              []freshField
	CanMail, Mailed     bool
	Wrong               bool
}

// freshField is one field of the action, carried along.
type freshField struct{ Name, Value string }

// proved tells whether the action may go on: it is not sensitive, the last proof is
// young enough, or the form brought a new one. Else it answers the request with a
// page that asks for one and carries the fields of the action, so that nothing is
// lost.
func (e *Errand) proved(w http.ResponseWriter, r *http.Request, v *visit) bool {
	password, code, mail := v.form.Get(freshPassword), v.form.Get(freshCode), v.form.Has(freshMail)
	for name := range v.form {
		if strings.HasPrefix(name, freshPrefix) {
			v.form.Del(name)
		}
	}
	if !v.route.Sensitive || !proof.Due(v.facts.AuthTime(), e.Now()) {
		return true
	}
	who := e.prover(r, v)
	var err error
	switch {
	case mail && e.Prover.Mails():
		if err = e.Prover.Mail(r.Context(), who); err == nil {
			e.askProof(w, r, v, freshBody{Mailed: true}, page.AdminProblem{Cause: cause.FreshProofRequired})
			return false
		}
	case code != "":
		err = e.Prover.Code(r.Context(), who, code)
	case password != "":
		err = e.Prover.Password(r.Context(), who, password)
	default:
		e.askProof(w, r, v, freshBody{}, page.AdminProblem{Cause: cause.FreshProofRequired})
		return false
	}
	if err == nil {
		err = e.Sessions.Renew(context.WithoutCancel(r.Context()), v.cookie)
		if errors.Is(err, store.ErrNotFound) {
			e.login(w, r, cause.SessionEnded)
			return false
		}
	}
	if err != nil {
		e.notProved(w, r, v, freshBody{Mailed: code != ""}, err)
		return false
	}
	return true
}

// prover is who has to prove it, and from where.
func (e *Errand) prover(r *http.Request, v *visit) proof.Person {
	at, u := visitor.Of(r), v.facts.User
	return proof.Person{
		Account: u.Account, User: u.ID, Network: at.Network, Agent: at.Agent, Device: e.Devices.KnownDevice(r, u.ID),
		Browser: v.facts.Session.Handle, Locale: v.locale,
	}
}

// notProved shows the page again, with what is the matter.
func (e *Errand) notProved(w http.ResponseWriter, r *http.Request, v *visit, body freshBody, err error) {
	var wrong *proof.Wrong
	var refused *limit.Refused
	var mails *outbox.TooMany
	problem := page.AdminProblem{Cause: cause.WrongPassword, Title: v.say("admin.fresh.wrong.title"), Text: v.say("admin.fresh.wrong.text")}
	switch {
	case errors.As(err, &wrong):
		body.Wrong = true
		problem.Retry = e.wait(wrong.Until)
	case errors.As(err, &refused):
		problem = v.trouble(cause.TooManyAttempts)
		problem.Retry = e.wait(refused.Until)
	case errors.As(err, &mails):
		problem = v.trouble(cause.TooManyMails)
		problem.Retry = e.wait(mails.Until)
	case errors.Is(err, passhash.ErrBusy), errors.Is(err, limit.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		problem = v.trouble(cause.Busy)
		problem.Retry = storeRetry
	case errors.Is(err, store.ErrNotFound):
		e.login(w, r, cause.SessionEnded)
		return
	default:
		e.away(w, r, err)
		return
	}
	e.askProof(w, r, v, body, problem)
}

// wait is how long it is until then.
func (e *Errand) wait(until time.Time) time.Duration {
	if until.IsZero() {
		return 0
	}
	return max(until.Sub(e.Now()), 0)
}

// trouble is the block above a page that says what a cause says.
func (v *visit) trouble(c cause.Cause) page.AdminProblem {
	id := "cause." + string(c)
	return page.AdminProblem{Cause: c, Title: v.say(id + ".title"), Text: v.say(id + ".text")}
}

// askProof writes the page that asks for a proof.
func (e *Errand) askProof(w http.ResponseWriter, r *http.Request, v *visit, body freshBody, problem page.AdminProblem) {
	status := problem.Cause.Status()
	body.Action, body.Back, body.Email = r.URL.RequestURI(), e.back(v), v.facts.User.Email
	body.CanMail = e.Prover.Mails()
	body.Fields = carried(v.form)
	e.show(w, r, v, page.Admin{
		Name: "fresh", Status: status, Title: v.say("cause.fresh_proof_required.title"), Problem: problem, Body: body,
	})
}

// carried are the fields of a form in a steady order.
func carried(form url.Values) []freshField {
	var fields []freshField
	for name, values := range form {
		for _, value := range values {
			fields = append(fields, freshField{name, value})
		}
	}
	slices.SortStableFunc(fields, func(a, b freshField) int { return strings.Compare(a.Name, b.Name) })
	return fields
}
