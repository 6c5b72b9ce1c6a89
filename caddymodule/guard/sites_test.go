package guard_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// sites are sessions that began here and there.
func sites(t testing.TB, domain string) *guard.Guard {
	t.Helper()
	s := site()
	s.CookieDomain, s.HTTPS = domain, true
	g := newGuard(t, s)
	for name, rec := range map[string]store.Session{
		"app":    {Site: "app.example.com"},
		"port":   {Site: "APP.example.com.:8443"},
		"docs":   {Site: "docs.example.com"},
		"shared": {Site: "docs.example.com", Scope: "example.com"},
		"other":  {Site: "docs.example.net", Scope: "example.net"},
		"before": {},
	} {
		rec.Handle = "handle"
		g.Sessions.(sessions)[name] = facts(func(f *session.Facts) { f.Session = session.NewRecord(&rec) })
	}
	return g
}

func TestASessionCountsAtItsOwnSite(t *testing.T) {
	const alone, shared = "__Host-gateway_session", "__Secure-gateway_session"
	for _, c := range []struct {
		domain, host, cookie, session string
		reaches                       bool
	}{
		{"", "app.example.com", alone, "app", true},
		{"", "app.example.com:8443", alone, "app", true},
		{"", "APP.Example.com.", alone, "app", true},
		{"", "app.example.com", alone, "port", true},
		{"", "app.example.com", alone, "before", true},
		{"", "docs.example.com", alone, "app", false},
		{"", "app.example.com", alone, "docs", false},
		{"", "app.example.com.evil.example", alone, "app", false},
		{"", "docs.example.com", alone, "shared", false},
		{"", "app.example.com", shared, "app", false},
		{"example.com", "app.example.com", shared, "shared", true},
		{"example.com", "example.com", shared, "shared", true},
		{"example.com", "app.example.com", alone, "app", false},
		{"example.com", "app.example.com", alone, "shared", false},
		{"example.com", "app.example.com", shared, "app", false},
		{"example.com", "app.example.com", shared, "before", false},
		{"example.com", "app.example.com", shared, "other", false},
		{"example.com", "app.example.com", "gateway_session", "shared", false},
		// A site that has other hosts too keeps theirs apart.
		{"example.com", "badexample.com", shared, "shared", false},
		{"example.com", "docs.example.net", alone, "shared", false},
		{"example.com", "docs.example.com", alone, "docs", false},
	} {
		g, a := sites(t, c.domain), &app{}
		r := request("GET", "/", "Cookie", c.cookie+"="+c.session)
		r.Host = c.host
		w := ask(t, g, a, r, "")
		if (a.calls == 1) != c.reaches || !c.reaches && w.Code != 401 {
			t.Errorf("session %s in %s at %s (domain %q): %d, reached the app %d times", c.session, c.cookie, c.host, c.domain, w.Code, a.calls)
		}
	}
}

func TestAPlantedSharedCookieDoesNotHideTheRealOne(t *testing.T) {
	g, a := sites(t, "example.com"), &app{}
	r := request("GET", "/", "Cookie", "__Secure-gateway_session=planted; __Secure-gateway_session=other; __Secure-gateway_session=shared; __Host-gateway_session=x; gateway_device=y; __Secure-gateway_flow=z; mine=1")
	r.Host = "app.example.com"
	ask(t, g, a, r, "")
	if got := a.header.Values("Cookie"); a.calls != 1 || len(got) != 1 || got[0] != "mine=1" {
		t.Errorf("reached the app %d times, with cookies %q", a.calls, got)
	}
}

// Our own pages are left one session cookie, so that they need not know of others.
func TestOwnPagesSeeTheSessionOfTheirSiteOnly(t *testing.T) {
	for _, c := range []struct{ domain, cookies, want string }{
		{"", "__Host-gateway_session=app; a=1", "__Host-gateway_session=app; a=1"},
		{"", "__Host-gateway_session=docs; a=1", "a=1"},
		{"", "__Host-gateway_session=docs", ""},
		{"", "__Host-gateway_session=docs; __Host-gateway_session=app", "__Host-gateway_session=app"},
		{"", "__Host-gateway_session=planted; a=1", "__Host-gateway_session=planted; a=1"},
		{"", "__Host-gateway_session=planted; __Host-gateway_session=app;b=2", "b=2; __Host-gateway_session=app"},
		{"", "__Host-gateway_session=expired; __Host-gateway_session=planted", "__Host-gateway_session=expired"},
		{"", "__Host-gateway_session=down; a=1", "__Host-gateway_session=down; a=1"},
		{"example.com", "__Secure-gateway_session=planted; __Secure-gateway_session=shared", "__Secure-gateway_session=shared"},
		{"example.com", "__Secure-gateway_session=app; __Host-gateway_session=app", "__Host-gateway_session=app"},
	} {
		g := sites(t, c.domain)
		var seen []string
		var form cookie.Form
		g.Own = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			seen, form = r.Header["Cookie"], cookie.Secure(r, true)
		})
		g.Visitor = func(r *http.Request) visitor.Visitor { return visitor.Visitor{Site: r.Host} }
		r := request("GET", "/gateway/security", "Cookie", c.cookies)
		r.Host = "app.example.com"
		before := strings.Join(r.Header["Cookie"], "|")
		ask(t, g, &app{}, r, "")
		if got := strings.Join(seen, "|"); got != c.want || form.Domain != c.domain {
			t.Errorf("domain %q, %s: our page saw %q of domain %q, want %q", c.domain, c.cookies, got, form.Domain, c.want)
		}
		if after := strings.Join(r.Header["Cookie"], "|"); after != before {
			t.Errorf("the request itself was changed to %q", after)
		}
	}
}

// Another proxy tells the host it asks for; one that nobody trusts does not.
func TestTheSiteThatAnotherProxyAsksFor(t *testing.T) {
	g := sites(t, "")
	for _, c := range []struct {
		trusted bool
		host    string
		told    []string
		want    int
	}{
		{true, "10.0.0.7:8080", []string{"app.example.com"}, 200},
		{true, "10.0.0.7:8080", []string{"docs.example.com"}, 401},
		{true, "10.0.0.7:8080", []string{"docs.example.com", "app.example.com"}, 401},
		{true, "app.example.com", nil, 200},
		{true, "docs.example.com", nil, 401},
		{false, "docs.example.com", []string{"app.example.com"}, 401},
		{false, "app.example.com", []string{"docs.example.com"}, 200},
	} {
		r := request("GET", verify, "X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/x", "Cookie", "__Host-gateway_session=app")
		r.Host, r.Header["X-Forwarded-Host"] = c.host, c.told
		w := httptest.NewRecorder()
		g.Verify(w, r, c.trusted)
		if w.Code != c.want {
			t.Errorf("at %s, told %q (trusted %v): %d, want %d", c.host, c.told, c.trusted, w.Code, c.want)
		}
	}
}
