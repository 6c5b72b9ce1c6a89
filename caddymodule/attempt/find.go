package attempt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Find returns the attempt with a reference as people type it, or
// store.ErrNotFound.
func (r *Recorder) Find(ctx context.Context, reference string) (*store.Attempt, error) {
	ref, ok := secret.ParseReference(reference)
	if !ok {
		return nil, fmt.Errorf("finding attempt %.20q: %w", reference, store.ErrNotFound)
	}
	a, err := store.Attempts.Get(ctx, r.store, store.AttemptTag(ref), ref)
	if err != nil {
		return nil, fmt.Errorf("finding attempt %s: %w", ref, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.byRef[ref]; g != nil && g.more > 0 {
		a.Count, a.Last, a.RetryAt = a.Count+g.more, g.last, g.retryAt
	}
	return a, nil
}

// Of returns up to limit attempts of a subject, newest first. Attempts made
// before a user had the address are found under the subject of the address.
func (r *Recorder) Of(ctx context.Context, subject string, limit int) ([]*store.Attempt, error) {
	return r.Before(ctx, subject, time.Time{}, limit)
}

// Before returns those that began before a moment; the zero Time is no limit.
func (r *Recorder) Before(ctx context.Context, subject string, before time.Time, limit int) ([]*store.Attempt, error) {
	after := ""
	if !before.IsZero() {
		after = indexID(before, "") // all of that millisecond are behind it
	}
	items, err := store.AttemptIndex.Scan(ctx, r.store, store.SubjectTag(subject), "", after, limit)
	if err != nil {
		return nil, fmt.Errorf("listing attempts: %w", err)
	}
	attempts := make([]*store.Attempt, 0, len(items))
	for _, item := range items {
		a, err := r.Find(ctx, item.Value.Reference)
		if errors.Is(err, store.ErrNotFound) {
			continue // expires a moment before its entry in the list
		}
		if err != nil {
			return nil, err
		}
		if Subject(a.User, a.Typed) != subject {
			continue // the reference was another's, see claim
		}
		if before.IsZero() || a.First.Before(before) {
			attempts = append(attempts, a)
		}
	}
	return attempts, nil
}
