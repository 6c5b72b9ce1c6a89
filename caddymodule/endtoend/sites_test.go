package endtoend_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// onStreets runs a test on one node with bolt and on two with Redis, over both
// protocols.
func onStreets(t *testing.T, test func(t *testing.T, at func(host string) *kit.Visitor, app *kit.App)) {
	t.Helper()
	for _, nodes := range []int{1, 2} {
		for _, protocol := range []string{"h1", "h2c"} {
			t.Run(fmt.Sprintf("%d nodes, %s", nodes, protocol), func(t *testing.T) {
				t.Parallel()
				store := kit.Bolt
				if nodes > 1 {
					store = kit.Redis
				}
				at, app := street(t, store(t), nodes, protocol)
				test(t, at, app)
			})
		}
	}
}

// elsewhere are the hosts that are served by the last node.
var elsewhere = map[string]bool{"b.team.localhost": true, "docs.localhost": true}

// street starts gateways with several sites on hosts of their own, two of which
// share their cookies, and returns who visits one.
func street(t *testing.T, s *kit.Store, nodes int, protocol string) (at func(host string) *kit.Visitor, app *kit.App) {
	t.Helper()
	app = kit.NewApp(t)
	line := s.Town().Line
	var all []*kit.Gateway
	for range nodes {
		all = append(all, houses(t, kit.Site{Store: line, Upstream: app.Addr, Servers: "protocols h1 h2c"}))
	}
	at = func(host string) *kit.Visitor {
		g := all[0]
		if elsewhere[host] {
			g = all[len(all)-1]
		}
		_, port, _ := strings.Cut(g.Addr, ":")
		v := kit.Visit(t, "http://"+host+":"+port)
		transport := v.Client.Transport.(*http.Transport)
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, g.Addr)
		}
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetHTTP1(protocol == "h1")
		transport.Protocols.SetUnencryptedHTTP2(protocol != "h1")
		return v
	}
	for _, host := range []string{"app.localhost", "docs.localhost"} {
		kit.Eventually(t, "the sites to be there", func() bool {
			a, err := at(host).Try(http.MethodGet, "/gateway/health/live")
			return err == nil && a.Status == http.StatusOK && (a.Proto == "HTTP/1.1") == (protocol == "h1")
		})
	}
	return at, app
}

