package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/forge"
	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

// partForge is how the report calls what this file finds.
const partForge = "forge"

// checkForge starts the config in this process, which serves nobody: with recorders
// in the place of all apps, on ports of this machine, on a store of its own. Then it
// forges identity headers in all spellings on every route, and sees what arrives.
func (s *setup) checkForge(ctx context.Context, r *report) {
	if err := s.forgeInScratch(ctx, r); err != nil {
		r.note(levelError, partForge, "the config could not be tried: "+err.Error(), "")
	}
}

func (s *setup) forgeInScratch(ctx context.Context, r *report) (err error) {
	dir, err := os.MkdirTemp("", "cliendo-forge-")
	if err != nil {
		return err
	}
	sc := &scratch{dir: dir, recorder: new(forge.Recorder), servers: map[string]string{}, errors: map[int]bool{}}
	defer func() { err = errors.Join(err, sc.recorder.Close(), os.RemoveAll(dir)) }()
	body, err := sc.build(s.json)
	if err != nil {
		return err
	}
	if err := caddy.Load(body, true); err != nil {
		return fmt.Errorf("starting it: %w", err)
	}
	defer func() { err = errors.Join(err, caddy.Stop()) }()
	app, err := caddy.ActiveContext().App(directiveName)
	if err != nil {
		return err
	}
	t := &forgery{scratch: sc, rooms: app.(*App).rt.rooms, sites: lookJSON(s.json), report: r}
	return t.run(ctx)
}

// forgery is one run over all routes.
type forgery struct {
	*scratch
	rooms  *rooms
	sites  *survey
	report *report
	user   *store.User
	tried  int
}

func (t *forgery) run(ctx context.Context) (err error) {
	if t.rooms == nil {
		return errors.New("the gateway did not start")
	}
	if t.user, err = t.somebody(ctx); err != nil {
		return err
	}
	p := &forge.Prober{Recorder: t.recorder, Reached: map[int]bool{}}
	wrong := 0
	for _, probe := range t.probes {
		n, err := t.try(ctx, p, probe)
		if err != nil {
			return err
		}
		wrong += n
	}
	t.unreached(p)
	for _, note := range t.notes {
		t.report.note(levelWarning, partForge, note, "")
	}
	if wrong == 0 {
		t.report.note(levelOK, partForge, fmt.Sprintf("%d routes were tried, with and without a login, in %d ways: no forged header reached an app",
			t.tried, len(forge.Variants([]string{"Remote-User"}))), "")
	}
	return nil
}

// somebody is a user who may reach the app, made up for this.
func (t *forgery) somebody(ctx context.Context) (*store.User, error) {
	kind := ""
	rules := t.rooms.settings.Rules
	for _, name := range append([]string{"teammate"}, sortedKeys(rules.Types)...) {
		if rule := rules.Types[name]; rule.Login && rule.App && name != directory.SupportType {
			kind = name
			break
		}
	}
	if kind == "" {
		return nil, errors.New("no user type may log in and reach the app")
	}
	const account = "forge-check"
	if err := t.rooms.directory.CreateAccount(ctx, &store.Account{ID: account, Name: account, State: directory.Active}); err != nil {
		return nil, err
	}
	// With a second step, so that no rule asks for one.
	u := &store.User{Account: account, Email: "forge-check@example.com", Name: "Forge Check", Type: kind, SecondStep: true}
	return u, t.rooms.directory.CreateUser(ctx, u)
}

// try tries one route, and says how much is wrong with it.
func (t *forgery) try(ctx context.Context, p *forge.Prober, probe probe) (wrong int, err error) {
	site, found := t.siteOf(probe.host)
	if !found {
		return 0, nil // without a gateway nobody sets headers, and none is expected
	}
	t.tried++
	names := append([]string{}, guard.DefaultHeaders[:]...)
	for _, name := range site.Headers {
		if name != "" {
			names = append(names, http.CanonicalHeaderKey(name))
		}
	}
	p.Names = unique(names)
	u, err := url.ParseRequestURI(probe.path)
	if err != nil {
		return 0, nil //nolint:nilerr // a pattern that no sample fits
	}
	x := guard.Explain(site.guard(true, ""), probe.method, probe.host, u, nil, time.Now())
	target := forge.Target{Addr: t.servers[probe.server], Method: probe.method, Host: probe.host, Path: probe.path, Lines: probe.lines}
	with, told, err := t.login(ctx, site, probe.host)
	if err != nil {
		return 0, err
	}
	inside := target
	inside.Cookie = with
	for _, who := range []forge.Asked{{Target: target, Open: x.Program.Passes}, {Target: inside, Session: true, Told: told}} {
		findings, err := p.Try(ctx, who)
		if err != nil {
			return 0, err
		}
		for _, f := range findings {
			wrong++
			t.report.note(levelError, partForge, fmt.Sprintf("%s, passed on to %s: %s (sent: %s)", f.Target, t.proxies[f.Proxy], f.What, f.How),
				"let the gateway stand before this route, and set no identity header behind it")
		}
	}
	return wrong, nil
}

