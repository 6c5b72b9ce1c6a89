package manage

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

var errNotYet = errors.New("not yet")

// Edit are the plain fields of a user; nil leaves one as it is.
type Edit struct{ Name, Type, Locale *string }

// Changed is what came of another address.
type Changed struct {
	User *store.User
	// Pending: it counts once its mailbox is proved; until then the old one does.
	Pending bool
}

// Mailed is a mail that was written.
type Mailed struct {
	ID    string    // of the mail
	Until time.Time // when what it carries ends
}

// User returns one user. That support looked is in the audit log of the account.
func (m *Manager) User(ctx context.Context, a Actor, account, id string) (*store.User, error) {
	return nil, errNotYet
}

// Users returns up to n users of an account with ids after the cursor.
func (m *Manager) Users(ctx context.Context, a Actor, account, after string, n int) ([]*store.User, error) {
	return nil, errNotYet
}

// Created is somebody new.
type Created struct {
	User *store.User
	// Password is shown this once.
	Password string
}

// Create adds a user with a generated password. The address is theirs at once,
// unproved: so only those who see all accounts may do it, and others invite.
func (m *Manager) Create(ctx context.Context, a Actor, u *store.User) (Created, error) {
	return Created{}, errNotYet
}

// Edit changes name, type and language.
func (m *Manager) Edit(ctx context.Context, a Actor, account, id string, e Edit) (*store.User, error) {
	return nil, errNotYet
}

// Block withdraws somebody's access; a zero until means until it is lifted.
func (m *Manager) Block(ctx context.Context, a Actor, account, id, why string, until time.Time) (*store.User, error) {
	return nil, errNotYet
}

// Unblock lifts a block.
func (m *Manager) Unblock(ctx context.Context, a Actor, account, id string) (*store.User, error) {
	return nil, errNotYet
}

// EndSessions logs somebody out, everywhere.
func (m *Manager) EndSessions(ctx context.Context, a Actor, account, id string) error {
	return errNotYet
}

// EndSession ends one session, by its public handle.
func (m *Manager) EndSession(ctx context.Context, a Actor, account, id, handle string) error {
	return errNotYet
}

// ClearDelays forgets somebody's failed attempts: the next try is possible at once.
func (m *Manager) ClearDelays(ctx context.Context, a Actor, account, id string) error {
	return errNotYet
}

// SecondStepOff switches somebody's second step off, ends their sessions, and
// tells them by mail.
func (m *Manager) SecondStepOff(ctx context.Context, a Actor, account, id string) (*store.User, error) {
	return nil, errNotYet
}

// NewPassword gives somebody a generated password, which is returned this once.
// Their second step is off then, their sessions and delays are over, and they are
// told by mail.
func (m *Manager) NewPassword(ctx context.Context, a Actor, account, id string) (password string, err error) {
	return "", errNotYet
}

// ChosenPassword is NewPassword with a password that begins with what was chosen,
// which must not be a common one, and ends with two random digits and a capital.
func (m *Manager) ChosenPassword(ctx context.Context, a Actor, account, id, chosen string) (password string, err error) {
	return "", errNotYet
}

// MailPassword mails somebody a new password, as if they had asked for it: the old
// one works until the new one is used.
func (m *Manager) MailPassword(ctx context.Context, a Actor, account, id string) (Mailed, error) {
	return Mailed{}, errNotYet
}

// MailLogin mails somebody a link that logs them in.
func (m *Manager) MailLogin(ctx context.Context, a Actor, account, id string) (Mailed, error) {
	return Mailed{}, errNotYet
}

// Delete removes a user; their address and id are free again.
func (m *Manager) Delete(ctx context.Context, a Actor, account, id string) error { return errNotYet }

// Erase removes a user and all that is known about them as a person.
func (m *Manager) Erase(ctx context.Context, a Actor, account, id string) error { return errNotYet }

// ChangeEmail gives somebody another address. Both mailboxes are told. It counts
// once the new mailbox is proved by its link, at once in a domain that is known to
// be the account's; until then the old one works. An address that somebody has
// elsewhere is answered like one that nobody has: then no link is right.
func (m *Manager) ChangeEmail(ctx context.Context, a Actor, account, id, address string) (Changed, error) {
	return Changed{}, errNotYet
}

// KeepEmail gives a change of address up that is under way.
func (m *Manager) KeepEmail(ctx context.Context, a Actor, account, id string) (*store.User, error) {
	return nil, errNotYet
}

// Invitation is for somebody who shall come.
type Invitation struct{ Email, Name, Type, Locale string }

// Invite adds somebody and mails them a link, which is good for seven days. They
// have no password until they come. An address that somebody has elsewhere is
// answered like one that nobody has.
func (m *Manager) Invite(ctx context.Context, a Actor, account string, i Invitation) (*store.User, error) {
	return nil, errNotYet
}

// InviteAgain mails a fresh link; the one before ends.
func (m *Manager) InviteAgain(ctx context.Context, a Actor, account, id string) (*store.User, error) {
	return nil, errNotYet
}
