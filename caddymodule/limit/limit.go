// Package limit bounds how often somebody may guess. It owns the budgets of
// failures: per user and network, per user, per network, per known device and
// for second steps. What is being guessed, who is known, and what people read
// when they have to wait is decided elsewhere.
//
// A try reserves a place in its budgets before anything is compared and gives
// it back when it was right, so that guesses made at the same moment never
// exceed a budget. Reservations alone refuse nobody: who finds all places taken
// waits for one. Only failures make anybody wait for a time, and never for good.
//
// Store errors are returned as they are: the caller must not compare then.
package limit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// ErrBusy is returned when all places were taken by tries under way for as long
// as the caller could wait. Nothing was counted.
var ErrBusy = errors.New("too many tries under way")

// Lapse is how long a reservation counts when its outcome never comes, because
// the node that made it is gone. Comparing must take less.
const Lapse = time.Minute

// MaxWait is how long Reserve waits for places at most, also where its context
// allows longer: what it holds meanwhile must not lapse.
const MaxWait = 30 * time.Second

// Refused is the error of a try that must wait for a time because of failures.
type Refused struct {
	// Until is the first moment at which a try is possible again.
	Until time.Time
	// Budget is the name of the budget that refuses, e.g. "user_network".
	Budget string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("too many failures (%s): next try at %s", r.Budget, r.Until.UTC().Format(time.RFC3339))
}

// Store is what the budgets are kept in.
type Store interface {
	store.Reader
	store.Updater
}

// Try says whose budgets a try counts in.
type Try struct {
	// Subject is the user ("u:<id>") or the typed address where nobody has it
	// ("x:<digest>"). Both are counted alike.
	Subject string
	// Network is where the try came from, as Network returns it. Empty where
	// nobody knows; then no budget of a network counts.
	Network string
	// Device is the digest of a device known to be this very user's, else empty.
	// With it only the budget of that device for that user counts: nobody else
	// can use it up.
	Device string
	// SecondStep is true for a code of a second step: only that budget counts.
	SecondStep bool
}

// Limiter keeps the budgets. It is safe for concurrent use, also by several
// nodes on one store.
type Limiter struct {
	store  Store
	config Config
	now    func() time.Time
	lines  lines
}

// New returns a Limiter. Budgets of c that are zero take their defaults. now is
// the clock, time.Now when nil.
func New(s Store, c Config, now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	return &Limiter{store: s, config: c.withDefaults(), now: now}
}

// Peek tells, without counting anything, whether t would be refused right now
// and until when.
func (l *Limiter) Peek(ctx context.Context, t Try) (until time.Time, refused bool, err error) {
	groups, err := l.groups(t)
	if err != nil {
		return time.Time{}, false, err
	}
	r, err := l.peek(ctx, groups)
	if err != nil || r == nil {
		return time.Time{}, false, err
	}
	return r.Until, true, nil
}

func (l *Limiter) peek(ctx context.Context, groups []group) (*Refused, error) {
	var r *Refused
	for _, g := range groups {
		for _, s := range g.slots {
			b, err := store.Budgets.Get(ctx, l.store, g.tag, s.id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("reading the budget of attempts: %w", err)
			}
			now := l.now()
			r = r.or(s.refuse(s.budget.at(*b, now), now))
		}
	}
	return r, nil
}

// or returns the one that lasts longer.
func (r *Refused) or(other *Refused) *Refused {
	if r == nil || other != nil && other.Until.After(r.Until) {
		return other
	}
	return r
}

// slot is one budget of one subject.
type slot struct {
	name   string
	id     string
	budget Budget
}

func (s slot) refuse(b store.Budget, now time.Time) *Refused {
	if !now.Before(b.Until) {
		return nil
	}
	return &Refused{Until: b.Until, Budget: s.name}
}

// group are the slots that lie under one tag and change in one step.
type group struct {
	tag   string
	slots []slot
}

// The ids of the records; what belongs to a network or device ends in it.
const (
	idUser       = "user"
	idFrom       = "from/"
	idDevice     = "device/"
	idSecondStep = "second"
	idNetwork    = "network"
)

// maxPart bounds what callers pass in, so that every key fits the store.
const maxPart = 128

func (l *Limiter) groups(t Try) ([]group, error) {
	if t.Subject == "" || len(t.Subject) > maxPart || len(t.Network) > maxPart || len(t.Device) > maxPart {
		return nil, fmt.Errorf("counting a try: %w", store.ErrKey)
	}
	c, own := l.config, group{tag: store.LimitTag(t.Subject)}
	switch {
	case t.SecondStep:
		own.slots = []slot{{SecondStep, idSecondStep, c.SecondStep}}
		return []group{own}, nil
	case t.Device != "":
		own.slots = []slot{{Device, idDevice + t.Device, c.Device}}
		return []group{own}, nil
	}
	own.slots = []slot{{UserNetwork, idFrom + t.Network, c.UserNetwork}, {User, idUser, c.User}}
	if !l.counted(t.Network) {
		return []group{own}, nil
	}
	return []group{own, {networkTag(t.Network), []slot{{AllOfNetwork, idNetwork, c.Network}}}}, nil
}

func networkTag(network string) string { return store.LimitTag("n:" + network) }

// counted tells whether a network has a budget of its own. Private ones have
// none: behind them everybody may be one address, and a proxy that nobody
// declared would close the login for all.
func (l *Limiter) counted(network string) bool {
	p, err := netip.ParsePrefix(network)
	if err != nil {
		return false
	}
	a := p.Addr().Unmap()
	if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() {
		return false
	}
	return l.config.Exempt == nil || !l.config.Exempt(network)
}
