// Package proof asks somebody who is logged in to show again that it is them,
// before they do what would hurt in the wrong hands: with their password or a code
// that is mailed to them, with a code of their second step besides, or with a passkey.
// It owns what somebody has to show, the comparison, and how often one may try, which
// is counted with the tries to log in. When a proof is due, and what may be done with
// it, is decided elsewhere.
package proof

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Method is how attempts name a proof.
const Method = "proof"

// Life is how long a proof counts.
const Life = 10 * time.Minute

// Due tells whether who proved at who they are has to do it again at now.
func Due(at, now time.Time) bool {
	return at.IsZero() || now.Sub(at) >= Life || at.After(now.Add(time.Minute))
}

// ErrWrong says that what was typed does not fit.
var ErrWrong = errors.New("it does not fit")

// Wrong is the error of a try that does not fit.
type Wrong struct {
	Until     time.Time // when the next one is looked at; zero: at once
	Cause     cause.Cause
	Reference string // of the attempt, where it was kept
	// Reason and Off say what is the matter with a code of a second step, as those
	// of *factor.Wrong.
	Reason string
	Off    time.Duration
}

// Error says that it does not fit, and nothing about what was typed.
func (w *Wrong) Error() string { return ErrWrong.Error() }

// Is makes every Wrong an ErrWrong.
func (w *Wrong) Is(target error) bool { return target == ErrWrong }

// Directory reads users: their hash is not kept in memory.
type Directory interface {
	User(ctx context.Context, account, id string) (*store.User, error)
}

// Limits are the budgets of attempts. *limit.Limiter is one.
type Limits interface {
	Reserve(ctx context.Context, t limit.Try) (*limit.Place, error)
}

// Hasher compares passwords. *passhash.Hasher is one.
type Hasher interface {
	Verify(ctx context.Context, encoded, password string, p passhash.Place) (passhash.Result, error)
}

// Attempts keeps what was tried, and counts it. *signin.Dispatcher is one.
type Attempts interface {
	Note(ctx context.Context, e attempt.Entry) (reference string)
}

// Factors compares codes of second steps and answers of passkeys, and takes those
// that fit. *factor.Factors is one.
type Factors interface {
	Check(ctx context.Context, u *store.User, code string) (factor.Accepted, error)
	CheckKey(ctx context.Context, u *store.User, session, answer string) (both bool, err error)
	Means(ctx context.Context, u *store.User) (factor.Means, error)
}

// Codes mails codes and compares them. *ticket.Book is one.
type Codes interface {
	AskProof(ctx context.Context, p ticket.Proving) error
	TryProof(ctx context.Context, u *store.User, browser, code string) error
	FitsProof(ctx context.Context, u *store.User, browser, code string) error
}

// Quota says whether one more mail may be asked for. *outbox.Outbox is one.
type Quota interface {
	Allow(ctx context.Context, r outbox.Request) error
}

// Options are what a Prover works with.
type Options struct {
	Codes     Codes  // nil: nobody is mailed
	Quota     Quota  // needed with Codes
	Origin    string // the public URL and prefix: what links in mails begin with
	Directory Directory
	Limits    Limits
	Hasher    Hasher
	Attempts  Attempts
	Factors   Factors
	Party     *factor.Party // who passkeys are made for; nil: there are none
	Log       *slog.Logger
}

// Prover compares. It is safe for concurrent use.
type Prover struct{ Options }

// New returns a Prover.
func New(o Options) *Prover {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Prover{o}
}

// Person is who is asked, and from where they answer.
type Person struct {
	Account, User          string
	Network, Agent, Device string // Device is the digest of a known one
	// Browser names the one that asks: a mailed code is good there only.
	Browser string
	Session string // the handle of theirs: passkeys are asked for in one
	Locale  string
}

// patience bounds how long one proof may wait for others to finish. It is well
// below the time after which a reserved try lapses.
const patience = 20 * time.Second

