package guard_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/session"
)

func TestWhoPassesWhere(t *testing.T) {
	g := newGuard(t, site())
	for _, c := range []struct {
		method, target, session string
		status                  int // 200: reached the app
		reason                  string
	}{
		{"GET", "/", "good", 200, ""},
		{"GET", "/", "", 401, "not_logged_in"},
		{"GET", "/", "expired", 401, "session_expired"},
		{"GET", "/", "blocked", 403, "user_blocked"},
		{"GET", "/", "noapp", 403, "forbidden"},
		{"GET", "/", "down", 503, "store_unavailable"},
		{"GET", "/", "repair", 403, "account_arrears"},
		{"GET", "/billing/pay", "repair", 200, ""},
		{"GET", "/Billing/pay", "repair", 403, "account_arrears"},
		{"GET", "/billing/../", "repair", 403, "account_arrears"},
		{"GET", "/billing/pay", "blocked", 403, "user_blocked"},
		{"GET", "/pub/x", "", 200, ""},
		{"GET", "/pub/x", "down", 200, ""},
		{"GET", "/pub/x", "blocked", 200, ""},
		{"HEAD", "/pub/x", "", 200, ""},
		{"POST", "/pub/x", "", 401, "not_logged_in"},
		{"POST", "/hook", "", 200, ""},
		{"GET", "/hook", "", 401, "not_logged_in"},
		{"POST", "/hook/", "", 401, "not_logged_in"},
		{"GET", "/pub", "", 401, "not_logged_in"},
		{"GET", "/PUB/x", "", 401, "not_logged_in"},
		{"GET", "/x?/pub/x", "", 401, "not_logged_in"},
		{"GET", "/gateway", "", 418, ""},
		{"GET", "/gateway/login", "", 418, ""},
		{"GET", "/gatewayed", "", 401, "not_logged_in"},
		{"GET", "/gateway/../x", "", 401, "not_logged_in"},
		{"GET", "//gateway/login", "", 401, "not_logged_in"},
	} {
		a := &app{}
		w := ask(t, g, a, request(c.method, c.target), c.session)
		if w.Code != c.status || (a.calls == 1) != (c.status == 200) {
			t.Errorf("%s %s as %q: %d, app reached %d times; want %d", c.method, c.target, c.session, w.Code, a.calls, c.status)
		}
		if c.reason != "" && !strings.Contains(w.Body.String(), `"reason":"`+c.reason+`"`) {
			t.Errorf("%s %s as %q: %s; want reason %s", c.method, c.target, c.session, w.Body, c.reason)
		}
		if c.status == 503 && (w.Header().Get("Retry-After") == "" || w.Header().Get("Set-Cookie") != "") {
			t.Errorf("an absent store: %v; want Retry-After and no Set-Cookie", w.Header())
		}
	}
}

func TestPublicPathsKnowWhoIsLoggedIn(t *testing.T) {
	g := newGuard(t, site())
	for who, want := range map[string]string{"good": "jan", "": "", "blocked": "", "expired": "", "noapp": ""} {
		a := &app{}
		ask(t, g, a, request("GET", "/pub/x", "Remote-User", "mallory"), who)
		if got := a.header.Get("Remote-User"); got != want || a.calls != 1 {
			t.Errorf("as %q the app saw Remote-User %q, want %q", who, got, want)
		}
	}
}

func TestAmbiguousPathsOpenNothing(t *testing.T) {
	g := newGuard(t, site())
	for _, target := range []string{
		"/pub/../secret", "/pub/%2e%2e/secret", "/pub/%2E%2E%2Fsecret", "/pub//x", "//pub/x", "/pub/./x", "/pub/x/..", "/pub/.",
		"/pub/x;y", "/pub/%3bx", `/pub/\x`, "/pub/%5cx", "/pub/%2fx", "/pub/%252e", "/pub/%00", "/pub/%0a", "/pub/%7f", "/pub/%ff", "*",
	} {
		r := request("GET", target)
		if r == nil {
			t.Fatalf("%s cannot be sent at all", target)
		}
		a := &app{}
		w := ask(t, g, a, r, "")
		want := 401
		if strings.Contains(target, "%00") {
			want = 400
		}
		if a.calls != 0 || w.Code != want {
			t.Errorf("%s without a session: %d, app reached %d times; want %d", target, w.Code, a.calls, want)
		}
		if want == 400 {
			continue
		}
		if w := ask(t, g, a, request("GET", target), "good"); a.calls != 1 || a.uri != r.URL.RequestURI() {
			t.Errorf("%s with a session: %d, the app got %q", target, w.Code, a.uri)
		}
	}
}

