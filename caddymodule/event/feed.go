// Package event is the feed by which the app follows what changes: accounts and
// users that were created, changed or deleted, in one order over all accounts.
// It owns the order, the cursors, and that nothing is missed when a process dies
// half-way: what is about to change is written first, and confirmed after. Events
// name users and accounts by id only; what they are like now is asked for.
package event

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
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

// most is how many events one After looks at.
const most = 4096

// After returns up to n events after a cursor, oldest first, and the cursor to go
// on with. An empty cursor begins with the oldest that is kept. account, where it
// is not empty, takes only the events of that account; a page may then be empty
// although there are more: go on until next is what was given. An event whose
// change is still under way holds back those after it, for a minute at most.
func (f *Feed) After(ctx context.Context, cursor, account string, n int) (events []Event, next string, err error) {
	head, at, err := f.place(ctx, cursor)
	if err != nil || head == nil {
		return nil, cursor, err
	}
	for looked := 0; looked < most && len(events) < n && at < head.Seq; {
		items, err := store.Events.Scan(ctx, f.store, store.EventsTag, "", eventID(at), min(256, n-len(events)))
		if err != nil {
			return nil, cursor, fmt.Errorf("reading events: %w", err)
		}
		if looked == 0 && cursor != "" && (len(items) == 0 || items[0].Value.Seq != at+1) {
			return nil, cursor, fmt.Errorf("reading events: %w", ErrLapsed)
		}
		if len(items) == 0 {
			at = head.Seq // they are past their time
		}
		for _, item := range items {
			e := item.Value
			if e.State == pending && f.Now().Sub(e.At) < settled {
				return events, head.cursor(at), nil
			}
			at = e.Seq
			if e.State != void && (account == "" || e.Account == account) {
				events = append(events, told(head, e))
			}
		}
		looked += len(items)
	}
	return events, head.cursor(at), nil
}

// told is a stored event as readers see it.
func told(head *end, e *store.Event) Event {
	out := Event{Cursor: head.cursor(e.Seq), At: e.At, Kind: e.Kind, Account: e.Account, User: e.User}
	if e.State == done {
		out.Action = strings.Join(e.Actions, " ")
	}
	return out
}

// End returns the cursor after which nothing has happened yet.
func (f *Feed) End(ctx context.Context) (string, error) {
	head, _, err := f.place(ctx, "")
	if err != nil || head == nil {
		return "", err
	}
	return head.cursor(head.Seq), nil
}

// end is the end of the feed.
type end struct{ *store.EventHead }

func (h end) cursor(seq uint64) string { return h.Life + "." + strconv.FormatUint(seq, 36) }

// place reads a cursor against the end of the feed, which is nil when nothing has
// ever happened.
func (f *Feed) place(ctx context.Context, cursor string) (*end, uint64, error) {
	life, number, cut := strings.Cut(cursor, ".")
	seq, parseErr := strconv.ParseUint(number, 36, 64)
	if cursor != "" && (!cut || life == "" || parseErr != nil) {
		return nil, 0, ErrCursor
	}
	head, err := store.EventHeads.Get(ctx, f.store, store.EventsTag, "")
	switch {
	case errors.Is(err, store.ErrNotFound) && cursor == "":
		return nil, 0, nil
	case errors.Is(err, store.ErrNotFound):
		return nil, 0, fmt.Errorf("reading events: %w", ErrLapsed)
	case err != nil:
		return nil, 0, fmt.Errorf("reading events: %w", err)
	case cursor != "" && (life != head.Life || seq > head.Seq):
		return nil, 0, fmt.Errorf("reading events: %w", ErrLapsed)
	}
	return &end{head}, seq, nil
}
