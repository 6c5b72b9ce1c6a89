package ticket

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// split takes the token of a link apart. What has another shape is none.
func split(token string) (id, key string, ok bool) {
	if len(token) != secret.TicketID+secret.TicketKey || strings.Trim(token, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return "", "", false
	}
	return token[:secret.TicketID], token[secret.TicketID:], true
}

// nobody is read where there is nothing to read, so that it takes as long.
var nobody = outbox.OfNobody("-")

// owner finds whose ticket an id is.
func (b *Book) owner(ctx context.Context, id string) (outbox.Owner, error) {
	if len(id) != secret.TicketID {
		return nobody, nil
	}
	ref, err := store.MailRefs.Get(ctx, b.store, store.OutboxTag, id)
	if errors.Is(err, store.ErrNotFound) {
		return nobody, nil
	}
	if err != nil {
		return nobody, fmt.Errorf("finding a ticket: %w", err)
	}
	return outbox.Owner{Tag: ref.Tag, Name: ref.Owner}, nil
}

// look reads one ticket. Without one it is ErrNone, after as many reads.
func (b *Book) look(ctx context.Context, owner outbox.Owner, id string) (*store.Ticket, error) {
	book, err := store.Books.Get(ctx, b.store, owner.Tag, owner.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("reading a ticket: %w", err)
	}
	if t := find(book, id); t != nil {
		return t, nil
	}
	return nil, ErrNone
}

// found tells about a ticket.
func (b *Book) found(owner outbox.Owner, t *store.Ticket, now time.Time) *Found {
	f := &Found{Owner: owner, Ticket: *t, Cause: state(t, now)}
	f.CodeOpen = now.Before(t.CodeUntil) && t.CodeTries < b.Codes.PerMail
	if t.Purpose == Invite && f.Cause == cause.LinkExpired {
		f.Cause = cause.InviteExpired
	}
	if account, ok := strings.CutPrefix(owner.Tag, store.AccountTag("")); ok {
		f.Account, f.User = account, owner.Name
	}
	return f
}

// Find returns the ticket of a mailed link, in whatever state it is. ErrNone is
// for links that we never made, and for those forgotten by now.
func (b *Book) Find(ctx context.Context, token string) (*Found, error) {
	id, key, ok := split(token)
	if !ok {
		return nil, ErrNone
	}
	owner, err := b.owner(ctx, id)
	if err != nil {
		return nil, err
	}
	t, err := b.look(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	revoking, ok := fits(t, key)
	if !ok {
		return nil, ErrNone
	}
	f := b.found(owner, t, b.Now())
	f.Revoking = revoking
	if f.Cause == cause.None && !revoking && t.Purpose == Password && t.Mode != Link {
		f.Cause = cause.LinkUsed // it showed its password, which is good still
	}
	return f, nil
}

// fits compares what a link ends with.
func fits(t *store.Ticket, key string) (revoking, ok bool) {
	digest := secret.Digest(key)
	opens, revokes := same(t.Secret, digest), same(t.Revoke, digest)
	return revokes, opens && t.Purpose != Notice || revokes
}

// Waiting returns the ticket that this browser asked for, in whatever state it
// is. For one that another browser asked for it is a *Spent with OtherBrowser.
func (b *Book) Waiting(ctx context.Context, id, browser string) (*Found, error) {
	owner, err := b.owner(ctx, id)
	if err != nil {
		return nil, err
	}
	t, err := b.look(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	if !asked(t, browser) {
		return nil, &Spent{cause.OtherBrowser}
	}
	return b.found(owner, t, b.Now()), nil
}

// asked tells whether a browser is the one that asked.
func asked(t *store.Ticket, browser string) bool {
	return browser != "" && same(t.Browser, secret.Digest(browser))
}

// Asked tells whether a browser is the one that asked for f.
func (f *Found) Asked(browser string) bool { return asked(&f.Ticket, browser) }

// Pending returns the ticket of a mailed password, ErrNone where it is none. It
// reads as much for nobody. Found.Cause is cause.PasswordPendingExpired for one
// that is too old, and cause.LinkUsed or cause.LinkSuperseded for one that ended.
// Blanks around what was typed do not count: generated passwords have none.
func (b *Book) Pending(ctx context.Context, owner outbox.Owner, password string) (*Found, error) {
	digest := b.digest("password", place(owner), strings.TrimFunc(password, blank))
	book, err := store.Books.Get(ctx, b.store, owner.Tag, owner.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("reading pending passwords: %w", err)
	}
	var hit *store.Ticket
	for i := range book.Tickets {
		if t := &book.Tickets[i]; t.Purpose == Password && same(t.Password, digest) {
			hit = t
		}
	}
	if hit == nil {
		return nil, ErrNone
	}
	f := b.found(owner, hit, b.Now())
	if f.Cause == cause.LinkExpired {
		f.Cause = cause.PasswordPendingExpired
	}
	return f, nil
}

// blank tells what comes along when a password is copied, the invisible included.
func blank(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}
