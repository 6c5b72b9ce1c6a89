package manage

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Invitation is for somebody who shall come.
type Invitation struct{ Email, Name, Type, Locale string }

// Invite adds somebody and mails them a link, which is good for seven days. They
// have no password until they come. An address that somebody has elsewhere is
// answered like one that nobody has.
func (m *Manager) Invite(ctx context.Context, a Actor, account string, i Invitation) (*store.User, error) {
	u, err := m.invite(a.with(ctx), a, account, i)
	return u, m.plain("inviting", err)
}

func (m *Manager) invite(ctx context.Context, a Actor, account string, i Invitation) (*store.User, error) {
	if err := m.May(a, Invite, account, nil); err != nil {
		return nil, err
	}
	if err := MayGrant(m.Rules(), a, account, i.Type); err != nil {
		return nil, err
	}
	canonical, err := directory.Canonical(i.Email)
	if err != nil {
		return nil, err
	}
	// A slip of the pen is no mail that was asked for.
	if i.Name, err = directory.CleanName(i.Name); err != nil {
		return nil, err
	}
	u := &store.User{
		ID: secret.ID(), Account: account, Email: i.Email, Name: i.Name, Type: i.Type, Locale: i.Locale,
		Invited: m.invited(a),
	}
	shut, err := m.reserve(ctx, account, canonical)
	if err != nil {
		return nil, err
	}
	offer := m.o.Tickets.Draw(m.invitation(a, u, canonical, shut))
	in := func(ctx context.Context, with func(store.Tx) error) error {
		return m.o.Mails.SendAll(ctx, []outbox.Draft{offer.Mail}, with)
	}
	err = m.o.Directory.AddInvited(ctx, u, in, func(tx store.Tx) error {
		return offer.Open(tx, m.o.Now())
	})
	if err != nil {
		return nil, err
	}
	return u, nil
}

func (m *Manager) invited(a Actor) *store.Invited {
	now := m.o.Now().UTC()
	return &store.Invited{By: by(a), At: now, Until: now.Add(ticket.InviteLife)}
}

func (m *Manager) invitation(a Actor, u *store.User, to string, shut bool) ticket.Offer {
	return ticket.Offer{User: u, Purpose: ticket.Invite, To: to, Shut: shut, By: by(a), Origin: m.o.Origin, Locale: u.Locale}
}

// reserve says whether a mail may go to an address that is to be somebody's of
// account, and whether it is somebody's elsewhere, which nobody may notice: the
// same is read and counted for all. In the same account it is directory.ErrTaken.
func (m *Manager) reserve(ctx context.Context, account, canonical string) (shut bool, err error) {
	if m.o.Tickets == nil || m.o.Mails == nil {
		return false, ErrNoMail
	}
	// Counted to the address, for whoever asks; Known keeps it out of what is there
	// for strangers.
	err = m.o.Mails.Allow(ctx, outbox.Request{Subject: attempt.Subject("", canonical), Known: true})
	if err != nil {
		return false, err
	}
	return m.elsewhere(ctx, account, canonical)
}

// elsewhere tells whether somebody of another account has an address, or may want
// it back.
func (m *Manager) elsewhere(ctx context.Context, account, canonical string) (bool, error) {
	by, err := m.o.Directory.Held(ctx, account, "", canonical)
	if err != nil {
		return false, err
	}
	u, err := m.o.Directory.FindByEmail(ctx, canonical)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if _, err := m.o.Directory.User(ctx, "nobody", "nobody"); err != nil && !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
		if by == account {
			return false, directory.ErrTaken
		}
		return by != "", nil
	case err != nil:
		return false, err
	case u.Account == account:
		return false, directory.ErrTaken
	}
	return true, nil
}

// InviteAgain mails a fresh link; the one before ends.
func (m *Manager) InviteAgain(ctx context.Context, a Actor, account, id string) (*store.User, error) {
	return m.inviteAgain(ctx, step{actor: a, what: InviteAgain, account: account, id: id})
}

func (m *Manager) inviteAgain(ctx context.Context, s step) (*store.User, error) {
	s.change = func(_ store.Tx, u *store.User, _ time.Time) error {
		if u.Invited == nil {
			return ErrNotInvited
		}
		u.Invited = m.invited(s.actor)
		return nil
	}
	s.offer = func(ctx context.Context, u *store.User) ([]ticket.Offered, error) {
		if u.Invited == nil {
			return nil, ErrNotInvited
		}
		shut, err := m.reserve(ctx, u.Account, u.Email)
		if err != nil {
			return nil, err
		}
		return []ticket.Offered{m.o.Tickets.Draw(m.invitation(s.actor, u, u.Email, shut))}, nil
	}
	return m.do(ctx, s)
}

// inviteElsewhere gives somebody who has not come yet another address, and mails the
// invitation there; the link that went to the one before ends. There is nothing to
// keep or to prove: no mailbox was theirs so far, and the new one is proved by
// coming.
func (m *Manager) inviteElsewhere(ctx context.Context, s step, address string) (*store.User, error) {
	canonical, err := directory.Canonical(address)
	if err != nil {
		return nil, err
	}
	more := s.change
	s.change = func(tx store.Tx, u *store.User, now time.Time) error {
		if u.Invited == nil {
			return errMoved // they came meanwhile
		}
		if more != nil {
			if err := more(tx, u, now); err != nil {
				return err
			}
		}
		u.Invited = m.invited(s.actor)
		return directory.MoveInvited(tx, u, address)
	}
	s.moves = true
	s.offer = func(ctx context.Context, u *store.User) ([]ticket.Offered, error) {
		shut, err := m.reserve(ctx, u.Account, canonical)
		if err != nil {
			return nil, err
		}
		return []ticket.Offered{m.o.Tickets.Draw(m.invitation(s.actor, u, canonical, shut))}, nil
	}
	return m.try(ctx, s)
}

// Come makes the address of somebody invited theirs: they opened the link that
// was mailed there. It is directory.ErrTaken when somebody else has it by now.
func (m *Manager) Come(ctx context.Context, f *ticket.Found) (*store.User, error) {
	u, err := m.o.Directory.JoinUser(themselves(ctx, f), f.Account, f.User)
	return u, m.plain("joining", err)
}

// themselves has the audit log know that it was the person a ticket is for.
func themselves(ctx context.Context, f *ticket.Found) context.Context {
	a := audit.Who(ctx)
	a.Kind, a.ID, a.Account = audit.ByUser, f.User, f.Account
	return audit.As(ctx, a)
}

// Again mails a fresh link in the place of one of no use any more, to where the
// one before was mailed, because whoever holds that asks for it.
func (m *Manager) Again(ctx context.Context, f *ticket.Found) error {
	self := Actor{Actor: audit.Who(themselves(ctx, f))}
	s := step{actor: self, account: f.Account, id: f.User, unasked: true}
	switch f.Ticket.Purpose {
	case ticket.Invite:
		s.what = InviteAgain
		u, err := m.o.Directory.User(ctx, f.Account, f.User)
		if err != nil {
			return m.plain("inviting", err)
		}
		if u.Invited != nil {
			s.actor.Name = u.Invited.By // the letter speaks of who invited them
		}
		_, err = m.inviteAgain(ctx, s)
		return err
	case ticket.Address:
		s.what = ChangeEmail
		_, err := m.proveAgain(ctx, s)
		return err
	}
	return store.ErrNotFound
}
