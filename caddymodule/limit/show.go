package limit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// State is a budget as support sees it.
type State struct {
	Budget   string    `json:"budget"`             // its name
	Network  string    `json:"network,omitempty"`  // of a budget of a network
	Device   string    `json:"device,omitempty"`   // digest, of a budget of a device
	Failures int       `json:"failures"`           // that count at the moment
	Free     int       `json:"free"`               // failures that cost nothing
	UnderWay int       `json:"under_way"`          // tries that are being compared
	Last     time.Time `json:"last,omitzero"`      // failure
	Until    time.Time `json:"until,omitzero"`     // no try before; zero: possible now
	Forgets  time.Time `json:"forgotten,omitzero"` // when all is forgotten without a new failure
}

// page is how many records are read or cleared in one step.
const page = 200

// Show returns the budgets of a subject in which something is counted.
func (l *Limiter) Show(ctx context.Context, subject string) ([]State, error) {
	return l.show(ctx, store.LimitTag(subject), "")
}

// ShowNetwork returns the budget of all users of a network, if anything is
// counted in it.
func (l *Limiter) ShowNetwork(ctx context.Context, network string) ([]State, error) {
	return l.show(ctx, networkTag(network), network)
}

func (l *Limiter) show(ctx context.Context, tag, network string) ([]State, error) {
	var states []State
	err := l.each(ctx, tag, func(items []store.Item[store.Budget]) error {
		for _, item := range items {
			s, ok := l.slot(item.ID)
			if !ok {
				continue
			}
			if state := s.state(*item.Value, l.now()); state.Failures > 0 || state.UnderWay > 0 {
				if s.name == AllOfNetwork {
					state.Network = network
				}
				states = append(states, state)
			}
		}
		return nil
	})
	return states, err
}

// Clear forgets the failures of a subject: the next try is possible at once.
// Tries under way keep their places.
func (l *Limiter) Clear(ctx context.Context, subject string) error {
	return l.clear(ctx, store.LimitTag(subject), "")
}

// Proved is Clear for somebody who proved a first factor. Failures of the second
// step stay: who has the mailbox must not guess codes without end.
func (l *Limiter) Proved(ctx context.Context, subject string) error {
	return l.clear(ctx, store.LimitTag(subject), idSecondStep)
}

// ClearNetwork forgets the failures counted for all users of a network.
func (l *Limiter) ClearNetwork(ctx context.Context, network string) error {
	return l.clear(ctx, networkTag(network), "")
}

func (l *Limiter) clear(ctx context.Context, tag, but string) error {
	defer l.lines.wake(group{tag: tag})
	for after := ""; ; {
		entries, err := l.store.Scan(ctx, tag, store.Budgets.Kind, "", after, page)
		if err != nil {
			return fmt.Errorf("clearing attempts: %w", err)
		}
		if len(entries) == 0 {
			return nil
		}
		err = l.update(ctx, tag, func(tx store.Tx) error {
			for _, entry := range entries {
				if entry.ID == but {
					continue
				}
				if err := l.forget(tx, entry.ID); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("clearing attempts: %w", err)
		}
		after = entries[len(entries)-1].ID
	}
}

// forget keeps of a budget the tries that are under way. One that cannot be read goes
// as a whole: it would keep its user out.
func (l *Limiter) forget(tx store.Tx, id string) error {
	value, err := tx.Get(store.Budgets.Kind, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if _, err := store.Budgets.Decode(value); err != nil {
		return store.Budgets.Delete(tx, id)
	}
	s := slot{id: id}
	rec, err := s.read(tx, l.now())
	if err != nil {
		return err
	}
	return s.write(tx, store.Budget{Reserved: rec.Reserved})
}

// each calls fn with the records under tag, page by page.
func (l *Limiter) each(ctx context.Context, tag string, fn func([]store.Item[store.Budget]) error) error {
	for after := ""; ; {
		items, err := store.Budgets.Scan(ctx, l.store, tag, "", after, page)
		if err != nil {
			return fmt.Errorf("reading budgets of attempts: %w", err)
		}
		if len(items) == 0 {
			return nil
		}
		if err := fn(items); err != nil {
			return err
		}
		after = items[len(items)-1].ID
	}
}

// slot finds the budget that a record belongs to.
func (l *Limiter) slot(id string) (slot, bool) {
	kind, _, _ := strings.Cut(id, "/")
	switch kind {
	case idUser:
		return slot{User, id, l.config.User}, true
	case idSecondStep:
		return slot{SecondStep, id, l.config.SecondStep}, true
	case idNetwork:
		return slot{AllOfNetwork, id, l.config.Network}, true
	case strings.TrimSuffix(idFrom, "/"):
		return slot{UserNetwork, id, l.config.UserNetwork}, true
	case strings.TrimSuffix(idDevice, "/"):
		return slot{Device, id, l.config.Device}, true
	}
	return slot{}, false
}

func (s slot) state(rec store.Budget, now time.Time) State {
	rec = s.budget.at(rec, now)
	state := State{Budget: s.name, Failures: rec.Failures, Free: s.budget.Free, UnderWay: len(rec.Reserved), Last: rec.Last}
	if rec.Until.After(now) {
		state.Until = rec.Until
	}
	if rec.Failures > 0 && s.budget.Forget > 0 {
		state.Forgets = rec.Last.Add(s.budget.Forget)
	}
	_, of, _ := strings.Cut(s.id, "/")
	switch s.name {
	case UserNetwork:
		state.Network = of
	case Device:
		state.Device = of
	}
	return state
}
