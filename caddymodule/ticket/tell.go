package ticket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Telling is what a person is told because somebody did it in their name.
type Telling struct {
	Kind              string // letter.NewDevice or letter.LimitReached
	Origin            string // the public URL and prefix, without a slash at the end
	Locale, Reference string
	// By is who did it, Address the other address the letter speaks of. To is where
	// it goes instead of their address.
	By, Address, To string
	// Life is how long "this was not me" can be said; default NoticeLife.
	Life time.Duration
	// Since is from when on "this was not me" takes back what was done; default now.
	Since time.Time
}

// most is how many letters of a kind one person gets in a day: a stranger who
// keeps guessing must not fill their mailbox.
var most = map[string]int{letter.NewDevice: 3, letter.LimitReached: 1, letter.PasskeyCopied: 1}

const aDay = 24 * time.Hour

var errEnough = errors.New("was told often enough")

// Tell mails u what happened, at most so often a day. That there is more than
// enough of it is no error.
func (b *Book) Tell(ctx context.Context, u *store.User, what Telling) error {
	owner := outbox.OfUser(u.Account, u.ID)
	book, err := store.Books.Get(ctx, b.store, owner.Tag, owner.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return fmt.Errorf("telling somebody by mail: %w", err)
	case told(book, what.Kind, b.Now()) >= most[what.Kind]:
		return nil
	}
	t, mail := b.notice(ctx, owner, u, what)
	err = again(ctx, func(ctx context.Context) error {
		return b.Mails.Send(ctx, mail, func(tx store.Tx) error {
			book, err := read(tx, owner)
			if err != nil {
				return err
			}
			now := b.Now()
			if told(book, what.Kind, now) >= most[what.Kind] {
				return errEnough
			}
			book.Tickets = append(book.Tickets, t)
			return write(tx, owner, book, now)
		})
	})
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("telling somebody by mail: %w", err)
	}
	return nil
}

// told counts the letters of a kind of the last day.
func told(book *store.Book, kind string, now time.Time) (n int) {
	for i := range book.Tickets {
		if t := &book.Tickets[i]; t.Purpose == Notice && t.Mode == kind && now.Sub(t.Asked) < aDay {
			n++
		}
	}
	return n
}

// notice is a mail that tells something, and the ticket behind its link "this was
// not me". What nobody got in by has no such link: it would end the sessions of
// the very person.
func (b *Book) notice(ctx context.Context, owner outbox.Owner, u *store.User, what Telling) (store.Ticket, outbox.Draft) {
	now, revoke, v := b.Now(), secret.NewTicketKey(), visitor.From(ctx)
	if what.By != "" {
		v = visitor.Visitor{} // the letter names them; where they sit is nobody's business
	}
	if u.Locale != "" {
		what.Locale = u.Locale
	}
	if what.To == "" {
		what.To = u.Email
	}
	if what.Life == 0 {
		what.Life = NoticeLife
	}
	t := store.Ticket{
		ID: secret.NewTicketID(now), Purpose: Notice, Mode: what.Kind, Asked: now, Until: now.Add(what.Life), State: Open,
		Agent: v.Agent, Network: v.Network, Origin: what.Origin, Locale: what.Locale, Typed: what.To,
		Since: what.Since, Other: what.By != "",
	}
	l := letter.Letter{
		Kind: what.Kind, Locale: what.Locale, Name: u.Name, Until: t.Until, Asked: now, Device: v.Agent, Network: v.Network,
		Reference: what.Reference, LoginURL: what.Origin + "/login", By: what.By, Address: what.Address,
	}
	if what.Kind != letter.LimitReached {
		t.Revoke, l.NotMe = secret.Digest(revoke), url(t, revoke)
	}
	return t, outbox.Draft{ID: t.ID, Owner: owner, To: what.To, Until: t.Until, Letter: l}
}
