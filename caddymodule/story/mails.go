package story

import (
	"context"
	"errors"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// storyMails is how many mails a story tells of.
const storyMails = 3

// tellMails adds the mails of the attempts, newest first, and what can still be
// used of all that was mailed.
func (t *Teller) tellMails(ctx context.Context, v Viewer, s *Story) error {
	attempts := s.Attempts
	if s.Attempt != nil {
		attempts = []*store.Attempt{s.Attempt}
	}
	for _, a := range attempts {
		if a.Mail == "" || t.Mails == nil || len(s.Mails) == storyMails {
			continue
		}
		m, ref, err := t.Mails.Mail(ctx, a.Mail)
		if errors.Is(err, store.ErrNotFound) || err == nil && !v.mayRead(ref) {
			continue // silently not sent, past its time, or not for this viewer
		}
		if err != nil {
			return err
		}
		s.Mails = append(s.Mails, ViewMail(m, ref))
	}
	if s.Subject.User == nil {
		return nil
	}
	live, err := t.Live(ctx, s.Subject.User)
	s.Mailed = live
	return err
}

// mayRead: a team reads mails to its own users only.
func (v Viewer) mayRead(ref store.MailRef) bool {
	return !v.team() || ref.Tag == store.AccountTag(v.Account)
}

// Live returns what u can use of what was mailed, nil for nothing.
func (t *Teller) Live(ctx context.Context, u *store.User) (*ticket.Live, error) {
	if t.Tickets == nil {
		return nil, nil //nolint:nilnil // nothing is mailed here
	}
	live, err := t.Tickets.Live(ctx, outbox.OfUser(u.Account, u.ID))
	if err != nil || live == (ticket.Live{}) {
		return nil, err
	}
	return &live, nil
}

// MailsOf returns the newest mails of a user, whatever they were about.
func (t *Teller) MailsOf(ctx context.Context, u *store.User, n int) ([]*Mail, error) {
	if t.Mails == nil {
		return []*Mail{}, nil
	}
	owner := outbox.OfUser(u.Account, u.ID)
	mails, err := t.Mails.Of(ctx, owner, n)
	views := make([]*Mail, len(mails))
	for i, m := range mails {
		views[i] = ViewMail(m, store.MailRef{Tag: owner.Tag, Owner: owner.Name})
	}
	return views, err
}

// tellFormer adds who had an address that is nobody's now.
func (t *Teller) tellFormer(ctx context.Context, v Viewer, s *Story) error {
	u, until, err := t.Directory.FormerOwner(ctx, s.Subject.Address)
	if errors.Is(err, store.ErrNotFound) || err == nil && !v.sees(u) {
		return nil
	}
	if err != nil {
		return err
	}
	s.FormerOwner = &FormerOwner{User: u.ID, Email: u.Email, Name: u.Name, Until: until, Account: u.Account}
	return nil
}
