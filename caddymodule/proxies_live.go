package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/intercept"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy/fastcgi"
)

// warnAboutProxies says at the start what `check` would say.
func (a *App) warnAboutProxies() {
	app, err := a.rt.caddy.AppIfConfigured("http")
	if err != nil {
		return // a config without sites
	}
	seen := lookLive(app.(*caddyhttp.App))
	for _, warning := range append(seen.advice(), passkeyAdvice(a.rt.settings.Passkeys, seen)...) {
		a.rt.log.Warn(warning)
	}
}

// liveProxyWarnings looks through the HTTP app of a config that was provisioned;
// by then Caddy has let go of the JSON it was made of.
func liveProxyWarnings(app *caddyhttp.App) []string { return lookLive(app).advice() }

// lookLive walks through it.
func lookLive(app *caddyhttp.App) *survey {
	servers := make([]serverPlan, 0, len(app.Servers))
	for _, name := range sortedKeys(app.Servers) {
		srv := app.Servers[name]
		p := serverPlan{name: name, routes: livePlans(srv.Routes), named: map[string]routePlan{}}
		if srv.Errors != nil {
			p.errors = livePlans(srv.Errors.Routes)
		}
		for name, r := range srv.NamedRoutes {
			p.named[name] = livePlan(*r)
		}
		servers = append(servers, p)
	}
	return look(servers)
}

func livePlans(list caddyhttp.RouteList) []routePlan {
	out := make([]routePlan, len(list))
	for i, r := range list {
		out[i] = livePlan(r)
	}
	return out
}

func livePlan(r caddyhttp.Route) routePlan {
	p := routePlan{sure: len(r.MatcherSets) == 0 && r.Group == ""}
	var hosts []string
	for _, set := range r.MatcherSets {
		for _, m := range set {
			if h, ok := m.(*caddyhttp.MatchHost); ok {
				hosts = append(hosts, *h...)
			}
		}
	}
	p.hosts = strings.Join(hosts, ", ")
	for _, h := range r.Handlers {
		p.handlers = append(p.handlers, liveHandler(h))
	}
	return p
}

func liveHandler(h caddyhttp.MiddlewareHandler) (p handlerPlan) {
	switch h := h.(type) {
	case *Handler:
		p.kind, p.gateway = directiveName, h
	case *caddyhttp.Invoke:
		p.kind, p.invokes = "invoke", h.Name
	case *caddyhttp.Subroute:
		p.routes = livePlans(h.Routes)
		if h.Errors != nil {
			p.errors = livePlans(h.Errors.Routes)
		}
	case *intercept.Intercept:
		p.responses = liveResponses(h.HandleResponse)
	case *reverseproxy.Handler:
		p.kind, p.proxy, p.responses = "reverse_proxy", liveProxy(h), liveResponses(h.HandleResponse)
	}
	return p
}

func liveResponses(list []caddyhttp.ResponseHandler) (out [][]routePlan) {
	for _, r := range list {
		out = append(out, livePlans(r.Routes))
	}
	return out
}

func liveProxy(h *reverseproxy.Handler) (p proxyPlan) {
	for _, u := range h.Upstreams {
		p.upstreams = append(p.upstreams, u.Dial)
	}
	_, fastCGI := h.Transport.(*fastcgi.Transport)
	asks := h.Rewrite != nil && len(h.HandleResponse) > 0
	p.cut = !asks && !fastCGI && h.StreamCloseDelay == 0
	return p
}
