// Package visitor says who is at the other end of a request as far as the
// network tells: address, network, browser in words. It owns no judgement; the
// client address is what the roof passes in, which is Caddy's client_ip.
package visitor

import (
	"context"
	"net/http"
	"net/netip"
)

// Visitor is the other end of one request to the gateway's own pages.
type Visitor struct {
	// IP is the client address, the zero Addr when it is not known.
	IP netip.Addr
	// Network is the network that attempts are counted for: /32 or /64.
	Network string
	// Agent is the browser and system in a few words.
	Agent string
	// Site is the host of the site the visitor is at.
	Site string
}

type key struct{}

// With returns r with v attached.
func With(r *http.Request, v Visitor) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), key{}, v))
}

// Of returns the visitor attached to r, the zero Visitor when there is none.
func Of(r *http.Request) Visitor { return From(r.Context()) }

// From returns the visitor of the request that a context belongs to.
func From(ctx context.Context) Visitor {
	v, _ := ctx.Value(key{}).(Visitor)
	return v
}
