package manage

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Links are the tickets of the room of mailed links, with what "this was not me"
// means for a whole person.
type Links struct {
	*ticket.Book
	Manager *Manager
}

// Revoke takes back what a ticket could open or tells of. Where somebody was in, or
// may have been, nothing of what they did stays: sessions and trusted devices end,
// with logins half-way and all that was mailed; ways in that were added since are
// gone, an address that was changed is back, and the password is a new one, which
// is mailed to that address.
func (l Links) Revoke(ctx context.Context, token string) (*ticket.Found, error) {
	f, err := l.Find(ctx, token)
	switch {
	case err != nil:
		return f, err
	case !f.Revoking:
		return nil, ticket.ErrNone
	case f.Ticket.State == ticket.Revoked:
		return f, nil
	}
	done, undone, err := l.Manager.disown(themselves(ctx, f), f)
	if err != nil {
		return nil, err
	}
	if done {
		f.Undone = undone
		return f, nil
	}
	f, err = l.Book.Revoke(ctx, token)
	if f != nil {
		f.Undone = undone
	}
	return f, err
}

// disowned is what follows from a ticket that is nobody's.
type disowned struct {
	since   time.Time // from when on an address that was changed is brought back
	added   time.Time // and ways in that were added are taken back
	address string    // that is theirs again; empty: the one they have
	// mail: their password opens nothing any more, and a new one is mailed.
	mail bool
}

// intruded tells whether somebody may have been in, or changed something.
func intruded(f *ticket.Found, now time.Time) bool {
	t := &f.Ticket
	switch t.Purpose {
	case ticket.Notice:
		// The address that a letter speaks of stays when its time is over.
		return t.Mode != letter.AddressChanged || now.Before(t.Until)
	case ticket.Magic, ticket.Password, ticket.Invite, ticket.Entry:
		return t.State == ticket.Used
	}
	return false
}

// disown takes back what was done with a ticket. done is false where nothing came
// of it, and it only has to be closed.
func (m *Manager) disown(ctx context.Context, f *ticket.Found) (done bool, undone []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		done, undone, err = m.tryDisown(ctx, f)
		if !errors.Is(err, errMoved) && !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return done, undone, m.plain("taking back what was done in somebody's name", err)
		}
	}
}

func (m *Manager) tryDisown(ctx context.Context, f *ticket.Found) (done bool, undone []string, err error) {
	if f.User == "" {
		return false, nil, nil
	}
	u, err := m.o.Directory.User(ctx, f.Account, f.User)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil, nil
	}
	switch {
	case err != nil:
		return false, nil, err
	case f.Ticket.Purpose == ticket.Address && u.Moving != nil && u.Moving.Email == f.Ticket.Typed:
		// By the new mailbox: it is not theirs.
		_, err := m.o.Directory.UpdateUser(ctx, f.Account, f.User, func(u *store.User) error {
			u.Moving = nil
			return nil
		})
		return false, []string{ticket.UndoneAsked}, err
	case !intruded(f, m.o.Now()) || u.Invited != nil:
		return false, nil, nil
	}
	d, err := m.consequences(ctx, f, u)
	if err != nil {
		return false, nil, err
	}
	undone, err = m.secure(ctx, f, u, d)
	if errors.Is(err, directory.ErrTaken) && d.address != "" {
		m.o.Log.Warn("an address could not be given back: somebody else has it by now", "user", f.User, "account", f.Account)
		// Nor is anything mailed to the one in its place: it is not theirs.
		d.address, d.mail = "", false
		undone, err = m.secure(ctx, f, u, d)
	}
	if errors.Is(err, ticket.ErrNone) {
		return false, nil, nil
	}
	return err == nil, undone, err
}

// consequences decides what has to follow.
func (m *Manager) consequences(ctx context.Context, f *ticket.Found, u *store.User) (d disowned, err error) {
	t := &f.Ticket
	d.since = t.Since
	switch {
	case t.Purpose != ticket.Notice:
		d.since = t.Settled
	case t.Since.IsZero():
		d.since = t.Asked
	}
	// What a letter tells of was done a moment before it was written.
	if d.added = d.since; d.since.Equal(t.Asked) {
		d.added = t.Asked.Add(-time.Minute)
	}
	switch {
	case t.Purpose == ticket.Notice && t.Mode == letter.AddressChanged:
		d.address = t.Typed
	case !t.Other:
		if d.address, err = m.o.Tickets.Before(ctx, u, d.since); err != nil {
			return d, err
		}
	}
	// Whoever got in knew a password, or could have had one mailed. What somebody did
	// who helps them is undone, and their own password is still theirs.
	changed := u.PasswordChanged.After(t.Asked)
	d.mail = !t.Other && t.Purpose == ticket.Notice || changed && d.address != "" ||
		!t.PasswordSince.IsZero() && t.PasswordSince.Equal(u.PasswordChanged)
	return d, nil
}

// secure does it, in one step.
func (m *Manager) secure(ctx context.Context, f *ticket.Found, u *store.User, d disowned) (undone []string, err error) {
	address := d.address
	if address == "" {
		address = u.Email
		if u.Display != "" {
			address = u.Display
		}
	}
	var offers []ticket.Offered
	if d.mail && m.o.Tickets != nil && m.o.Mails != nil {
		to := *u
		to.Email = d.address
		if d.address == "" {
			to.Email = u.Email
		}
		o, err := m.o.Tickets.DrawPassword(ctx, &to, m.o.Mode, m.o.Origin, f.Ticket.Locale)
		if err != nil {
			return nil, err
		}
		offers = append(offers, o)
	}
	in := m.stepWith(f.Account, offers)
	_, err = m.o.Directory.MoveUser(ctx, f.Account, f.User, address, directory.Hold{}, in, func(tx store.Tx, now *store.User) error {
		undone = nil
		if now.Email != u.Email || !now.PasswordChanged.Equal(u.PasswordChanged) {
			return errMoved // what has to follow is another thing
		}
		if undone, err = m.takeBack(ctx, tx, f, now, d); err != nil {
			return err
		}
		if d.address != "" && now.Email != d.address {
			undone = append(undone, ticket.UndoneAddress)
		}
		for _, o := range offers {
			if err := o.Open(tx, m.o.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	return undone, err
}

// takeBack changes the person and what hangs on them.
func (m *Manager) takeBack(ctx context.Context, tx store.Tx, f *ticket.Found, u *store.User, d disowned) ([]string, error) {
	now := m.o.Now()
	var spent *ticket.Spent
	if err := ticket.TakeBack(tx, u, f.Ticket.ID, now); errors.As(err, &spent) {
		return nil, ticket.ErrNone // pressed twice at once
	} else if err != nil {
		return nil, err
	}
	undone := []string{ticket.UndoneSessions}
	if u.Moving != nil {
		u.Moving = nil
		undone = append(undone, ticket.UndoneAsked)
	}
	u.Epoch++
	if d.mail || u.PasswordChanged.After(f.Ticket.Asked) && d.address != "" {
		u.Password, u.PasswordChosen = "", false
		undone = append(undone, ticket.UndonePassword)
	}
	for _, undo := range m.o.Undo {
		what, err := undo(ctx, tx, u, d.added)
		if err != nil {
			return nil, err
		}
		if what != "" && !slices.Contains(undone, what) {
			undone = append(undone, what)
		}
	}
	return undone, audit.Append(ctx, tx, audit.Entry{
		Action: audit.UserDisowned, Account: u.Account, User: u.ID, Email: u.Email,
	}, now)
}
