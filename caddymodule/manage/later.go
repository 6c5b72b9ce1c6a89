package manage

import (
	"context"
)

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
