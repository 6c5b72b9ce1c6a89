package event

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// limit is how long a change may take from its announcement on.
	limit = 30 * time.Second
	// settled is the age at which an event that nobody confirmed is told as one
	// that may have happened. It must stay well above limit.
	settled = time.Minute
	// confirming bounds the writing of what became of it.
	confirming = 10 * time.Second
)

// States of a stored event.
const (
	pending = "pending"
	done    = "done"
	void    = "void" // it did not happen
)

// ErrUnannounced is returned by what would change an account or user of which
// nobody was told beforehand.
var ErrUnannounced = errors.New("this change is not announced; do it within During of a Feed, or by the directory")

// announcement is what one During has announced.
type announcement struct {
	outer *announcement
	mu    sync.Mutex
	of    map[subject]*store.Event
	noted map[subject]bool
}

type subject struct{ account, user string }

type underKey struct{}

func under(ctx context.Context) *announcement {
	a, _ := ctx.Value(underKey{}).(*announcement)
	return a
}

// holds finds the announcement of a subject, nil when there is none.
func (a *announcement) holds(s subject) *announcement {
	for ; a != nil; a = a.outer {
		if a.of[s] != nil {
			return a
		}
	}
	return nil
}

// Note says, inside of the Update that changes it, what a change is. It is
// ErrUnannounced where ctx is not that of a During that told of it.
func Note(ctx context.Context, c Change, actions ...string) error {
	s := subject{c.Account, c.User}
	a := under(ctx).holds(s)
	if a == nil {
		return ErrUnannounced
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.of[s]
	if !a.noted[s] || e.Kind == Changed {
		e.Kind = c.Kind // one that was created and changed was created
	}
	for _, action := range actions {
		if !slices.Contains(e.Actions, action) { // an Update may run more than once
			e.Actions = append(e.Actions, action)
		}
	}
	a.noted[s] = true
	return nil
}

// During runs do, which changes the store, and tells of changes: before it that
// they are about to happen, after it which did. Changes of the directory do this
// by themselves; during an outer During they join that one. Who writes many users
// names them all: they are told in one step. do must take no longer than half a
// minute; its context ends then.
func (f *Feed) During(ctx context.Context, changes []Change, do func(context.Context) error) error {
	a := &announcement{outer: under(ctx), of: map[subject]*store.Event{}, noted: map[subject]bool{}}
	for _, c := range changes {
		s := subject{c.Account, c.User}
		if a.outer.holds(s) == nil {
			a.of[s] = &store.Event{State: pending, Kind: c.Kind, Account: c.Account, User: c.User}
		}
	}
	if len(a.of) == 0 {
		return do(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := f.announce(ctx, a); err != nil {
		return fmt.Errorf("announcing a change: %w", err)
	}
	err := do(context.WithValue(ctx, underKey{}, a))
	f.confirm(ctx, a, err)
	return err
}

// announce writes what is about to happen.
func (f *Feed) announce(ctx context.Context, a *announcement) error {
	now := f.Now().UTC()
	return f.update(ctx, func(tx store.Tx) error {
		head, err := store.EventHeads.Read(tx, "")
		if errors.Is(err, store.ErrNotFound) {
			head, err = &store.EventHead{Life: secret.ID()}, nil
		}
		if err != nil {
			return err
		}
		for _, s := range slices.SortedFunc(maps.Keys(a.of), subject.compare) {
			head.Seq++
			e := a.of[s]
			e.Seq, e.At = head.Seq, now
			if err := store.Events.Put(tx, eventID(e.Seq), e, now.Add(f.Keep)); err != nil {
				return err
			}
		}
		return store.EventHeads.Put(tx, "", head, time.Time{})
	})
}

func (s subject) compare(other subject) int {
	if c := strings.Compare(s.account, other.account); c != 0 {
		return c
	}
	return strings.Compare(s.user, other.user)
}

// confirm writes what became of it. An error of the change does not say that
// nothing was written; what had come as far as to be noted may have been. Where
// this cannot be written, the age of the announcement says the same.
func (f *Feed) confirm(ctx context.Context, a *announcement, failed error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), confirming)
	defer cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	for s, e := range a.of {
		e.State = done
		switch {
		case !a.noted[s]:
			e.State = void
		case failed != nil:
			e.Actions = nil
		}
	}
	_ = f.update(ctx, func(tx store.Tx) error {
		for _, e := range a.of {
			if err := store.Events.Put(tx, eventID(e.Seq), e, e.At.Add(f.Keep)); err != nil {
				return err
			}
		}
		return nil
	})
}

// update tries again for as long as other nodes are faster: all changes of all
// accounts meet here.
func (f *Feed) update(ctx context.Context, fn func(store.Tx) error) error {
	for {
		err := f.store.Update(ctx, store.EventsTag, fn)
		if !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
}

// eventID puts events in their order.
func eventID(seq uint64) string { return fmt.Sprintf("%016x", seq) }
