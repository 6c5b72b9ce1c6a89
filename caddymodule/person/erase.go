package person

import (
	"context"
	"errors"
	"fmt"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Erased counts what went.
type Erased struct {
	Sessions int `json:"sessions"`
	Attempts int `json:"attempts"`
	Mails    int `json:"mails"`
	Lines    int `json:"audit_lines"` // of the log, which keep who did what when, by id
}

// Erase removes a user and everything about them, sessions first, so that nobody
// who is erased goes on. What was cut short is finished by doing it again, also
// when the user themselves is gone already; of somebody of the staff the logs of
// all accounts are gone through. Who never existed is store.ErrNotFound.
func (k *Keeper) Erase(ctx context.Context, account, id string) (e Erased, err error) {
	u, err := optional(k.Directory.User(ctx, account, id))
	if err != nil {
		return e, err
	}
	entries, err := k.entries(ctx, account, id)
	if err != nil {
		return e, err
	}
	if u == nil && len(entries) == 0 {
		return e, fmt.Errorf("erasing a person: %w", store.ErrNotFound)
	}
	if u != nil {
		if err := k.Directory.DeleteUser(ctx, account, id); err != nil && !errors.Is(err, store.ErrNotFound) {
			return e, err
		}
	}
	former := addresses(entries, u)
	steps := []func() error{
		func() error { return k.eraseOwn(ctx, account, id, &e) },
		func() error { return k.eraseForms(ctx, account, id) },
		func() error { return k.eraseTries(ctx, id, former, &e) },
		func() error { return k.eraseMoved(ctx, account, id, former) },
		func() error { return k.eraseLines(ctx, account, id, &e) }, // last: it knows the addresses
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return e, fmt.Errorf("erasing a person: %w", err)
		}
	}
	return e, nil
}

// eraseOwn removes what lies under the account.
func (k *Keeper) eraseOwn(ctx context.Context, account, id string, e *Erased) error {
	tag := store.AccountTag(account)
	sessions, err := ids(ctx, k.store, store.Sessions, tag, id+".")
	if err != nil {
		return err
	}
	halves, err := ids(ctx, k.store, store.HalfLogins, tag, id+".")
	if err != nil {
		return err
	}
	mails, err := ids(ctx, k.store, store.Mails, tag, id+".")
	if err != nil {
		return err
	}
	e.Sessions, e.Mails = len(sessions), len(mails)
	var identities []string
	err = k.store.Update(ctx, tag, func(tx store.Tx) error {
		for _, s := range sessions {
			tx.Announce(store.Sessions.Kind, s)
			if err := store.Sessions.Delete(tx, s); err != nil {
				return err
			}
		}
		for _, h := range halves {
			if err := store.HalfLogins.Delete(tx, h); err != nil {
				return err
			}
		}
		for _, m := range mails {
			if err := store.Mails.Delete(tx, m); err != nil {
				return err
			}
		}
		if identities, err = identity.Remove(tx, id); err != nil {
			return err
		}
		return errors.Join(
			store.Books.Delete(tx, id), store.Logins.Delete(tx, id), store.Formers.Delete(tx, id), store.Factors.Delete(tx, id),
			store.Passkeys.Delete(tx, id),
		)
	})
	if err != nil {
		return err
	}
	identity.New(k.store, nil).Forget(ctx, account, id, identities)
	if len(mails) == 0 {
		return nil
	}
	return k.store.Update(ctx, store.OutboxTag, func(tx store.Tx) error {
		for _, m := range mails {
			mail := m[len(id)+1:]
			if err := errors.Join(store.MailRefs.Delete(tx, mail), store.MailQueue.Delete(tx, mail)); err != nil {
				return err
			}
		}
		return nil
	})
}

func ids[T any](ctx context.Context, s Store, c store.Collection[T], tag, prefix string) (all []string, err error) {
	err = scan(ctx, s, c, tag, prefix, func(id string, _ *T) error {
		all = append(all, id)
		return nil
	})
	return all, err
}

// eraseTries removes attempts and budgets, also those with an address of theirs
// when it was nobody's.
func (k *Keeper) eraseTries(ctx context.Context, id string, addresses []string, e *Erased) error {
	for _, subject := range subjects(id, addresses) {
		if err := k.Limits.Clear(ctx, subject); err != nil {
			return err
		}
		tag := store.SubjectTag(subject)
		var entries []string
		err := scan(ctx, k.store, store.AttemptIndex, tag, "", func(entry string, ref *store.AttemptRef) error {
			entries = append(entries, entry)
			e.Attempts++
			return k.store.Update(ctx, store.AttemptTag(ref.Reference), func(tx store.Tx) error {
				return store.Attempts.Delete(tx, ref.Reference)
			})
		})
		if err != nil || len(entries) == 0 {
			if err != nil {
				return err
			}
			continue
		}
		err = k.store.Update(ctx, tag, func(tx store.Tx) error {
			for _, entry := range entries {
				if err := store.AttemptIndex.Delete(tx, entry); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseMoved forgets whose addresses these were, and holds none for them.
func (k *Keeper) eraseMoved(ctx context.Context, account, id string, addresses []string) error {
	for _, address := range addresses {
		if err := k.Directory.Unhold(ctx, account, id, address); err != nil {
			return err
		}
		err := k.store.Update(ctx, store.EmailTag(address), func(tx store.Tx) error {
			moved, err := optional(store.Moved.Read(tx, ""))
			if err != nil || moved == nil || moved.User != id {
				return err
			}
			return store.Moved.Delete(tx, "")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseLines removes what is personal from the audit log; of somebody of the
// staff from those of all accounts, where they helped.
func (k *Keeper) eraseLines(ctx context.Context, account, id string, e *Erased) error {
	n, err := k.Audit.Erase(ctx, account, id)
	e.Lines = n
	if err != nil || account != directory.StaffAccount {
		return err
	}
	return scan(ctx, k.store, store.Roll, store.DirectoryTag, "", func(other string, _ *store.RollEntry) error {
		if other == account {
			return nil
		}
		n, err := k.Audit.Erase(ctx, other, id)
		e.Lines += n
		return err
	})
}
