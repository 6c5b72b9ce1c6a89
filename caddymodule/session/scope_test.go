package session_test

import (
	"testing"

	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestASiteIsAHost(t *testing.T) {
	for host, want := range map[string]string{
		"app.example.com": "app.example.com", "APP.Example.COM:8443": "app.example.com", "app.example.com.": "app.example.com",
		"app.example.com.:443": "app.example.com", "127.0.0.1:80": "127.0.0.1", "[::1]:80": "[::1]", "[::1]": "[::1]", "::1": "::1", "": "", ":80": "",
	} {
		if got := session.SiteOf(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

func TestWhereASessionCounts(t *testing.T) {
	r := session.NewRecord(&store.Session{Site: "App.example.com:8443"})
	for host, want := range map[string]bool{
		"app.example.com": true, "APP.EXAMPLE.COM:1": true, "app.example.com.": true, "app.example.co": false, "": false,
		"xapp.example.com": false, "example.com": false,
	} {
		if r.CountsAt(host, "") != want || r.CountsAt(host, "example.com") {
			t.Errorf("%q: %v", host, r.CountsAt(host, ""))
		}
	}
	if n := testing.AllocsPerRun(100, func() { r.CountsAt("APP.example.com:8443", "") }); n != 0 {
		t.Errorf("looking allocates %v times", n)
	}
}
