package ticket

import (
	"context"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Offer is a link that somebody else has made for a person.
type Offer struct {
	User    *store.User
	Purpose string // Invite, Address or Entry
	To      string // where it is mailed
	// Shut: the address is somebody else's, so nothing opens it. The same is drawn
	// and written.
	Shut bool
	// By is who made it, Address the other address the letter speaks of.
	By, Address    string
	Origin, Locale string
}

// Offered is a ticket that was drawn and is written nowhere yet, with its mail.
type Offered struct {
	Ticket store.Ticket
	Mail   outbox.Draft
	Link   string // what opens it; for Entry it is shown, and nothing is mailed
}

// offered says how long a link of a purpose is good, and what is mailed.
var offered = map[string]struct {
	life time.Duration
	kind string
}{
	Invite:  {InviteLife, letter.Invited},
	Address: {AddressLife, letter.AddressToProve},
	Entry:   {EntryLife, ""},
}

// Draw makes the ticket of an offer and its mail. Open writes it.
func (b *Book) Draw(o Offer) Offered {
	now, of := b.Now(), offered[o.Purpose]
	key, revoke := secret.NewTicketKey(), secret.NewTicketKey()
	if o.User.Locale != "" {
		o.Locale = o.User.Locale
	}
	t := store.Ticket{
		ID: secret.NewTicketID(now), Purpose: o.Purpose, Asked: now, Until: now.Add(of.life), State: Open,
		Secret: secret.Digest(key), Revoke: secret.Digest(revoke), Typed: o.To,
		Origin: o.Origin, Locale: o.Locale,
	}
	link := url(t, key)
	l := letter.Letter{
		Kind: of.kind, Locale: o.Locale, Name: o.User.Name, Link: link, NotMe: url(t, revoke), Until: t.Until, Asked: now,
		Address: o.Address, By: o.By, LoginURL: o.Origin + "/login",
	}
	if o.Shut {
		t.Secret, t.Revoke = "!"+t.Secret[1:], "!"+t.Revoke[1:]
		l.Link, l.NotMe, l.Until, link = "", "", time.Time{}, ""
	}
	owner := outbox.OfUser(o.User.Account, o.User.ID)
	return Offered{Ticket: t, Mail: outbox.Draft{ID: t.ID, Owner: owner, To: o.To, Until: t.Until, Letter: l}, Link: link}
}

// Notice is what u is told because somebody did something to them, with the link
// "this was not me".
func (b *Book) Notice(ctx context.Context, u *store.User, what Telling) Offered {
	t, mail := b.notice(ctx, outbox.OfUser(u.Account, u.ID), u, what)
	return Offered{Ticket: t, Mail: mail}
}

// Open writes what was drawn, in the step of whatever it is about; tx is on the
// account of the user. One of a purpose takes the place of those before it.
func (o Offered) Open(tx store.Tx, now time.Time) error {
	book, err := read(tx, o.Mail.Owner)
	if err != nil {
		return err
	}
	if purpose := o.Ticket.Purpose; purpose != Notice {
		closeAll(book, now, Superseded, func(other *store.Ticket) bool { return other.Purpose == purpose })
	}
	book.Tickets = append(book.Tickets, o.Ticket)
	return write(tx, o.Mail.Owner, book, now)
}

// Known has the link of what was drawn be found though nothing is mailed.
func (b *Book) Known(ctx context.Context, o Offered) error {
	ref := &store.MailRef{Tag: o.Mail.Owner.Tag, Owner: o.Mail.Owner.Name, At: o.Ticket.Asked}
	return b.store.Update(ctx, store.OutboxTag, func(tx store.Tx) error {
		return store.MailRefs.Put(tx, o.Ticket.ID, ref, o.Ticket.Until.Add(keepEnded))
	})
}

// Use uses up the ticket id of a user in the step of what it opens. It is ErrNone
// for none of that purpose, a *Spent for one that cannot be used any more.
func Use(tx store.Tx, u *store.User, id, purpose string, now time.Time) (*store.Ticket, error) {
	owner := outbox.OfUser(u.Account, u.ID)
	book, err := read(tx, owner)
	if err != nil {
		return nil, err
	}
	t := find(book, id)
	if t == nil || t.Purpose != purpose {
		return nil, ErrNone
	}
	if c := state(t, now); c != cause.None {
		return nil, &Spent{c}
	}
	t.State, t.Settled = Used, now
	used := *t
	return &used, write(tx, owner, book, now)
}

// Close ends the open tickets of a user of some purposes, in the step of what
// makes them useless. Without purposes it ends all but notices.
func Close(tx store.Tx, u *store.User, now time.Time, purposes ...string) error {
	owner := outbox.OfUser(u.Account, u.ID)
	book, err := read(tx, owner)
	if err != nil {
		return err
	}
	closeAll(book, now, Superseded, func(t *store.Ticket) bool {
		for _, p := range purposes {
			if t.Purpose == p {
				return true
			}
		}
		return len(purposes) == 0 && t.Purpose != Notice
	})
	return write(tx, owner, book, now)
}

// Forget drops the fresh password that a person was to store: it is right no more.
func Forget(tx store.Tx, u *store.User, now time.Time) error {
	owner := outbox.OfUser(u.Account, u.ID)
	book, err := read(tx, owner)
	if err != nil {
		return err
	}
	book.Fresh, book.FreshUntil = "", time.Time{}
	return write(tx, owner, book, now)
}
