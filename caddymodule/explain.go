package caddymodule

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/session"
)

// explainer decides about requests that nobody makes, for operators: on the sites
// of a config that runs, or of one that is only read.
type explainer struct {
	sites []sighting
	https bool
	rules directory.Rules
}

// explainer knows the sites that the walk came by.
func (r *rooms) explainer() operate.Sites {
	public := r.settings.PublicURL
	return &explainer{sites: r.sites, https: public != nil && public.Scheme == "https", rules: r.settings.Rules}
}

// liveSites are the sites of the config that this app belongs to.
func (a *App) liveSites() []sighting {
	app, err := a.rt.caddy.AppIfConfigured("http")
	if err != nil {
		return nil
	}
	return lookLive(app.(*caddyhttp.App)).gateways
}

// Explain decides.
func (e *explainer) Explain(q operate.Question) (*operate.Decision, error) {
	at, host, err := e.at(q.Site)
	if err != nil {
		return nil, err
	}
	u, err := url.ParseRequestURI(q.Target)
	if err != nil {
		return nil, &operate.Error{Exit: operate.ExitUsage, Message: fmt.Sprintf("%.100q cannot be asked for: no server takes it", q.Target)}
	}
	site, err := at.gateway.settings()
	if err != nil {
		return nil, &operate.Error{Exit: operate.ExitUsage, Message: err.Error()}
	}
	var facts *session.Facts
	d := &operate.Decision{Site: host, Method: q.Method}
	if q.User != nil {
		amr := []string{"pwd"}
		if q.User.SecondStep {
			amr = append(amr, "otp", "mfa")
		}
		d.Amr = strings.Join(amr, " ")
		domain := site.CookieDomain
		if domain != "" && !cookie.Within(host, domain) {
			domain = "" // a host of its own
		}
		facts = session.Imagine(e.rules, q.User, q.Account, amr, domain, time.Now())
	}
	x := guard.Explain(site.guard(e.https, ""), q.Method, host, u, facts, time.Now())
	d.Path, d.Sort, d.Own, d.Overruled = x.Path, x.Sort, x.Own, x.Overruled
	d.Opens, d.API, d.Repairs, d.Asks = filled(x.Opens), filled(x.API), filled(x.Repairs), filled(x.Asks)
	if x.Cause != cause.None {
		d.Cause = string(x.Cause)
	}
	d.Page, d.Program = answered(x.Page), answered(x.Program)
	d.Headers = []operate.Header{}
	for _, h := range x.Headers {
		d.Headers = append(d.Headers, operate.Header{Name: h[0], Value: h[1]})
	}
	return d, nil
}

// filled is a list that JSON shows as one also where it is empty.
func filled(list []string) []string { return append([]string{}, list...) }

func answered(a guard.Answer) operate.Answer {
	return operate.Answer{Passes: a.Passes, Status: a.Status, Reason: string(a.Reason), To: a.To}
}

// at finds the site of a host; without one, the only site there is.
func (e *explainer) at(host string) (sighting, string, error) {
	var names []string
	for _, s := range e.sites {
		hosts := strings.Split(s.hosts, ", ")
		if host == "" && len(e.sites) == 1 {
			return s, sampleHost(hosts[0]), nil
		}
		covers := func(pattern string) bool { return pattern == "" || hostMatches(pattern, session.SiteOf(host)) }
		if host != "" && slices.ContainsFunc(hosts, covers) {
			return s, host, nil
		}
		names = append(names, s.site())
	}
	message := "there are several sites"
	if host != "" {
		message = fmt.Sprintf("no site with login_gateway has the host %.100q", host)
	}
	if len(names) == 0 {
		return sighting{}, "", &operate.Error{Exit: operate.ExitNotFound, Message: "no site of the config uses login_gateway"}
	}
	return sighting{}, "", &operate.Error{
		Exit: operate.ExitUsage, Flag: "--site", Message: message, Fix: "give --site HOST; there are " + strings.Join(names, "; "),
	}
}

// sampleHost is a host that a pattern matches. What Caddy fills in later is not
// known here.
func sampleHost(pattern string) string {
	if pattern == "" || strings.Contains(pattern, "{") {
		return "localhost"
	}
	return strings.ReplaceAll(pattern, "*", "any")
}

// hostMatches compares as Caddy's matcher does: a star stands for one label.
func hostMatches(pattern, host string) bool {
	p, h := strings.Split(strings.ToLower(pattern), "."), strings.Split(host, ".")
	if len(p) != len(h) {
		return false
	}
	for i := range p {
		if p[i] != "*" && p[i] != h[i] {
			return false
		}
	}
	return true
}

// tellOpenRules lists at the start what is open without a login, so that nobody
// has to find out. check says the same.
func (a *App) tellOpenRules() {
	for _, s := range a.liveSites() {
		site, err := s.gateway.settings()
		if err != nil {
			continue // the config would not have been provisioned
		}
		log := a.rt.log.With("site", s.site())
		g := site.guard(false, "")
		for _, rule := range g.Public {
			log.Info("open to everybody", "rule", rule.String(), "methods", orElse(strings.Join(rule.Methods, ","), "GET,HEAD"), "path", rule.Pattern.String())
		}
		for _, path := range g.Repair {
			log.Info("open to the superadmin of a blocked account", "rule", "repair_paths "+path.String())
		}
		for _, origin := range g.Origins {
			log.Info("preflights are answered, and refusals can be read", "rule", "cors "+origin)
		}
		if g.CookieDomain != "" {
			log.Info("logins are shared with all hosts of a domain", "rule", "cookie_domain "+g.CookieDomain)
		}
	}
}
