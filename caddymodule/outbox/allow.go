package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Limits bound how many mails strangers may ask for.
type Limits struct {
	Address       int // per address within AddressWindow
	AddressWindow time.Duration
	Network       int // per network within NetworkWindow
	NetworkWindow time.Duration
	Nobody        int // to addresses that nobody has, in an hour, for everybody together
}

// Default limits.
const (
	DefaultAddress       = 3
	DefaultAddressWindow = 15 * time.Minute
	DefaultNetwork       = 20
	DefaultNetworkWindow = 10 * time.Minute
	DefaultNobody        = 60
)

// guaranteed is the time in which one mail of an address is free of the limit of
// its network: who uses that up takes nobody's only mail.
const guaranteed = time.Hour

func (l Limits) withDefaults() Limits {
	return Limits{
		Address:       orElse(l.Address, DefaultAddress),
		AddressWindow: orElse(l.AddressWindow, DefaultAddressWindow),
		Network:       orElse(l.Network, DefaultNetwork),
		NetworkWindow: orElse(l.NetworkWindow, DefaultNetworkWindow),
		Nobody:        orElse(l.Nobody, DefaultNobody),
	}
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Request is the wish for a mail.
type Request struct {
	// Subject is whose mail it is, as attempt.Subject says: the same for an
	// address, however it is written.
	Subject string
	// Network is where the wish came from; empty where nobody knows.
	Network string
	// Known: somebody has the address.
	Known bool
}

// ErrPool says that the mails to addresses that nobody has are used up. Nothing may be
// sent, and the visitor is told what they are always told.
var ErrPool = errors.New("no more mails to unknown addresses for now")

// Allow takes a place for one mail, or says with a *TooMany when there is one
// again. Nobody has is read, written and answered as somebody has is.
func (o *Outbox) Allow(ctx context.Context, r Request) error {
	now := o.Now()
	first, err := o.takeAddress(ctx, r.Subject, now)
	if err != nil {
		return allowing(err)
	}
	network := quota{max: o.Limits.Network, window: o.Limits.NetworkWindow}
	err = o.take(ctx, networkTag(r.Network), network, now, r.Network != "")
	if many := (*TooMany)(nil); errors.As(err, &many) && first {
		err = nil
	} else if many != nil {
		many.Sent = 0
		o.giveBack(ctx, store.LimitTag(r.Subject), now)
		return many
	}
	if err != nil {
		return allowing(err)
	}
	pool := quota{max: o.Limits.Nobody, window: guaranteed}
	err = o.take(ctx, poolTag, pool, now, !r.Known)
	if many := (*TooMany)(nil); errors.As(err, &many) {
		return ErrPool
	}
	return allowing(err)
}

func allowing(err error) error {
	if many := (*TooMany)(nil); err == nil || errors.As(err, &many) {
		return err
	}
	return fmt.Errorf("counting mails asked for: %w", err)
}

// Next returns from when Allow lets one more mail pass as far as it is known now:
// this moment, or a later one. It changes nothing.
func (o *Outbox) Next(ctx context.Context, r Request) (time.Time, error) {
	now := o.Now()
	address, err := o.times(ctx, store.LimitTag(r.Subject))
	if err != nil {
		return now, err
	}
	network, err := o.times(ctx, networkTag(r.Network))
	if err != nil {
		return now, err
	}
	next := quota{o.Limits.Address, o.Limits.AddressWindow}.next(address, now)
	if first := !slices.ContainsFunc(address, after(now.Add(-guaranteed))); first || r.Network == "" {
		return next, nil
	}
	if later := (quota{o.Limits.Network, o.Limits.NetworkWindow}).next(network, now); later.After(next) {
		next = later
	}
	return next, nil
}

// times are when mails of one quota were asked for, oldest first.
func (o *Outbox) times(ctx context.Context, tag string) ([]time.Time, error) {
	q, err := store.Quotas.Get(ctx, o.store, tag, "")
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking up when mails were asked for: %w", err)
	}
	slices.SortFunc(q.Times, time.Time.Compare)
	return q.Times, nil
}

// poolTag holds the mails to addresses that nobody has.
var poolTag = store.LimitTag("m:nobody")

// networkTag is that of the network's other budgets.
func networkTag(network string) string { return store.LimitTag("n:" + network) }

// quota is how many in how long.
type quota struct {
	max    int
	window time.Duration
}

// takeAddress counts a mail of one address and tells whether it is the first of
// the guaranteed time.
func (o *Outbox) takeAddress(ctx context.Context, subject string, now time.Time) (first bool, err error) {
	q := quota{max: o.Limits.Address, window: o.Limits.AddressWindow}
	err = o.quota(ctx, store.LimitTag(subject), max(q.window, guaranteed), now, func(times []time.Time) ([]time.Time, error) {
		first = !slices.ContainsFunc(times, after(now.Add(-guaranteed)))
		return q.add(times, now)
	})
	return first, err
}

// take counts one in a quota; count false changes nothing, at the same cost.
func (o *Outbox) take(ctx context.Context, tag string, q quota, now time.Time, count bool) error {
	return o.quota(ctx, tag, q.window, now, func(times []time.Time) ([]time.Time, error) {
		if !count {
			return times, nil
		}
		return q.add(times, now)
	})
}

// giveBack takes the place of an address back. Where that fails the address has
// one less for a while.
func (o *Outbox) giveBack(ctx context.Context, tag string, taken time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := o.quota(ctx, tag, guaranteed, taken, func(times []time.Time) ([]time.Time, error) {
		if i := slices.IndexFunc(times, taken.Equal); i >= 0 {
			times = slices.Delete(times, i, i+1)
		}
		return times, nil
	})
	if err != nil {
		o.Log.Warn("a mail that was not sent stays counted", "error", err)
	}
}

// add returns times with now, or *TooMany.
func (q quota) add(times []time.Time, now time.Time) ([]time.Time, error) {
	if n := q.within(times, now); n >= q.max {
		return nil, &TooMany{Sent: n, Until: q.next(times, now)}
	}
	return append(times, now), nil
}

// within counts the times that are still in the window.
func (q quota) within(times []time.Time, now time.Time) int {
	start := slices.IndexFunc(times, after(now.Add(-q.window)))
	if start < 0 {
		return 0
	}
	return len(times) - start
}

// next is when there is a place: now, or when the time goes that takes the last one.
func (q quota) next(times []time.Time, now time.Time) time.Time {
	if q.within(times, now) < q.max {
		return now
	}
	return times[len(times)-q.max].Add(q.window)
}

func after(limit time.Time) func(time.Time) bool {
	return func(t time.Time) bool { return t.After(limit) }
}

// quota changes the record of one quota, with what is older than window gone.
func (o *Outbox) quota(
	ctx context.Context, tag string, window time.Duration, now time.Time, change func([]time.Time) ([]time.Time, error),
) error {
	return o.update(ctx, tag, func(tx store.Tx) error {
		q, err := store.Quotas.Read(tx, "")
		if errors.Is(err, store.ErrNotFound) {
			q, err = &store.Quota{}, nil
		}
		if err != nil {
			return err
		}
		q.Times = slices.DeleteFunc(q.Times, func(t time.Time) bool { return !t.After(now.Add(-window)) })
		slices.SortFunc(q.Times, time.Time.Compare)
		if q.Times, err = change(q.Times); err != nil {
			return err
		}
		return store.Quotas.Put(tx, "", q, now.Add(window))
	})
}

// around returns half to one and a half of d, so that nodes do not keep step.
func around(d time.Duration) time.Duration {
	return d/2 + rand.N(d) //nolint:gosec // nobody gains by guessing it
}
