package endtoend_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// unclear are paths that servers read differently. None is public, whatever rule
// its reading may match; with a session each goes on as it came, but for a
// backslash, which every proxy on Caddy writes as %5C.
var unclear = []string{
	"/open/../closed", "/open/..%2fclosed", "/open/%2e%2e/closed", "/open/%2E%2E%2Fclosed", "/open/.%2e/closed",
	"/open/..;/closed", "/open/;/closed", "/open;x=y/z", "/open/%3b/closed", "/open//closed", "//open/x", "/open/./x",
	"/open/x/..", "/open/x/.", "/./open/x", "/open/%2fclosed", "/open%2fx", "/%2fopen/x", "/open/%5cclosed", `/open/\closed`,
	`/open\..\closed`, "/open/%252e%252e/closed", "/open/%25", "/open/x%0d%0aX:y", "/open/%01", "/open/%7f", "/open/%ff%fe",
	"/open/%c0%ae%c0%ae/closed", "/closed/../open/x", "/closed/..;/open/x", "/open/x%2f..%2f..%2fclosed", "/open/..",
	"/closed%2f..%2fopen/x",
}

func TestUnclearPathsAreNeverPublic(t *testing.T) {
	t.Parallel()
	g, rec := forging(t, kit.Bolt(t), "api_paths /api/*", "")
	session := kit.Visit(t, g.URL).Enter("teammate").Cookie("gateway_session")
	for i, path := range unclear {
		uri := fmt.Sprintf("%s?n=%d", path, i)
		a := kit.Raw(t, g.Addr, "GET "+uri+" HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\nAccept: */*\r\n\r\n")
		if a.Status != http.StatusUnauthorized && a.Status != http.StatusBadRequest || a.FromApp() {
			t.Errorf("%s without a session: %s", path, a)
		}
		if got := rec.Requests("n=" + fmt.Sprint(i) + " "); len(got) != 0 {
			t.Errorf("%s reached the app:\n%s", path, got)
		}
		a = kit.Raw(t, g.Addr, "GET "+uri+" HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\nCookie: gateway_session="+session+"\r\n\r\n")
		got := strings.Join(rec.Requests("n="+fmt.Sprint(i)+" "), "")
		if line, _, _ := strings.Cut(got, "\r\n"); line != "GET "+strings.ReplaceAll(uri, `\`, "%5C")+" HTTP/1.1" {
			t.Errorf("%s with a session: status %d, the app got %q", path, a.Status, line)
		}
	}
}

func TestBrokenPathsAreRefused(t *testing.T) {
	t.Parallel()
	g, rec := forging(t, kit.Bolt(t), "", "")
	session := kit.Visit(t, g.URL).Enter("teammate").Cookie("gateway_session")
	for _, path := range []string{"/open/%00", "/open/x%00.png", "/open/%", "/open/%zz", "/open/%2", "/%", "/closed%00", "/gateway/login%00"} {
		for _, cookie := range []string{"", "Cookie: gateway_session=" + session + "\r\n"} {
			a := kit.Raw(t, g.Addr, "GET "+path+" HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\n"+cookie+"\r\n")
			if a.Status != http.StatusBadRequest {
				t.Errorf("%s: %s", path, a)
			}
		}
	}
	if got := rec.Requests(""); len(got) != 0 {
		t.Errorf("reached the app: %q", got)
	}
}

// The gateway's own pages are found by what the client sent, and only so.
func TestPathsNearOurOwnBelongToTheApp(t *testing.T) {
	t.Parallel()
	g, app := town(t, kit.Bolt(t), kit.Site{Words: "prefix /login-here"})
	v := kit.Visit(t, g.URL)
	for _, path := range []string{"/login-herex", "/Login-Here/login", "/login-here%2flogin", "/gateway/login", "/x/../login-here/login"} {
		if a := v.Get(path, kit.Bare); a.Status != http.StatusUnauthorized || a.FromApp() {
			t.Errorf("%s without a session: %s", path, a)
		}
	}
	v.Get("/login-here/login")
	sentTo(t, v.Post("/login-here/login", kit.Form("teammate@demo.test", kit.Password)), "/")
	for _, path := range []string{"/login-herex", "/Login-Here/login", "/gateway/login"} {
		arrived(t, v.Get(path), "teammate")
	}
	for path, status := range map[string]int{"/login-here": http.StatusSeeOther, "/login-here/": http.StatusSeeOther, "/login-here/nothing": http.StatusNotFound} {
		if a := v.Get(path); a.Status != status || !a.Own() {
			t.Errorf("%s: %s", path, a)
		}
	}
	if got := app.Seen("login-here/"); len(got) != 0 {
		t.Errorf("our own paths reached the app: %v", got)
	}
}

// A query is no path: what stands there opens nothing.
func TestQueriesOpenNothing(t *testing.T) {
	t.Parallel()
	g, rec := forging(t, kit.Bolt(t), "", "")
	for _, uri := range []string{"/closed?/open/x", "/closed?x=/open/", "/closed?path=%2fopen%2fx", "/closed#/open/x"} {
		a := kit.Raw(t, g.Addr, "GET "+uri+" HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\nX-Original-URL: /open/x\r\n"+
			"X-Rewrite-URL: /open/x\r\nX-Forwarded-Uri: /open/x\r\nX-HTTP-Method-Override: GET\r\n\r\n")
		if a.FromApp() {
			t.Errorf("%s: %s", uri, a)
		}
	}
	a := kit.Raw(t, g.Addr, "GET http://"+g.Addr+"/closed HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\n\r\n")
	refused(t, a, http.StatusUnauthorized, "not_logged_in")
	if got := rec.Requests(""); len(got) != 0 {
		t.Errorf("reached the app: %q", got)
	}
}
