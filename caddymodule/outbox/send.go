package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// How long it is known what became of a mail.
const (
	keep       = 90 * 24 * time.Hour
	keepNobody = 7 * 24 * time.Hour
	// orphan is the age at which an entry of the queue without a mail is dropped:
	// whoever wrote it gave up long before.
	orphan = time.Minute
)

// Send writes a mail that will be sent from then on, in one step with what with
// writes, which may be nil. When it returns an error nothing was written, unless
// that is store.ErrUnavailable, after which nobody knows.
func (o *Outbox) Send(ctx context.Context, d Draft, with func(tx store.Tx) error) error {
	return o.SendAll(ctx, []Draft{d}, with)
}

// SendAll is Send for several mails of one owner: all of them, or none.
func (o *Outbox) SendAll(ctx context.Context, drafts []Draft, with func(tx store.Tx) error) error {
	if len(drafts) == 0 {
		return errors.New("no mail to send")
	}
	now, owner := o.Now(), drafts[0].Owner
	ref := store.MailRef{Tag: owner.Tag, Owner: owner.Name, At: now}
	expires := now.Add(owner.keep())
	mails := make([]*store.Mail, len(drafts))
	for i, d := range drafts {
		err := d.check()
		if err == nil && d.Owner != owner {
			err = errors.New("mails of several owners cannot be written in one step")
		}
		if err == nil {
			mails[i], err = o.mail(d, now)
		}
		if err != nil {
			return err
		}
	}
	// The queue first: a mail that no list names would never be sent, an entry
	// without a mail is dropped.
	if err := o.enlist(ctx, mails, ref, expires); err != nil {
		return fmt.Errorf("queueing a mail: %w", err)
	}
	err := o.update(ctx, owner.Tag, func(tx store.Tx) error {
		if with != nil {
			if err := with(tx); err != nil {
				return err
			}
		}
		for _, m := range mails {
			if err := store.Mails.Put(tx, mailID(ref, m.ID), m, expires); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.unlist(ctx, mails, err)
		return fmt.Errorf("writing a mail: %w", err)
	}
	for _, m := range mails {
		o.Metrics.Mail(Queued)
		o.queue.now(m.ID, ref)
	}
	o.nudge()
	return nil
}

// check refuses what must never reach a mailer.
func (d Draft) check() error {
	switch {
	case d.ID == "" || d.Owner.Tag == "" || d.Owner.Name == "":
		return errors.New("a mail without an id or an owner")
	case d.Until.IsZero():
		return errors.New("a mail that nothing ends: set Until")
	}
	return CheckAddress(d.To)
}

func (o Owner) keep() time.Duration {
	if Nobody(store.MailRef{Tag: o.Tag}) {
		return keepNobody
	}
	return keep
}

func (o *Outbox) mail(d Draft, now time.Time) (*store.Mail, error) {
	if o.Places != nil && d.Letter.Place == "" {
		d.Letter.Place = o.Places.Of(d.Letter.Network, d.Letter.Locale)
	}
	plain, err := json.Marshal(d.Letter) //nolint:gosec // it is sealed before it goes anywhere
	if err != nil {
		return nil, fmt.Errorf("writing a mail: %w", err)
	}
	return &store.Mail{
		ID: d.ID, Kind: d.Letter.Kind, To: d.To, Locale: d.Letter.Locale, Created: now, Expires: d.Until,
		State: Queued, Due: now, Sealed: o.Box.Seal(plain, place(d.ID)),
	}, nil
}

// place binds what is sealed to its mail.
func place(id string) string { return "mail " + id }

// mailID is the id of a mail in the store.
func mailID(ref store.MailRef, id string) string { return ref.Owner + "." + id }

func (o *Outbox) enlist(ctx context.Context, mails []*store.Mail, ref store.MailRef, expires time.Time) error {
	return o.update(ctx, store.OutboxTag, func(tx store.Tx) error {
		for _, m := range mails {
			if err := errors.Join(store.MailRefs.Put(tx, m.ID, &ref, expires), store.MailQueue.Put(tx, m.ID, &ref, expires)); err != nil {
				return err
			}
		}
		return nil
	})
}

// unlist takes back what enlist wrote, where it is sure that there is no mail.
// Where that fails the worker does it.
func (o *Outbox) unlist(ctx context.Context, mails []*store.Mail, why error) {
	if errors.Is(why, store.ErrUnavailable) || errors.Is(why, context.Canceled) || errors.Is(why, context.DeadlineExceeded) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for _, m := range mails {
		if err := o.forget(ctx, m.ID); err != nil {
			o.Log.Warn("a mail that was not written stays in the queue for a minute", "mail", m.ID, "error", err)
		}
	}
}

// forget removes a mail from all lists.
func (o *Outbox) forget(ctx context.Context, id string) error {
	return o.update(ctx, store.OutboxTag, func(tx store.Tx) error {
		return errors.Join(store.MailRefs.Delete(tx, id), store.MailQueue.Delete(tx, id))
	})
}

// patience bounds what is written when the one who asked may be gone.
const patience = 10 * time.Second

// update tries again for as long as others are faster.
func (o *Outbox) update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	for {
		err := o.store.Update(ctx, tag, fn)
		if !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(around(10 * time.Millisecond)):
		}
	}
}