func TestIdentityIsSetByTheGatewayAlone(t *testing.T) {
	s := site()
	s.Headers[session.ValueUser], s.Headers[session.ValueName] = "X-App-User", ""
	g := newGuard(t, s)
	for _, name := range []string{
		"Remote-User", "REMOTE_USER", "remote.user", "Remote--User", "_Remote-User", "RemoteUser", "Remote-Auth-Time", "remote_amr",
		"X-App-User", "X_APP_USER", "xappuser", "Remote-Name", "Remote-Email",
	} {
		r := request("GET", "/")
		r.Header[name] = []string{"mallory", "mallory"}
		r.Trailer = http.Header{name: {"mallory"}, "Checksum": {"1"}}
		a := &app{}
		ask(t, g, a, r, "good")
		for got, values := range a.header {
			if strings.Contains(strings.Join(values, ""), "mallory") {
				t.Errorf("%s reached the app as %s", name, got)
			}
		}
		if diff := cmp.Diff(http.Header{"Checksum": {"1"}}, a.trailer); diff != "" {
			t.Errorf("trailers with %s: %s", name, diff)
		}
		if a.header.Get("X-App-User") != "jan" || a.header.Get("Remote-Name") != "" {
			t.Errorf("identity: %v", a.header)
		}
	}
	r := request("GET", "/", "Connection", "keep-alive, x_app-user", "Connection", "Remote-Email,Close")
	a := &app{}
	ask(t, g, a, r, "good")
	if got := a.header.Values("Connection"); len(got) != 1 || got[0] != "keep-alive, Close" {
		t.Errorf("Connection: %q", got)
	}
}

func TestCookiesStayOnTheirSide(t *testing.T) {
	g := newGuard(t, site())
	a := &app{reply: func(w http.ResponseWriter) {
		w.Header().Add("Set-Cookie", "theirs=1; Path=/")
		w.Header().Add("Set-Cookie", "__Host-gateway_session=planted; Path=/; Secure")
		w.Header().Add("Set-Cookie", " gateway_device =planted")
		_, _ = w.Write([]byte("hello"))
	}}
	r := request("GET", "/", "Cookie", "a=1; __Host-gateway_session=x;  b=2;gateway_flow=y", "Cookie", "gateway_device=z")
	w := ask(t, g, a, r, "good")
	if got := a.header.Values("Cookie"); len(got) != 1 || got[0] != "a=1; b=2" {
		t.Errorf("the app got the cookies %q", got)
	}
	if got := w.Header().Values("Set-Cookie"); len(got) != 1 || got[0] != "theirs=1; Path=/" {
		t.Errorf("the browser got %q", got)
	}
}

func TestAPlantedCookieDoesNotHideTheRealOne(t *testing.T) {
	g := newGuard(t, site())
	a := &app{}
	ask(t, g, a, request("GET", "/", "Cookie", "gateway_session=planted; gateway_session=expired; gateway_session=good"), "")
	if a.calls != 1 {
		t.Error("the session was not found behind planted cookies")
	}
}

func TestScriptsOfListedOriginsAreAnswered(t *testing.T) {
	g := newGuard(t, site())
	for origin, want := range map[string]int{"https://partner.example": 204, "https://evil.example": 401, "https://partner.example.evil": 401} {
		a := &app{}
		w := ask(t, g, a, request("OPTIONS", "/x", "Origin", origin, "Access-Control-Request-Method", "PUT"), "")
		if w.Code != want || a.calls != 0 || (w.Header().Get("Access-Control-Allow-Origin") == origin) != (want == 204) {
			t.Errorf("preflight from %s: %d %v", origin, w.Code, w.Header())
		}
		w = ask(t, g, a, request("GET", "/x", "Origin", origin), "")
		if w.Code != 401 || (w.Header().Get("Access-Control-Allow-Origin") != "") != (want == 204) {
			t.Errorf("fetch from %s: %d %v", origin, w.Code, w.Header())
		}
	}
}

var _ guard.Next = (*app)(nil)
