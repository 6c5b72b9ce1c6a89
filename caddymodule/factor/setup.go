package factor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/cliendo/gateway/caddymodule/keyring"
	"github.com/cliendo/gateway/caddymodule/store"
)

// SetupLife is how long a set-up waits to be finished.
const SetupLife = 30 * time.Minute

// Setup is a second step that is being set up.
type Setup struct {
	Seed string // for people who type it; empty where only codes are made
	URL  string // for apps, as a QR code
	// Keys: it is made of the passkeys and security keys of the person, without an app.
	Keys bool
	// Codes are the recovery codes, there when a code of the app, or a key, was right.
	Codes []string
}

// Begin makes a new seed for u, which counts for nothing before a code of it was
// confirmed and the recovery codes were stored. What they had until now works on.
func (f *Factors) Begin(ctx context.Context, u *store.User, session string) error {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: f.Issuer, AccountName: u.Email, SecretSize: 20})
	if err != nil {
		return fmt.Errorf("making a seed: %w", err)
	}
	return f.setUp(ctx, u, func(rec *store.Factor, now time.Time) {
		rec.Setup = &store.FactorSetup{Seed: f.seal(key.Secret(), u), Session: session, Until: now.Add(SetupLife)}
	})
}

// BeginCodes makes new recovery codes for u; those of before are good until these
// were stored.
func (f *Factors) BeginCodes(ctx context.Context, u *store.User, session string) error {
	codes := newCodes()
	return f.setUp(ctx, u, func(rec *store.Factor, now time.Time) {
		rec.Setup = &store.FactorSetup{Codes: f.sealCodes(codes, u), Session: session, Until: now.Add(SetupLife)}
	})
}

// BeginKeys has the passkeys and security keys of u become their second step,
// without an app. It counts for nothing before one of them answered and the
// recovery codes were stored. ErrNoPasskeys where they have none.
func (f *Factors) BeginKeys(ctx context.Context, u *store.User, session string) error {
	switch has, err := f.Means(ctx, u); {
	case err != nil:
		return err
	case !has.Keys:
		return ErrNoPasskeys
	}
	return f.setUp(ctx, u, func(rec *store.Factor, now time.Time) {
		rec.Setup = &store.FactorSetup{Keys: true, Session: session, Until: now.Add(SetupLife)}
	})
}

func (f *Factors) setUp(ctx context.Context, u *store.User, fn func(*store.Factor, time.Time)) error {
	err := f.change(ctx, u.Account, u.ID, func(_ store.Tx, _ *store.User, rec *store.Factor, now time.Time) error {
		fn(rec, now)
		return nil
	})
	if err != nil {
		return fmt.Errorf("setting a second step up: %w", err)
	}
	return nil
}

func (f *Factors) sealCodes(codes []string, u *store.User) string {
	return f.Box.Seal([]byte(strings.Join(codes, " ")), place("codes", u))
}

// pending is the set-up of a session, nil for none.
func pending(rec *store.Factor, session string, now time.Time) *store.FactorSetup {
	if rec.Setup == nil || rec.Setup.Session != session || session == "" || !now.Before(rec.Setup.Until) {
		return nil
	}
	return rec.Setup
}

// Setup returns what is being set up in a session, or ErrNone.
func (f *Factors) Setup(ctx context.Context, u *store.User, session string) (Setup, error) {
	rec, err := f.get(ctx, u.Account, u.ID)
	if err != nil {
		return Setup{}, err
	}
	p := pending(rec, session, f.Now())
	if p == nil {
		return Setup{}, ErrNone
	}
	return f.unsealed(p, u)
}

func (f *Factors) unsealed(p *store.FactorSetup, u *store.User) (s Setup, err error) {
	s.Keys = p.Keys
	if p.Seed != "" {
		if s.Seed, err = f.open(p.Seed, u); err != nil {
			return Setup{}, fmt.Errorf("%w: %w", ErrNone, err)
		}
		s.URL = f.url(s.Seed, u)
	}
	if p.Codes != "" {
		codes, err := f.Box.Open(p.Codes, place("codes", u))
		if err != nil {
			return Setup{}, fmt.Errorf("%w: %w", ErrNone, err)
		}
		s.Codes = strings.Fields(string(codes))
	}
	return s, nil
}

