package caddymodule

import (
	"encoding/json"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// proxyWarnings looks through a config in Caddy's JSON.
func proxyWarnings(cfg []byte) []string { return lookJSON(cfg).advice() }

// lookJSON looks through a config in Caddy's JSON. What it cannot read it does
// not judge: Caddy refuses it anyway.
func lookJSON(cfg []byte) *survey {
	var c struct {
		Apps struct {
			HTTP struct {
				Servers map[string]struct {
					Routes      []routeJSON          `json:"routes"`
					NamedRoutes map[string]routeJSON `json:"named_routes"`
					Errors      errorsJSON           `json:"errors"`
				} `json:"servers"`
			} `json:"http"`
		} `json:"apps"`
	}
	if json.Unmarshal(cfg, &c) != nil {
		return new(survey)
	}
	servers := make([]serverPlan, 0, len(c.Apps.HTTP.Servers))
	for _, name := range sortedKeys(c.Apps.HTTP.Servers) {
		srv := c.Apps.HTTP.Servers[name]
		p := serverPlan{name: name, routes: plans(srv.Routes), errors: plans(srv.Errors.Routes), named: map[string]routePlan{}}
		for name, r := range srv.NamedRoutes {
			p.named[name] = r.plan()
		}
		servers = append(servers, p)
	}
	return look(servers)
}

type (
	routeJSON struct {
		Group  string                       `json:"group"`
		Match  []map[string]json.RawMessage `json:"match"`
		Handle []json.RawMessage            `json:"handle"`
	}
	errorsJSON struct {
		Routes []routeJSON `json:"routes"`
	}
	handlerJSON struct {
		Handler        string       `json:"handler"`
		Name           string       `json:"name"`
		Routes         []routeJSON  `json:"routes"`
		Errors         errorsJSON   `json:"errors"`
		HandleResponse []errorsJSON `json:"handle_response"`
	}
	proxyJSON struct {
		Upstreams []struct {
			Dial string `json:"dial"`
		} `json:"upstreams"`
		Delay     caddy.Duration  `json:"stream_close_delay"`
		Rewrite   json.RawMessage `json:"rewrite"`
		Transport struct {
			Protocol string `json:"protocol"`
		} `json:"transport"`
	}
)

func plans(list []routeJSON) []routePlan {
	out := make([]routePlan, len(list))
	for i, r := range list {
		out[i] = r.plan()
	}
	return out
}

// plan reads a route. Of a group only one runs, and one with a matcher not always.
func (r routeJSON) plan() routePlan {
	p := routePlan{sure: len(r.Match) == 0 && r.Group == ""}
	var hosts []string
	for _, set := range r.Match {
		var some []string
		if json.Unmarshal(set["host"], &some) == nil {
			hosts = append(hosts, some...)
		}
	}
	p.hosts = strings.Join(hosts, ", ")
	for _, raw := range r.Handle {
		var h handlerJSON
		if json.Unmarshal(raw, &h) == nil {
			p.handlers = append(p.handlers, h.plan(raw))
		}
	}
	return p
}

func (h handlerJSON) plan(raw json.RawMessage) handlerPlan {
	p := handlerPlan{kind: h.Handler, invokes: h.Name, routes: plans(h.Routes), errors: plans(h.Errors.Routes)}
	for _, r := range h.HandleResponse {
		p.responses = append(p.responses, plans(r.Routes))
	}
	switch h.Handler {
	case "reverse_proxy":
		p.proxy = planProxy(raw, len(h.HandleResponse) > 0)
	case directiveName:
		p.gateway = new(Handler)
		if json.Unmarshal(raw, p.gateway) != nil {
			p.gateway = new(Handler)
		}
	}
	return p
}

// planProxy reads what matters of a reverse_proxy. Streams are not for FastCGI,
// nor for forward_auth, which asks and looks at the answer.
func planProxy(raw json.RawMessage, looks bool) (p proxyPlan) {
	var j proxyJSON
	if json.Unmarshal(raw, &j) != nil {
		return p
	}
	for _, u := range j.Upstreams {
		p.upstreams = append(p.upstreams, u.Dial)
	}
	asks := looks && j.Rewrite != nil
	p.cut = !asks && j.Transport.Protocol != "fastcgi" && j.Delay == 0
	return p
}
