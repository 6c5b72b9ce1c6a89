package guard_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/testkit"
)

// ASVS 16.3.3: whoever tries what no browser sends is in the log, and cannot fill it.
func TestMalformedRequestsHaveALineASecond(t *testing.T) {
	g, log, now := newGuard(t, site()), &testkit.Log{}, time.Unix(1803895200, 0)
	g.Log, g.Now = slog.New(slog.NewTextHandler(log, nil)), func() time.Time { return now }
	for n, want := range []string{"more=0", "", "", "more=2", "more=0"} {
		if n >= 3 {
			now = now.Add(time.Second)
		}
		before := len(log.String())
		r := request("GET", "/pub/x")
		r.Host = "planted,host"
		ask(t, g, &app{}, r, "good")
		line := log.String()[before:]
		if want == "" && line != "" || want != "" && (!strings.Contains(line, "malformed request") || !strings.Contains(line, want)) || strings.Contains(line, "planted") {
			t.Errorf("request %d: %q, want %q", n, line, want)
		}
	}
}

// What could not stand in a line of HTTP/1.1 is refused, whoever is logged in: over
// HTTP/2 it comes as a field.
func TestWhatCannotStandInALineIsRefused(t *testing.T) {
	g := newGuard(t, site())
	ask400 := func(what string, change func(r *http.Request)) {
		t.Helper()
		r := request("GET", "/pub/x")
		r.ProtoMajor, r.ProtoMinor = 2, 0
		change(r)
		a := &app{}
		if w := ask(t, g, a, r, ""); w.Code != http.StatusBadRequest || a.calls != 0 {
			t.Errorf("%s: %d, the app got %d", what, w.Code, a.calls)
		}
	}
	for _, method := range []string{"", "GET /pub/x", "GET\r\n", "GÉT", "GET:", "G(T", "GET\x00"} {
		ask400("method "+method, func(r *http.Request) { r.Method = method })
	}
	for _, host := range []string{
		"a,b", "a:80,b", "a:80x", "a/b", "user@a", "a b", "a:b:c", "[::1", "::1", "a?b", "a#b", "a%41", "[]", "a\\b", "é", "a:-1", "[a]b]:1",
	} {
		ask400("host "+host, func(r *http.Request) { r.Host = host })
	}
	ask400("two lengths", func(r *http.Request) { r.Header["Content-Length"] = []string{"3", "400"} })
	ask400("a protocol without CONNECT", func(r *http.Request) { r.Header[":protocol"] = []string{"websocket"} })
	for _, host := range []string{"", "a", "A.Example", "a.example.", "a:", "a:80", "127.0.0.1:8080", "[::1]", "[::1]:443", "my_host-1.xn--bcher-kva"} {
		r := request("GET", "/pub/x")
		r.Host = host
		a := &app{}
		if w := ask(t, g, a, r, ""); a.calls != 1 {
			t.Errorf("host %q is refused: %d", host, w.Code)
		}
	}
}
