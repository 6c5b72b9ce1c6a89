package ticket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Live is what somebody was mailed and can still use, for the story of why they
// cannot log in. It opens nothing.
type Live struct {
	// Passwords are mailed and not used; PasswordsUntil is when the last one ends.
	Passwords      int       `json:"passwords"`
	PasswordsUntil time.Time `json:"passwords_until,omitzero"`
	// Logins are links and codes; LoginsUntil is when the last one ends.
	Logins      int       `json:"logins"`
	LoginsUntil time.Time `json:"logins_until,omitzero"`
	// FreshUntil is how long a password waits to be stored; zero: none does.
	FreshUntil time.Time `json:"fresh_until,omitzero"`
}

// Live returns what can still be used of what was mailed to owner.
func (b *Book) Live(ctx context.Context, owner outbox.Owner) (l Live, err error) {
	book, err := store.Books.Get(ctx, b.store, owner.Tag, owner.Name)
	if errors.Is(err, store.ErrNotFound) {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("reading what was mailed: %w", err)
	}
	now := b.Now()
	for i := range book.Tickets {
		t := &book.Tickets[i]
		if state(t, now) != cause.None {
			continue
		}
		switch t.Purpose {
		case Password:
			l.Passwords++
			l.PasswordsUntil = t.Until
		case Magic:
			l.Logins++
			l.LoginsUntil = t.Until
		}
	}
	if book.Fresh != "" && now.Before(book.FreshUntil) {
		l.FreshUntil = book.FreshUntil
	}
	return l, nil
}
