package proof

import (
	"context"
	"errors"
	"fmt"

	"github.com/cliendo/gateway/caddymodule/attempt"
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
	u, err := p.mailable(ctx, who)
	if err != nil {
		return err
	}
	err = p.Codes.TryProof(ctx, u, who.Browser, typed)
	var wait *ticket.Wait
	switch {
	case errors.As(err, &wait):
		return &Wrong{wait.Until}
	case errors.Is(err, ticket.ErrWrong), errors.Is(err, ticket.ErrDead), errors.Is(err, ticket.ErrNone):
		return &Wrong{}
	}
	return err
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
