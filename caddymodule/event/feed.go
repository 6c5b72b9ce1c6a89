// Package event is the feed by which the app follows what changes: accounts and
// users that were created, changed or deleted, in one order over all accounts.
// It owns the order, the cursors, and that nothing is missed when a process dies
// half-way: what is about to change is written first, and confirmed after. Events
// name users and accounts by id only; what they are like now is asked for.
package event

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// The kinds of events.
const (
	Created = "created"
	Changed = "changed"
	Deleted = "deleted"
	// State: the state of an account changed, which may let everybody in it in or
	// keep them out.
	State = "state"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrLapsed: what came after this cursor is not kept any more, or the store was
	// put back. Read everything anew, and begin with an empty cursor.
	ErrLapsed = errors.New("the cursor is too old")
	// ErrCursor: this is no cursor of a feed.
	ErrCursor = errors.New("bad cursor")
)

// Event is one change.
type Event struct {
	// Cursor goes on after this event.
	Cursor string    `json:"cursor"`
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	// Account it is of; User is empty where the account itself changed.
	Account string `json:"account"`
	User    string `json:"user,omitempty"`
	// Action is what was done, as in the audit log; where several things were done
	// at once, they are separated by blanks. Empty: it may have changed or not,
	// since who was at it never said.
	Action string `json:"action,omitempty"`
}

// Change is what is about to change.
type Change struct {
	Kind, Account, User string
}

// Store is where the feed lies.
type Store interface {
	store.Reader
	store.Updater
}

// Options of a Feed.
type Options struct {
	// Keep is how long events are kept; default 30 days.
	Keep time.Duration
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Feed reads and writes events. It holds no state of its own.
type Feed struct {
	Options
	store Store
}

// New returns the Feed kept in s.
func New(s Store, o Options) *Feed {
	if o.Keep <= 0 {
		o.Keep = 30 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Feed{Options: o, store: s}
}

var errNotYet = errors.New("event: not yet")

// After returns up to n events after a cursor, oldest first, and the cursor to go
// on with. An empty cursor begins with the oldest that is kept. account, where it
// is not empty, takes only the events of that account; a page may then be empty
// although there are more: go on until next is what was given. An event whose
// change is still under way holds back those after it, for a minute at most.
func (f *Feed) After(ctx context.Context, cursor, account string, n int) (events []Event, next string, err error) {
	return nil, "", errNotYet
}

// End returns the cursor after which nothing has happened yet.
func (f *Feed) End(ctx context.Context) (string, error) { return "", errNotYet }

// During runs do, which changes the store, and tells of changes: before it that
// they are about to happen, after it which did. Changes of the directory do this
// by themselves; during an outer During they join that one. Who writes many users
// names them all: they are told in one step. do must take no longer than half a
// minute; its context ends then.
func (f *Feed) During(ctx context.Context, changes []Change, do func(context.Context) error) error {
	return do(ctx)
}