// siteOf is the gateway that stands before a host, or should: one without any is
// looked at where it leads to an app that another one protects.
func (t *forgery) siteOf(host string) (*siteSettings, bool) {
	e := &explainer{sites: t.sites.gateways}
	s, _, err := e.at(host)
	if err != nil {
		if len(t.sites.gateways) == 0 || !t.beside(host) {
			return nil, false
		}
		s = t.sites.gateways[0]
	}
	site, err := s.gateway.settings()
	return site, err == nil
}

// beside tells whether a host has a way to an app that a gateway protects elsewhere.
func (t *forgery) beside(host string) bool {
	for _, p := range t.sites.proxies {
		if !p.guarded && len(t.sites.outside(p)) > 0 {
			for pattern := range strings.SplitSeq(p.hosts, ", ") {
				if pattern == "" || hostMatches(pattern, session.SiteOf(host)) {
					return true
				}
			}
		}
	}
	return false
}

// login begins a session, and returns its cookie and what the app is to be told.
func (t *forgery) login(ctx context.Context, site *siteSettings, host string) (with string, told []string, err error) {
	r := &http.Request{Host: host}
	public := t.rooms.settings.PublicURL
	form := cookie.FormOf(r, public != nil && public.Scheme == "https", site.CookieDomain)
	started, err := t.rooms.sessions.Start(ctx, session.Login{
		User: t.user, Method: "check", Amr: []string{"pwd", "otp", "mfa"}, Site: host, Scope: form.Domain,
	})
	if err != nil {
		return "", nil, err
	}
	facts, err := t.rooms.sessions.Check(ctx, started.Cookie)
	if err != nil {
		return "", nil, err
	}
	for i, value := range facts.Told() {
		if name := site.Headers[i]; name != "" && value != "" {
			told = append(told, http.CanonicalHeaderKey(name)+": "+value)
		}
	}
	return cookie.Name(cookie.Session, form) + "=" + started.Cookie, told, nil
}

// unreached names the apps that no request got to, so that nobody believes they were
// tried.
func (t *forgery) unreached(p *forge.Prober) {
	for i, name := range t.proxies {
		switch {
		case p.Reached[i]:
		case t.errors[i]:
			t.notes = append(t.notes, fmt.Sprintf("reverse_proxy to %s is reached by an error only, and was not tried", name))
		default:
			t.notes = append(t.notes, fmt.Sprintf("reverse_proxy to %s was reached by no request that this check could think of, so it was not tried", name))
		}
	}
}

func unique(names []string) (out []string) {
	seen := map[string]bool{}
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

// checkEcho does the same to a live site that has a page which shows its headers.
func (s *setup) checkEcho(ctx context.Context, r *report, page string) {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		r.note(levelError, partForge, fmt.Sprintf("--echo %.200q is no address of a page", page), "write it like https://app.example.com/echo")
		return
	}
	t := forge.Target{Addr: u.Host, Method: http.MethodGet, Host: u.Host, Path: u.RequestURI()}
	port := "80"
	if u.Scheme == "https" {
		t.TLS, port = u.Hostname(), "443"
	}
	if u.Port() == "" {
		t.Addr = net.JoinHostPort(u.Hostname(), port)
	}
	names := append([]string{}, guard.DefaultHeaders[:]...)
	for _, g := range lookJSON(s.json).gateways {
		if site, err := g.gateway.settings(); err == nil {
			for _, name := range site.Headers {
				if name != "" {
					names = append(names, name)
				}
			}
		}
	}
	found, err := forge.Echo(ctx, t, unique(names))
	if err != nil {
		r.note(levelError, partForge, err.Error(), "")
		return
	}
	for _, f := range found {
		r.note(levelError, partForge, fmt.Sprintf("%s: %s (sent: %s)", page, f.What, f.How), "let the gateway stand before this page")
	}
	if len(found) == 0 {
		r.note(levelOK, partForge, page+": no forged header reached it", "")
	}
}
