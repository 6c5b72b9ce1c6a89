package directory

import (
	"errors"

	"github.com/cliendo/gateway/caddymodule/store"
)

// MoveInvited gives somebody who was invited and has not come yet another address,
// in a step on the tag of their account. It is theirs in name only, as the one
// before was. An address under which another one of the account is invited is
// ErrTaken.
func MoveInvited(tx store.Tx, u *store.User, address string) error {
	before := u.Email
	if err := setAddress(u, address); err != nil {
		return err
	}
	switch other, err := store.Invitees.Read(tx, inviteeID(u.Email)); {
	case err == nil && other.User != u.ID:
		if err := stillInvited(tx, other.User, u.Email); err != nil {
			return err
		}
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	if before != u.Email {
		if err := tx.Delete(store.Invitees.Kind, inviteeID(before)); err != nil {
			return err
		}
	}
	return store.Invitees.Put(tx, inviteeID(u.Email), &store.Invitee{User: u.ID}, never)
}
