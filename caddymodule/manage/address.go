package manage

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Changed is what came of another address.
type Changed struct {
	User *store.User
	// Pending: it counts once its mailbox is proved; until then the old one does.
	Pending bool
	// Invited: they have not come yet, and a new invitation went there.
	Invited bool
}

// ChangeEmail gives somebody another address. Both mailboxes are told. It counts
// once the new mailbox is proved by its link, at once in a domain that is known to
// be the account's; until then the old one works. An address that somebody has
// elsewhere is answered like one that nobody has: then no link is right.
func (m *Manager) ChangeEmail(ctx context.Context, a Actor, account, id, address string) (Changed, error) {
	return m.changing(ctx, step{actor: a, what: ChangeEmail, account: account, id: id}, address)
}

// Move gives somebody another address at once, and changes more of them in the same
// step, because an operator says so. Both mailboxes are told.
func (m *Manager) Move(ctx context.Context, a Actor, account, id, address string, more func(*store.User) error) (*store.User, error) {
	if a.Kind != audit.ByOperator {
		return nil, &Forbidden{ChangeEmail, WhyNotYours}
	}
	c, err := m.changing(ctx, step{
		actor: a, what: ChangeEmail, account: account, id: id,
		change: func(_ store.Tx, u *store.User, _ time.Time) error { return more(u) },
	}, address)
	return c.User, err
}

func (m *Manager) changing(ctx context.Context, s step, address string) (Changed, error) {
	ctx, cancel := context.WithTimeout(s.actor.with(ctx), patience)
	defer cancel()
	for {
		c, err := m.changeEmail(ctx, s, address)
		if !errors.Is(err, errMoved) && !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return c, m.plain("changing e-mail", err)
		}
	}
}

func (m *Manager) changeEmail(ctx context.Context, s step, address string) (Changed, error) {
	u, err := m.look(ctx, s.actor, s.what, s.account, s.id)
	if err != nil {
		return Changed{}, err
	}
	canonical, err := directory.Canonical(address)
	switch {
	case err != nil:
		return Changed{}, err
	case u.Invited != nil:
		u, err = m.inviteElsewhere(ctx, s, address)
		return Changed{User: u, Invited: err == nil}, err
	case canonical == u.Email:
		u, err = m.move(ctx, s, u, address)
		return Changed{User: u}, err
	}
	owned, err := m.owned(ctx, s.account, canonical)
	if err != nil {
		return Changed{}, err
	}
	if owned || s.actor.Kind == audit.ByOperator {
		u, err = m.move(ctx, s, u, address)
		return Changed{User: u}, err
	}
	u, err = m.pend(ctx, s, store.Moving{Email: canonical, Display: address})
	return Changed{User: u, Pending: err == nil}, err
}

// owned tells whether an address is in a domain of the account, and nobody's
// elsewhere: such a one has to be proved like others.
func (m *Manager) owned(ctx context.Context, account, canonical string) (bool, error) {
	a, err := m.o.Directory.Account(ctx, account)
	if err != nil || !directory.OwnDomain(a.Domains, canonical) {
		return false, err
	}
	taken, err := m.elsewhere(ctx, account, canonical)
	return !taken, err
}

// move gives the address at once, and tells both mailboxes.
func (m *Manager) move(ctx context.Context, s step, before *store.User, address string) (*store.User, error) {
	canonical, err := directory.Canonical(address)
	if err != nil {
		return nil, err
	}
	var offers []ticket.Offered
	if canonical != before.Email && m.o.Tickets != nil && m.o.Mails != nil {
		offers = append(m.moved(ctx, s, before, canonical), m.notices(ctx, step{
			actor: s.actor, tell: func(*store.User) []ticket.Telling {
				return []ticket.Telling{{Kind: letter.AddressYours, To: canonical}}
			},
		}, before)...)
	}
	return m.o.Directory.MoveUser(ctx, s.account, s.id, address, m.hold(s.actor), m.stepWith(s.account, offers), func(tx store.Tx, u *store.User) error {
		if _, err := m.inside(ctx, tx, s, before); err != nil {
			return err
		}
		if s.change != nil {
			if err := s.change(tx, u, m.o.Now()); err != nil {
				return err
			}
		}
		u.Moving = nil
		return m.settled(tx, u, offers)
	})
}

// hold keeps the address that a team gives up for them as long as it can be
// brought back. Who sees all accounts may move it to another one.
func (m *Manager) hold(a Actor) directory.Hold {
	if a.Wide() {
		return directory.Hold{}
	}
	return directory.Hold{Until: m.o.Now().Add(ticket.UndoLife)}
}

// stepWith writes mails in the step of a change.
func (m *Manager) stepWith(account string, offers []ticket.Offered) directory.Step {
	return func(ctx context.Context, with func(store.Tx) error) error { return m.write(ctx, account, offers, with) }
}

