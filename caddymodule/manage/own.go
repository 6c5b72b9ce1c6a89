package manage

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// maxMoves is how often somebody changes their own address within the time in
// which each change can be undone.
const maxMoves = 3

// MoveOwn has somebody who is logged in change their own address: u as they were
// read when their session was looked at, which has the given handle. The caller
// has asked them for a proof. A link is mailed to the new mailbox, and counts; the
// old one is told, and can stop it. An address that somebody has, a colleague too,
// is answered like one that nobody has: then no link is right.
//
// The error is directory.ErrInvalid, ErrSame, ErrOver, ErrNoMail or an
// *outbox.TooMany.
func (m *Manager) MoveOwn(ctx context.Context, u *store.User, session, address string) (*store.User, error) {
	canonical, err := directory.Canonical(address)
	switch {
	case err != nil:
		return nil, err
	case canonical == u.Email:
		return nil, ErrSame
	case m.o.Tickets == nil || m.o.Mails == nil:
		return nil, ErrNoMail
	}
	n, until, err := m.o.Tickets.Moves(ctx, u)
	if err != nil {
		return nil, m.plain("changing one's own e-mail", err)
	}
	if n >= maxMoves {
		return nil, &outbox.TooMany{Sent: n, Until: until}
	}
	s := own(ctx, u)
	s.still = func(now *store.User) bool { return now.Epoch == u.Epoch }
	return m.pend(ctx, s, store.Moving{Email: canonical, Display: address, Own: true, Session: session})
}

// own is a step of somebody for themselves.
func own(ctx context.Context, u *store.User) step {
	return step{
		actor: Actor{Actor: audit.Who(ctx)}, what: ChangeEmail, account: u.Account, id: u.ID, unasked: true, own: true,
	}
}

// KeepOwn has somebody give their change of address up that is under way.
func (m *Manager) KeepOwn(ctx context.Context, u *store.User) error {
	s := own(ctx, u)
	s.change = func(tx store.Tx, u *store.User, now time.Time) error {
		u.Moving = nil
		return ticket.Close(tx, u, now, ticket.Address)
	}
	_, err := m.do(ctx, s)
	return err
}

// shut counts the mail and says whether the address is one that nothing may open.
func (m *Manager) shut(ctx context.Context, s step, canonical string) (bool, error) {
	if !s.own {
		return m.reserve(ctx, s.account, canonical)
	}
	// Counted to the address that it goes to, whoever asks, and to who asks: neither a
	// mailbox nor a stranger's patience is theirs to use up.
	for _, subject := range []string{attempt.Subject(s.id, ""), attempt.Subject("", canonical)} {
		if err := m.o.Mails.Allow(ctx, outbox.Request{Subject: subject, Known: true}); err != nil {
			return false, err
		}
	}
	by, err := m.o.Directory.Held(ctx, s.account, s.id, canonical)
	if err != nil {
		return false, err
	}
	_, err = m.o.Directory.FindByEmail(ctx, canonical)
	if errors.Is(err, store.ErrNotFound) {
		_, err = m.o.Directory.User(ctx, "nobody", "nobody") // as many reads
		if errors.Is(err, store.ErrNotFound) {
			return by != "", nil
		}
	}
	return err == nil, err
}

// asking finds the session in which u asked for what they are about to get. It
// goes on when the others end.
func (m *Manager) asking(ctx context.Context, u *store.User) (id string, err error) {
	if m.o.Sessions == nil || u.Moving == nil || u.Moving.Session == "" {
		return "", nil
	}
	id, err = m.o.Sessions.Named(ctx, u.Account, u.ID, u.Moving.Session)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return id, err
}

// endOthers ends the sessions of u, who is to be saved after it, but for the one
// with that id.
func (m *Manager) endOthers(tx store.Tx, u *store.User, id string) error {
	if m.o.Sessions == nil {
		u.Epoch++
		return nil
	}
	return m.o.Sessions.EndAllBut(tx, u, id)
}
