package endtoend_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// ourCookies are the names on the wire: over plain HTTP on a loopback host, and
// the forms they have elsewhere.
var ourCookies = []string{
	"gateway_session", "gateway_device", "gateway_flow", "__Host-gateway_session", "__Secure-gateway_session",
	"__Host-gateway_device", "__Host-gateway_flow",
}

func TestOurCookiesNeverReachTheApp(t *testing.T) {
	t.Parallel()
	g, rec := forging(t, kit.Bolt(t), "", "")
	session := kit.Visit(t, g.URL).Enter("teammate").Cookie("gateway_session")
	mine := `theirs=1; JSESSIONID="a b"; x=y=z; =odd; lone`
	for path, value := range map[string]string{"/closed": session, "/open/x": session, "/open/y": "broken"} {
		all := mine
		for _, name := range ourCookies {
			all += "; " + name + "=" + value
		}
		kit.Raw(t, g.Addr, "GET "+path+"?cookies HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\nCookie: "+all+
			"\r\nCookie: second=line; gateway_device="+value+"\r\nCookie: gateway_flow="+value+"\r\n\r\n")
		raw := strings.Join(rec.Requests(path+"?cookies"), "")
		if raw == "" {
			t.Errorf("%s: nothing reached the app", path)
		}
		if strings.Contains(raw, "gateway_") || strings.Contains(raw, value) {
			t.Errorf("%s: our cookies reached the app:\n%s", path, raw)
		}
		for _, theirs := range []string{"theirs=1", `JSESSIONID="a b"`, "x=y=z", "=odd", "lone", "second=line"} {
			if !strings.Contains(raw, theirs) {
				t.Errorf("%s: the app's own cookie %s is gone:\n%s", path, theirs, raw)
			}
		}
	}
	// Without ours the line is what it was, byte for byte.
	odd := "a=1;b=2 ;  c=\"x;y\" ;;d"
	kit.Raw(t, g.Addr, "GET /open/odd HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\nCookie: "+odd+"\r\n\r\n")
	if raw := strings.Join(rec.Requests("/open/odd"), ""); !strings.Contains(raw, "\r\nCookie: "+odd+"\r\n") {
		t.Errorf("the app's cookies were changed:\n%s", raw)
	}
}

func TestTheAppCannotSetOurCookies(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{Words: "public /set"})
	for _, v := range []*kit.Visitor{kit.Visit(t, g.URL), kit.Visit(t, g.URL).Enter("teammate")} {
		before := v.Cookie("gateway_session")
		query := url.Values{}
		for _, name := range ourCookies {
			query.Add("c", name+"=planted; Path=/")
			query.Add("c", " "+name+" =; Max-Age=0; Path=/")
		}
		query.Add("c", "theirs=1; Path=/; HttpOnly")
		query.Add("c", "gateway_sessions=theirs too; Path=/")
		a := v.Get("/set?" + query.Encode())
		if a.Status != http.StatusOK || !a.FromApp() {
			t.Fatalf("the app did not answer: %s", a)
		}
		got := a.Header["Set-Cookie"]
		if len(got) != 2 || got[0] != "theirs=1; Path=/; HttpOnly" || !strings.HasPrefix(got[1], "gateway_sessions=") {
			t.Errorf("the app set %q", got)
		}
		if v.Cookie("gateway_session") != before {
			t.Error("the app changed the session cookie")
		}
	}
}

func TestCookiesOverTLS(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{HTTPS: true})
	v := kit.Visit(t, g.URL)
	a := v.Login("teammate", kit.Password)
	sentTo(t, a, "/")
	set := a.Header["Set-Cookie"]
	if len(set) < 2 {
		t.Fatalf("cookies: %q", set)
	}
	total := 0
	for _, line := range set {
		name, rest, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, "__Host-gateway_") {
			t.Errorf("cookie %s has no prefix that binds it to the host", name)
		}
		for _, attr := range []string{"; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
			if !strings.Contains(rest, attr) {
				t.Errorf("%s lacks %s: %s", name, attr, line)
			}
		}
		if strings.Contains(rest, "Domain=") {
			t.Errorf("%s is shared over hosts: %s", name, line)
		}
		value, _, _ := strings.Cut(rest, ";")
		total += len(name) + len(value)
	}
	if total > 600 { // P28: some apps take 4 KiB of headers in all
		t.Errorf("our cookies have %d bytes", total)
	}
	seen := arrived(t, v.Get("/"), "teammate")
	if seen.Header.Get("Cookie") != "" {
		t.Errorf("our cookies reached the app: %s", seen.Header.Get("Cookie"))
	}
	plain := kit.Visit(t, g.URL)
	plain.SetCookie("gateway_session", v.Cookie("__Host-gateway_session"))
	if a := plain.Get("/"); a.FromApp() {
		t.Error("a session cookie without its prefix is taken over TLS")
	}
}
