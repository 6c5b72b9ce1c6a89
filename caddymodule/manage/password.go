package manage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Created is somebody new.
type Created struct {
	User *store.User
	// Password is shown this once.
	Password string
}

// Create adds a user with a generated password. The address is theirs at once,
// unproved: so only those who see all accounts may do it, and others invite.
func (m *Manager) Create(ctx context.Context, a Actor, u *store.User) (Created, error) {
	err := m.May(a, CreateUser, u.Account, nil)
	if err == nil {
		err = MayGrant(m.Rules(), a, u.Account, u.Type)
	}
	if err != nil {
		return Created{}, m.plain("creating user", err)
	}
	password := secret.Password()
	hash, err := m.o.Hasher.Hash(ctx, password)
	if err != nil {
		return Created{}, fmt.Errorf("hashing password: %w", err)
	}
	// Only what may be given is taken over: no hash, no block, no second step.
	fresh := &store.User{
		ID: u.ID, Account: u.Account, Email: u.Email, Name: u.Name, Type: u.Type, Locale: u.Locale,
		Password: hash, PasswordChanged: m.o.Now().UTC(),
	}
	if err := m.o.Directory.CreateUser(a.with(ctx), fresh); err != nil {
		return Created{}, m.plain("creating user", err)
	}
	return Created{User: fresh, Password: password}, nil
}

// SecondStepOff switches somebody's second step off and tells them by mail. A
// password of their own goes with it: they are mailed another.
func (m *Manager) SecondStepOff(ctx context.Context, a Actor, account, id string) (*store.User, error) {
	own := false
	u, err := m.do(ctx, step{
		actor: a, what: SecondStepOff, account: account, id: id,
		change: func(_ store.Tx, u *store.User, _ time.Time) error {
			own = directory.OwnPassword(u)
			u.SecondStep = false
			return nil
		},
		tell: stepOff,
	})
	if err == nil && own && m.o.Tickets != nil && m.o.Mails != nil {
		_, err := m.o.Tickets.Ask(a.with(ctx), ticket.Ask{
			Purpose: ticket.Password, Mode: m.o.Mode, User: u, Owner: outbox.OfUser(u.Account, u.ID), To: u.Email,
			Locale: u.Locale, Origin: m.o.Origin,
		})
		if err != nil { // they can ask for it themselves
			m.o.Log.Warn("a new password could not be mailed in place of an own one", "user", u.ID, "account", u.Account, "error", err)
		}
	}
	return u, err
}

// stepOff tells somebody whose second step is on that it will be off.
func stepOff(u *store.User) []ticket.Telling {
	if !u.SecondStep {
		return nil
	}
	return []ticket.Telling{{Kind: letter.SecondStepOff}}
}

// NewPassword gives somebody a generated password, which is returned this once.
// Their second step is off then, their sessions and delays are over, and they are
// told by mail.
func (m *Manager) NewPassword(ctx context.Context, a Actor, account, id string) (password string, err error) {
	password = secret.Password()
	return password, m.setPassword(ctx, a, NewPassword, account, id, password, false)
}

func (m *Manager) setPassword(ctx context.Context, a Actor, what Action, account, id, password string, chosen bool) error {
	u, err := m.look(ctx, a, what, account, id)
	if err == nil && u.Invited != nil {
		err = ErrInvited
	}
	if err != nil {
		return m.plain("setting a password", err)
	}
	hash, err := m.o.Hasher.Hash(ctx, password)
	if err != nil {
		return fmt.Errorf("hashing password: %w", err)
	}
	_, err = m.do(ctx, step{
		actor: a, what: what, account: account, id: id,
		change: func(tx store.Tx, u *store.User, now time.Time) error {
			if u.Invited != nil {
				return ErrInvited
			}
			u.Password, u.PasswordChosen, u.PasswordChanged = hash, chosen, now.UTC()
			u.SecondStep = false
			u.Epoch++
			return errors.Join(ticket.Close(tx, u, now), ticket.Forget(tx, u, now))
		},
		tell: func(u *store.User) []ticket.Telling {
			return append([]ticket.Telling{{Kind: letter.PasswordChanged}}, stepOff(u)...)
		},
	})
	if err != nil {
		return err
	}
	// The new password must not be met by the delay the old one earned.
	if err := m.o.Limits.Clear(ctx, attempt.Subject(id, "")); err != nil {
		m.o.Log.Warn("failed attempts could not be forgotten after a new password", "user", id, "error", err)
	}
	return nil
}

// subject is whose budgets of attempts and mails are meant.
func subject(u *store.User) string { return attempt.Subject(u.ID, "") }

// Mailed is a mail that was written.
type Mailed struct {
	ID    string    // of the mail
	Until time.Time // when what it carries ends
}

// MailPassword mails somebody a new password, as if they had asked for it: the old
// one works until the new one is used.
func (m *Manager) MailPassword(ctx context.Context, a Actor, account, id string) (Mailed, error) {
	return m.mail(ctx, a, MailPassword, account, id, ticket.Ask{Purpose: ticket.Password, Mode: m.o.Mode})
}

// MailLogin mails somebody a link that logs them in.
func (m *Manager) MailLogin(ctx context.Context, a Actor, account, id string) (Mailed, error) {
	return m.mail(ctx, a, MailLogin, account, id, ticket.Ask{Purpose: ticket.Magic})
}

func (m *Manager) mail(ctx context.Context, a Actor, what Action, account, id string, ask ticket.Ask) (Mailed, error) {
	u, err := m.look(ctx, a, what, account, id)
	switch {
	case err == nil && u.Invited != nil:
		err = ErrInvited
	case err == nil && (m.o.Tickets == nil || m.o.Mails == nil):
		err = ErrNoMail
	case err == nil:
		// Counted like what they ask for themselves, and not to the network of whoever
		// helps: that one may help many.
		err = m.o.Mails.Allow(ctx, outbox.Request{Subject: attempt.Subject(u.ID, ""), Known: true})
	}
	if err == nil {
		err = m.o.Audit.Add(a.with(ctx), account, audit.Entry{
			Action: audit.MailSent, User: u.ID, Email: u.Email, After: map[string]string{"mail": ask.Purpose},
		})
	}
	if err != nil {
		return Mailed{}, m.plain("mailing", err)
	}
	ask.User, ask.Owner, ask.To = u, outbox.OfUser(u.Account, u.ID), u.Email
	ask.Locale, ask.Origin = u.Locale, m.o.Origin
	asked, err := m.o.Tickets.Ask(ctx, ask)
	if err != nil {
		return Mailed{}, m.plain("mailing", err)
	}
	return Mailed{ID: asked.ID, Until: asked.Until}, nil
}
