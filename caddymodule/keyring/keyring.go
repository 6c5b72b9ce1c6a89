// Package keyring is the passkeys of a user as they lie in the store: read,
// written and ended in the step of a change, each end with its line in the audit
// log. What a passkey opens, and when it counts, is the business of package factor.
package keyring

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Read returns the passkeys of a user in an Update of the account's tag; who has
// none has an empty list.
func Read(tx store.Tx, user string) (*store.PasskeyList, error) {
	list, err := store.Passkeys.Read(tx, user)
	if errors.Is(err, store.ErrNotFound) {
		return &store.PasskeyList{}, nil
	}
	return list, err
}

// Write stores the passkeys of a user. Without any, what is left are challenges,
// and goes when they lapse.
func Write(tx store.Tx, user string, list *store.PasskeyList) error {
	if len(list.Keys) > 0 {
		return store.Passkeys.Put(tx, user, list, time.Time{})
	}
	if len(list.Answered) == 0 {
		return store.Passkeys.Delete(tx, user)
	}
	last := slices.MaxFunc(list.Answered, func(a, b store.AnsweredChallenge) int { return a.Until.Compare(b.Until) })
	return store.Passkeys.Put(tx, user, list, last.Until)
}

// Note writes the line of the audit log about a passkey.
func Note(ctx context.Context, tx store.Tx, action audit.Action, u *store.User, k *store.Passkey, now time.Time) error {
	e, about := audit.Entry{Action: action, Account: u.Account, User: u.ID, Email: u.Email}, map[string]string{}
	if k.Name != "" {
		about["passkey"] = k.Name
	}
	if action == audit.PasskeyAdded {
		e.After = about
	} else {
		e.Before = about
	}
	return audit.Append(ctx, tx, e, now)
}

// End takes all passkeys of u away, in an Update of the account's tag: somebody
// else gave them a password, which is to be the only way in.
func End(ctx context.Context, tx store.Tx, u *store.User, now time.Time) error {
	_, err := EndSince(ctx, tx, u, time.Time{}, now)
	return err
}

// EndSince takes those away that were added at a moment or later, and tells how
// many they were.
func EndSince(ctx context.Context, tx store.Tx, u *store.User, since, now time.Time) (ended int, err error) {
	list, err := Read(tx, u.ID)
	if err != nil {
		return 0, err
	}
	var left []store.Passkey
	for i := range list.Keys {
		k := &list.Keys[i]
		if k.Created.Before(since) {
			left = append(left, *k)
			continue
		}
		if err := Note(ctx, tx, audit.PasskeyRemoved, u, k, now); err != nil {
			return 0, err
		}
		ended++
	}
	if ended == 0 {
		return 0, nil
	}
	list.Keys = left
	return ended, Write(tx, u.ID, list)
}
