package attempt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Mailed adds to an attempt which mail was asked for.
func (r *Recorder) Mailed(ctx context.Context, reference, mail string) error {
	return r.amend(ctx, reference, func(a *store.Attempt) {
		if a.Typed != "" { // else it is shared by many
			a.Mail = clip(mail)
		}
	})
}

// WasRight adds to an attempt of a user that what was typed had been their
// password, and until when.
func (r *Recorder) WasRight(ctx context.Context, reference, user string, until time.Time) error {
	return r.amend(ctx, reference, func(a *store.Attempt) {
		if a.User == user {
			a.Former = until
		}
	})
}

// amend changes a record that is there; one that is not stays away.
func (r *Recorder) amend(ctx context.Context, reference string, change func(*store.Attempt)) error {
	ref, ok := secret.ParseReference(reference)
	if !ok {
		return nil // it could not be recorded
	}
	err := r.store.Update(ctx, store.AttemptTag(ref), func(tx store.Tx) error {
		a, err := store.Attempts.Read(tx, ref)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		change(a)
		return store.Attempts.Put(tx, ref, a, a.First.Add(r.o.Keep))
	})
	if err != nil {
		return fmt.Errorf("adding to attempt %s: %w", ref, err)
	}
	return nil
}
