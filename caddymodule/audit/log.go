package audit

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Store is where logs lie.
type Store interface {
	store.Reader
	store.Updater
}

// Options of a Log.
type Options struct {
	// Keys sign checkpoints. A Log without them can do all but Trim and Seal, and
	// vouches for nothing.
	Keys *secret.Keys
	// Keep is how long lines are kept; default 5 years.
	Keep time.Duration
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// DefaultKeep is how long lines are kept.
const DefaultKeep = 5 * 365 * 24 * time.Hour

// Log reads and keeps the logs of all accounts. It holds no state of its own.
type Log struct {
	Options
	store Store
}

// New returns the Log kept in s.
func New(s Store, o Options) *Log {
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Log{Options: o, store: s}
}

// Add writes an entry that goes with no change of the store: what was looked at,
// or done elsewhere.
func (l *Log) Add(ctx context.Context, account string, e Entry) error {
	e.Account = account
	return l.store.Update(ctx, store.AccountTag(account), func(tx store.Tx) error {
		return Append(ctx, tx, e, l.Now())
	})
}

// Query says which lines to list.
type Query struct {
	// Before and After are cursors of a Page: older and newer lines than those.
	// Give one of them, or none for the newest.
	Before, After string
	// N is how many lines at most; default 50.
	N int
	// User, Action and Actor (an id) take only lines that are about it.
	User, Action, Actor string
	// Since and Until take only lines of that time: Since <= At < Until.
	Since, Until time.Time
}

// Page is a part of a log, newest first.
type Page struct {
	Entries []Entry
	// Older and Newer are cursors for Before and After; empty where there are none.
	Older, Newer string
}

// Report is what Verify found.
type Report struct {
	Account string `json:"account"`
	// Lines are how many there are, First and Last the numbers of them.
	Lines int    `json:"lines"`
	First uint64 `json:"first,omitempty"`
	Last  uint64 `json:"last,omitempty"`
	// Trimmed is the number of the last line that was trimmed and is vouched for.
	Trimmed uint64 `json:"trimmed,omitempty"`
	// Erased are lines of which a personal part was erased.
	Erased int `json:"erased,omitempty"`
	// Problems are what is wrong; none: the log is whole.
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is one thing that is wrong with a log.
type Problem struct {
	Seq     uint64 `json:"seq,omitempty"` // of the line
	Message string `json:"message"`
}

// OK tells whether the log is whole.
func (r Report) OK() bool { return len(r.Problems) == 0 }

var errNotYet = errors.New("audit: not yet")

// List returns lines of the log of an account.
func (l *Log) List(ctx context.Context, account string, q Query) (Page, error) {
	return Page{}, errNotYet
}

// Verify reads the whole log of an account and says whether it is whole.
func (l *Log) Verify(ctx context.Context, account string) (Report, error) {
	return Report{}, errNotYet
}

// Export writes the log of an account as JSON Lines, oldest first.
func (l *Log) Export(ctx context.Context, account string, w io.Writer) error { return errNotYet }

// Trim removes the lines before until, and leaves a signed checkpoint that
// vouches for them. It returns how many it removed.
func (l *Log) Trim(ctx context.Context, account string, until time.Time) (int, error) {
	return 0, errNotYet
}

// Erase removes what the log of an account says about a user, besides the id.
func (l *Log) Erase(ctx context.Context, account, user string) (int, error) { return 0, errNotYet }
