package caddymodule

import (
	"fmt"
	"net/http"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/federated"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/security"
	"github.com/cliendo/gateway/caddymodule/signin"
)

// identities knows which accounts with providers log in whom.
func (r *rooms) identities() *identity.Book { return identity.New(r.house.engine, nil) }

// asking makes what questions to providers are sealed with.
func (r *rooms) asking() (*identity.Flows, error) {
	box, err := r.keys.NewBox(keyFederated)
	if err != nil {
		return nil, fmt.Errorf("preparing logins by providers: %w", err)
	}
	return identity.NewFlows(r.house.engine, box, nil), nil
}

// callbacks is what the callbacks of a site are below; empty where there is no
// public URL: then it is the address of the request.
func (r *rooms) callbacks(prefix string) string {
	if r.settings.PublicURL == nil {
		return ""
	}
	return r.settings.PublicURL.String() + prefix
}

// federated is the errand of logging in by a provider.
func (r *rooms) federated(prefix string, https bool, d *signin.Dispatcher, linker federated.Linker, pages *page.Renderer) *federated.Errand {
	return federated.New(federated.Options{
		Prefix: prefix, Origin: r.callbacks(prefix), HTTPS: https, Providers: providersAs[federated.Provider](r), Dispatcher: d,
		Identities: r.identities(), Flows: r.flows, Linker: linker, Limits: r.limits, Pages: pages, Log: r.log,
	})
}

// linking is what linked accounts are managed with.
func (r *rooms) linking(prefix string, d *signin.Dispatcher) *security.Linking {
	return &security.Linking{
		Providers: providersAs[security.Provider](r), Book: r.identities(), Flows: r.flows, Browsers: d, Origin: r.callbacks(prefix),
	}
}

// offering has the login page show the buttons of providers that work, and which
// way this browser took last.
func (r *rooms) offering(https bool, device *cookie.Sealed, pages *page.Renderer) *page.Renderer {
	providers := providersAs[federated.Provider](r)
	return pages.Offering(func(req *http.Request) page.Ways {
		ways := federated.Offered(providers)
		ways.Last = signin.LastWay(device, req, https)
		return ways
	})
}

// providersAs are the configured providers as one room sees them.
func providersAs[T any](r *rooms) (all []T) {
	for _, p := range r.providers {
		all = append(all, any(p).(T))
	}
	return all
}
