package caddymodule

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/net/publicsuffix"

	"github.com/cliendo/gateway/caddymodule/guard"
)

// What `require` can ask for, as a Caddyfile has it.
const (
	requireSecondStep = "second_step"
	requireFreshProof = "fresh_proof"
)

// Bounds of a fresh proof: below the first nobody gets through a form, and beyond
// the second no session lasts.
const (
	shortestFresh = 30 * time.Second
	longestFresh  = 24 * time.Hour
)

// requireWord reads
//
//	require second_step <path>...
//	require fresh_proof <duration> <path>...
func (h *Handler) requireWord() word {
	return word{
		usage: "second_step|fresh_proof [<duration>] <path>...", min: 2, max: -1, repeats: true,
		set: func(args []string) error {
			rule, err := parseRequire(args)
			h.Require = append(h.Require, rule)
			return err
		},
		late: func(args []string) error {
			rule, err := parseRequire(args)
			if err == nil {
				_, err = h.asks(rule)
			}
			return err
		},
	}
}

func parseRequire(args []string) (rule RequireRule, err error) {
	switch args[0] {
	case requireSecondStep:
		rule.SecondStep, rule.Paths = true, args[1:]
	case requireFreshProof:
		d, err := caddy.ParseDuration(args[1])
		if err != nil || len(args) < 3 {
			return rule, errors.New("fresh_proof takes a duration and a path: write `require fresh_proof 10m /payments/*`")
		}
		rule.FreshProof, rule.Paths = caddy.Duration(d), args[2:]
	default:
		return rule, fmt.Errorf("%q: write `require second_step <path>` or `require fresh_proof 10m <path>`", args[0])
	}
	return rule, rule.check()
}

// check refuses a rule that asks for nothing, or where it can never be met.
func (r RequireRule) check() error {
	errs := make([]error, 0, len(r.Paths))
	fresh := time.Duration(r.FreshProof)
	switch {
	case len(r.Paths) == 0:
		errs = append(errs, errors.New("require: a rule without a path; write `require second_step /path`"))
	case !r.SecondStep && fresh == 0:
		errs = append(errs, errors.New("require: a rule that asks for nothing; set second_step or fresh_proof"))
	case fresh != 0 && (fresh < shortestFresh || fresh > longestFresh):
		errs = append(errs, fmt.Errorf("require fresh_proof %s: write %s to %s", fresh, shortestFresh, longestFresh))
	}
	for _, path := range r.Paths {
		errs = append(errs, checkPath("require", path))
	}
	return errors.Join(errs...)
}

// requirements are the rules that protect, path by path.
func (h *Handler) requirements() ([]guard.Require, error) {
	var all []guard.Require
	errs := make([]error, 0, len(h.Require))
	for _, rule := range h.Require {
		asked, err := h.asks(rule)
		all, errs = append(all, asked...), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// asks is one rule.
func (h *Handler) asks(rule RequireRule) (all []guard.Require, err error) {
	errs := []error{rule.check()}
	for _, path := range rule.Paths {
		if path != "/*" { // the gateway's own pages never are behind a rule
			errs = append(errs, keepOff("require", path, orElse(h.Prefix, defaultPrefix)))
		}
		all = append(all, guard.Require{
			Pattern: guard.NewPattern(path), SecondStep: rule.SecondStep, Fresh: time.Duration(rule.FreshProof),
		})
	}
	return all, errors.Join(errs...)
}

var domainPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)

// checkCookieDomain refuses what browsers refuse, and what would be shared with
// strangers.
func checkCookieDomain(domain string) error {
	switch suffix, _ := publicsuffix.PublicSuffix(domain); {
	case domain == "":
		return nil
	case strings.HasPrefix(domain, ".") || strings.Contains(domain, ":") || domain != strings.ToLower(domain):
		return fmt.Errorf("cookie_domain %q: write the domain alone, lower case and without a dot in front, like example.com", domain)
	case net.ParseIP(domain) != nil || !domainPattern.MatchString(domain):
		return fmt.Errorf("cookie_domain %q: that is no domain; write it like example.com", domain)
	case suffix == domain:
		return fmt.Errorf("cookie_domain %q: everybody can have a name below it, and browsers refuse it; write your own domain", domain)
	}
	return nil
}
