package cookie_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cookie"
)

func TestWithinADomain(t *testing.T) {
	for host, want := range map[string]bool{
		"example.com": true, "app.example.com": true, "A.B.EXAMPLE.com:8443": true, "app.example.com.": true,
		"badexample.com": false, "example.com.evil.example": false, "com": false, "": false, "example.org": false, ".example.com": true,
	} {
		if cookie.Within(host, "example.com") != want {
			t.Errorf("%q within example.com: %v", host, !want)
		}
	}
}

func TestSharedCookies(t *testing.T) {
	r := cookie.Sharing(httptest.NewRequest(http.MethodGet, "https://app.example.com/", nil), "example.com")
	for base, name := range map[string]string{
		cookie.Session: "__Secure-gateway_session", cookie.Device: "__Secure-gateway_device", cookie.Flow: "__Secure-gateway_flow",
	} {
		c := cookie.New(base, "v", cookie.Secure(r, false), 0)
		if err := c.Valid(); err != nil || c.Name != name || c.Domain != "example.com" || !c.Secure || !c.HttpOnly || !cookie.IsOurs(c.Name) {
			t.Errorf("%s: %+v, %v", base, c, err)
		}
	}
	r.Host = "other.example.net"
	if c := cookie.New(cookie.Session, "v", cookie.Secure(r, false), 0); c.Domain != "" || c.Name != "__Host-gateway_session" {
		t.Errorf("a host outside of the domain got %+v", c)
	}
	r.TLS, r.Host = nil, "app.localhost:8080"
	r = cookie.Sharing(r, "app.localhost")
	if c := cookie.New(cookie.Session, "v", cookie.Secure(r, false), 0); c.Name != "gateway_session" || c.Secure || c.Domain != "app.localhost" {
		t.Errorf("on a loopback host: %+v", c)
	}
	if n := testing.AllocsPerRun(100, func() { _ = cookie.Name(cookie.Session, cookie.FormOf(r, true, "app.localhost")) }); n != 0 {
		t.Errorf("the name of a cookie allocates %v times", n)
	}
}

func TestOnlyOneOfAName(t *testing.T) {
	for line, want := range map[string]string{
		"a=1; s=x; b=2; s=y": "a=1; b=2; s=y", "s=x": "s=y", "a=1": "a=1; s=y", `"s"=x; s =z;;`: "s=y",
	} {
		h := http.Header{"Cookie": {line}}
		cookie.Only(h, "s", "y")
		if h.Get("Cookie") != want {
			t.Errorf("%q became %q, want %q", line, h.Get("Cookie"), want)
		}
	}
	h := http.Header{"Cookie": {"s=x", "s=y"}}
	if cookie.Only(h, "s", ""); len(h) != 0 {
		t.Errorf("%v", h)
	}
}
