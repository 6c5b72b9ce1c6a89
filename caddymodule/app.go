package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/blocklist"
	"github.com/cliendo/gateway/caddymodule/outbox/geo"
	"github.com/cliendo/gateway/caddymodule/store"
)

// runtime is the part of an App that is not configuration.
type runtime struct {
	settings  *settings
	store     StoreModule
	mailer    MailerModule    // nil: nobody is mailed
	places    *geo.Places     // nil: mails say no place
	forbidden *blocklist.File // nil: the operator brings no list
	vouchers  []ProviderModule
	log       *slog.Logger
	sites     []*Handler
	house     *house
	started   chan struct{} // closed when Start is done
	cancel    context.CancelFunc

	mu      sync.Mutex
	rooms   *rooms // nil until the gateway can serve
	stopped bool
	caddy   caddy.Context
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
	if a.rt.mailer, err = a.loadMailer(ctx); err != nil {
		return err
	}
	if a.rt.vouchers, err = a.loadProviders(ctx); err != nil {
		return err
	}
	if a.rt.forbidden, err = a.rt.settings.forbidden(); err != nil {
		return err
	}
	if a.rt.places, err = a.rt.settings.Mail.places(); err != nil {
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
	defer close(a.rt.started)
	a.warnAboutProxies()
	a.tellOpenRules()
	ctx, cancel := context.WithCancel(context.Background())
	a.rt.cancel = cancel
	err = a.furnish(ctx)
	switch {
	case err == nil:
		return nil
	case !away(err):
		a.rt.house = nil
		cancel()
		return errors.Join(err, leave(a.rt.store))
	}
	a.rt.log.Error("the store does not answer; logging in is not possible until it does", "error", err)
	go a.keepTrying(ctx)
	return nil
}

// away tells whether err will go away when the store answers again.
func away(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
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
		}
		switch err := a.furnish(ctx); {
		case err == nil:
			a.rt.log.Info("the store answers; logging in is possible")
			return
		case !away(err):
			a.rt.log.Error("the store answers, but cannot be used", "error", err)
		}
	}
}

// furnish builds the rooms and opens the doors.
func (a *App) furnish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, firstKeys)
	defer cancel()
	r, err := a.build(ctx)
	if err != nil {
		return err
	}
	a.rt.mu.Lock()
	defer a.rt.mu.Unlock()
	if a.rt.stopped {
		return errors.Join(context.Canceled, r.apiKeys.Close())
	}
	for _, site := range a.rt.sites {
		site.rt.front.Store(r.front(site))
	}
	a.rt.rooms = r
	a.rt.house.settle(r)
	r.sendMails()
	r.warmProviders()
	r.keepAudit()
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
	a.rt.mu.Lock()
	defer a.rt.mu.Unlock()
	a.rt.stopped = true
	if r := a.rt.rooms; r != nil {
		adminTargets.remove(r)
		a.rt.house.unsettle(r)
		r.stopAudit()
		if err := r.stopMails(); err != nil {
			a.rt.log.Error("closing the mailer failed", "error", err)
		}
		if err := r.apiKeys.Close(); err != nil {
			a.rt.log.Error("closing the keys of the API failed", "error", err)
		}
		if err := r.attempts.Close(); err != nil {
			a.rt.log.Error("writing the last attempts failed", "error", err)
		}
		if err := r.tally.Close(); err != nil {
			a.rt.log.Error("writing the last counters failed", "error", err)
		}
	}
	return leave(a.rt.store)
}

// Interface guards.
var (
	_ caddy.App         = (*App)(nil)
	_ caddy.Provisioner = (*App)(nil)
)
