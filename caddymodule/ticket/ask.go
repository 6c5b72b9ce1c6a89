package ticket

import (
	"context"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// drawn is what only the mail and the tab that asked will ever hold.
type drawn struct{ key, revoke, code, password string }

// Ask writes a ticket and the mail that carries it, in one step. For an address
// that nobody has the same is read, drawn, hashed and written.
func (b *Book) Ask(ctx context.Context, a Ask) (Asked, error) {
	now := b.Now()
	t, d := b.draw(a, now)
	if a.Purpose == Password && a.Mode == Keep {
		// Hashed now and not when it is used: then it would have to be typed into
		// the last step, and a second step lies between.
		hash, err := b.Hasher.Hash(ctx, d.password)
		if err != nil {
			return Asked{}, fmt.Errorf("hashing a new password: %w", err)
		}
		t.Hash = hash
	}
	if a.User == nil {
		// Drawn and digested like the others, and kept as what nobody can type.
		for _, field := range []*string{&t.Secret, &t.Revoke, &t.Code, &t.Password} {
			if *field != "" {
				*field = "!" + (*field)[1:]
			}
		}
	}
	add := func(tx store.Tx) error {
		book, err := read(tx, a.Owner)
		if err != nil {
			return err
		}
		open(book, t, now)
		return write(tx, a.Owner, book, now)
	}
	err := again(ctx, func(ctx context.Context) error { return b.send(ctx, a, t, d, add) })
	if err != nil {
		return Asked{}, fmt.Errorf("writing what is mailed: %w", err)
	}
	return Asked{ID: t.ID, Match: t.Match, CodeUntil: t.CodeUntil, Until: t.Until}, nil
}

// draw makes a ticket and its secrets.
func (b *Book) draw(a Ask, now time.Time) (store.Ticket, drawn) {
	d := drawn{key: secret.NewTicketKey(), revoke: secret.NewTicketKey()}
	t := store.Ticket{
		ID: secret.NewTicketID(now), Purpose: a.Purpose, Mode: a.Mode, Asked: now, State: Open,
		Secret: secret.Digest(d.key), Revoke: secret.Digest(d.revoke),
		Target: a.Target, Remember: a.Remember, Agent: a.Device, Network: a.Network, Origin: a.Origin, Locale: a.Locale,
		Typed: a.To,
	}
	if a.User != nil && a.User.Locale != "" {
		t.Locale = a.User.Locale
	}
	if a.Browser != "" {
		t.Browser = secret.Digest(a.Browser)
	}
	switch {
	case a.Purpose == Magic && a.Browser == "": // no tab waits for a code
		t.Until = now.Add(MagicLife)
	case a.Purpose == Magic:
		d.code = secret.Digits(codeDigits)
		t.Until, t.CodeUntil, t.Match = now.Add(MagicLife), now.Add(CodeLife), secret.Digits(matchDigits)
		t.Code = b.digest("code", t.ID, d.code)
	case a.Mode == Link:
		t.Until = now.Add(PasswordLife)
	default:
		d.password = secret.Password()
		t.Until = now.Add(PasswordLife)
		t.Password = b.digest("password", place(a.Owner), d.password)
	}
	return t, d
}

const (
	codeDigits  = 6
	matchDigits = 4
)

// place names an owner where a digest or a sealed text is bound to one.
func place(o outbox.Owner) string { return o.Tag + "\x00" + o.Name }

// open adds a ticket. The oldest of its purpose makes room.
func open(book *store.Book, t store.Ticket, now time.Time) {
	alike := func(other *store.Ticket) bool { return other.Purpose == t.Purpose }
	for count(book, now, alike) >= MaxOpen {
		first := true
		closeAll(book, now, Superseded, func(other *store.Ticket) bool {
			oldest := alike(other) && first
			first = first && !oldest
			return oldest
		})
	}
	book.Tickets = append(book.Tickets, t)
}

func count(book *store.Book, now time.Time, match func(*store.Ticket) bool) (n int) {
	for i := range book.Tickets {
		if t := &book.Tickets[i]; state(t, now) == cause.None && match(t) {
			n++
		}
	}
	return n
}

// send hands the mail over together with the ticket. Where nothing may be sent
// the same is written but for the mail, so that the tab that asked finds it.
func (b *Book) send(ctx context.Context, a Ask, t store.Ticket, d drawn, add func(store.Tx) error) error {
	if !a.Silent && (a.User != nil || !b.SilentNobody) {
		to := a.To
		if a.User != nil {
			to = a.User.Email
		}
		return b.Mails.Send(ctx, outbox.Draft{ID: t.ID, Owner: a.Owner, To: to, Until: t.Until, Letter: compose(a, t, d)}, add)
	}
	ref := &store.MailRef{Tag: a.Owner.Tag, Owner: a.Owner.Name, At: t.Asked}
	err := b.store.Update(ctx, store.OutboxTag, func(tx store.Tx) error {
		return store.MailRefs.Put(tx, t.ID, ref, t.Until.Add(keepEnded))
	})
	if err != nil {
		return err
	}
	return b.store.Update(ctx, a.Owner.Tag, add)
}

// compose says what the mail says.
func compose(a Ask, t store.Ticket, d drawn) letter.Letter {
	l := letter.Letter{
		Kind: letter.Nobody, Locale: t.Locale, Asked: t.Asked, Device: a.Device, Network: a.Network,
		Reference: a.Reference, LoginURL: a.Origin + "/login",
	}
	if a.User == nil {
		return l
	}
	l.Name, l.Until, l.NotMe = a.User.Name, t.Until, url(t, d.revoke)
	switch {
	case t.Purpose == Magic:
		l.Kind, l.Link, l.Code, l.CodeUntil = letter.Magic, url(t, d.key), d.code, t.CodeUntil
	case t.Mode == Link:
		l.Kind, l.Link = letter.RevealPassword, url(t, d.key)
	default:
		l.Kind, l.Password, l.OneTime = letter.NewPassword, d.password, t.Mode == OneTime
	}
	return l
}

// url is a mailed link: below the configured address, whatever a request said.
func url(t store.Ticket, key string) string { return t.Origin + "/m/" + t.ID + key }
