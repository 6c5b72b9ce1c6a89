// Package roster answers the overview of a team: who is in an account, who of
// them can log in and why not, searched, sorted and page by page. It owns compact
// lists in memory, one for each account that somebody is looking at: made at the
// first look, kept up by the store's changes, dropped when nobody looks any more.
// Whether somebody may be here is decided by directory.Rules; who may look, by
// others.
package roster

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Store is what a Roster reads.
type Store interface {
	store.Reader
	store.Watcher
}

// Options of a Roster. Zero fields take the defaults.
type Options struct {
	// Idle is how long a list is kept after the last look; default 10 minutes.
	Idle time.Duration
	// Most is how many users all lists together may hold, default 300,000. Beyond
	// it the list looked at longest ago goes; one list alone may be longer.
	Most int
	// Fresh is how old the last logins of a list may be when it is sorted by them;
	// default 30 seconds. Those on the page that is shown are always new.
	Fresh time.Duration
	Now   func() time.Time
	Log   *slog.Logger
}

// Roster keeps the lists. It is safe for concurrent use.
type Roster struct {
	store Store
	o     Options
	stop  func()

	mu    sync.Mutex
	lists map[string]*list // by account
}

// New returns a Roster that follows the store until Close.
func New(s Store, o Options) *Roster {
	if o.Idle <= 0 {
		o.Idle = 10 * time.Minute
	}
	if o.Most <= 0 {
		o.Most = 300_000
	}
	if o.Fresh <= 0 {
		o.Fresh = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Roster{store: s, o: o, lists: map[string]*list{}}
	r.stop = s.Watch(r.changed)
	return r
}

// Close stops following the store.
func (r *Roster) Close() { r.stop() }

// changed notes which users have to be read again. It runs inside the commit of
// the change.
func (r *Roster) changed(c store.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Lost {
		for _, l := range r.lists {
			l.forget()
		}
		return
	}
	if account, ok := strings.CutPrefix(c.Tag, store.AccountTag("")); ok && c.Kind == store.Users.Kind.Name {
		if l := r.lists[account]; l != nil {
			l.stale(c.ID)
		}
	}
}

// list returns the list of an account, and lets those go that nobody looked at.
func (r *Roster) list(account string) *list {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.o.Now()
	l := r.lists[account]
	if l == nil {
		l = &list{account: account, turn: make(chan struct{}, 1)}
		r.lists[account] = l
	}
	l.looked = now
	total := 0
	for id, other := range r.lists {
		if now.Sub(other.looked) > r.o.Idle {
			delete(r.lists, id)
			continue
		}
		total += int(other.size.Load())
	}
	for total > r.o.Most && len(r.lists) > 1 {
		oldest := l
		for _, other := range r.lists {
			if other.looked.Before(oldest.looked) {
				oldest = other
			}
		}
		if oldest == l {
			break
		}
		total -= int(oldest.size.Load())
		delete(r.lists, oldest.account)
	}
	return l
}

// Kept returns how many users are in memory.
func (r *Roster) Kept() (users int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lists {
		users += int(l.size.Load())
	}
	return users
}

// Addresses calls fn with the address of every user of an account, until it
// returns false.
func (r *Roster) Addresses(ctx context.Context, account string, fn func(address string) bool) error {
	return r.list(account).use(ctx, r, func(l *list) error {
		for _, p := range l.people {
			if !fn(p.email) {
				break
			}
		}
		return nil
	})
}
