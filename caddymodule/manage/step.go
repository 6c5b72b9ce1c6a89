package manage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// step is one change of one user.
type step struct {
	actor       Actor
	what        Action
	account, id string
	// change makes it, in the step that also writes entry and mails. It may run
	// more than once.
	change func(tx store.Tx, u *store.User, now time.Time) error
	// tell says what the user is told by mail; optional.
	tell func(u *store.User) []ticket.Telling
	// offer are links to be mailed in the same step; optional.
	offer func(ctx context.Context, u *store.User) ([]ticket.Offered, error)
	// moves: change sets the address, of somebody who has none that is theirs.
	moves bool
	// unasked: the person themselves does it, behind a link that was mailed; no
	// right is looked at.
	unasked bool
	// own: they do it for themselves, logged in, and still says in the step whether
	// they are. again: what was mailed is mailed once more.
	own   bool
	still func(u *store.User) bool
	again bool
}

// errMoved: what was read before the step is no longer so.
var errMoved = errors.New("changed meanwhile")

// patience bounds a change that others keep overtaking.
const patience = 20 * time.Second

// do makes a change: the right is looked at, once on what was read and again in
// the step itself, so that a demotion or another's change in between counts.
func (m *Manager) do(ctx context.Context, s step) (*store.User, error) {
	ctx, cancel := context.WithTimeout(s.actor.with(ctx), patience)
	defer cancel()
	for {
		u, err := m.try(ctx, s)
		if !errors.Is(err, errMoved) && !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return u, m.plain(string(s.what), err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(5*time.Millisecond + rand.N(10*time.Millisecond)): //nolint:gosec // nobody gains by guessing it
		}
	}
}

// plain keeps the errors that callers know, and says of others what was done.
func (m *Manager) plain(doing string, err error) error {
	var many *outbox.TooMany
	switch {
	case err == nil, errors.Is(err, ErrForbidden), errors.As(err, &many):
		return err
	case errors.Is(err, store.ErrNotFound):
		return store.ErrNotFound
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func (m *Manager) try(ctx context.Context, s step) (*store.User, error) {
	before, err := m.whom(ctx, s)
	if err != nil {
		return nil, err
	}
	after, err := m.another(ctx, s, before)
	if err != nil {
		return nil, err
	}
	offers := m.notices(ctx, s, before)
	if s.offer != nil {
		links, err := s.offer(ctx, before)
		if err != nil {
			return nil, err
		}
		offers = append(offers, links...)
	}
	var written *store.User
	err = m.o.Directory.Told(ctx, s.account, s.id, func(ctx context.Context) error {
		return m.write(ctx, s.account, offers, func(tx store.Tx) error {
			u, err := m.inside(ctx, tx, s, before)
			if err != nil {
				return err
			}
			now, read := m.o.Now(), *u
			if err := s.change(tx, u, now); err != nil {
				return err
			}
			if err := after(tx, u); err != nil {
				return err
			}
			for _, o := range offers {
				if o.Ticket.Mode == letter.PasswordChanged {
					o.Ticket.PasswordSince = u.PasswordChanged // so that "this was not me" takes it back
				}
				if err := o.Open(tx, now); err != nil {
					return err
				}
			}
			if s.moves {
				read.Email, read.Display = u.Email, u.Display
			}
			written = u
			return m.o.Directory.SaveIn(ctx, tx, &read, u)
		})
	})
	return written, err
}

// write runs fn on the tag of an account, together with the mails where there are any.
func (m *Manager) write(ctx context.Context, account string, offers []ticket.Offered, fn func(store.Tx) error) error {
	if len(offers) == 0 || m.o.Mails == nil {
		return m.o.Store.Update(ctx, store.AccountTag(account), fn)
	}
	drafts := make([]outbox.Draft, len(offers))
	for i, o := range offers {
		drafts[i] = o.Mail
	}
	return m.o.Mails.SendAll(ctx, drafts, fn)
}

// whom reads the user a step is about.
func (m *Manager) whom(ctx context.Context, s step) (*store.User, error) {
	if s.unasked {
		return m.o.Directory.User(ctx, s.account, s.id)
	}
	return m.look(ctx, s.actor, s.what, s.account, s.id)
}

// look reads a user for whoever may do this to them.
func (m *Manager) look(ctx context.Context, a Actor, what Action, account, id string) (*store.User, error) {
	if !a.sees(account) {
		return nil, store.ErrNotFound
	}
	u, err := m.o.Directory.User(ctx, account, id)
	if err != nil {
		return nil, err
	}
	return u, m.May(a, what, account, u)
}

// inside reads the user again in the step that changes them, and looks at
// everything that counts there: who asks, what they may, and what was to be so.
func (m *Manager) inside(ctx context.Context, tx store.Tx, s step, before *store.User) (*store.User, error) {
	a := s.actor
	if a.Kind == audit.ByUser && !s.unasked {
		// They are of the same account: a demotion or block a moment ago counts.
		me, err := store.Users.Read(tx, a.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil, &Forbidden{s.what, WhyNotYours}
		}
		if err != nil {
			return nil, err
		}
		if directory.Blocked(me, m.o.Now()) {
			return nil, &Forbidden{s.what, WhyNotYours}
		}
		now := OfUser(me, m.Rules())
		a.Type, a.Administers = now.Type, now.Administers
	}
	u, err := store.Users.Read(tx, s.id)
	if err != nil {
		return nil, err
	}
	if err := m.May(a, s.what, s.account, u); err != nil && !s.unasked {
		return nil, err
	}
	if u.Email != before.Email {
		return nil, errMoved // what is mailed goes to where it was read
	}
	return u, provided(ctx, u)
}

// notices draws what the user is told.
func (m *Manager) notices(ctx context.Context, s step, u *store.User) (list []ticket.Offered) {
	if s.tell == nil || m.o.Tickets == nil || m.o.Mails == nil || u.Invited != nil {
		return nil
	}
	for _, what := range s.tell(u) {
		what.Origin, what.By = m.o.Origin, by(s.actor)
		if s.own {
			what.By = ""
		}
		if what.Locale == "" {
			what.Locale = u.Locale
		}
		list = append(list, m.o.Tickets.Notice(ctx, u, what))
	}
	return list
}

// by is how an actor is named to others.
func by(a Actor) string {
	if a.Name != "" {
		return a.Name
	}
	return a.Kind
}
