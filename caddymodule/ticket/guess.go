package ticket

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
)

// guessWindow is how long a wrong code counts against the person.
const guessWindow = time.Hour

// Codes bounds how often the codes of mails may be guessed. A code has six digits:
// of a million people who are guessed at, the defaults let five be hit by each mail.
type Codes struct {
	PerMail int // wrong ones; then the code of that mail is dead
	PerHour int // wrong ones of one person, over all mails; then they wait
}

// DefaultCodes are the bounds as documented.
func DefaultCodes() Codes { return Codes{PerMail: 5, PerHour: 10} }

// The most that can be asked for: more would make guessing a way in.
const (
	mostPerMail = 20
	mostPerHour = 100
)

// Validate returns an error that names the bound that cannot be meant so.
func (c Codes) Validate() error {
	if c.PerMail < 1 || c.PerMail > mostPerMail {
		return fmt.Errorf("per_mail %d: from 1 to %d", c.PerMail, mostPerMail)
	}
	if c.PerHour < c.PerMail || c.PerHour > mostPerHour {
		return fmt.Errorf("per_hour %d: from per_mail, which is %d, to %d", c.PerHour, c.PerMail, mostPerHour)
	}
	return nil
}

// guess runs one comparison in one step with the count of those that failed, so
// that guesses made at once never exceed what is allowed. What compare returns
// is returned; what it changed is written unless that is an error other than
// ErrWrong and ErrDead.
func (b *Book) guess(
	ctx context.Context, owner outbox.Owner, id string, compare func(tx store.Tx, book *store.Book, t *store.Ticket, now time.Time) error,
) (f *Found, err error) {
	var outcome error
	err = b.change(ctx, owner, func(tx store.Tx, book *store.Book, now time.Time) error {
		t := find(book, id)
		if t == nil {
			return ErrNone
		}
		outcome = compare(tx, book, t, now)
		f = b.found(owner, t, now)
		if outcome == nil || errors.Is(outcome, ErrWrong) || errors.Is(outcome, ErrDead) {
			return nil
		}
		return outcome
	})
	if err == nil {
		err = outcome
	}
	if err == nil {
		return f, nil
	}
	var spent *Spent
	var wait *Wait
	if errors.Is(err, ErrNone) || errors.Is(err, ErrWrong) || errors.Is(err, ErrDead) || errors.As(err, &spent) || errors.As(err, &wait) {
		return nil, err
	}
	return nil, fmt.Errorf("comparing what was typed: %w", err)
}

// digits takes out what people type between digits.
func digits(typed string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\u00a0-.", r) {
			return -1
		}
		return r
	}, typed)
}

// number tells whether typed can be a code of n digits at all. What cannot is a
// slip and not a guess.
func number(typed string, n int) bool {
	return len(typed) == n && strings.Trim(typed, "0123456789") == ""
}

// TryCode compares what was typed in the browser that asked. A code that fits
// settles nothing yet: that is done by Settle. It is ErrWrong for one that does
// not fit, ErrDead when the mail's code was guessed too often, *Wait when the
// person's were, *Spent otherwise.
func (b *Book) TryCode(ctx context.Context, id, browser, code string) (*Found, error) {
	owner, err := b.owner(ctx, id)
	if err != nil {
		return nil, err
	}
	code = digits(code)
	digest := b.digest("code", id, code)
	return b.guess(ctx, owner, id, func(_ store.Tx, book *store.Book, t *store.Ticket, now time.Time) error {
		c := state(t, now)
		switch {
		case !asked(t, browser):
			return &Spent{cause.OtherBrowser}
		case c != cause.None:
			return &Spent{c}
		case !now.Before(t.CodeUntil):
			return &Spent{cause.LinkExpired}
		case t.CodeTries >= b.Codes.PerMail:
			return ErrDead
		case !number(code, codeDigits):
			return ErrWrong
		}
		if until := b.tooMany(book, now); now.Before(until) {
			return &Wait{until}
		}
		if same(t.Code, digest) {
			return nil
		}
		t.CodeTries++
		book.Guesses = append(book.Guesses, now)
		if t.CodeTries >= b.Codes.PerMail {
			return ErrDead
		}
		return ErrWrong
	})
}

// tooMany returns until when codes of this person are not looked at.
func (b *Book) tooMany(book *store.Book, now time.Time) (until time.Time) {
	var recent []time.Time
	for _, at := range book.Guesses {
		if now.Sub(at) < guessWindow {
			recent = append(recent, at)
		}
	}
	if len(recent) < b.Codes.PerHour {
		return time.Time{}
	}
	return recent[len(recent)-b.Codes.PerHour].Add(guessWindow)
}

// behind runs a comparison for whoever holds a link.
func (b *Book) behind(
	ctx context.Context, token string, compare func(tx store.Tx, owner outbox.Owner, t *store.Ticket, now time.Time, revoking bool) error,
) (*Found, error) {
	id, key, ok := split(token)
	if !ok {
		return nil, ErrNone
	}
	owner, err := b.owner(ctx, id)
	if err != nil {
		return nil, err
	}
	revoking := false
	f, err := b.guess(ctx, owner, id, func(tx store.Tx, _ *store.Book, t *store.Ticket, now time.Time) error {
		if revoking, ok = fits(t, key); !ok {
			return ErrNone
		}
		return compare(tx, owner, t, now, revoking)
	})
	if f != nil {
		f.Revoking = revoking
	}
	return f, err
}

// TryMatch compares the match code typed behind the link; one that fits approves
// the tab that asked. Nothing else about that tab is taken on trust: whoever
// types the code has seen it there.
func (b *Book) TryMatch(ctx context.Context, token, match string) (*Found, error) {
	match = digits(match)
	return b.behind(ctx, token, func(_ store.Tx, _ outbox.Owner, t *store.Ticket, now time.Time, revoking bool) error {
		c := state(t, now)
		switch {
		case revoking || t.Match == "":
			return ErrNone
		case c != cause.None:
			return &Spent{c}
		case t.MatchTries >= MaxOthers:
			return ErrDead
		case !number(match, matchDigits):
			return ErrWrong
		case same(t.Match, match):
			t.Approved = now
			return nil
		}
		t.MatchTries++
		if t.MatchTries >= MaxOthers {
			return ErrDead
		}
		return ErrWrong
	})
}

// TryAddress compares the address typed behind the link with that of the person.
// It does so in whatever state the ticket is: by the link "this was not me" people
// also come when it was used.
func (b *Book) TryAddress(ctx context.Context, token, address string) (*Found, error) {
	canonical, wrong := directory.Canonical(address)
	return b.behind(ctx, token, func(tx store.Tx, owner outbox.Owner, t *store.Ticket, now time.Time, revoking bool) error {
		if c := state(t, now); c != cause.None && !revoking {
			return &Spent{c}
		}
		switch {
		case t.AddressTries >= MaxOthers:
			return ErrDead
		case wrong != nil:
			return ErrWrong
		}
		u, err := store.Users.Read(tx, owner.Name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && (same(u.Email, canonical) || elsewhere(t) && same(t.Typed, canonical)) {
			return nil
		}
		t.AddressTries++
		if t.AddressTries >= MaxOthers {
			return ErrDead
		}
		return ErrWrong
	})
}

// elsewhere: it may have been mailed to another address than that of the person, who
// has another one by now, or whom somebody gave another one.
func elsewhere(t *store.Ticket) bool { return t.Purpose == Address || t.Purpose == Notice }
