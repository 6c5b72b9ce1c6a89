package apikey

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Accounts knows which accounts there are. *directory.Directory is one.
type Accounts interface {
	Account(ctx context.Context, id string) (*store.Account, error)
}

// Book keeps the keys. It is safe for concurrent use, also by several nodes on
// one store.
type Book struct {
	store    Store
	accounts Accounts
	o        Options
	stop     func()

	known atomic.Pointer[snapshot]
	round atomic.Int64 // grows with every change
	fresh sync.Mutex   // held by whoever reads them

	wrong wrongs

	mu     sync.Mutex // of what follows
	used   map[string]store.APIKeyUse
	timer  *time.Timer
	closed bool
	timers sync.WaitGroup
}

// keys are those that open something, by id.
type keys map[string]*store.APIKey

// snapshot is how the keys were in one round. It counts as long as that lasts.
type snapshot struct {
	round int64
	keys  keys
}

// New returns the keys kept in s. Close writes what it still holds.
func New(s Store, accounts Accounts, o Options) *Book {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &Book{store: s, accounts: accounts, o: o, used: make(map[string]store.APIKeyUse)}
	b.stop = s.Watch(b.changed)
	return b
}

// Close stops listening and writes when keys were used last. Requests under way
// may still use the Book: it reads the keys each time from then on.
func (b *Book) Close() error {
	b.stop()
	b.mu.Lock()
	b.closed = true
	if b.timer != nil && b.timer.Stop() {
		b.timers.Done()
	}
	b.mu.Unlock()
	b.timers.Wait()
	return b.flush()
}

// changed begins a new round: the next look reads the keys again. It runs inside
// the commit of the change, so that a revoked key opens nothing on this node once
// Revoke has returned.
func (b *Book) changed(c store.Change) {
	if c.Lost || c.Tag == keysTag && c.Kind == store.APIKeys.Kind.Name {
		b.round.Add(1)
	}
}

// maxBehind is for how long a node may not have heard of the others before it
// looks at the store for each request.
const maxBehind = 2 * time.Second

// current returns what is known if it surely still is so.
func (b *Book) current() keys {
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	known := b.known.Load()
	if closed || known == nil || known.round != b.round.Load() || time.Since(b.store.InSync()) > maxBehind {
		return nil
	}
	return known.keys
}

// all returns the keys that open something. What it returns is shared and not to
// be changed.
func (b *Book) all(ctx context.Context) (keys, error) {
	if known := b.current(); known != nil {
		return known, nil
	}
	b.fresh.Lock()
	defer b.fresh.Unlock()
	if known := b.current(); known != nil { // somebody else was at it
		return known, nil
	}
	s := &snapshot{round: b.round.Load()}
	items, err := store.APIKeys.Scan(ctx, b.store, keysTag, "", "", maxKept)
	if err != nil {
		return nil, err
	}
	s.keys = make(keys, len(items))
	for _, item := range items {
		if item.Value.Revoked.IsZero() {
			s.keys[item.ID] = item.Value
		}
	}
	b.known.Store(s)
	return s.keys, nil
}