// houses starts a gateway with the sites of the street.
func houses(t *testing.T, site kit.Site) *kit.Gateway {
	t.Helper()
	g := kit.Start(t, site)
	_, port, err := net.SplitHostPort(g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	for host, words := range map[string]string{
		"app.localhost": "", "docs.localhost": "",
		"a.team.localhost": "cookie_domain team.localhost", "b.team.localhost": "cookie_domain team.localhost",
		"c.team.localhost": "",
	} {
		site.Sites += fmt.Sprintf("http://%s:%s {\nlogin_gateway {\n%s\n}\nreverse_proxy %s\n}\n", host, port, words, site.Upstream)
	}
	if err := g.Load(site); err != nil {
		t.Fatal(err)
	}
	return g
}

// with is the same browser at another host.
func with(v *kit.Visitor, other *kit.Visitor) *kit.Visitor {
	other.Client.Jar = v.Client.Jar
	return other
}

func TestALoginCountsAtItsSite(t *testing.T) {
	t.Parallel()
	onStreets(t, func(t *testing.T, at func(host string) *kit.Visitor, app *kit.App) {
		v := at("app.localhost").Enter("teammate")
		arrived(t, v.Get("/clients"), "teammate")
		stolen := v.Cookie("gateway_session")
		if stolen == "" {
			t.Fatal("no session cookie")
		}
		before := len(app.Seen(""))
		for _, host := range []string{"docs.localhost", "c.team.localhost", "a.team.localhost"} {
			o := at(host)
			o.SetCookie("gateway_session", stolen)
			sentTo(t, o.Get("/clients"), "/gateway/login?to=%2Fclients")
			refused(t, o.Get("/clients", kit.Bare), http.StatusUnauthorized, "not_logged_in")
			for _, path := range []string{"/gateway/session", "/gateway/verify"} {
				if a := o.Get(path, kit.Bare); a.Status != http.StatusUnauthorized {
					t.Errorf("%s%s with a session of another site: %s", host, path, a)
				}
			}
			sentTo(t, o.Get("/gateway/security"), "/gateway/login?to=%2Fgateway%2Fsecurity")
			if a := o.Get("/gateway/login"); a.Status != http.StatusOK {
				t.Errorf("%s: the login page: %s", host, a)
			}
			o.Post("/gateway/logout", url.Values{})
			o.Enter("client") // takes the place of the planted one
			before++
			arrived(t, o.Get("/"), "client")
		}
		if now := len(app.Seen("")); now != before {
			t.Errorf("%d requests reached the app", now-before)
		}
		arrived(t, v.Get("/clients"), "teammate") // nobody has ended it from there
	})
}

func TestSitesThatShareADomain(t *testing.T) {
	t.Parallel()
	onStreets(t, func(t *testing.T, at func(host string) *kit.Visitor, app *kit.App) {
		a := at("a.team.localhost").Enter("teammate")
		b := with(a, at("b.team.localhost"))
		arrived(t, a.Get("/"), "teammate")
		arrived(t, b.Get("/"), "teammate")
		if b.Cookie("gateway_device") == "" || b.Cookie("gateway_device") != a.Cookie("gateway_device") {
			t.Error("the known device is not shared")
		}
		if page := b.Get("/gateway/security"); page.Status != http.StatusOK {
			t.Errorf("own pages at the other site: %s", page)
		}
		// Cookies of this host only, from before or planted, count for nothing and get
		// in nobody's way.
		b.SetCookie("gateway_session", "planted")
		arrived(t, b.Get("/"), "teammate")
		if page := b.Get("/gateway/security"); page.Status != http.StatusOK {
			t.Errorf("own pages beside a planted cookie: %s", page)
		}
		for _, host := range []string{"app.localhost", "c.team.localhost"} {
			o := at(host)
			o.SetCookie("gateway_session", a.Cookie("gateway_session"))
			refused(t, o.Get("/", kit.Bare), http.StatusUnauthorized, "not_logged_in")
		}
		for _, seen := range app.Seen("") {
			if strings.Contains(seen.Header.Get("Cookie"), "gateway_") {
				t.Errorf("the app got the cookies %q", seen.Header.Get("Cookie"))
			}
		}
		if out := b.Post("/gateway/logout", url.Values{}); out.Status >= 400 {
			t.Errorf("logging out: %s", out)
		}
		kit.Eventually(t, "the log-out to be known at the other site", func() bool {
			return a.Get("/", kit.Bare).Status == http.StatusUnauthorized
		})
	})
}

// What is parked lies in a cookie too, and that one is written while the app is
// asked for.
func TestALateFormAtASharedSite(t *testing.T) {
	t.Parallel()
	at, app := street(t, kit.Bolt(t), 1, "h1")
	a := at("a.team.localhost").Enter("teammate")
	arrived(t, a.Get("/"), "teammate")
	ended := with(a, at("b.team.localhost"))
	cookie := a.Cookie("gateway_session")
	ended.Post("/gateway/logout", url.Values{})
	u, err := url.Parse(a.Base)
	if err != nil {
		t.Fatal(err)
	}
	a.Client.Jar.SetCookies(u, []*http.Cookie{{Name: "gateway_session", Value: cookie, Path: "/", Domain: "team.localhost"}})
	page := park(t, a, lateURI, formType, lateBody)
	sentTo(t, a.Post("/gateway/login?to="+url.QueryEscape(page), kit.Form(kit.Address("teammate"), kit.Password)), page)
	if got := arrived(t, send(a, lateURI, page), "teammate"); got.Body != lateBody || len(app.Seen("/clients")) != 1 {
		t.Errorf("the app got %+v", got)
	}
}
