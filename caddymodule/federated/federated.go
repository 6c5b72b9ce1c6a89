// Package federated is the errand of logging in by a provider: Google, Microsoft,
// LinkedIn and the like. It asks the provider who somebody is, takes the answer once
// and in the browser that asked, finds whom the identity is linked to, and hands the
// proof to the dispatcher.
//
// What a provider says of an address matches and links nothing. Somebody who is not
// linked logs in another way first, and confirms the link then: that is asked by
// security, as is linking from there.
package federated

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Provider is one that can be asked. *provider.Provider is one.
type Provider interface {
	Name() string
	Label() string
	Kind() provider.Kind
	Ready() bool
	Chooses() bool
	Begin(ctx context.Context, f provider.Flow) (address string, err error)
	Finish(ctx context.Context, callback url.Values, f provider.Flow) (*provider.Identity, error)
	Enough(id *provider.Identity) bool
}

// Dispatcher is told what was proved, and names browsers.
type Dispatcher interface {
	Proven(w http.ResponseWriter, r *http.Request, p signin.Proof)
	KnownDevice(r *http.Request, user string) string
	DeviceUsers(r *http.Request) []string
	Note(ctx context.Context, e attempt.Entry) (reference string)
	Unavailable(w http.ResponseWriter, r *http.Request, email string, remember bool, err error)
	Browser(w http.ResponseWriter, r *http.Request) string
	Visited(r *http.Request) string
}

// Identities knows whom an identity logs in. *identity.Book is one.
type Identities interface {
	Find(ctx context.Context, n identity.Named) (*store.User, store.LinkedIdentity, error)
	Used(ctx context.Context, u *store.User, id, email string) error
}

// Linker links an identity to whoever asked for it in the session of the flow, and
// answers the request.
type Linker interface {
	LinkArrived(w http.ResponseWriter, r *http.Request, f identity.Flow, n identity.Named)
}

// Pages shows what people see.
type Pages interface {
	Federated(w http.ResponseWriter, r *http.Request, v page.Federated)
	Leaving(w http.ResponseWriter, r *http.Request, p page.Provider, address, locale string)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
	NotFound(w http.ResponseWriter, r *http.Request, locale string)
	Locale(r *http.Request, stored string) string
}

// Options are what an Errand works with.
type Options struct {
	Prefix string
	// Origin is the public URL with the prefix, which callbacks are below; empty:
	// that of the request, as on a machine of one's own.
	Origin     string
	HTTPS      bool
	Providers  []Provider
	Dispatcher Dispatcher
	Identities Identities
	Flows      *identity.Flows
	Linker     Linker
	Limits     *limit.Limiter
	Pages      Pages
	Log        *slog.Logger
}

// Errand logs people in by what providers say.
type Errand struct {
	Options
	byName map[string]Provider
}

// New returns an Errand.
func New(o Options) *Errand {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Errand{Options: o, byName: map[string]Provider{}}
	for _, p := range o.Providers {
		e.byName[p.Name()] = p
	}
	return e
}

// Mount adds the routes.
func (e *Errand) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+e.Prefix+"/provider/{name}", e.begin)
	mux.HandleFunc("POST "+e.Prefix+"/provider/{name}", e.begin)
	mux.HandleFunc("GET "+e.Prefix+"/provider/{name}/callback", e.callback)
}

// Offered are the ways by providers: one that does not work turns its own button off
// and nothing else, and its name is there for who looks for it.
func Offered(all []Provider) (ways page.Ways) {
	for _, p := range all {
		if p.Ready() {
			ways.Providers = append(ways.Providers, Shown(p))
		} else {
			ways.Away = append(ways.Away, Shown(p))
		}
	}
	return ways
}

// Shown is a provider as pages show it.
func Shown(p Provider) page.Provider {
	return page.Provider{Name: p.Name(), Label: p.Label(), Kind: string(p.Kind()), Sticky: !p.Chooses()}
}

// patience bounds one answer, the wait for the provider included.
const patience = 25 * time.Second
