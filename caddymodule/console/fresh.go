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
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Prover compares what somebody shows to prove again who they are. *proof.Prover is one.
type Prover interface {
	May(ctx context.Context, who proof.Person, host string) proof.May
	Prove(ctx context.Context, who proof.Person, s proof.Shown) (amr []string, err error)
}

// freshPrefix begins the fields of the proof. They come with the form of the action,
// and go before anybody else sees it.
const freshPrefix = "fresh_"

// freshBody is what fresh.html sees.
type freshBody struct {
	Action, Back string
	Fields       []freshField
	Prove        page.Prove
}

// freshField is one field of the action, carried along.
type freshField struct{ Name, Value string }

// proved tells whether the action may go on: it is not sensitive, the last proof is
// young enough, or the form brought a new one. Else it answers the request with a
// page that asks for one and carries the fields of the action, so that nothing is
// lost.
func (e *Errand) proved(w http.ResponseWriter, r *http.Request, v *visit) bool {
	shown := proof.Read(v.form, freshPrefix)
	for name := range v.form {
		if strings.HasPrefix(name, freshPrefix) {
			v.form.Del(name)
		}
	}
	if !v.route.Sensitive || !proof.Due(v.facts.AuthTime(), e.Now()) {
		return true
	}
	if shown == (proof.Shown{}) {
		e.askProof(w, r, v, page.Prove{}, page.AdminProblem{Cause: cause.FreshProofRequired})
		return false
	}
	amr, err := e.Prover.Prove(r.Context(), e.prover(r, v), shown)
	switch {
	case errors.Is(err, proof.ErrMailed):
		e.askProof(w, r, v, page.Prove{Mailed: true}, page.AdminProblem{Cause: cause.FreshProofRequired})
		return false
	case err == nil:
		err = e.Sessions.RenewWith(context.WithoutCancel(r.Context()), v.cookie, amr...)
	}
	if err != nil {
		e.notProved(w, r, v, page.Prove{Mailed: shown.ByMail}, err)
		return false
	}
	return true
}

// prover is who has to prove it, and from where.
func (e *Errand) prover(r *http.Request, v *visit) proof.Person {
	at, u := visitor.Of(r), v.facts.User
	return proof.Person{
		Account: u.Account(), User: u.ID(), Network: at.Network, Agent: at.Agent, Device: e.Devices.KnownDevice(r, u.ID()),
		Browser: v.facts.Session.Handle(), Session: v.facts.Session.Handle(), Locale: v.locale,
	}
}

// notProved shows the page again, with what is the matter.
func (e *Errand) notProved(w http.ResponseWriter, r *http.Request, v *visit, p page.Prove, err error) {
	refusal, ok := proof.Refused(err)
	switch {
	case !ok && errors.Is(err, store.ErrNotFound):
		e.login(w, r, cause.SessionEnded)
		return
	case !ok:
		e.away(w, r, err)
		return
	}
	p.Cause, p.Reason, p.Off = refusal.Cause, refusal.Reason, refusal.Off
	problem := v.trouble(refusal.Cause)
	if c := refusal.Cause; c == cause.WrongPassword || c == cause.SecondStepFailed || c == cause.PasskeyRefused {
		problem.Title, problem.Text = v.say("admin.fresh.wrong.title"), v.say("admin.fresh.wrong.text")
	}
	problem.Reference, problem.Retry = refusal.Reference, max(e.wait(refusal.Until), refusal.RetryAfter)
	e.askProof(w, r, v, p, problem)
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
func (e *Errand) askProof(w http.ResponseWriter, r *http.Request, v *visit, p page.Prove, problem page.AdminProblem) {
	may := e.Prover.May(r.Context(), e.prover(r, v), r.Host)
	p.Form, p.Prefix, p.Email = "fresh", freshPrefix, v.facts.User.Email()
	p.Mailed = p.Mailed && may.Mail
	p.Password, p.Mail, p.Code, p.NoApp, p.Passkey = may.Password && !p.Mailed, may.Mail, may.Code, may.NoApp, may.Passkey
	if hint := e.Pages.ProofHint(v.locale, p); hint != "" {
		problem.Text = hint
	}
	body := freshBody{Action: r.URL.RequestURI(), Back: e.back(v), Fields: carried(v.form), Prove: p}
	e.show(w, r, v, page.Admin{
		Name: "fresh", Status: problem.Cause.Status(), Title: v.say("cause.fresh_proof_required.title"), Problem: problem,
		Body: body, Passkeys: p.Passkey,
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
