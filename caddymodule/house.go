package caddymodule

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/roster"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

// houses are the open stores of this process, by resource and nothing else of
// the configuration: a reload with other options joins the store that is open.
var houses = caddy.NewUsagePool()

// house is what outlives a reload: the open store, the sessions in memory with
// their open streams, and the queue of the password hasher.
type house struct {
	resource string
	engine   store.Engine
	log      *slog.Logger

	mu       sync.Mutex
	sessions *session.Manager // nil until the first rooms are built
	hasher   *passhash.Hasher
	hash     hashing        // what hasher was made from
	living   []*rooms       // the configs in use, the newest last
	roster   *roster.Roster // nil until the first rooms are built
	// documents and keys of providers; nil until the first rooms are built.
	documents *provider.Cache
	pulse     *pulse // nil where nobody needs to know that the store is used

	probing sync.Mutex
	probed  time.Time
	probe   error // of the last look whether the store works
}

// enter joins the house of a store, and opens it for the first one in.
func enter(s StoreModule, log *slog.Logger) (*house, error) {
	v, _, err := houses.LoadOrNew(s.Resource(), func() (caddy.Destructor, error) {
		engine, err := s.Open(store.Options{Observe: theMetrics.observeStore})
		if err != nil {
			return nil, err
		}
		return &house{resource: s.Resource(), engine: engine, log: log}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	return v.(*house), nil
}

func leave(s StoreModule) error {
	if _, err := houses.Delete(s.Resource()); err != nil {
		return fmt.Errorf("closing store: %w", err)
	}
	return nil
}

// closeWithin bounds what is written at the end.
const closeWithin = 10 * time.Second

// Destruct closes the store when nobody is left.
func (h *house) Destruct() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
		defer cancel()
		h.sessions.Close(ctx)
	}
	if h.roster != nil {
		h.roster.Close()
	}
	if h.documents != nil {
		h.documents.Close()
	}
	h.closeHasher()
	h.still()
	return h.engine.Close()
}

// manager returns the sessions of the house, with the settings of the newest
// config.
func (h *house) manager(dir *directory.Directory, s session.Settings) *session.Manager {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions == nil {
		h.sessions = session.New(h.engine, dir, s, session.Options{Log: h.log})
	}
	return h.sessions
}

// teams returns what answers the overviews of teams.
func (h *house) teams() *roster.Roster {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.roster == nil {
		h.roster = roster.New(h.engine, roster.Options{Log: h.log})
	}
	return h.roster
}

// passwords returns the hasher; the queue goes on over a reload that leaves its
// options alone.
func (h *house) passwords(o passhash.Options) *passhash.Hasher {
	h.mu.Lock()
	defer h.mu.Unlock()
	if want := (hashing{o.Params, o.Workers, o.Queue}); h.hasher == nil || h.hash != want {
		h.closeHasher()
		o.Process, o.Log = hashProcess(), h.log
		h.hasher, h.hash = passhash.New(o), want
	}
	return h.hasher
}

// closeHasher ends the process of the hasher. Requests under way still use it.
func (h *house) closeHasher() {
	if h.hasher == nil {
		return
	}
	if err := h.hasher.Close(); err != nil {
		h.log.Error("ending the process that hashes passwords failed", "error", err)
	}
}

// hashing is what a configuration says about the hasher.
type hashing struct {
	params         passhash.Params
	workers, queue int
}

// settle puts the settings of a config that begins into force.
func (h *house) settle(r *rooms) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.living = append(h.living, r)
	h.beat()
	h.sessions.Configure(r.session)
}

// unsettle lets a config go. One that was begun and is taken back, because
// another part of it failed, leaves the settings of the one before in force.
func (h *house) unsettle(r *rooms) {
	h.mu.Lock()
	defer h.mu.Unlock()
	newest := len(h.living) > 0 && h.living[len(h.living)-1] == r
	h.living = slices.DeleteFunc(h.living, func(l *rooms) bool { return l == r })
	if newest && len(h.living) > 0 {
		h.sessions.Configure(h.living[len(h.living)-1].session)
	}
	if len(h.living) == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
		defer cancel()
		h.sessions.Flush(ctx)
	}
}

const (
	probeKeeps   = time.Second
	probePatient = 2 * time.Second
)

// ping asks the store whether it works, at most once a second.
func (h *house) ping() error {
	h.probing.Lock()
	defer h.probing.Unlock()
	if time.Since(h.probed) > probeKeeps {
		ctx, cancel := context.WithTimeout(context.Background(), probePatient)
		defer cancel()
		h.probe, h.probed = h.engine.Ping(ctx), time.Now()
	}
	return h.probe
}
