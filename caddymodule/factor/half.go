package factor

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// HalfLife is how long a login waits for its second step.
const HalfLife = 10 * time.Minute

// Half is a login whose first factor was proved.
type Half struct {
	Login store.HalfLogin
	User  *store.User
}

// Open stores a login that waits for its second step, and returns what the browser
// keeps to go on with it. Handle, account, times and epoch of login are filled in.
func (f *Factors) Open(ctx context.Context, u *store.User, login *store.HalfLogin) (token string, err error) {
	now, key := f.Now(), secret.Token()
	login.Handle, login.User, login.Account = secret.ID(), u.ID, u.Account
	login.Created, login.Until = now, now.Add(HalfLife)
	login.Epoch, login.Password = u.Epoch, u.PasswordChanged
	err = f.store.Update(ctx, store.AccountTag(u.Account), func(tx store.Tx) error {
		return store.HalfLogins.Put(tx, halfID(u.ID, key), login, login.Until)
	})
	if err != nil {
		return "", fmt.Errorf("keeping a login that waits for its second step: %w", err)
	}
	return u.Account + "." + u.ID + "." + key, nil
}

func halfID(user, key string) string { return user + "." + secret.Digest(key) }

// tokenPattern is what Open returns.
var tokenPattern = regexp.MustCompile(`^[a-z0-9-]{1,63}\.[a-z0-9-]{1,63}\.[A-Za-z0-9_-]{43}$`)

// parse takes apart what Open returned. It is sealed where it lies; the pattern
// keeps something else of ours from becoming a key.
func parse(token string) (account, user, id string, ok bool) {
	if !tokenPattern.MatchString(token) {
		return "", "", "", false
	}
	parts := strings.Split(token, ".")
	return parts[0], parts[1], halfID(parts[1], parts[2]), true
}

// Find returns the login behind a token, or ErrNone.
func (f *Factors) Find(ctx context.Context, token string) (*Half, error) {
	account, user, id, ok := parse(token)
	if !ok {
		return nil, ErrNone
	}
	h, err := store.HalfLogins.Get(ctx, f.store, store.AccountTag(account), id)
	if err == nil {
		var u *store.User
		if u, err = store.Users.Get(ctx, f.store, store.AccountTag(account), user); err == nil {
			if !live(h, u, f.Now()) {
				return nil, ErrNone
			}
			return &Half{Login: *h, User: u}, nil
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNone
	}
	return nil, fmt.Errorf("reading a login that waits for its second step: %w", err)
}

// live is false for a login that is too old, or whose proof is worth nothing any
// more: since then the password was changed, or all sessions were ended.
func live(h *store.HalfLogin, u *store.User, now time.Time) bool {
	return now.Before(h.Until) && u.SecondStep && h.Epoch == u.Epoch && h.Password.Equal(u.PasswordChanged)
}

// Passed is a login that is complete as far as its proofs go.
type Passed struct {
	Half
	Accepted
	Key bool // by a passkey or security key
}

// Pass compares a code and, where it is right, ends the waiting, in one step: of
// fifty at once with one code one passes. The caller has reserved the try. The
// error is a *Wrong, ErrNone, or that of the store.
func (f *Factors) Pass(ctx context.Context, token, code string) (*Passed, error) {
	account, user, id, ok := parse(token)
	if !ok {
		return nil, ErrNone
	}
	var passed *Passed
	var refused error
	err := f.change(ctx, account, user, func(tx store.Tx, u *store.User, rec *store.Factor, now time.Time) error {
		passed, refused = nil, nil
		h, err := store.HalfLogins.Read(tx, id)
		if err != nil {
			return err
		}
		if !live(h, u, now) {
			return ErrNone
		}
		accepted, err := f.accept(rec, u, code, now)
		if err != nil {
			refused = err
			return nil // what the try has burned is written
		}
		passed = &Passed{Half: Half{*h, u}, Accepted: accepted}
		return store.HalfLogins.Delete(tx, id)
	})
	return passed, outcome("comparing a second step", err, refused)
}

// outcome is the error of a comparison: that of the store before that of the code.
func outcome(doing string, err, refused error) error {
	switch {
	case err == nil:
		return refused
	case errors.Is(err, ErrNone) || errors.Is(err, store.ErrNotFound):
		return ErrNone
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Cancel ends the waiting. A token that is none is no error.
func (f *Factors) Cancel(ctx context.Context, token string) error {
	account, _, id, ok := parse(token)
	if !ok {
		return nil
	}
	err := f.store.Update(ctx, store.AccountTag(account), func(tx store.Tx) error { return store.HalfLogins.Delete(tx, id) })
	if err != nil {
		return fmt.Errorf("cancelling a login: %w", err)
	}
	return nil
}

// Check compares a code of somebody who is logged in and takes it. The caller has
// reserved the try. Errors are those of Pass.
func (f *Factors) Check(ctx context.Context, u *store.User, code string) (a Accepted, err error) {
	var refused error
	err = f.change(ctx, u.Account, u.ID, func(_ store.Tx, u *store.User, rec *store.Factor, now time.Time) error {
		a, refused = Accepted{}, nil
		if !u.SecondStep {
			return ErrNone
		}
		a, refused = f.accept(rec, u, code, now)
		return nil
	})
	return a, outcome("comparing a second step", err, refused)
}
