package manage

import (
	"context"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Changed is what came of another address.
type Changed struct {
	User *store.User
	// Pending: it counts once its mailbox is proved; until then the old one does.
	Pending bool
}

// ChosenPassword is NewPassword with a password that begins with what was chosen,
// which must not be a common one, and ends with two random digits and a capital.
func (m *Manager) ChosenPassword(ctx context.Context, a Actor, account, id, chosen string) (password string, err error) {
	if _, err := m.look(ctx, a, ChosenPassword, account, id); err != nil {
		return "", m.plain("setting a password", err)
	}
	return "", errNotYet
}

// Erase removes a user and all that is known about them as a person.
func (m *Manager) Erase(ctx context.Context, a Actor, account, id string) error { return errNotYet }

// ChangeEmail gives somebody another address. Both mailboxes are told. It counts
// once the new mailbox is proved by its link, at once in a domain that is known to
// be the account's; until then the old one works. An address that somebody has
// elsewhere is answered like one that nobody has: then no link is right.
func (m *Manager) ChangeEmail(ctx context.Context, a Actor, account, id, address string) (Changed, error) {
	if _, err := m.look(ctx, a, ChangeEmail, account, id); err != nil {
		return Changed{}, m.plain("changing an address", err)
	}
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
	if _, err := m.look(ctx, a, Invite, account, id); err != nil {
		return nil, m.plain("inviting", err)
	}
	return nil, errNotYet
}
