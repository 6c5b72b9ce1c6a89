// Package session knows which browser is logged in as whom. It owns sessions
// from login to log-out, the in-process cache that lets a request be decided
// without the store, and the registry of open streams. Whether a user may be
// here is decided by the directory's rules; what a refused person sees is decided
// by guard and page.
//
// The cookie carries account, user and a secret of 256 bits, signed; the store
// holds only a digest of the secret. A session is over when it was ended, when it
// reached its idle or absolute limit, or when the epoch of its user or account
// grew (log-out of all, password change).
package session

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Store is what sessions need of a store.
type Store interface {
	store.Reader
	store.Updater
	store.Watcher
}

// Directory is where users and accounts are read.
type Directory interface {
	User(ctx context.Context, account, id string) (*store.User, error)
	Account(ctx context.Context, id string) (*store.Account, error)
}

// Limits say how long sessions last.
type Limits struct {
	Idle             time.Duration // without a request; default 8 h
	Absolute         time.Duration // after login; default 24 h
	RememberIdle     time.Duration // with "stay logged in"; default 14 days
	RememberAbsolute time.Duration // likewise; default 30 days
}

// DefaultLimits returns the defaults of Limits.
func DefaultLimits() Limits {
	const day = 24 * time.Hour
	return Limits{Idle: 8 * time.Hour, Absolute: day, RememberIdle: 14 * day, RememberAbsolute: 30 * day}
}

// Settings are what a reload of the configuration may change; sessions and the
// cache stay.
type Settings struct {
	Limits Limits
	Rules  directory.Rules
	Codec  *cookie.Codec
	// StaleMax is how long known sessions are served while the store does not
	// answer; default 15 min.
	StaleMax time.Duration
	// CacheSize is how many sessions are kept in memory; default 100,000.
	CacheSize int
}

// Options are fixed for the life of a Manager.
type Options struct {
	Now func() time.Time
	Log *slog.Logger
}

const defaultCacheSize = 100_000

// keepEnded is how long a session that is over stays in the store and its cookie in
// the browser, so that its owner can be told why they were logged out, and loses no
// form that comes late.
const keepEnded = 24 * time.Hour

// Manager starts, finds and ends sessions.
type Manager struct {
	store    Store
	dir      Directory
	now      func() time.Time
	log      *slog.Logger
	settings atomic.Pointer[Settings]

	memory  memory
	streams streams
	seen    seenQueue

	servedUntil atomic.Int64 // unix nanoseconds; after it nothing is served from memory
	stopWatch   func()
	quit        chan struct{}
	done        sync.WaitGroup
}

// New returns a Manager that follows the store until Close.
func New(s Store, dir Directory, settings Settings, o Options) *Manager {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	m := &Manager{store: s, dir: dir, now: o.Now, log: o.Log, quit: make(chan struct{})}
	m.memory.init()
	m.streams.init()
	m.Configure(settings)
	m.stopWatch = s.Watch(m.changed)
	m.refreshServedUntil()
	m.done.Add(2)
	go m.every(time.Second, m.refreshServedUntil)
	go m.every(5*time.Second, func() { m.flushSeen(context.Background()) })
	m.done.Add(1)
	go m.watchStreams()
	return m
}

// Configure takes over new settings at once.
func (m *Manager) Configure(s Settings) {
	if s.StaleMax <= 0 {
		s.StaleMax = 15 * time.Minute
	}
	if s.CacheSize <= 0 {
		s.CacheSize = defaultCacheSize
	}
	m.memory.setMax(s.CacheSize)
	before := m.settings.Swap(&s)
	rotated := before != nil && !before.Codec.Same(s.Codec)
	for _, l := range m.memory.all() {
		l.outdate()
		if rotated {
			// What a secret that is gone has signed opens nothing any more; the
			// others are looked at anew.
			m.memory.drop(l)
		}
	}
	if m.stopWatch != nil {
		m.refreshServedUntil()
		m.streams.wake()
	}
}

// Close writes what is still to be written and closes all streams.
func (m *Manager) Close(ctx context.Context) {
	close(m.quit)
	m.stopWatch()
	m.done.Wait()
	m.flushSeen(ctx)
	m.streams.closeAll()
}

// Flush writes what waits to be written, before a restart for example. What the
// store knows of a session's last request is a minute old at most, see seenEvery.
func (m *Manager) Flush(ctx context.Context) { m.flushSeen(ctx) }

// Cached returns how many sessions are in memory.
func (m *Manager) Cached() int { return m.memory.len() }

func (m *Manager) every(d time.Duration, do func()) {
	defer m.done.Done()
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			do()
		case <-m.quit:
			return
		}
	}
}

// Serving tells whether sessions already known are being served. It is false
// when the store has been away for longer than StaleMax.
func (m *Manager) Serving() bool { return m.now().UnixNano() < m.servedUntil.Load() }

// refreshServedUntil keeps the question "has the store been away too long" down
// to one atomic load per request.
func (m *Manager) refreshServedUntil() {
	m.servedUntil.Store(m.store.InSync().Add(m.settings.Load().StaleMax).UnixNano())
}
