package story

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// blank stands for the attempt that a team may not know of, so that all is
// looked up for it as well.
var blank = store.Attempt{Typed: "nobody@unknown.invalid"}

// maxDevice is how many users a browser is remembered for at most.
const maxDevice = 8

// allowed returns a as a team may see it: an attempt of one of its users; or one
// of nobody, when what was typed is close to the address of one of its users, was
// such an address, or came from a browser that one of them logged in with.
// Everything else, an unknown reference too, is store.ErrNotFound after the same
// work.
func (t *Teller) allowed(ctx context.Context, v Viewer, reference string, a *store.Attempt) (*store.Attempt, error) {
	seen := a
	if seen == nil {
		seen = &blank
	}
	device, err := t.ownDevice(ctx, v, seen)
	if err != nil {
		return nil, err
	}
	moved, err := t.ownFormer(ctx, v, seen)
	if err != nil {
		return nil, err
	}
	near, err := t.near(ctx, v.Account, seen.Typed)
	if err != nil {
		return nil, err
	}
	own := seen.Account == v.Account && seen.User != ""
	nobody := seen.User == "" && seen.Account == ""
	if a == nil || !own && !(nobody && (device || moved || len(near) > 0)) {
		return nil, fmt.Errorf("finding attempt %s: %w", reference, store.ErrNotFound)
	}
	return v.trimmed(a), nil
}

// ownDevice: one of the team logged in with that browser. It looks up as many
// users for every attempt.
func (t *Teller) ownDevice(ctx context.Context, v Viewer, a *store.Attempt) (own bool, err error) {
	users := slices.Clone(a.DeviceUsers)
	for len(users) < maxDevice {
		users = append(users, "nobody")
	}
	for _, id := range users[:maxDevice] {
		u, err := t.Directory.FindByID(ctx, id)
		found := err == nil
		if err := t.even(ctx, err); err != nil {
			return false, err
		}
		own = own || found && v.sees(u)
	}
	return own, nil
}

// ownFormer: what was typed is, or was until a while ago, the address of one of
// the team. The former owner tells only while nobody else has the address.
func (t *Teller) ownFormer(ctx context.Context, v Viewer, a *store.Attempt) (bool, error) {
	typed := a.Typed
	if typed == "" {
		typed = blank.Typed
	}
	u, err := t.Directory.FindByEmail(ctx, typed)
	taken := err == nil
	if err := t.even(ctx, err); err != nil {
		return false, err
	}
	own := taken && v.sees(u)
	u, _, err = t.Directory.FormerOwner(ctx, typed)
	had := err == nil
	if err := t.even(ctx, err); err != nil {
		return false, err
	}
	return own || had && !taken && v.sees(u), nil
}

// even reads once more where nobody was found: to find somebody takes two reads,
// and a team must not learn from the time whether others have an address. It
// returns errors that are more than "not found".
func (t *Teller) even(ctx context.Context, err error) error {
	if errors.Is(err, directory.ErrInvalid) {
		return nil
	}
	if errors.Is(err, store.ErrNotFound) {
		_, err = t.Directory.User(ctx, "nobody", "nobody")
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// trimmed returns an attempt without what the viewer may not know: who else used
// the browser.
func (v Viewer) trimmed(a *store.Attempt) *store.Attempt {
	if !v.team() || len(a.DeviceUsers) == 0 {
		return a
	}
	copied := *a
	copied.DeviceUsers = nil
	return &copied
}
