package operate

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
)

// subjectOf finds the user with an address or id; an address nobody has is one.
func (h *House) subjectOf(ctx context.Context, in *input) (story.Subject, error) {
	u, err := h.user(ctx, in)
	if err == nil {
		return story.Subject{User: u, Address: u.Email}, nil
	}
	if address, bad := directory.Canonical(in.who); bad == nil && errors.Is(err, store.ErrNotFound) {
		return story.Subject{Address: address}, nil
	}
	return story.Subject{}, err
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
	attempts, err := h.teller().AttemptsOf(ctx, story.Viewer{}, s, n)
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
		for _, name := range s.Names() {
			if err := h.Limits.Clear(ctx, name); err != nil {
				return outcome{}, err
			}
		}
		cleared.Email = s.Address
		o.text.line("Forgot the failed attempts of %s. They can try again at once.", s.Address)
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

// whom says in words for whom a budget counts.
func whom(b budgetView) string {
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
