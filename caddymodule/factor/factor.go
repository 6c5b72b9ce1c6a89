package factor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Store is where second steps lie.
type Store interface {
	store.Reader
	store.Updater
}

// Options are what Factors work with.
type Options struct {
	Box    *secret.Box // for seeds and codes that are on their way; a purpose of its own
	Issuer string      // what apps call the code: the brand
	// Party is who passkeys are made for; nil: there are none.
	Party *Party
	// Challenges are the keys that mark challenges as ours, current first. Default:
	// one that nobody else knows.
	Challenges [][]byte
	Now        func() time.Time
	Log        *slog.Logger
}

// Factors knows the second steps of everybody. It holds no state of its own:
// nodes share what is in the store.
type Factors struct {
	Options
	store Store
}

// New returns the Factors kept in s.
func New(s Store, o Options) *Factors {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.Challenges) == 0 {
		o.Challenges = [][]byte{[]byte(secret.Token())}
	}
	return &Factors{Options: o, store: s}
}

// ErrNone says that there is no such login or set-up, or that it is over.
var ErrNone = errors.New("no such second step under way")

// place binds what is sealed to the row it lies in.
func place(what string, u *store.User) string { return what + " " + u.Account + "/" + u.ID }

// read returns the second step of a user; who has none has an empty one.
func read(tx store.Tx, user string) (*store.Factor, error) {
	rec, err := store.Factors.Read(tx, user)
	if errors.Is(err, store.ErrNotFound) {
		return &store.Factor{}, nil
	}
	return rec, err
}

// write stores the second step of u. What only is being set up goes with its time.
func write(tx store.Tx, u *store.User, rec *store.Factor, now time.Time) error {
	if rec.Setup != nil && !now.Before(rec.Setup.Until) {
		rec.Setup = nil
	}
	switch {
	case u.SecondStep:
		return store.Factors.Put(tx, u.ID, rec, time.Time{})
	case rec.Setup == nil:
		return store.Factors.Delete(tx, u.ID)
	}
	return store.Factors.Put(tx, u.ID, rec, rec.Setup.Until)
}

// patience bounds a change that others keep overtaking.
const patience = 20 * time.Second

// change runs fn on a user and their second step in one Update, again for as long
// as others are faster. What fn leaves in rec is written. fn may run more than
// once.
func (f *Factors) change(ctx context.Context, account, user string, fn func(tx store.Tx, u *store.User, rec *store.Factor, now time.Time) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := f.store.Update(ctx, store.AccountTag(account), func(tx store.Tx) error {
			u, err := store.Users.Read(tx, user)
			if err != nil {
				return err
			}
			rec, err := read(tx, user)
			if err != nil {
				return err
			}
			now := f.Now()
			if err := fn(tx, u, rec, now); err != nil {
				return err
			}
			return write(tx, u, rec, now)
		})
		if !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return err
		}
		time.Sleep(10*time.Millisecond + rand.N(20*time.Millisecond)) //nolint:gosec // nobody gains by guessing it
	}
}

// get reads the second step of a user outside of an Update.
func (f *Factors) get(ctx context.Context, account, user string) (*store.Factor, error) {
	return orEmpty(ctx, f.store, store.Factors, account, user)
}

// orEmpty reads what somebody has; who has none has an empty one.
func orEmpty[T any](ctx context.Context, s store.Reader, c store.Collection[T], account, user string) (*T, error) {
	rec, err := c.Get(ctx, s, store.AccountTag(account), user)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return new(T), nil
	case err != nil:
		return nil, fmt.Errorf("reading what somebody has in %s: %w", c.Kind.Name, err)
	}
	return rec, nil
}

// Status is what a user has, for them to see.
type Status struct {
	On        bool
	Since     time.Time
	CodesLeft int
	Devices   []Device
	// Setup is true while something is being set up in the session asked for,
	// Confirmed when its recovery codes are there.
	Setup, Confirmed bool
	// NewSeed is true when it is an app and not only new recovery codes.
	NewSeed bool
}

// Status returns what u has, seen from the session with that handle.
func (f *Factors) Status(ctx context.Context, u *store.User, session string) (Status, error) {
	rec, err := f.get(ctx, u.Account, u.ID)
	if err != nil {
		return Status{}, err
	}
	now := f.Now()
	s := Status{On: u.SecondStep}
	if s.On {
		s.Since, s.CodesLeft, s.Devices = rec.Since, len(rec.Codes), devices(rec, u, now)
	}
	if p := pending(rec, session, now); p != nil {
		s.Setup, s.Confirmed, s.NewSeed = true, p.Codes != "", p.Seed != ""
	}
	return s, nil
}
