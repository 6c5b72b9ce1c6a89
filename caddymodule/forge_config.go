package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cliendo/gateway/caddymodule/forge"
)

// scratch is a config made harmless: it listens on ports of this machine, keeps its
// records in a folder of its own, and its apps are recorders.
type scratch struct {
	dir      string
	recorder *forge.Recorder
	servers  map[string]string // addresses, by name
	proxies  []string          // for people, by number
	errors   map[int]bool      // those that only an error reaches
	probes   []probe
	notes    []string // what is not looked at, or otherwise than it will be
}

// probe is a request that a route asks for.
type probe struct {
	server, host, path, method string
	lines                      []string
}

// node is a part of a config in JSON.
type node = map[string]any

// build makes the config.
func (s *scratch) build(cfg []byte) ([]byte, error) {
	var c node
	if err := json.Unmarshal(cfg, &c); err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	apps, _ := c["apps"].(node)
	http, _ := apps["http"].(node)
	servers, _ := http["servers"].(node)
	if len(servers) == 0 {
		return nil, errors.New("the config has no site")
	}
	for _, name := range sortedKeys(servers) {
		if srv, ok := servers[name].(node); ok {
			if err := s.server(name, srv); err != nil {
				return nil, err
			}
		}
	}
	own, _ := apps[directiveName].(node)
	if own == nil {
		own = node{}
	}
	for _, gone := range []string{"mail", "secret", "old_secrets"} {
		delete(own, gone)
	}
	own["store"] = node{"backend": "bolt", "path": filepath.Join(s.dir, "forge.db")}
	out := node{
		"admin":   node{"disabled": true, "config": node{"persist": false}},
		"logging": node{"logs": node{"default": node{"level": "FATAL"}}},
		"storage": node{"module": "file_system", "root": filepath.Join(s.dir, "caddy")},
		"apps":    node{"http": node{"servers": servers, "grace_period": "1s"}, directiveName: own},
	}
	return json.Marshal(out)
}

func (s *scratch) server(name string, srv node) error {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // to learn a port that is free
	if err != nil {
		return err
	}
	s.servers[name] = l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	for _, gone := range []string{"tls_connection_policies", "listener_wrappers", "packet_conn_wrappers", "logs", "metrics", "trace", "client_auth"} {
		delete(srv, gone)
	}
	srv["listen"], srv["protocols"] = []string{s.servers[name]}, []string{"h1", "h2c"}
	srv["automatic_https"] = node{"disable": true}
	w := &rebuild{scratch: s, server: name}
	if err := w.routes(srv["routes"], match{paths: []string{"/", "/forge-check"}}); err != nil {
		return err
	}
	named, _ := srv["named_routes"].(node)
	for _, r := range sortedKeys(named) {
		if err := w.routes([]any{named[r]}, match{paths: []string{"/"}}); err != nil {
			return err
		}
	}
	if failed, ok := srv["errors"].(node); ok {
		w.failed = true
		if err := w.routes(failed["routes"], match{paths: []string{"/"}}); err != nil {
			return err
		}
	}
	return nil
}

// match is what a request has to be like to get to a route.
type match struct {
	hosts, paths, methods, lines []string
}

// rebuild goes through the routes of one server.
type rebuild struct {
	*scratch
	server string
	failed bool // among the routes for errors
}

func (w *rebuild) routes(list any, at match) error {
	all, _ := list.([]any)
	for _, item := range all {
		r, ok := item.(node)
		if !ok {
			continue
		}
		inner := at.with(r["match"])
		w.probe(inner)
		handlers, _ := r["handle"].([]any)
		for i, h := range handlers {
			if handler, ok := h.(node); ok {
				if err := w.handler(handler, inner); err != nil {
					return err
				}
				if handler["handler"] == "tracing" { // would send what it sees somewhere
					handlers[i] = node{"handler": "vars"}
				}
			}
		}
	}
	return nil
}

// with narrows down by the matchers of a route, of which one is enough.
func (m match) with(sets any) match {
	all, _ := sets.([]any)
	var own match
	for _, item := range all {
		set, _ := item.(node)
		own.hosts = append(own.hosts, texts(set["host"])...)
		own.paths = append(own.paths, texts(set["path"])...)
		own.methods = append(own.methods, texts(set["method"])...)
		header, _ := set["header"].(node)
		for _, name := range sortedKeys(header) {
			for _, value := range texts(header[name]) {
				own.lines = append(own.lines, name+": "+strings.ReplaceAll(value, "*", ""))
			}
		}
	}
	if len(own.hosts) > 0 {
		m.hosts = samples(own.hosts)
	}
	if len(own.methods) > 0 {
		m.methods = own.methods
	}
	m.paths = append(slices.Clone(m.paths), samples(own.paths)...)
	m.lines = append(slices.Clone(m.lines), own.lines...)
	return m
}

