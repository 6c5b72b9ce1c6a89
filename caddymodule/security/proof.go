package security

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Prover compares what people show to prove again who they are. *proof.Prover is one.
type Prover interface {
	Password(ctx context.Context, who proof.Person, typed string) error
	SecondStep(ctx context.Context, who proof.Person, typed string) error
	Step(ctx context.Context, who proof.Person, compare func(ctx context.Context, u *store.User) error) error
	// Mail sends a code; CodeFits compares it, Code uses it up as well.
	Mail(ctx context.Context, who proof.Person) error
	CodeFits(ctx context.Context, who proof.Person, typed string) error
	Code(ctx context.Context, who proof.Person, typed string) error
	// Mails tells whether codes can be mailed.
	Mails() bool
}

// The fields of a proof. They stand in the form of the action itself.
const (
	fieldPassword = "password"
	fieldMailed   = "mailed" // a code that was mailed
	fieldMail     = "mail"   // the button that asks for one
	fieldCode     = "code"   // of the second step
	fieldPasskey  = "passkey"
)

// show writes the page that holds a form, with what is the matter in p.
type show func(v *visit, status int, p page.Prove)

// asked is what a proof may be given with, where nothing is the matter yet.
func (e *Errand) asked(v *visit) page.Prove { return e.may(v, page.Prove{}) }

func (e *Errand) may(v *visit, p page.Prove) page.Prove {
	has := e.means(v)
	p.Password, p.Mail, p.Code = v.user.Password != "", e.Prover.Mails(), v.user.SecondStep
	p.Passkey, p.NoApp = has.Keys, !has.App
	if p.Mailed = p.Mailed && p.Mail; p.Mailed {
		p.Password = false
	}
	p.Email = v.user.Email
	return p
}

// prove wants a proof inside the action: a session alone, on a computer that was
// left open or ridden by a script of the app, changes nothing here. It takes any
// first factor of the person, a password or a code that is mailed to them, and a
// code besides where a second step is on: the mailed one never stands in for that.
// It keeps to the limits of a login. On false the request was answered, mostly by
// again: the page that holds the form of that name, with the fields of v.PostForm.
func (e *Errand) prove(v *visit, name string, again show) bool {
	p := page.Prove{Form: name, Mailed: v.PostForm.Has(fieldMailed)}
	who := e.person(v)
	if v.PostForm.Get(fieldPasskey) != "" {
		if err := e.proveByPasskey(v, who, p); err != nil {
			e.unproved(v, err, p, again)
			return false
		}
		return true
	}
	mail := v.PostForm.Has(fieldMail) || v.user.Password == "" && !p.Mailed
	if mail && e.Prover.Mails() {
		e.mail(v, who, p, again)
		return false
	}
	var err error
	if p.Mailed && e.Prover.Mails() {
		err = e.proveByMail(v, who)
	} else {
		err = e.proveByPassword(v, who)
	}
	if err != nil {
		e.unproved(v, err, p, again)
		return false
	}
	return true
}

// mail sends a code and shows the form again, with a field for it.
func (e *Errand) mail(v *visit, who proof.Person, p page.Prove, again show) {
	if err := e.Prover.Mail(v.Context(), who); err != nil {
		e.unproved(v, err, p, again)
		return
	}
	p.Mailed, p.Cause = true, cause.FreshProofRequired
	again(v, p.Cause.Status(), e.may(v, p))
}

func (e *Errand) proveByPassword(v *visit, who proof.Person) error {
	if v.user.Password == "" {
		return errNoProof
	}
	err := e.Prover.Password(v.Context(), who, v.PostForm.Get(fieldPassword))
	if err == nil && v.user.SecondStep {
		err = e.Prover.SecondStep(v.Context(), who, v.PostForm.Get(fieldCode))
	}
	return err
}

// errNoProof says that there is nothing that could be proved with.
var errNoProof = errors.New("no password, and no mail")

// proveByMail compares the mailed code first and uses it up last, so that a slip in
// the other one does not cost another mail.
func (e *Errand) proveByMail(v *visit, who proof.Person) error {
	typed := v.PostForm.Get(fieldMailed)
	if !v.user.SecondStep {
		return e.Prover.Code(v.Context(), who, typed)
	}
	if err := e.Prover.CodeFits(v.Context(), who, typed); err != nil {
		return err
	}
	if err := e.Prover.SecondStep(v.Context(), who, v.PostForm.Get(fieldCode)); err != nil {
		return err
	}
	return e.Prover.Code(v.Context(), who, typed)
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
	var wrong *proof.Wrong
	var refused *limit.Refused
	var mails *outbox.TooMany
	var denied *factor.Denied
	switch {
	case errors.As(err, &denied): // right, and not enough
		p.Cause, p.Reason = cause.PasskeyRefused, denied.Reason
	case errors.As(err, &wrong):
		p.Cause, p.Reference, p.Reason, p.Off = wrong.Cause, wrong.Reference, wrong.Reason, wrong.Off
		e.wait(&p, wrong.Until)
		again(v, p.Cause.Status(), e.may(v, p))
		return
	case errors.As(err, &refused):
		p.Cause = cause.TooManyAttempts
		e.wait(&p, refused.Until)
	case errors.As(err, &mails):
		p.Cause = cause.TooManyMails
		e.wait(&p, mails.Until)
	case errors.Is(err, errNoProof):
		p.Cause = cause.WrongPassword
	case errors.Is(err, passhash.ErrBusy), errors.Is(err, limit.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		p.Cause, p.RetryAfter = cause.Busy, busyRetry
	case errors.Is(err, factor.ErrNone): // switched off a moment ago
		p.Cause = cause.SecondStepFailed
	case errors.Is(err, store.ErrNotFound):
		e.outside(v, cause.SessionEnded)
		return
	default:
		e.away(v, err)
		return
	}
	e.again(v, p.Cause, p, again)
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
