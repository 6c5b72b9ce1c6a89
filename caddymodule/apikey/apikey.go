// Package apikey owns the keys with which programs use the JSON API: making,
// listing and revoking them, and telling whether a presented one is good. Who may
// do so is decided by the callers: support on their pages, operators on the
// command line. A key itself can make none, because the API has no route for it.
//
// Looking at a key costs the store nothing: all keys are in memory and read again
// when one changed. A wrong key writes nothing.
package apikey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// The scopes: what a key may do. One that writes may read the same.
const (
	AccountsRead  = "accounts:read"
	AccountsWrite = "accounts:write"
	UsersRead     = "users:read"
	UsersWrite    = "users:write"
	AttemptsRead  = "attempts:read"
	AuditRead     = "audit:read"
	EventsRead    = "events:read"
)

// Scopes lists all scopes, in the order of the documentation.
func Scopes() []string {
	return []string{AccountsRead, AccountsWrite, UsersRead, UsersWrite, AttemptsRead, AuditRead, EventsRead}
}

// ErrWrong says: no such key, or one that was revoked. Which of the two is told to
// nobody who shows it.
var ErrWrong = errors.New("no such key")

// Refused is the error of a try that comes after too many wrong keys from one
// network.
type Refused struct {
	// Until is when the next try is looked at.
	Until time.Time
}

func (r *Refused) Error() string {
	return "too many wrong keys: next try at " + r.Until.UTC().Format(time.RFC3339)
}

// Store is what the keys are kept in.
type Store interface {
	store.Reader
	store.Updater
	store.Watcher
}

// Options of a Book.
type Options struct {
	// Log is told of every wrong key; default none.
	Log *slog.Logger
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Shown is a key as lists show it: never its secret.
type Shown struct {
	*store.APIKey
	// Used is when and where it was used last; nil: never.
	Used *store.APIKeyUse
}

// Live tells whether the key still opens something.
func (s Shown) Live() bool { return s.Revoked.IsZero() }

// Wanted is a key to be made.
type Wanted struct {
	Name   string
	Scopes []string
	// Account is the only one it may be used for; empty: all.
	Account string
	// By says who makes it, for lists.
	By string
}

// Allows tells whether key may do what scope names.
func Allows(key *store.APIKey, scope string) bool {
	of, reads := strings.CutSuffix(scope, ":read")
	return slices.Contains(key.Scopes, scope) || reads && slices.Contains(key.Scopes, of+":write")
}

// Reaches tells whether key may be used for an account.
func Reaches(key *store.APIKey, account string) bool {
	return key.Account == "" || key.Account == account
}

// The parts of a key: a mark that scanners of leaked secrets can look for, the
// id, and the secret.
const (
	mark      = "cgk_"
	idLength  = 16
	keyLength = len(mark) + idLength + secret.APIKeyLength
)

// parse returns the id in a key. Whether such a key exists is not asked.
func parse(key string) (id string, ok bool) {
	rest, marked := strings.CutPrefix(key, mark)
	if !marked || len(key) != keyLength {
		return "", false
	}
	return rest[:idLength], true
}

// isID keeps what people type away from the store.
func isID(id string) bool {
	return len(id) == idLength && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Find returns one key by its id, or store.ErrNotFound.
func (b *Book) Find(ctx context.Context, id string) (Shown, error) {
	if !isID(id) {
		return Shown{}, wrap("reading key", store.ErrNotFound)
	}
	k, err := store.APIKeys.Get(ctx, b.store, keysTag, id)
	if err != nil {
		return Shown{}, wrap("reading key", err)
	}
	uses, err := b.uses(ctx)
	if err != nil {
		return Shown{}, wrap("reading key", err)
	}
	return Shown{k, uses[id]}, nil
}

// List returns the keys that were made, the newest first; those revoked long ago
// are gone. account, if not empty, leaves out those that do not reach it.
func (b *Book) List(ctx context.Context, account string) ([]Shown, error) {
	items, err := store.APIKeys.Scan(ctx, b.store, keysTag, "", "", maxKept)
	if err != nil {
		return nil, wrap("listing keys", err)
	}
	uses, err := b.uses(ctx)
	if err != nil {
		return nil, wrap("listing keys", err)
	}
	var shown []Shown
	for _, item := range items {
		if account == "" || Reaches(item.Value, account) {
			shown = append(shown, Shown{item.Value, uses[item.ID]})
		}
	}
	slices.SortStableFunc(shown, func(a, b Shown) int { return b.Created.Compare(a.Created) })
	return shown, nil
}
