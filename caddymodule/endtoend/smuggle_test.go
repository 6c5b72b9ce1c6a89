package endtoend_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// talk writes bytes to a server, says that there are no more, and reads all that
// comes back, so that what was hidden in the bytes has had its turn.
func talk(t *testing.T, addr, bytes string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, bytes) // it may hang up on the way
	// First it may answer in peace, as Caddy drops what it does for a visitor who has
	// half gone; then it learns that no more comes.
	_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
	first, _ := io.ReadAll(conn)
	_ = conn.(*net.TCPConn).CloseWrite()
	_ = conn.SetDeadline(time.Now().Add(kit.Patience))
	rest, _ := io.ReadAll(conn) // what came until it hung up
	return string(first) + string(rest)
}

// Requests in which a second one hides, for whoever counts differently: the app
// never gets it, and it is decided about as any other.
func TestHiddenRequestsAreNotPassedOn(t *testing.T) {
	t.Parallel()
	g, rec := forging(t, kit.Bolt(t), "", "")
	session := kit.Visit(t, g.URL).Enter("teammate").Cookie("gateway_session")
	hidden := "GET /closed?hidden HTTP/1.1\r\nHost: " + g.Addr + "\r\nRemote-User: mallory\r\nConnection: close\r\n\r\n"
	host, last := "Host: "+g.Addr+"\r\n", "Connection: close\r\n"
	upgrade := host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
	socket := host + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	for what, bytes := range map[string]string{
		"length and chunks":           "POST /open/x HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks and length":           "POST /open/x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 400\r\n\r\n0\r\n\r\n" + hidden,
		"two lengths":                 "POST /open/x HTTP/1.1\r\n" + host + "Content-Length: 0\r\nContent-Length: 100\r\n\r\n" + hidden,
		"two lengths in one":          "POST /open/x HTTP/1.1\r\n" + host + "Content-Length: 0, 100\r\n\r\n" + hidden,
		"a length with a sign":        "POST /open/x HTTP/1.1\r\n" + host + "Content-Length: +0\r\n\r\n" + hidden,
		"a length below zero":         "POST /open/x HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n" + hidden,
		"chunks twice":                "POST /open/x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden,
		"chunks in disguise":          "POST /open/x HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden,
		"chunks behind a blank":       "POST /open/x HTTP/1.1\r\n" + host + "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden,
		"chunks on a folded line":     "POST /open/x HTTP/1.1\r\n" + host + "Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden,
		"a chunk that is too large":   "POST /open/x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n" + hidden,
		"chunks in HTTP/1.0":          "POST /open/x HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"a body on GET":               "GET /open/x HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n" + hidden,
		"a bare line feed":            "GET /open/x HTTP/1.1\n" + host + "\n" + hidden,
		"a bare carriage return":      "GET /open/x HTTP/1.1\r\n" + host + "X: a\rRemote-User: mallory\r\n\r\n" + hidden,
		"two hosts":                   "GET /open/x HTTP/1.1\r\n" + host + "Host: evil.example\r\n\r\n" + hidden,
		"an upgrade to HTTP/2":        "GET /open/x HTTP/1.1\r\n" + upgrade + hidden,
		"an upgrade that is refused":  "GET /closed?hidden HTTP/1.1\r\n" + socket + hidden,
		"refused, with its body kept": "POST /closed?hidden HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc" + hidden,
	} {
		answers := talk(t, g.Addr, bytes)
		if strings.Contains(answers, "\r\nX-App: 1\r\n") && strings.Contains(answers, "hidden") {
			t.Errorf("%s: the app answered\n%s", what, answers)
		}
		if got := rec.Requests("hidden"); len(got) != 0 {
			t.Fatalf("%s: the app got\n%s", what, got)
		}
		for _, got := range rec.Requests("") {
			if claims(got) || strings.Contains(got, "evil.example") || strings.Count(strings.ToLower(got), "\ncontent-length:") > 1 ||
				strings.Contains(strings.ToLower(got), "\ncontent-length:") && strings.Contains(strings.ToLower(got), "\ntransfer-encoding:") {
				t.Fatalf("%s: passed on unchecked:\n%s", what, got)
			}
		}
	}
	// The same connection serves the one who is logged in, and nobody after them.
	before := len(rec.Requests("/closed"))
	answers := talk(t, g.Addr, "GET /closed?mine HTTP/1.1\r\n"+host+"Cookie: gateway_session="+session+"\r\n\r\n"+
		"GET /closed?hidden HTTP/1.1\r\n"+host+last+"\r\n")
	if got := rec.Requests("/closed"); len(got) != before+1 || len(rec.Requests("hidden")) != 0 || !strings.Contains(answers, "HTTP/1.1 401 ") {
		t.Errorf("a connection that is shared: the app got %q\n%s", got, answers)
	}
}

