package proof

import (
	"context"
	"errors"
	"fmt"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// ErrNoMail says that no code can be mailed, because no mail is configured.
var ErrNoMail = errors.New("no mail is configured")

// Mails tells whether codes can be mailed.
func (p *Prover) Mails() bool { return p.Codes != nil }

// Mail sends somebody a code, which is good in the browser that asks. It is an
// *outbox.TooMany for somebody who asked for many already.
func (p *Prover) Mail(ctx context.Context, who Person) error {
	u, err := p.mailable(ctx, who)
	if err != nil {
		return err
	}
	if err := p.Quota.Allow(ctx, outbox.Request{Subject: attempt.Subject(u.ID, ""), Network: who.Network, Known: true}); err != nil {
		return err
	}
	return p.Codes.AskProof(ctx, ticket.Proving{User: u, Browser: who.Browser, Origin: p.Origin, Locale: who.Locale})
}

// Code compares what was typed with the code that was mailed: nil when it fits, and
// then it is used up; a *Wrong when not. How often codes are guessed is counted with
// all mailed codes of the person.
func (p *Prover) Code(ctx context.Context, who Person, typed string) error {
	return p.code(ctx, who, typed, Codes.TryProof)
}

// CodeFits is Code for a code that is only one part of a proof: it stays good for
// Code, so that a slip in the other part does not cost another mail. Guesses count.
func (p *Prover) CodeFits(ctx context.Context, who Person, typed string) error {
	return p.code(ctx, who, typed, Codes.FitsProof)
}

func (p *Prover) code(ctx context.Context, who Person, typed string, compare func(Codes, context.Context, *store.User, string, string) error) error {
	u, err := p.mailable(ctx, who)
	if err != nil {
		return err
	}
	err = compare(p.Codes, ctx, u, who.Browser, typed)
	var wait *ticket.Wait
	wrong := &Wrong{Cause: cause.WrongPassword}
	switch {
	case errors.As(err, &wait):
		wrong.Until = wait.Until
	case errors.Is(err, ticket.ErrWrong), errors.Is(err, ticket.ErrDead), errors.Is(err, ticket.ErrNone):
	default:
		return err
	}
	wrong.Reference = p.note(ctx, who, u, wrong.Cause, wrong.Until)
	return wrong
}

func (p *Prover) mailable(ctx context.Context, who Person) (*store.User, error) {
	if p.Codes == nil {
		return nil, ErrNoMail
	}
	u, err := p.Directory.User(ctx, who.Account, who.User)
	if err != nil {
		return nil, fmt.Errorf("proving who it is: %w", err)
	}
	return u, nil
}