// Confirm compares a code of the app that is being set up. When it is right the
// recovery codes are made, once. The caller has reserved the try. The error is a
// *Wrong, ErrNone, or that of the store.
func (f *Factors) Confirm(ctx context.Context, u *store.User, session, code string) error {
	codes := newCodes()
	var refused error
	err := f.change(ctx, u.Account, u.ID, func(_ store.Tx, u *store.User, rec *store.Factor, now time.Time) error {
		refused = nil
		p := pending(rec, session, now)
		if p == nil || p.Seed == "" {
			return ErrNone
		}
		if p.Codes != "" {
			return nil // confirmed before: the button was pressed twice
		}
		seed, err := f.open(p.Seed, u)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNone, err)
		}
		step, wrong := match(seed, clean(code), now, 0, nil)
		if wrong != nil {
			refused = wrong
			return nil
		}
		p.Step, p.Codes = step, f.sealCodes(codes, u)
		return nil
	})
	return outcome("confirming a second step", err, refused)
}

// ConfirmKeys is Confirm with the answer of a browser to AskAction: one of the keys
// that are to be the second step works. The error is a *Denied, ErrNone, or that of
// the store.
func (f *Factors) ConfirmKeys(ctx context.Context, u *store.User, session, text string) error {
	switch s, err := f.Setup(ctx, u, session); {
	case err != nil:
		return err
	case !s.Keys:
		return ErrNone
	}
	if _, err := f.CheckKey(ctx, u, session, text); err != nil {
		return err
	}
	codes := newCodes()
	err := f.change(ctx, u.Account, u.ID, func(_ store.Tx, u *store.User, rec *store.Factor, now time.Time) error {
		p := pending(rec, session, now)
		if p == nil || !p.Keys {
			return ErrNone
		}
		if p.Codes == "" {
			p.Codes = f.sealCodes(codes, u)
		}
		return nil
	})
	return outcome("confirming a second step", err, nil)
}

// Enable puts in force what was set up and confirmed in a session, in an Update of
// the account's tag; u is to be saved after it. ErrNone where there is nothing.
func (f *Factors) Enable(tx store.Tx, u *store.User, session string) error {
	rec, err := read(tx, u.ID)
	if err != nil {
		return err
	}
	now := f.Now()
	p := pending(rec, session, now)
	if p == nil || p.Codes == "" || p.Seed == "" && !p.Keys && !u.SecondStep {
		return ErrNone
	}
	if p.Keys {
		list, err := keyring.Read(tx, u.ID)
		if err != nil {
			return err
		}
		if f.usable(list) == 0 {
			return ErrNone // removed meanwhile
		}
		rec.Since = now
	}
	s, err := f.unsealed(p, u)
	if err != nil {
		return err
	}
	if p.Seed != "" {
		rec.Seed, rec.Step, rec.Burned, rec.Since = p.Seed, p.Step, nil, now
	}
	rec.Codes = nil
	for _, c := range s.Codes {
		rec.Codes = append(rec.Codes, digestOf(u, c))
	}
	rec.Devices, rec.Setup, rec.CodesSince = nil, nil, now
	u.SecondStep = true
	return write(tx, u, rec, now)
}

// Abandon forgets what is being set up.
func (f *Factors) Abandon(ctx context.Context, u *store.User) error {
	err := f.setUp(ctx, u, func(rec *store.Factor, _ time.Time) { rec.Setup = nil })
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Enrol gives u a second step without asking, and returns its seed and recovery
// codes: for the demo, and for tests.
func (f *Factors) Enrol(ctx context.Context, u *store.User) (Setup, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: f.Issuer, AccountName: u.Email, SecretSize: 20})
	if err != nil {
		return Setup{}, fmt.Errorf("making a seed: %w", err)
	}
	s := Setup{Seed: key.Secret(), URL: f.url(key.Secret(), u), Codes: newCodes()}
	err = f.change(ctx, u.Account, u.ID, func(tx store.Tx, u *store.User, rec *store.Factor, now time.Time) error {
		*rec = store.Factor{Seed: f.seal(s.Seed, u), Since: now}
		for _, c := range s.Codes {
			rec.Codes = append(rec.Codes, digestOf(u, c))
		}
		u.SecondStep = true
		tx.Announce(store.Users.Kind, u.ID)
		return store.Users.Put(tx, u.ID, u, time.Time{})
	})
	if err != nil {
		return Setup{}, fmt.Errorf("enrolling a user: %w", err)
	}
	return s, nil
}