// What names the host in an odd way is decided about as the host it names: rules of
// the path are those of the path, and a session is that of its host.
func TestOddHostsAndTargets(t *testing.T) {
	t.Parallel()
	g, rec := forging(t, kit.Bolt(t), "", "")
	session := "Cookie: gateway_session=" + kit.Visit(t, g.URL).Enter("teammate").Cookie("gateway_session") + "\r\n"
	end := "Connection: close\r\n"
	for what, c := range map[string]struct {
		line, head string
		status     []int
	}{
		"absolute":                {"GET http://" + g.Addr + "/closed HTTP/1.1", "Host: " + g.Addr + "\r\n", []int{401}},
		"absolute, elsewhere":     {"GET http://evil.example/closed HTTP/1.1", "Host: " + g.Addr + "\r\n", []int{200, 401, 303}},
		"absolute, to be public":  {"GET http://" + g.Addr + "/closed?http://x/open/x HTTP/1.1", "Host: " + g.Addr + "\r\n", []int{401}},
		"authority":               {"CONNECT " + g.Addr + " HTTP/1.1", "Host: " + g.Addr + "\r\n", []int{400, 401, 405, 501}},
		"a star":                  {"OPTIONS * HTTP/1.1", "Host: " + g.Addr + "\r\n", []int{200, 204, 400, 401}},
		"no host":                 {"GET /closed HTTP/1.1", "", []int{400}},
		"a slash in the host":     {"GET /closed HTTP/1.1", "Host: " + g.Addr + "/open/x\r\n", []int{400, 401, 200}},
		"two slashes in front":    {"GET //" + g.Addr + "/open/x HTTP/1.1", "Host: " + g.Addr + "\r\n", []int{401}},
		"a dot behind the host":   {"GET /closed HTTP/1.1", "Host: 127.0.0.1.\r\n", []int{200, 401}},
		"another method by case":  {"get /open/x HTTP/1.1", "Host: " + g.Addr + "\r\n", []int{401}},
		"a method by header":      {"POST /closed HTTP/1.1", "X-HTTP-Method-Override: GET\r\nContent-Length: 0\r\nHost: " + g.Addr + "\r\n", []int{401}},
		"a path by header":        {"GET /closed HTTP/1.1", "X-Original-URL: /open/x\r\nX-Rewrite-URL: /open/x\r\nX-Forwarded-Uri: /open/x\r\nHost: " + g.Addr + "\r\n", []int{401}},
		"another host, logged in": {"GET /closed HTTP/1.1", session + "Host: evil.example\r\n", []int{200, 401, 303}},
	} {
		a := kit.Raw(t, g.Addr, c.line+"\r\n"+c.head+end+"\r\n")
		ok := a.Status == 0
		for _, status := range c.status {
			ok = ok || a.Status == status
		}
		if !ok || a.FromApp() {
			t.Errorf("%s: %s", what, a)
		}
	}
	if got := rec.Requests(""); len(got) != 0 {
		t.Errorf("reached the app: %q", got)
	}
	a := kit.Raw(t, g.Addr, "GET http://"+g.Addr+"/closed HTTP/1.1\r\nHost: "+g.Addr+"\r\n"+session+end+"\r\n")
	if got := rec.Requests("/closed"); a.Status != http.StatusOK || len(got) != 1 || !strings.HasPrefix(got[0], "GET /closed HTTP/1.1\r\n") {
		t.Errorf("absolute, logged in: %s; the app got %q", a, got)
	}
}
