package manage

import (
	"context"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Entrance is a link that logs somebody in once and gets them a new password.
type Entrance struct {
	Link  string
	Until time.Time
}

// Entrances tells whether there can be such links: mailed links need to be there,
// and where they lead to be known.
func (m *Manager) Entrances() bool { return m.o.Tickets != nil && m.o.Origin != "" }

// LetIn makes an entrance for an operator to hand over, to somebody who cannot be
// helped otherwise: locked out with their mailbox and telephone gone, or just
// added. Their second step is off and their sessions end at once, they are told by
// mail, and delays are forgotten; the password changes when the link is used.
func (m *Manager) LetIn(ctx context.Context, a Actor, account, id string) (Entrance, error) {
	if !m.Entrances() {
		return Entrance{}, ErrNoMail
	}
	var drawn ticket.Offered
	u, err := m.do(ctx, step{
		actor: a, what: HandOver, account: account, id: id,
		change: func(tx store.Tx, u *store.User, now time.Time) error {
			if u.Invited != nil {
				return ErrInvited
			}
			u.SecondStep = false
			u.Epoch++
			return drawn.Open(tx, now)
		},
		offer: func(ctx context.Context, u *store.User) ([]ticket.Offered, error) {
			// Not mailed: it goes from hand to hand.
			drawn = m.o.Tickets.Draw(ticket.Offer{User: u, Purpose: ticket.Entry, To: u.Email, Origin: m.o.Origin, Locale: u.Locale})
			return nil, m.o.Tickets.Known(ctx, drawn)
		},
		tell: stepOff,
	})
	if err != nil {
		return Entrance{}, err
	}
	if err := m.o.Limits.Clear(ctx, subject(u)); err != nil {
		m.o.Log.Warn("failed attempts could not be forgotten", "user", id, "error", err)
	}
	return Entrance{Link: drawn.Link, Until: drawn.Ticket.Until}, nil
}
