package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
)

// siteRuntime is the part of a Handler that is not configuration.
type siteRuntime struct {
	settings *siteSettings
	pages    *page.Renderer
	app      *App
	front    atomic.Pointer[front] // nil until the gateway can serve
}

// Provision checks the configuration and reports to the app.
func (h *Handler) Provision(ctx caddy.Context) (err error) {
	h.rt = &siteRuntime{}
	if h.rt.settings, err = h.settings(); err != nil {
		return err
	}
	app, err := ctx.App("login_gateway")
	if err != nil {
		return fmt.Errorf("loading the login_gateway app: %w", err)
	}
	h.rt.app = app.(*App)
	s := h.rt.app.rt.settings
	h.rt.pages, err = page.New(page.Options{
		Prefix: h.rt.settings.Prefix, Brand: s.Brand, Locale: s.Locale, Location: s.Location,
	})
	if err != nil {
		return fmt.Errorf("login_gateway: %w", err)
	}
	h.rt.app.rt.sites = append(h.rt.app.rt.sites, h)
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler. Errors of our own are answered
// here; only those of the handlers behind go up the chain.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	f := h.rt.front.Load()
	if f == nil {
		if f = h.wait(r.Context()); f == nil {
			h.closed(w, r)
			return nil
		}
	}
	return f.guard.Serve(w, r, original(r), introduce, next)
}

// original is the request as the client sent it, which decides; what a site made
// of it before does not.
func original(r *http.Request) guard.Original {
	if o, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		return guard.Original{Method: o.Method, URL: o.URL}
	}
	return guard.Original{Method: r.Method, URL: r.URL}
}

// introduce fills Caddy's own placeholders for the user of a request.
func introduce(r *http.Request, facts *session.Facts) {
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(facts.Placeholders)
	}
}

// patience is how long a request waits for a gateway that is just starting.
const patience = 5 * time.Second

// wait is for requests that come before the app has started: Caddy starts its
// apps in no particular order.
func (h *Handler) wait(ctx context.Context) *front {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-h.rt.app.rt.started:
	case <-ctx.Done():
	case <-t.C:
	}
	return h.rt.front.Load()
}

// closed answers while nobody can be let in or told apart, because the store has
// not answered since the start. Nothing reaches the app.
func (h *Handler) closed(w http.ResponseWriter, r *http.Request) {
	theMetrics.Refused(cause.StoreUnavailable)
	prefix := h.rt.settings.Prefix
	switch o := original(r); {
	case o.URL.Path == prefix+"/health/live":
		writeHealth(w, http.StatusOK, "ok", nil)
		return
	case o.URL.Path == prefix+"/health/ready":
		writeHealth(w, http.StatusServiceUnavailable, "unavailable", map[string]string{"store": "unavailable"})
		return
	}
	head := w.Header()
	head.Set("X-Login-Gateway", "1")
	head.Set("Retry-After", "5")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		head.Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(guard.Problem{
			Type: "about:blank", Title: "Store unavailable", Status: http.StatusServiceUnavailable,
			Reason: string(cause.StoreUnavailable),
		})
		return
	}
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(closedPage))
}

const closedPage = `<!doctype html><html lang="nl"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
	`<title>Even geduld</title><main data-cause="store_unavailable"><h1>Even geduld</h1>` +
	`<p>Inloggen lukt op dit moment niet. Probeer het over een paar tellen opnieuw.</p>` +
	`<p lang="en">Logging in is not possible right now. Please try again in a moment.</p></main></html>`

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
