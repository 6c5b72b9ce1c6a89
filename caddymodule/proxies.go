package caddymodule

import (
	"fmt"
	"slices"
	"strings"
)

// Ways around the gateway, and proxies whose streams a reload would cut, are
// looked for in a config as it is adapted (proxies_json.go) and as it runs
// (proxies_live.go). A proxy stands behind a gateway when every request that
// reaches it passed one: a gateway stands before it in the same list of routes,
// without a matcher, or in a list around it.

// The parts of a config that decide who stands before whom.
type (
	serverPlan struct {
		name           string
		routes, errors []routePlan
		named          map[string]routePlan
	}
	routePlan struct {
		hosts string
		// sure: a request that comes by always takes this route.
		sure     bool
		handlers []handlerPlan
	}
	handlerPlan struct {
		kind           string // name of the module
		invokes        string // name of a route
		proxy          proxyPlan
		gateway        *Handler
		routes, errors []routePlan
		responses      [][]routePlan
	}
	proxyPlan struct {
		upstreams []string
		cut       bool // a reload closes its streams
	}
)

// place is where the walk is: for which hosts, and what came before.
type place struct {
	server, hosts string
	guarded       bool
	errors        bool
	depth         int
}

// sighting is a gateway or a proxy that the walk came by.
type sighting struct {
	place
	proxyPlan
	gateway *Handler
}

func (s sighting) to() string {
	if len(s.upstreams) == 0 {
		return "dynamic upstreams"
	}
	return strings.Join(s.upstreams, ", ")
}

func (s sighting) site() string { return orElse(s.hosts, "the site") }

// sameSite is true when one request can meet both.
func (s sighting) sameSite(o sighting) bool {
	return s.server == o.server && (s.hosts == o.hosts || s.hosts == "" || o.hosts == "")
}

// survey is what the walk came by.
type survey struct {
	gateways, proxies []sighting
}

// look walks through the servers.
func look(servers []serverPlan) *survey {
	var s survey
	for _, srv := range servers {
		w := walk{survey: &s, named: srv.named}
		w.routes(srv.routes, place{server: srv.name})
		w.routes(srv.errors, place{server: srv.name, errors: true})
	}
	return &s
}

// advice is one sentence for each thing found, with the fix.
func (s *survey) advice() []string {
	var out []string
	for _, g := range s.gateways {
		if g.guarded {
			out = append(out, g.site()+": a request passes login_gateway twice; keep the outer one")
		}
	}
	for _, p := range s.proxies {
		switch {
		case !p.guarded:
			out = append(out, s.outside(p)...)
		case p.cut:
			out = append(out, fmt.Sprintf("%s: reverse_proxy to %s has no stream_close_delay, so every reload cuts the open "+
				"WebSockets and event streams; add `stream_close_delay 5m`", p.site(), p.to()))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// outside judges a proxy that no gateway stands before. In a site without one it
// is nobody's business, unless it opens what is protected elsewhere.
func (s *survey) outside(p sighting) []string {
	if slices.ContainsFunc(s.gateways, p.sameSite) {
		if p.errors {
			return []string{fmt.Sprintf("%s: reverse_proxy to %s in handle_errors does not stand behind login_gateway: whoever "+
				"causes an error reaches it without a login; answer errors with respond or file_server", p.site(), p.to())}
		}
		return []string{fmt.Sprintf("%s: reverse_proxy to %s does not stand behind login_gateway: it is reached without a login; "+
			"put login_gateway in the site itself, outside of handle and route blocks, and open paths with `public`", p.site(), p.to())}
	}
	for _, other := range s.proxies {
		if other.guarded && slices.ContainsFunc(other.upstreams, func(u string) bool { return slices.Contains(p.upstreams, u) }) {
			return []string{fmt.Sprintf("%s: reverse_proxy to %s is open here, and behind login_gateway in %s; who knows both "+
				"addresses needs no login", p.site(), p.to(), other.site())}
		}
	}
	return nil
}

// walk goes through the routes of one server.
type walk struct {
	*survey
	named map[string]routePlan
}

// maxDepth ends routes that invoke themselves.
const maxDepth = 64

// routes visits a list of routes, and says whether a request that gets past it
// was guarded.
func (w walk) routes(list []routePlan, at place) bool {
	if at.depth++; at.depth > maxDepth {
		return at.guarded
	}
	for _, r := range list {
		inside := at
		inside.hosts = orElse(r.hosts, at.hosts)
		for _, h := range r.handlers {
			inside.guarded = w.handler(h, inside)
		}
		if r.sure {
			at.guarded = inside.guarded
		}
	}
	return at.guarded
}

// handler visits one handler and what is nested in it, and says whether what
// follows is guarded.
func (w walk) handler(h handlerPlan, at place) bool {
	switch h.kind {
	case directiveName:
		w.gateways = append(w.gateways, sighting{place: at, gateway: h.gateway})
		return true
	case "reverse_proxy":
		w.proxies = append(w.proxies, sighting{place: at, proxyPlan: h.proxy})
	case "invoke":
		return w.routes([]routePlan{w.named[h.invokes]}, at)
	}
	for _, r := range h.responses {
		w.routes(r, at)
	}
	failed := at
	failed.errors = true
	w.routes(h.errors, failed)
	return w.routes(h.routes, at)
}
