package ticket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Proof is the purpose of a code by which somebody who is logged in shows again
// that it is them. It logs nobody in, and its mail has no link but "this was not me".
const Proof = "proof"

// Proving is the wish for such a code.
type Proving struct {
	User    *store.User
	Browser string // the code is good there only
	Origin  string // the public URL and prefix, without a slash at the end
	Locale  string
}

// AskProof mails a code. The one before ends.
func (b *Book) AskProof(ctx context.Context, p Proving) error {
	now, v := b.Now(), visitor.From(ctx)
	if p.User.Locale != "" {
		p.Locale = p.User.Locale
	}
	revoke, code := secret.NewTicketKey(), secret.Digits(codeDigits)
	t := store.Ticket{
		ID: secret.NewTicketID(now), Purpose: Proof, Asked: now, Until: now.Add(CodeLife), CodeUntil: now.Add(CodeLife), State: Open,
		Revoke: secret.Digest(revoke), Browser: secret.Digest(p.Browser),
		Agent: v.Agent, Network: v.Network, Origin: p.Origin, Locale: p.Locale, Typed: p.User.Email,
	}
	t.Code = b.digest("code", t.ID, code)
	owner := outbox.OfUser(p.User.Account, p.User.ID)
	draft := outbox.Draft{ID: t.ID, Owner: owner, To: p.User.Email, Until: t.Until, Letter: letter.Letter{
		Kind: letter.ProofCode, Locale: p.Locale, Name: p.User.Name, Code: code, CodeUntil: t.CodeUntil, NotMe: url(t, revoke),
		Asked: now, Device: v.Agent, Network: v.Network, LoginURL: p.Origin + "/login",
	}}
	err := again(ctx, func(ctx context.Context) error {
		return b.Mails.Send(ctx, draft, func(tx store.Tx) error {
			book, err := read(tx, owner)
			if err != nil {
				return err
			}
			closeAll(book, now, Superseded, func(other *store.Ticket) bool { return other.Purpose == Proof })
			book.Tickets = append(book.Tickets, t)
			return write(tx, owner, book, now)
		})
	})
	if err != nil {
		return fmt.Errorf("mailing a code: %w", err)
	}
	return nil
}

// TryProof compares what was typed with the code that was mailed, and uses it up
// when it fits. It is ErrNone where this browser asked for none that is still
// good, ErrWrong, ErrDead or a *Wait as with other codes, and guesses of both are
// counted together.
func (b *Book) TryProof(ctx context.Context, u *store.User, browser, code string) error {
	return b.proof(ctx, u, browser, code, true)
}

// FitsProof is TryProof that leaves a code that fits as good as it was. Guesses are
// counted all the same.
func (b *Book) FitsProof(ctx context.Context, u *store.User, browser, code string) error {
	return b.proof(ctx, u, browser, code, false)
}

func (b *Book) proof(ctx context.Context, u *store.User, browser, code string, use bool) error {
	code = digits(code)
	var outcome error
	err := b.change(ctx, outbox.OfUser(u.Account, u.ID), func(_ store.Tx, book *store.Book, now time.Time) error {
		outcome = nil
		var t *store.Ticket
		for i := range book.Tickets {
			if one := &book.Tickets[i]; one.Purpose == Proof && state(one, now) == cause.None && asked(one, browser) {
				t = one
			}
		}
		switch {
		case t == nil:
			return ErrNone
		case t.CodeTries >= b.Codes.PerMail:
			return ErrDead
		case !number(code, codeDigits):
			return ErrWrong
		}
		if until := b.tooMany(book, now); now.Before(until) {
			return &Wait{until}
		}
		if same(t.Code, b.digest("code", t.ID, code)) {
			if use {
				t.State, t.Settled = Used, now
			}
			return nil
		}
		t.CodeTries++
		book.Guesses = append(book.Guesses, now)
		outcome = ErrWrong
		return nil
	})
	var wait *Wait
	if err != nil && !errors.Is(err, ErrNone) && !errors.Is(err, ErrDead) && !errors.Is(err, ErrWrong) && !errors.As(err, &wait) {
		return fmt.Errorf("comparing a code: %w", err)
	}
	if err == nil {
		err = outcome
	}
	return err
}
