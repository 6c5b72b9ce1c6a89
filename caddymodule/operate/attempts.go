package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
)

// subject is whose attempts are asked for: a user, or an address nobody has.
type subject struct {
	user    *store.User // nil: nobody
	address string      // canonical
}

// subjectOf finds the user with an address or id; an address nobody has is one.
func (h *House) subjectOf(ctx context.Context, in *input) (subject, error) {
	u, err := h.user(ctx, in)
	if err == nil {
		return subject{u, u.Email}, nil
	}
	if address, bad := directory.Canonical(in.who); bad == nil && errors.Is(err, store.ErrNotFound) {
		return subject{nil, address}, nil
	}
	return subject{}, err
}

// names are the names under which attempts and budgets of the subject are kept:
// of the user, and of the address from before they had it.
func (s subject) names() []string {
	var names []string
	if s.address != "" {
		names = append(names, attempt.Subject("", s.address))
	}
	if s.user != nil {
		names = append(names, attempt.Subject(s.user.ID, ""))
	}
	return names
}

// attemptsOf returns up to n attempts of a subject, newest first.
func (h *House) attemptsOf(ctx context.Context, s subject, n int) ([]*store.Attempt, error) {
	var all []*store.Attempt
	for _, name := range s.names() {
		some, err := h.Attempts.Of(ctx, name, n)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b *store.Attempt) int { return b.Last.Compare(a.Last) })
	return all[:min(n, len(all))], nil
}

// attemptView is an attempt as programs get it: the record, whose names are
// made for that.
type attemptView = store.Attempt

func listAttempts(ctx context.Context, h *House, in *input) (outcome, error) {
	n, err := count(in)
	if err != nil {
		return outcome{}, err
	}
	s, err := h.subjectOf(ctx, in)
	if err != nil {
		return outcome{}, err
	}
	attempts, err := h.attemptsOf(ctx, s, n)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{data: struct {
		Attempts []*attemptView `json:"attempts"`
	}{orEmpty(attempts)}}
	o.list(h.attemptRows(attempts), "")
	return o, nil
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (h *House) attemptRows(attempts []*store.Attempt) [][]string {
	rows := make([][]string, 1, 1+len(attempts))
	rows[0] = []string{"TIME", "OUTCOME", "TIMES", "METHOD", "BROWSER", "NETWORK", "REFERENCE"}
	for _, a := range attempts {
		rows = append(rows, []string{
			h.clock(a.Last), came(a), strconv.Itoa(a.Count), a.Method, browser(a), a.Network, a.Reference,
		})
	}
	return rows
}

// came says what came of an attempt.
func came(a *store.Attempt) string {
	switch {
	case a.Cause == "" && a.Asked:
		return "mail asked for"
	case a.Cause == "":
		return "logged in"
	}
	return a.Cause
}

func browser(a *store.Attempt) string {
	if a.Known {
		return a.Agent + " (known)"
	}
	return a.Agent
}

func clearAttempts(ctx context.Context, h *House, in *input) (outcome, error) {
	typed, networked := in.given("network")
	if in.who == "" && !networked {
		return outcome{}, usage("--email", "say whose attempts", "give an e-mail address, or --network ADDRESS")
	}
	var o outcome
	cleared := struct {
		Email   string `json:"email,omitempty"`
		Network string `json:"network,omitempty"`
	}{}
	network, err := "", error(nil)
	if networked {
		if network, err = limit.ParseNetwork(typed); err != nil {
			return outcome{}, usage("--network", "it is no IP address", "write it as 192.0.2.7")
		}
	}
	if in.who != "" {
		s, err := h.subjectOf(ctx, in)
		if err != nil {
			return outcome{}, err
		}
		for _, name := range s.names() {
			if err := h.Limits.Clear(ctx, name); err != nil {
				return outcome{}, err
			}
		}
		cleared.Email = s.address
		o.text.line("Forgot the failed attempts of %s. They can try again at once.", s.address)
	}
	if networked {
		if err := h.Limits.ClearNetwork(ctx, network); err != nil {
			return outcome{}, err
		}
		cleared.Network = network
		o.text.line("Forgot the failed attempts from network %s.", network)
	}
	o.data = cleared
	return o, nil
}

// budgetView is a budget in which failures are counted.
type budgetView struct {
	limit.State
	// LeftSeconds is how long it makes people wait; 0: it does not.
	LeftSeconds int `json:"left_seconds"`
}

func (b budgetView) waits() bool { return b.LeftSeconds > 0 }

func (b budgetView) left() time.Duration { return time.Duration(b.LeftSeconds) * time.Second }

// budgetsOf returns the budgets of a subject and of the networks it came from.
func (h *House) budgetsOf(ctx context.Context, s subject, networks []string) ([]budgetView, error) {
	var states []limit.State
	for _, name := range s.names() {
		some, err := h.Limits.Show(ctx, name)
		if err != nil {
			return nil, err
		}
		states = append(states, some...)
	}
	for _, network := range networks {
		some, err := h.Limits.ShowNetwork(ctx, network)
		if err != nil {
			return nil, err
		}
		states = append(states, some...)
	}
	views := make([]budgetView, len(states))
	for i, state := range states {
		views[i] = budgetView{State: state}
		if wait := state.Until.Sub(h.now()); wait > 0 {
			views[i].LeftSeconds = int((wait + time.Second - 1) / time.Second)
		}
	}
	return views, nil
}

// whom says in words for whom a budget counts.
func (b budgetView) whom() string {
	switch b.Budget {
	case limit.UserNetwork:
		return "this user from network " + b.Network
	case limit.User:
		return "this user from browsers that are not known"
	case limit.AllOfNetwork:
		return "everybody from network " + b.Network
	case limit.Device:
		return fmt.Sprintf("this user from the known device %.8s", b.Device)
	case limit.SecondStep:
		return "codes of the second step"
	}
	return b.Budget
}
