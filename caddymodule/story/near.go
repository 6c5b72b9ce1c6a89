package story

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// endings are those people mix up.
var endings = []string{"nl", "com", "eu", "be", "org", "net", "de"}

// suggest returns users with the same name at a domain that may have been meant.
// For a team it looks at its own users, also for slips of the finger in the name.
func (t *Teller) suggest(ctx context.Context, v Viewer, address string) ([]string, error) {
	if v.team() {
		return t.near(ctx, v.Account, address)
	}
	var found []string
	for _, candidate := range t.likely(address) {
		u, err := t.Directory.FindByEmail(ctx, candidate)
		switch {
		case err == nil && !slices.Contains(found, u.Email):
			found = append(found, u.Email)
		case err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, directory.ErrInvalid):
			return nil, err
		}
	}
	return found, nil
}

// likely returns what may have been meant by an address: the same name elsewhere.
func (t *Teller) likely(address string) (all []string) {
	local, domain, _ := strings.Cut(address, "@")
	var domains []string
	if t.Likely != nil && domain != "" {
		domains = append(domains, t.Likely(domain))
	}
	if dot := strings.LastIndexByte(domain, '.'); dot > 0 {
		for _, ending := range endings {
			domains = append(domains, domain[:dot+1]+ending)
		}
	}
	for _, d := range domains {
		if d != "" && d != domain {
			all = append(all, local+"@"+d)
		}
	}
	return all
}

// most is how many addresses alike are told of.
const most = 3

// near returns addresses of an account that are close to one: the same name at a
// domain that may have been meant, or off by two slips of the finger. It looks
// at all of them, so that its time tells nothing but how large the account is.
func (t *Teller) near(ctx context.Context, account, address string) (found []string, err error) {
	likely := t.likely(address)
	err = t.Addresses(ctx, account, func(theirs string) bool {
		if len(found) < most && theirs != address && (slices.Contains(likely, theirs) || close2(address, theirs)) {
			found = append(found, theirs)
		}
		return true
	})
	return found, err
}

// close2 is true when a becomes b by at most two slips: a letter missed, added,
// wrong, or two swapped. Short names differ too easily: they get one slip.
func close2(a, b string) bool {
	allowed := 2
	if local, _, _ := strings.Cut(a, "@"); len(local) < 5 {
		allowed = 1
	}
	return len(a) <= longest && len(b) <= longest && slips(a, b, allowed) <= allowed
}

// longest is that of an address.
const longest = 254

// slips counts them, as far as allowed; more is allowed+1.
func slips(a, b string, allowed int) int {
	if len(a)-len(b) > allowed || len(b)-len(a) > allowed {
		return allowed + 1
	}
	// Three rows of the usual table, of which only a band around the diagonal can
	// stay within what is allowed.
	var rows [3][longest + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		from, to := max(1, i-allowed), min(len(b), i+allowed)
		row[from-1] = allowed + 1
		if from == 1 {
			row[0] = i
		}
		best := row[from-1]
		for j := from; j <= to; j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			n := last[j-1] + cost
			if j < i+allowed || i == 1 { // above the diagonal's band nothing was filled in
				n = min(n, last[j]+1)
			}
			n = min(n, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				n = min(n, before[j-2]+1)
			}
			row[j], best = n, min(best, n)
		}
		if best > allowed {
			return allowed + 1
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], allowed+1)
}

// scan reads the addresses of an account from the store.
func (t *Teller) scan(ctx context.Context, account string, fn func(string) bool) error {
	const page = 500
	for after := ""; ; {
		users, err := t.Directory.Users(ctx, account, after, page)
		if err != nil {
			return err
		}
		for _, u := range users {
			if after = u.ID; !fn(u.Email) {
				return nil
			}
		}
		if len(users) < page {
			return nil
		}
	}
}
