// Package directory owns accounts, users, their types and blocks, and the pure
// rule "may this user be here, and if not, why". It keeps e-mail addresses and
// user ids unique over all accounts.
//
// It leaves to others: proving who somebody is (signin), sessions (session),
// how often one may try (limit) and who may change what (operate, console).
//
// Uniqueness without a transaction over tags: the claim on an address or id is
// written first, the user second. A claim whose user does not exist, or has
// another address, is what a crash leaves behind; once it is older than
// claimGrace anybody who meets it may take it. What writes a user gives up
// before that.
package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/phrase"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Errors that callers tell apart with errors.Is, besides store.ErrNotFound.
var (
	// ErrTaken: the address or id belongs to somebody already. It says nothing
	// about whom, because who is a customer is nobody's business.
	ErrTaken = errors.New("already taken")
	// ErrInvalid: a field is not acceptable; errors.As gives the *FieldError.
	ErrInvalid = errors.New("invalid")
)

// FieldError names a field that is not acceptable and how to mend it. It never
// repeats what was given: that may be hostile, or a password in the wrong field.
type FieldError struct {
	// Field is the name in the record: "email", "name", "type", "account", ...
	Field string
	// Problem is a sentence without full stop; Fix, if any, what to do.
	Problem, Fix string

	// The same, to be said in another language.
	said [2]phrase.Phrase
}

// Said returns problem and fix as phrases.
func (e *FieldError) Said() (problem, fix phrase.Phrase) {
	if e.said[0].Text == "" {
		return phrase.Of(e.Problem), phrase.Of(e.Fix)
	}
	return e.said[0], e.said[1]
}

// Error returns field, problem and fix in one line.
func (e *FieldError) Error() string {
	text := e.Field + ": " + e.Problem
	if e.Fix != "" {
		text += "; " + e.Fix
	}
	return text
}

// Is makes every FieldError an ErrInvalid.
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

func invalid(field, problem, fix string, values ...any) error {
	p, f := phrase.Of(problem, values...), phrase.Of(fix, values...)
	return &FieldError{Field: field, Problem: p.String(), Fix: f.String(), said: [2]phrase.Phrase{p, f}}
}

// Store is what the directory asks of the store.
type Store interface {
	store.Reader
	store.Updater
}

// Options of a Directory.
type Options struct {
	// Rules decide which types exist; see Rules for the defaults.
	Rules Rules
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Directory reads and changes accounts and users. It holds no state of its own
// and may be used by many at once.
type Directory struct {
	store Store
	feed  *event.Feed
	rules Rules
	now   func() time.Time
}

// New returns the directory kept in s.
func New(s Store, o Options) *Directory {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Directory{store: s, feed: event.New(s, event.Options{Now: o.Now}), rules: o.Rules.withDefaults(), now: o.Now}
}

// Rules returns the rules in force, defaults filled in.
func (d *Directory) Rules() Rules { return d.rules }

const (
	// claimGrace is how long a claim without its user may be work in progress.
	claimGrace = time.Minute
	// writeLimit bounds the time between claim and record; it must stay well
	// below claimGrace, or two could own one address.
	writeLimit = claimGrace / 2
)

// inTime runs a write that follows a claim.
func inTime(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	return do(ctx)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