func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, item := range list {
		if text, ok := item.(string); ok && !strings.Contains(text, "{") {
			out = append(out, text)
		}
	}
	return out
}

// samples are hosts or paths that patterns match.
func samples(patterns []string) []string {
	out := make([]string, len(patterns))
	for i, p := range patterns {
		if out[i] = strings.ReplaceAll(p, "*", "forge-check"); !strings.Contains(p, "/") && strings.HasPrefix(out[i], ".") {
			out[i] = "forge-check" + out[i]
		}
	}
	return out
}

// probe notes the requests that get to a route.
func (w *rebuild) probe(at match) {
	hosts, methods := at.hosts, at.methods
	if len(hosts) == 0 {
		hosts = []string{"forge-check.example"}
	}
	if len(methods) == 0 {
		methods = []string{"GET"}
	}
	for _, host := range hosts {
		for _, path := range at.paths {
			if !strings.HasPrefix(path, "/") {
				path = "/" + path
			}
			p := probe{server: w.server, host: host, path: path, method: methods[0], lines: at.lines}
			if !slices.ContainsFunc(w.probes, p.same) {
				w.probes = append(w.probes, p)
			}
		}
	}
}

func (p probe) same(o probe) bool {
	return p.server == o.server && p.host == o.host && p.path == o.path && p.method == o.method && slices.Equal(p.lines, o.lines)
}

// harmless are the handlers of Caddy that reach nobody else.
var harmless = []string{
	"acme_server", "authentication", "copy_response", "copy_response_headers", "encode", "error", "file_server", "headers", "intercept",
	"invoke", "log_append", "map", "metrics", "push", "request_body", "rewrite", "static_response", "subroute", "templates", "tracing", "vars",
	directiveName,
}

func (w *rebuild) handler(h node, at match) error {
	kind, _ := h["handler"].(string)
	switch {
	case kind == "reverse_proxy":
		if err := w.proxy(h); err != nil {
			return err
		}
	case kind == directiveName:
		w.gateway(h, at)
	case !slices.Contains(harmless, kind):
		w.notes = append(w.notes, fmt.Sprintf("the handler %s is left as it is, and what it passes on is not looked at", kind))
	}
	if err := w.routes(h["routes"], at); err != nil {
		return err
	}
	responses, _ := h["handle_response"].([]any)
	for _, r := range responses {
		if r, ok := r.(node); ok {
			if err := w.routes(r["routes"], at); err != nil {
				return err
			}
		}
	}
	if failed, ok := h["errors"].(node); ok {
		inner := *w
		inner.failed = true
		if err := inner.routes(failed["routes"], at); err != nil {
			return err
		}
	}
	return nil
}

// gateway asks for what its rules speak of too.
func (w *rebuild) gateway(h node, at match) {
	delete(h, "assertion") // differs from one minute to the next
	var site Handler
	body, err := json.Marshal(h)
	if err != nil || json.Unmarshal(body, &site) != nil {
		return
	}
	for _, rule := range site.Public {
		open, _ := rule.expand()
		for _, o := range open {
			inner := at
			inner.paths, inner.methods = samples([]string{o.Path}), o.Methods[:1]
			w.probe(inner)
		}
	}
	for _, list := range [][]string{site.APIPaths, site.RepairPaths} {
		inner := at
		inner.paths = samples(list)
		w.probe(inner)
	}
}

// proxy puts a recorder into the place of the apps of a reverse_proxy.
func (w *rebuild) proxy(h node) error {
	addr, number, err := w.recorder.Add()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(h)
	if err != nil {
		return err
	}
	name := (sighting{proxyPlan: planProxy(raw, false)}).to()
	transport, _ := h["transport"].(node)
	switch protocol, _ := transport["protocol"].(string); protocol {
	case "", "http":
	case "fastcgi":
		w.notes = append(w.notes, fmt.Sprintf("php_fastcgi to %s is tried as if it spoke HTTP: its `env` lines are not looked at", name))
		h["rewrite"] = node{"uri": "/forge-check.php"} // scripts are found by paths that are none over HTTP
	default:
		w.notes = append(w.notes, fmt.Sprintf("reverse_proxy to %s is tried as if it spoke HTTP, not %s", name, protocol))
	}
	for _, gone := range []string{"dynamic_upstreams", "health_checks", "load_balancing", "circuit_breaker", "transport"} {
		delete(h, gone)
	}
	h["upstreams"] = []node{{"dial": addr}}
	w.proxies = append(w.proxies, name)
	w.errors[number] = w.failed
	return nil
}
