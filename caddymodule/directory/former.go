package directory

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// formerKept is how many former passwords of a user are kept.
	formerKept = 3
	// formerAge is how long what was right once is remembered: whoever comes back
	// after a year still types it.
	formerAge = 400 * 24 * time.Hour
)

// SaveUser writes a user of the account whose tag tx is on. Whoever changes a
// user does it here: watchers are told, a password that is right no more is kept
// as a former one, of a second step that is off nothing stays, a password that
// somebody else gave leaves no other way in, an own one goes with the second step,
// and the audit log says what changed
// and who did it. Changes of which the app is told need a ctx
// in which they are announced (Told, or event.Feed.During for many); the methods of
// Directory that change something see to that themselves.
func SaveUser(ctx context.Context, tx store.Tx, u *store.User, now time.Time) error {
	before, err := store.Users.Read(tx, u.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	unguarded(u, now)
	if before != nil && replaced(before, u) {
		if err := keepFormer(tx, u.ID, before.Password, now); err != nil {
			return err
		}
	}
	if before != nil && givenByOther(ctx, before, u) {
		if err := endOtherWays(ctx, tx, u, now); err != nil {
			return err
		}
	}
	if before != nil && before.SecondStep && !u.SecondStep {
		if err := store.Factors.Delete(tx, u.ID); err != nil {
			return err
		}
	}
	if err := note(ctx, tx, userEntries(before, u), now); err != nil {
		return err
	}
	tx.Announce(store.Users.Kind, u.ID)
	return store.Users.Put(tx, u.ID, u, never)
}

// replaced is true when the password is another one. A hash alone changes when
// its costs do, and is the same password then.
func replaced(before, after *store.User) bool {
	return before.Password != "" && before.Password != after.Password &&
		!before.PasswordChanged.Equal(after.PasswordChanged)
}

func keepFormer(tx store.Tx, user, hash string, now time.Time) error {
	f, err := store.Formers.Read(tx, user)
	if errors.Is(err, store.ErrNotFound) {
		f, err = &store.Former{}, nil
	}
	if err != nil {
		return err
	}
	kept := []store.FormerPassword{{Hash: hash, Until: now.UTC()}}
	for _, p := range f.Passwords {
		if len(kept) < formerKept && now.Sub(p.Until) < formerAge {
			kept = append(kept, p)
		}
	}
	return store.Formers.Put(tx, user, &store.Former{Passwords: kept}, now.Add(formerAge))
}

// Former returns the passwords a user had before, the latest first. Nobody has
// none.
func (d *Directory) Former(ctx context.Context, account, id string) ([]store.FormerPassword, error) {
	if !idPattern.MatchString(account) || !idPattern.MatchString(id) {
		return nil, nil
	}
	f, err := store.Formers.Get(ctx, d.store, store.AccountTag(account), id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("reading former passwords", err)
	}
	var live []store.FormerPassword
	for _, p := range f.Passwords {
		if d.now().Sub(p.Until) < formerAge {
			live = append(live, p)
		}
	}
	return live, nil
}

// remember keeps whose an address was. It is for people who ask why; that it
// could not be written keeps nobody from having a new address.
func (d *Directory) remember(ctx context.Context, address string, u *store.User) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	now := d.now().UTC()
	_ = d.store.Update(ctx, store.EmailTag(address), func(tx store.Tx) error {
		return store.Moved.Put(tx, recordID, &store.MovedAddress{Account: u.Account, User: u.ID, Until: now}, now.Add(formerAge))
	})
}

// FormerOwner returns who had an address and until when, or store.ErrNotFound.
// It is for the story of a failed login and never for who types the address.
func (d *Directory) FormerOwner(ctx context.Context, address string) (*store.User, time.Time, error) {
	canonical, err := Canonical(address)
	if err != nil {
		return nil, time.Time{}, wrap("finding former owner", err)
	}
	m, err := store.Moved.Get(ctx, d.store, store.EmailTag(canonical), recordID)
	if err != nil {
		return nil, time.Time{}, wrap("finding former owner", err)
	}
	u, err := d.User(ctx, m.Account, m.User)
	if err == nil && u.Email == canonical {
		err = wrap("finding former owner", store.ErrNotFound) // it is theirs again
	}
	return u, m.Until, err
}
