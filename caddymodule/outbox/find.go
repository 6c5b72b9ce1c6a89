package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// ErrSettled is the error of trying a mail again that needs no more tries. What
// it said is gone: a new one has to be asked for.
var ErrSettled = errors.New("the mail is settled; what it said is not kept, ask for a new one")

// Listed is a mail in a list. Mail is nil where it was never written.
type Listed struct {
	ID   string
	Ref  store.MailRef
	Mail *store.Mail
}

// Mail returns the mail of an id and where it lies, or store.ErrNotFound.
func (o *Outbox) Mail(ctx context.Context, id string) (*store.Mail, store.MailRef, error) {
	ref, err := store.MailRefs.Get(ctx, o.store, store.OutboxTag, id)
	if err != nil {
		return nil, store.MailRef{}, fmt.Errorf("reading mail %.40q: %w", id, err)
	}
	m, err := store.Mails.Get(ctx, o.store, ref.Tag, mailID(*ref, id))
	if err != nil {
		return nil, *ref, fmt.Errorf("reading mail %.40q: %w", id, err)
	}
	return m, *ref, nil
}

// Of returns the newest mails of an owner, at most n, the newest first.
func (o *Outbox) Of(ctx context.Context, owner Owner, n int) ([]*store.Mail, error) {
	return o.Before(ctx, owner, time.Time{}, n)
}

// Before returns those that were asked for before a moment; the zero Time is no
// limit.
func (o *Outbox) Before(ctx context.Context, owner Owner, before time.Time, n int) ([]*store.Mail, error) {
	prefix, after := owner.Name+".", ""
	if !before.IsZero() {
		after = prefix + secret.TicketsOf(before)
	}
	var mails []*store.Mail
	for len(mails) < n {
		items, err := store.Mails.Scan(ctx, o.store, owner.Tag, prefix, after, n)
		if err != nil {
			return nil, fmt.Errorf("reading the mails of one person: %w", err)
		}
		for _, item := range items {
			// A name may hold dots: what follows ours must be an id and nothing more.
			if len(item.ID) == len(prefix)+secret.TicketID && len(mails) < n && (before.IsZero() || item.Value.Created.Before(before)) {
				mails = append(mails, item.Value)
			}
			after = item.ID
		}
		if len(items) < n {
			break
		}
	}
	return mails, nil
}

// List returns mails of everybody, at most n, the newest first, those after the
// id after.
func (o *Outbox) List(ctx context.Context, after string, n int) ([]Listed, error) {
	refs, err := store.MailRefs.Scan(ctx, o.store, store.OutboxTag, "", after, n)
	if err != nil {
		return nil, fmt.Errorf("listing mails: %w", err)
	}
	all := make([]Listed, 0, len(refs))
	for _, ref := range refs {
		l := Listed{ID: ref.ID, Ref: *ref.Value}
		l.Mail, err = store.Mails.Get(ctx, o.store, l.Ref.Tag, mailID(l.Ref, l.ID))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("listing mails: %w", err)
		}
		all = append(all, l)
	}
	return all, nil
}

// Retry has a mail that waits for its next try tried at once. ErrSettled says
// that it needs none.
func (o *Outbox) Retry(ctx context.Context, id string) error {
	_, ref, err := o.Mail(ctx, id)
	if err != nil {
		return err
	}
	err = o.update(ctx, ref.Tag, func(tx store.Tx) error {
		m, err := store.Mails.Read(tx, mailID(ref, id))
		if err != nil {
			return err
		}
		if settled(m.State) {
			return ErrSettled
		}
		m.Due = o.Now()
		return store.Mails.Put(tx, mailID(ref, id), m, keepUntil(m, ref))
	})
	if err != nil {
		return fmt.Errorf("trying mail %.40q again: %w", id, err)
	}
	o.queue.now(id, ref)
	o.nudge()
	return nil
}

func settled(state string) bool {
	return state == Accepted || state == Rejected || state == Expired
}

// keepUntil is when the record of a mail goes.
func keepUntil(m *store.Mail, ref store.MailRef) time.Time {
	return m.Created.Add(Owner{Tag: ref.Tag, Name: ref.Owner}.keep())
}

// Nobody tells whether a mail is for an address that nobody has.
func Nobody(ref store.MailRef) bool { return strings.HasPrefix(ref.Tag, store.NobodyTag("")) }
