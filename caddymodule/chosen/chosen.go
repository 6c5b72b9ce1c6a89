// Package chosen says what people may choose as their own password: how long it is,
// and that it is none that others think of first. It asks for no kinds of
// characters, which make passwords worse. The lists of common passwords are those of
// blocklist; who may choose at all is decided elsewhere.
package chosen

import (
	"strings"
	"unicode/utf8"

	"github.com/cliendo/gateway/caddymodule/blocklist"
	"github.com/cliendo/gateway/caddymodule/store"
)

// The shortest and the longest, in characters.
const (
	Shortest = 8
	Longest  = 128
)

// Reasons why not, besides those of blocklist.
const (
	Short  = "short"
	Long   = "long"
	Leaked = "leaked" // on the list of the operator
)

// Reasons lists all reasons.
func Reasons() []string {
	return []string{Short, Long, Leaked, blocklist.Common, blocklist.Context, blocklist.Simple}
}

// Forbidden is the list of an operator. *blocklist.File is one.
type Forbidden interface {
	Has(password string) (bool, error)
}

// Rules are what a password is held against.
type Rules struct {
	Brand     string
	Forbidden Forbidden // nil: there is none
}

// Why returns why u, of the account a, may not choose a password; empty when they
// may. The password is taken exactly as it is. An error is that of the operator's
// list: nobody knows then.
func (r Rules) Why(password string, u *store.User, a *store.Account) (string, error) {
	switch n := utf8.RuneCountInString(password); {
	case n < Shortest:
		return Short, nil
	case n > Longest:
		return Long, nil
	}
	if why := blocklist.Why(password, Context(r.Brand, u, a)...); why != "" {
		return why, nil
	}
	if r.Forbidden != nil {
		if found, err := r.Forbidden.Has(password); err != nil || found {
			return Leaked, err
		}
	}
	return "", nil
}

// Context are the words that everybody knows about somebody.
func Context(brand string, u *store.User, a *store.Account) []string {
	local, domain, _ := strings.Cut(u.Email, "@")
	words := []string{brand, u.Name, u.Email, local, domain}
	if a != nil {
		words = append(words, a.Name, a.ID)
	}
	return words
}