// Password compares what was typed with the password in force: nil when it fits,
// a *Wrong when not, *limit.Refused while nothing is looked at, passhash.ErrBusy or
// limit.ErrBusy when there is too much to do, store.ErrNotFound for somebody who is
// gone. Mailed passwords that were not used yet are none.
func (p *Prover) Password(ctx context.Context, who Person, typed string) error {
	// Whoever hangs up after the comparison has still used up a try.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	u, err := p.Directory.User(ctx, who.Account, who.User)
	if err != nil {
		return fmt.Errorf("proving who it is: %w", err)
	}
	place, err := p.Limits.Reserve(ctx, limit.Try{
		Subject: attempt.Subject(u.ID, ""), Network: who.Network, Device: who.Device,
	})
	if err != nil {
		return err
	}
	if !u.PasswordChosen {
		typed = strings.TrimFunc(typed, blank) // a generated one has none: they were pasted along
	}
	res, err := p.Hasher.Verify(ctx, u.Password, typed, passhash.Place{Network: who.Network, Reserved: true})
	switch {
	case errors.Is(err, passhash.ErrUnknownScheme):
		p.Log.Error("the password hash of a user cannot be read; give them a new password", "user", u.ID, "error", err)
	case err != nil:
		_ = place.Release(ctx) // lapses otherwise
		return fmt.Errorf("proving who it is: %w", err)
	case res.OK:
		if err := place.Succeeded(ctx); err != nil {
			p.Log.Error("giving back the place of a right try failed", "error", err)
		}
		return nil
	}
	return p.failed(ctx, who, u, place, &Wrong{Cause: cause.WrongPassword})
}

// SecondStep compares what was typed with the second step of somebody who has one,
// and takes the code when it fits: a code of the app, or a recovery code. The
// errors are those of Password, and factor.ErrNone for somebody without.
func (p *Prover) SecondStep(ctx context.Context, who Person, typed string) error {
	return p.Step(ctx, who, func(ctx context.Context, u *store.User) error {
		_, err := p.Factors.Check(ctx, u, typed)
		return err
	})
}

// Step runs a comparison that fails with *factor.Wrong or *factor.Denied within the budget of codes.
func (p *Prover) Step(ctx context.Context, who Person, compare func(ctx context.Context, u *store.User) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	u, err := p.Directory.User(ctx, who.Account, who.User)
	if err != nil {
		return fmt.Errorf("proving who it is: %w", err)
	}
	place, err := p.Limits.Reserve(ctx, limit.Try{Subject: attempt.Subject(u.ID, ""), SecondStep: true})
	if err != nil {
		return err
	}
	err = compare(ctx, u)
	var wrong *factor.Wrong
	var denied *factor.Denied
	switch {
	case err == nil:
		if err := place.Succeeded(ctx); err != nil {
			p.Log.Error("giving back the place of a right try failed", "error", err)
		}
		return nil
	case errors.As(err, &wrong):
		return p.failed(ctx, who, u, place, &Wrong{Cause: cause.SecondStepFailed, Reason: wrong.Reason, Off: wrong.Off})
	case errors.As(err, &denied):
		p.Log.Info("a passkey was refused as a proof", "user", u.ID, "reason", denied.Reason, "error", denied.Cause)
		return p.failed(ctx, who, u, place, &Wrong{Cause: cause.PasskeyRefused, Reason: denied.Reason})
	}
	_ = place.Release(ctx) // lapses otherwise
	return fmt.Errorf("proving who it is: %w", err)
}

// failed counts a try before it is answered, and keeps it, so that the story of the
// user tells of it.
func (p *Prover) failed(ctx context.Context, who Person, u *store.User, place *limit.Place, wrong *Wrong) error {
	until, err := place.Failed(ctx)
	if err != nil {
		return fmt.Errorf("proving who it is: %w", err)
	}
	wrong.Until = until
	wrong.Reference = p.note(ctx, who, u, wrong.Cause, until)
	return wrong
}

func (p *Prover) note(ctx context.Context, who Person, u *store.User, c cause.Cause, until time.Time) (reference string) {
	return p.Attempts.Note(ctx, attempt.Entry{
		Cause: c, Method: Method, Typed: u.Email, User: u.ID, Account: u.Account, Session: who.Session,
		Network: who.Network, Agent: who.Agent, Locale: who.Locale, Known: who.Device != "", RetryAt: until,
	})
}

// blank is true for what is no letter of a password and comes along when text is
// copied out of a mail.
func blank(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }
