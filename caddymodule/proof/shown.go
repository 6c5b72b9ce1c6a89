package proof

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
)

// The fields of a proof. They stand in the form of the action itself.
const (
	FieldPassword = "password"
	FieldMailed   = "mailed"  // a code that was mailed, in place of the password
	FieldMail     = "mail"    // the button that asks for one
	FieldCode     = "code"    // of the second step
	FieldPasskey  = "passkey" // what a browser says of one
)

// Shown is what somebody shows in a form.
type Shown struct {
	Password, Mailed, Code, Passkey string
	ByMail                          bool // the form has a field for a mailed code
	Mail                            bool // they ask for one
}

// Read takes what is shown out of a form, whose fields of it begin with prefix.
func Read(form url.Values, prefix string) Shown {
	return Shown{
		Password: form.Get(prefix + FieldPassword), Mailed: form.Get(prefix + FieldMailed), Code: form.Get(prefix + FieldCode),
		Passkey: form.Get(prefix + FieldPasskey), ByMail: form.Has(prefix + FieldMailed), Mail: form.Has(prefix + FieldMail),
	}
}

// May is what somebody can show.
type May struct {
	Password, Mail bool
	// Code: a second step is on, and asked besides. NoApp: it can only be a recovery code.
	Code, NoApp bool
	Passkey     bool
}

// May tells what somebody can show at a host. Where that cannot be read they are
// asked for the usual.
func (p *Prover) May(ctx context.Context, who Person, host string) May {
	u, err := p.Directory.User(ctx, who.Account, who.User)
	var has factor.Means
	if err == nil {
		has, err = p.Factors.Means(ctx, u)
	}
	if err != nil {
		p.Log.Warn("what somebody can prove with cannot be read; they are asked for their password", "user", who.User, "error", err)
		return May{Password: true, Mail: p.Mails(), Code: u != nil && u.SecondStep}
	}
	return May{
		Password: u.Password != "", Mail: p.Mails(), Code: u.SecondStep, NoApp: u.SecondStep && !has.App, Passkey: has.Keys && p.Party.Fits(host),
	}
}

// ErrMailed says that a code was mailed, and is what the form wants next.
var ErrMailed = errors.New("a code was mailed")

// ErrNothing says that there is nothing that could be proved with.
var ErrNothing = errors.New("no password, and no mail")

// Prove compares what is shown: any first factor of the person, a password or a
// code that is mailed to them, and a code besides where a second step is on: the
// mailed one never stands in for that. A passkey whose device checked who held it
// is both. amr is what it adds to that of a login (RFC 8176), nothing where one
// factor was enough. The error is ErrMailed when a code was mailed, ErrNothing, or
// one of Password, Mail and Code: see Refused.
func (p *Prover) Prove(ctx context.Context, who Person, s Shown) (amr []string, err error) {
	u, err := p.Directory.User(ctx, who.Account, who.User)
	if err != nil {
		return nil, fmt.Errorf("proving who it is: %w", err)
	}
	if err := p.compare(ctx, who, u, s); err != nil {
		return nil, err
	}
	switch {
	case s.Passkey != "":
		return factor.Amr(), nil
	case u.SecondStep:
		return []string{"otp", "mfa"}, nil
	}
	return nil, nil
}

func (p *Prover) compare(ctx context.Context, who Person, u *store.User, s Shown) error {
	s.ByMail = s.ByMail && p.Mails()
	switch {
	case s.Passkey != "":
		return p.byPasskey(ctx, who, u, s)
	case p.Mails() && (s.Mail || u.Password == "" && !s.ByMail):
		if err := p.Mail(ctx, who); err != nil {
			return err
		}
		return ErrMailed
	case s.ByMail:
		return p.byMail(ctx, who, u, s)
	case u.Password == "":
		return ErrNothing
	}
	err := p.Password(ctx, who, s.Password)
	if err == nil && u.SecondStep {
		err = p.SecondStep(ctx, who, s.Code)
	}
	return err
}

// byMail compares the mailed code first and uses it up last, so that a slip in the
// other one does not cost another mail.
func (p *Prover) byMail(ctx context.Context, who Person, u *store.User, s Shown) error {
	if u.SecondStep {
		if err := p.CodeFits(ctx, who, s.Mailed); err != nil {
			return err
		}
		if err := p.SecondStep(ctx, who, s.Code); err != nil {
			return err
		}
	}
	return p.Code(ctx, who, s.Mailed)
}

// byPasskey takes what a device answered. One that did not check who held it is the
// second factor, and wants the first in the same form. It counts in no budget: a
// signature cannot be guessed, and whoever only has a session would use up the
// owner's.
func (p *Prover) byPasskey(ctx context.Context, who Person, u *store.User, s Shown) error {
	both, err := p.Factors.CheckKey(ctx, u, who.Session, s.Passkey)
	var denied *factor.Denied
	switch {
	case errors.As(err, &denied):
		return p.deniedKey(ctx, who, u, denied)
	case err != nil:
		return fmt.Errorf("proving who it is: %w", err)
	case both:
		return nil
	case s.ByMail:
		return p.Code(ctx, who, s.Mailed)
	case s.Password == "" || u.Password == "":
		return &factor.Denied{Reason: factor.Alone, User: u}
	}
	return p.Password(ctx, who, s.Password)
}

// deniedKey keeps a passkey that was refused, so that the story of the user tells of it.
func (p *Prover) deniedKey(ctx context.Context, who Person, u *store.User, denied *factor.Denied) error {
	p.Log.Info("a passkey was refused as a proof", "user", u.ID, "reason", denied.Reason, "error", denied.Cause)
	return &Wrong{
		Cause: cause.PasskeyRefused, Reason: denied.Reason, Reference: p.note(ctx, who, u, cause.PasskeyRefused, time.Time{}),
	}
}

// Refusal says what is the matter with a proof.
type Refusal struct {
	Cause     cause.Cause
	Reference string // of the attempt, where one was kept
	// Reason and Off are those of Wrong.
	Reason     string
	Off        time.Duration
	Until      time.Time     // when the next one is looked at; zero: at once
	RetryAfter time.Duration // where a moment helps
}

// busyRetry is what people are told to wait when a moment helps.
const busyRetry = 5 * time.Second

// Refused tells what is the matter, false for an error that is not about the proof:
// that of the store, which is store.ErrNotFound for somebody who is gone.
func Refused(err error) (Refusal, bool) {
	var wrong *Wrong
	var denied *factor.Denied
	var refused *limit.Refused
	var mails *outbox.TooMany
	switch {
	case errors.As(err, &wrong):
		return Refusal{Cause: wrong.Cause, Reference: wrong.Reference, Reason: wrong.Reason, Off: wrong.Off, Until: wrong.Until}, true
	case errors.As(err, &denied): // right, and not enough
		return Refusal{Cause: cause.PasskeyRefused, Reason: denied.Reason}, true
	case errors.As(err, &refused):
		return Refusal{Cause: cause.TooManyAttempts, Until: refused.Until}, true
	case errors.As(err, &mails):
		return Refusal{Cause: cause.TooManyMails, Until: mails.Until}, true
	case errors.Is(err, ErrNothing):
		return Refusal{Cause: cause.WrongPassword}, true
	case errors.Is(err, factor.ErrNone): // switched off a moment ago
		return Refusal{Cause: cause.SecondStepFailed}, true
	case errors.Is(err, passhash.ErrBusy), errors.Is(err, limit.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		return Refusal{Cause: cause.Busy, RetryAfter: busyRetry}, true
	}
	return Refusal{}, false
}
