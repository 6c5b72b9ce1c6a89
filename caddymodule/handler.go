package caddymodule

import (
	"context"
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
	links    string                // what the paths of mailed links begin with
	backs    string                // what those begin with to which providers lead back
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
	h.rt.links, h.rt.backs = h.rt.settings.Prefix+"/m/", h.rt.settings.Prefix+"/provider/"
	s := h.rt.app.rt.settings
	h.rt.pages, err = page.New(page.Options{
		Prefix: h.rt.settings.Prefix, Brand: s.Brand, Locale: s.Locale, Location: s.Location, Log: h.rt.app.rt.log,
		Passkeys: s.Passkeys.Fits,
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
	o := original(r)
	h.skipLog(r, o)
	if h.changePassword(w, o) {
		return nil
	}
	f := h.rt.front.Load()
	if f == nil {
		if f = h.wait(r.Context()); f == nil {
			h.closed(w, r)
			return nil
		}
	}
	return f.guard.Serve(w, r, o, introduce, next)
}

// wellKnownPassword is where password managers look for the page on which a
// password is changed. It is the only path of ours outside the prefix.
const wellKnownPassword = "/.well-known/change-password" //nolint:gosec // a path, no password

// changePassword leads there, with or without a session.
func (h *Handler) changePassword(w http.ResponseWriter, o guard.Original) bool {
	if o.URL.Path != wellKnownPassword || o.URL.RawPath != "" || o.Method != http.MethodGet && o.Method != http.MethodHead {
		return false
	}
	w.Header().Set("X-Login-Gateway", "1")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", h.rt.settings.Prefix+"/recover")
	w.WriteHeader(http.StatusSeeOther)
	return true
}

// original is the request as the client sent it, which decides; what a site made
// of it before does not.
func original(r *http.Request) guard.Original {
	if o, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		return guard.Original{Method: o.Method, URL: o.URL}
	}
	return guard.Original{Method: r.Method, URL: r.URL}
}

// introduce fills Caddy's own placeholders for the user of a request. The function
// is made here, 16 bytes for a request, and not kept with each session.
func introduce(r *http.Request, facts *session.Facts) {
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(facts.Placeholder)
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
	prefix, path := h.rt.settings.Prefix, original(r).URL.Path
	w.Header().Set("X-Login-Gateway", "1")
	switch {
	case path == prefix+"/health/live":
		writeHealth(w, http.StatusOK, "ok", nil)
	case path == prefix+"/health/ready":
		writeHealth(w, http.StatusServiceUnavailable, "unavailable", map[string]string{"store": "unavailable"})
	case strings.HasPrefix(path, prefix+"/assets/"):
		h.rt.pages.Assets().ServeHTTP(w, r)
	default:
		h.turnAway(w, r)
	}
}

// turnAway refuses as the guard does where the store does not answer.
func (h *Handler) turnAway(w http.ResponseWriter, r *http.Request) {
	theMetrics.Refused(cause.StoreUnavailable)
	h.rt.app.rt.log.Debug("refused", "cause", string(cause.StoreUnavailable), "method", r.Method)
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		h.rt.pages.Refusal(w, r, page.Refusal{Cause: cause.StoreUnavailable, RetryAfter: patience})
		return
	}
	guard.WriteProblem(w, r, h.rt.pages, cause.StoreUnavailable, "", "")
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
