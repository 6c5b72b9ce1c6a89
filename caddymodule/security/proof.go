package security

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Prover compares what people show to prove again who they are. *proof.Prover is one.
type Prover interface {
	May(ctx context.Context, who proof.Person, host string) proof.May
	Prove(ctx context.Context, who proof.Person, s proof.Shown) (amr []string, err error)
	Step(ctx context.Context, who proof.Person, compare func(ctx context.Context, u *store.User) error) error
	// Mails tells whether codes can be mailed.
	Mails() bool
}

// show writes the page that holds a form, with what is the matter in p.
type show func(v *visit, status int, p page.Prove)

// asked is what a proof may be given with, where nothing is the matter yet.
func (e *Errand) asked(v *visit) page.Prove { return e.may(v, page.Prove{}) }

func (e *Errand) may(v *visit, p page.Prove) page.Prove {
	may := e.Prover.May(v.Context(), e.person(v), v.Host)
	p.Password, p.Mail, p.Code, p.NoApp, p.Passkey = may.Password, may.Mail, may.Code, may.NoApp, may.Passkey
	if p.Mailed = p.Mailed && p.Mail; p.Mailed {
		p.Password = false
	}
	p.Email = v.user.Email
	return p
}

// prove wants a proof inside the action: a session alone, on a computer that was
// left open or ridden by a script of the app, changes nothing here. It keeps to the
// limits of a login. On false the request was answered, mostly by again: the page
// that holds the form of that name, with the fields of v.PostForm.
func (e *Errand) prove(v *visit, name string, again show) bool {
	shown := proof.Read(v.PostForm, "")
	p := page.Prove{Form: name, Mailed: shown.ByMail}
	amr, err := e.Prover.Prove(v.Context(), e.person(v), shown)
	switch {
	case err == nil:
		v.amr = amr
		return true
	case errors.Is(err, proof.ErrMailed):
		p.Mailed, p.Cause = true, cause.FreshProofRequired
		again(v, p.Cause.Status(), e.may(v, p))
	default:
		e.unproved(v, err, p, again)
	}
	return false
}

// person is who has to prove it, and from where.
func (e *Errand) person(v *visit) proof.Person {
	at := visitor.Of(v.Request)
	return proof.Person{
		Account: v.user.Account, User: v.user.ID, Network: at.Network, Agent: at.Agent,
		Device: e.Dispatcher.KnownDevice(v.Request, v.user.ID), Browser: v.session, Session: v.session, Locale: v.locale,
	}
}

// unproved answers a proof that was refused.
func (e *Errand) unproved(v *visit, err error, p page.Prove, again show) {
	refusal, ok := proof.Refused(err)
	switch {
	case !ok && errors.Is(err, store.ErrNotFound):
		e.outside(v, cause.SessionEnded)
		return
	case !ok:
		e.away(v, err)
		return
	}
	p.Cause, p.Reason, p.Off, p.RetryAfter = refusal.Cause, refusal.Reason, refusal.Off, refusal.RetryAfter
	e.wait(&p, refusal.Until)
	if refusal.Reference == "" {
		e.again(v, p.Cause, p, again)
		return
	}
	p.Reference = refusal.Reference
	again(v, p.Cause.Status(), e.may(v, p))
}

// again shows a page with a refusal, which is kept under a reference.
func (e *Errand) again(v *visit, c cause.Cause, p page.Prove, show show) {
	p.Cause, p.Reference = c, e.note(v, c, p.RetryAt)
	show(v, c.Status(), e.may(v, p))
}

func (e *Errand) wait(p *page.Prove, until time.Time) {
	if wait := until.Sub(e.Now()); !until.IsZero() && wait > 0 {
		p.RetryAt, p.RetryAfter = until, wait
	}
}
