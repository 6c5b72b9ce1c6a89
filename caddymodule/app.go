package caddymodule

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// runtime is the part of an App that is not configuration.
type runtime struct {
	settings *settings
	store    StoreModule
	log      *slog.Logger
	sites    []*Handler
	house    *house
	rooms    atomic.Pointer[rooms] // nil until the gateway can serve
	started  chan struct{}         // closed when rooms are there
	cancel   context.CancelFunc
	caddy    caddy.Context
}

// Provision checks the configuration. It takes nothing: Caddy provisions configs
// that it never starts, and a `validate` beside a running server must not wait
// for its lock.
func (a *App) Provision(ctx caddy.Context) (err error) {
	a.rt = &runtime{caddy: ctx, log: ctx.Slogger(), started: make(chan struct{})}
	if a.rt.settings, err = a.settings(caddy.NewReplacer()); err != nil {
		return err
	}
	if a.rt.store, err = a.loadStore(ctx); err != nil {
		return err
	}
	if err := theMetrics.register(ctx.GetMetricsRegistry()); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	return nil
}

// firstKeys is how long Start waits for a store that is slow to answer; after
// that the gateway runs, refuses logins, and keeps trying.
const firstKeys = 3 * time.Second

// Start opens the store, or joins the one that is open already, and builds the
// rooms. A store on this machine that cannot be opened keeps the config from
// loading; one on the network that does not answer yet does not.
func (a *App) Start() error {
	h, err := enter(a.rt.store, a.rt.log)
	if err != nil {
		return err
	}
	a.rt.house = h
	a.warnAboutProxies()
	ctx, cancel := context.WithCancel(context.Background())
	a.rt.cancel = cancel
	first, done := context.WithTimeout(ctx, firstKeys)
	defer done()
	if err := a.furnish(first); err != nil {
		a.rt.log.Error("the store does not answer; logging in is not possible until it does", "error", err)
		go a.keepTrying(ctx)
	}
	return nil
}

// keepTrying furnishes as soon as the store answers.
func (a *App) keepTrying(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			try, done := context.WithTimeout(ctx, firstKeys)
			err := a.furnish(try)
			done()
			if err == nil {
				a.rt.log.Info("the store answers; logging in is possible")
				return
			}
		}
	}
}

// furnish builds the rooms and opens the doors.
func (a *App) furnish(ctx context.Context) error {
	r, err := a.build(ctx)
	if err != nil {
		return err
	}
	for _, site := range a.rt.sites {
		front, err := r.front(site)
		if err != nil {
			return err
		}
		site.rt.front.Store(front)
	}
	a.rt.rooms.Store(r)
	a.rt.house.settle(r)
	close(a.rt.started)
	adminTargets.add(r)
	if err := keepAdminKey(a.rt.store, r.AdminKey()); err != nil {
		a.rt.log.Warn("commands cannot reach this gateway without its secret", "error", err)
	}
	return nil
}

// Stop leaves the house; the last one out closes the store. Requests still under
// way keep their rooms.
func (a *App) Stop() error {
	if a.rt == nil || a.rt.house == nil {
		return nil
	}
	a.rt.cancel()
	if r := a.rt.rooms.Load(); r != nil {
		adminTargets.remove(r)
		a.rt.house.unsettle(r)
		if err := r.attempts.Close(); err != nil {
			a.rt.log.Error("writing the last attempts failed", "error", err)
		}
	}
	return leave(a.rt.store)
}

// Interface guards.
var (
	_ caddy.App         = (*App)(nil)
	_ caddy.Provisioner = (*App)(nil)
)
