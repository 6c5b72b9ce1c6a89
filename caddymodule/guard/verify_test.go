package guard_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/guard"
)

const verify = "/gateway/verify"

// subrequest asks as another proxy does.
func subrequest(g *guard.Guard, who string, trusted bool, target string, headers ...string) *httptest.ResponseRecorder {
	r := request("GET", target, headers...)
	if who != "" {
		r.AddCookie(&http.Cookie{Name: cookie.Session, Value: who})
	}
	w := httptest.NewRecorder()
	g.Verify(w, r, trusted)
	return w
}

func TestOtherProxiesLearnWhoMayPass(t *testing.T) {
	caddy := func(method, uri string) []string {
		return []string{"X-Forwarded-Method", method, "X-Forwarded-Uri", uri}
	}
	nginx := func(method, uri string) []string { return []string{"X-Original-Method", method, "X-Original-URI", uri} }
	both := func(method, uri string) []string { return append(caddy(method, uri), nginx(method, uri)...) }
	g := newGuard(t, site())
	for name, c := range map[string]struct {
		who       string
		untrusted bool
		headers   []string
		status    int
		user      string
		reason    string
		login     string
	}{
		"logged in":                       {"good", false, caddy("GET", "/x"), 200, "jan", "", ""},
		"logged in, nginx":                {"good", false, nginx("POST", "/x"), 200, "jan", "", ""},
		"logged in, whoever asks":         {"good", true, nil, 200, "jan", "", ""},
		"nobody":                          {"", false, caddy("GET", "/x?a=1&b=2"), 401, "", "not_logged_in", "/gateway/login?to=%2Fx%3Fa%3D1%26b%3D2"},
		"expired":                         {"expired", false, caddy("GET", "/x"), 401, "", "session_expired", "/gateway/login?reason=session_expired&to=%2Fx"},
		"blocked":                         {"blocked", false, caddy("GET", "/x"), 403, "", "user_blocked", ""},
		"no app":                          {"noapp", false, caddy("GET", "/x"), 403, "", "forbidden", ""},
		"no store":                        {"down", false, caddy("GET", "/x"), 503, "", "store_unavailable", ""},
		"repair":                          {"repair", false, caddy("GET", "/billing/pay"), 200, "jan", "", ""},
		"repair elsewhere":                {"repair", false, caddy("GET", "/x"), 403, "", "account_arrears", ""},
		"public":                          {"", false, caddy("GET", "/pub/x"), 200, "", "", ""},
		"public, logged in":               {"good", false, caddy("GET", "/pub/x"), 200, "jan", "", ""},
		"public, blocked":                 {"blocked", false, caddy("GET", "/pub/x"), 200, "", "", ""},
		"public by another method":        {"", false, caddy("POST", "/pub/x"), 401, "", "not_logged_in", ""},
		"public, both say so":             {"", false, both("GET", "/pub/x"), 200, "", "", ""},
		"public, says a stranger":         {"", true, caddy("GET", "/pub/x"), 401, "", "not_logged_in", ""},
		"public, says one of the two":     {"", false, append(caddy("GET", "/pub/x"), "X-Original-URI", "/secret"), 401, "", "not_logged_in", ""},
		"public, says the other":          {"", false, append(nginx("GET", "/pub/x"), "X-Forwarded-Uri", "/secret"), 401, "", "not_logged_in", ""},
		"public, and not":                 {"", false, append(caddy("GET", "/secret"), "X-Forwarded-Uri", "/pub/x"), 401, "", "not_logged_in", ""},
		"public, by two methods":          {"", false, append(caddy("GET", "/pub/x"), "X-Original-Method", "POST"), 401, "", "not_logged_in", ""},
		"public, climbing":                {"", false, caddy("GET", "/pub/../secret"), 401, "", "not_logged_in", ""},
		"public, climbing in code":        {"", false, caddy("GET", "/pub/%2e%2e/secret"), 401, "", "not_logged_in", ""},
		"public on another host":          {"", false, caddy("GET", "http://evil.example/pub/x"), 401, "", "not_logged_in", ""},
		"public on another host, shorter": {"", false, caddy("GET", "//evil.example/pub/x"), 401, "", "not_logged_in", "/gateway/login"},
		"our own pages":                   {"", false, caddy("GET", "/gateway/login"), 401, "", "not_logged_in", "/gateway/login"},
		"a NUL":                           {"", false, caddy("GET", "/pub/%00"), 400, "", "bad_request", ""},
	} {
		w := subrequest(g, c.who, !c.untrusted, verify, c.headers...)
		if w.Code != c.status || w.Header().Get("Remote-User") != c.user {
			t.Errorf("%s: %d, Remote-User %q; want %d, %q", name, w.Code, w.Header().Get("Remote-User"), c.status, c.user)
		}
		if c.reason != "" && !strings.Contains(w.Body.String(), `"reason":"`+c.reason+`"`) {
			t.Errorf("%s: %s; want reason %s", name, w.Body, c.reason)
		}
		if login := w.Header().Get("X-Login-URL"); c.login != "" && login != c.login || (c.status == 401) != (login != "") {
			t.Errorf("%s: X-Login-URL %q, want %q", name, login, c.login)
		}
		if w.Header().Get("X-Login-Gateway") != "1" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
}

// nginx makes a 500 of a redirect, so one is given only to who asks for it.
func TestARedirectIsForWhoAsksForOne(t *testing.T) {
	g := newGuard(t, site())
	page := []string{"X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/x", "Accept", "text/html"}
	for name, c := range map[string]struct {
		target  string
		headers []string
		status  int
	}{
		"a page":              {verify + "?redirect=1", page, 303},
		"a page, not asked":   {verify, page, 401},
		"a script":            {verify + "?redirect=1", append([]string{"X-Requested-With", "XMLHttpRequest"}, page...), 401},
		"an API":              {verify + "?redirect=1", []string{"X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/api/x", "Accept", "text/html"}, 401},
		"a form":              {verify + "?redirect=1", []string{"X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/x", "Accept", "text/html"}, 401},
		"a WebSocket":         {verify + "?redirect=1", append([]string{"Upgrade", "websocket"}, page...), 401},
		"what fetch asks for": {verify + "?redirect=1", append([]string{"Sec-Fetch-Mode", "cors"}, page...), 401},
	} {
		w := subrequest(g, "", true, c.target, c.headers...)
		if w.Code != c.status || c.status == 303 && w.Header().Get("Location") != "/gateway/login?to=%2Fx" {
			t.Errorf("%s: %d, Location %q; want %d", name, w.Code, w.Header().Get("Location"), c.status)
		}
	}
}

func TestAPreflightThroughAnotherProxy(t *testing.T) {
	g := newGuard(t, site())
	for origin, want := range map[string]int{"https://partner.example": 200, "https://evil.example": 401, "": 401} {
		w := subrequest(g, "", true, verify, "X-Forwarded-Method", "OPTIONS", "X-Forwarded-Uri", "/x",
			"Access-Control-Request-Method", "PUT", "Origin", origin)
		if w.Code != want || w.Header().Get("Remote-User") != "" {
			t.Errorf("a preflight from %q: %d, want %d", origin, w.Code, want)
		}
	}
}