// moved is what the mailbox that was theirs is told, with what brings it back.
func (m *Manager) moved(ctx context.Context, s step, u *store.User, canonical string) []ticket.Offered {
	since := time.Time{}
	if u.Moving != nil && s.own {
		since = u.Moving.At
	}
	s.tell = func(*store.User) []ticket.Telling {
		return []ticket.Telling{{Kind: letter.AddressChanged, Address: canonical, Life: ticket.UndoLife, Since: since}}
	}
	return m.notices(ctx, s, u)
}

// settled ends what was mailed to the mailbox that is theirs no more, and writes
// what both are told.
func (m *Manager) settled(tx store.Tx, u *store.User, offers []ticket.Offered) error {
	now := m.o.Now()
	if err := ticket.Close(tx, u, now); err != nil {
		return err
	}
	for _, o := range offers {
		if err := o.Open(tx, now); err != nil {
			return err
		}
	}
	return nil
}

// pend mails a link to the new mailbox, and says so to the old one.
func (m *Manager) pend(ctx context.Context, s step, to store.Moving) (*store.User, error) {
	shut, err := m.shut(ctx, s, to.Email)
	if err != nil {
		return nil, err
	}
	to.By, to.At = by(s.actor), m.o.Now().UTC()
	if s.own {
		to.By = ""
	}
	to.Until = to.At.Add(ticket.AddressLife)
	s.change = func(_ store.Tx, u *store.User, _ time.Time) error {
		if s.still != nil && !s.still(u) {
			return ErrOver
		}
		u.Moving = &to
		return nil
	}
	s.offer = func(_ context.Context, u *store.User) ([]ticket.Offered, error) {
		return []ticket.Offered{m.o.Tickets.Draw(ticket.Offer{
			User: u, Purpose: ticket.Address, To: to.Email, Shut: shut, By: to.By, Origin: m.o.Origin, Locale: u.Locale,
		})}, nil
	}
	if !s.again {
		s.tell = func(*store.User) []ticket.Telling {
			return []ticket.Telling{{Kind: letter.AddressAsked, Address: to.Email, Life: ticket.UndoLife}}
		}
	}
	return m.do(ctx, s)
}

// proveAgain mails a fresh link for a change that is under way.
func (m *Manager) proveAgain(ctx context.Context, s step) (*store.User, error) {
	u, err := m.o.Directory.User(ctx, s.account, s.id)
	if err != nil {
		return nil, m.plain("proving an address", err)
	}
	if u.Moving == nil {
		return nil, store.ErrNotFound
	}
	s.actor.Name, s.own, s.again = u.Moving.By, u.Moving.Own, true
	u, err = m.pend(ctx, s, *u.Moving)
	return u, m.plain("proving an address", err)
}

// KeepEmail gives a change of address up that is under way.
func (m *Manager) KeepEmail(ctx context.Context, a Actor, account, id string) (*store.User, error) {
	return m.do(ctx, step{
		actor: a, what: ChangeEmail, account: account, id: id,
		change: func(tx store.Tx, u *store.User, now time.Time) error {
			u.Moving = nil
			return ticket.Close(tx, u, now, ticket.Address)
		},
	})
}

// Prove makes the address theirs to whose mailbox a link was mailed, because its
// holder opened it. It is directory.ErrTaken when somebody else has the address by
// now, *ticket.Spent or ticket.ErrNone when the link is of no use any more.
func (m *Manager) Prove(ctx context.Context, f *ticket.Found) (*store.User, error) {
	ctx, cancel := context.WithTimeout(themselves(ctx, f), patience)
	defer cancel()
	for {
		u, err := m.prove(ctx, f)
		if !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return u, m.plain("proving an address", err)
		}
	}
}

func (m *Manager) prove(ctx context.Context, f *ticket.Found) (*store.User, error) {
	before, err := m.o.Directory.User(ctx, f.Account, f.User)
	if err != nil {
		return nil, err
	}
	to := before.Moving
	if to == nil || to.Email != f.Ticket.Typed {
		return nil, ticket.ErrNone
	}
	self := step{actor: Actor{Actor: audit.Actor{Kind: audit.ByUser, Name: to.By}}, own: to.Own}
	offers := m.moved(ctx, self, before, to.Email)
	keep, err := m.asking(ctx, before)
	if err != nil {
		return nil, err
	}
	hold := directory.Hold{Until: m.o.Now().Add(ticket.UndoLife), All: to.Own}
	in := m.stepWith(f.Account, offers)
	return m.o.Directory.MoveUser(ctx, f.Account, f.User, to.Display, hold, in, func(tx store.Tx, u *store.User) error {
		if u.Moving == nil || u.Moving.Email != to.Email || !u.Moving.At.Equal(to.At) {
			return ticket.ErrNone
		}
		if _, err := ticket.Use(tx, u, f.Ticket.ID, ticket.Address, m.o.Now()); err != nil {
			return err
		}
		u.Moving = nil
		if err := m.endOthers(tx, u, keep); err != nil {
			return err
		}
		return m.settled(tx, u, offers)
	})
}
