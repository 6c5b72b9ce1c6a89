package endtoend_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// wire is a gateway that is spoken to over HTTP/2, frame by frame, before an app
// that keeps every byte.
type wire struct {
	t       *testing.T
	g       *kit.Gateway
	rec     *kit.Recorder
	cookie  kit.Field // of somebody who is logged in
	tls     bool
	counter int
}

// wires runs a test on one node without TLS, and on the second of two nodes over
// TLS, with a session that began at the first.
func wires(t *testing.T, servers string, test func(w *wire), env ...string) {
	t.Helper()
	open := func(t *testing.T, line string, https bool) (*kit.Gateway, *kit.Recorder) {
		t.Helper()
		rec := kit.NewRecorder(t)
		return kit.Start(t, kit.Site{
			Store: line, Upstream: rec.Addr, Words: "public GET,HEAD,POST /open/*\nrequire second_step /admin/*",
			Servers: h2c + "\n" + servers, HTTPS: https, Env: env,
		}), rec
	}
	t.Run("one node on bolt", func(t *testing.T) {
		t.Parallel()
		g, rec := open(t, kit.Bolt(t).Town().Line, false)
		session := kit.Visit(t, g.URL).Enter("teammate").Cookie("gateway_session")
		test(&wire{t: t, g: g, rec: rec, cookie: kit.Field{Name: "cookie", Value: "gateway_session=" + session}})
	})
	t.Run("two nodes on redis, over TLS", func(t *testing.T) {
		t.Parallel()
		line := kit.Redis(t).Town().Line
		one, _ := open(t, line, true)
		g, rec := open(t, line, true)
		const name = "__Host-gateway_session"
		session := kit.Visit(t, one.URL).Enter("teammate").Cookie(name)
		test(&wire{t: t, g: g, rec: rec, cookie: kit.Field{Name: "cookie", Value: name + "=" + session}, tls: true})
	})
}

// send sends a request of which only what is odd is said, and returns the answer
// and what of it reached the app. A field "-:path" leaves that one out, "+:path"
// stands before the fields as it should; the others stand behind them.
func (w *wire) send(method, path string, loggedIn bool, odd []kit.Field, data []string, trailer []kit.Field) (kit.Answer, []string) {
	w.t.Helper()
	w.counter++
	scheme := map[bool]string{false: "http", true: "https"}[w.tls]
	header := []kit.Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: scheme}, {Name: ":authority", Value: w.g.Addr}, {Name: ":path", Value: path}}
	rest := []kit.Field{{Name: "x-n", Value: fmt.Sprint(w.counter)}}
	if loggedIn {
		rest = append(rest, w.cookie)
	}
	for _, f := range odd {
		switch f.Name[:min(1, len(f.Name))] {
		case "-":
			header = slices.DeleteFunc(header, func(h kit.Field) bool { return h.Name == f.Name[1:] })
		case "+":
			header = append(header, kit.Field{Name: f.Name[1:], Value: f.Value})
		default:
			rest = append(rest, f)
		}
	}
	q := kit.HTTP2{Addr: w.g.Addr, TLS: w.tls, Header: append(header, rest...), Data: data, Trailer: trailer}
	return q.Send(w.t), w.reached(w.counter)
}

// reached is what reached the app of one request.
func (w *wire) reached(n int) (got []string) {
	for _, one := range w.rec.Requests("") {
		if strings.Contains(one, fmt.Sprintf("\r\nX-N: %d\r\n", n)) {
			got = append(got, one)
		}
	}
	return got
}

// tidy checks what reached the app: nothing in it is a visitor's claim, and no two
// servers can differ about where it ends, or which host it is for.
func (w *wire) tidy(what, got string) {
	w.t.Helper()
	head, body, _ := strings.Cut(got, "\r\n\r\n")
	lower := strings.ToLower(head) + "\r\n"
	count := func(part string) int { return strings.Count(lower, "\r\n"+part) }
	lengths, chunks := count("content-length:"), count("transfer-encoding:")
	if claims(head) || claims(body) || strings.Contains(lower, "evil") || count("host: ") != 1 || count("host: "+w.g.Addr+"\r\n") != 1 ||
		lengths+chunks > 1 || count(":") != 0 || count("keep-alive:") != 0 || count("proxy-connection:") != 0 || count("te:") != 0 && count("te: trailers\r\n") != 1 {
		w.t.Errorf("%s: passed on unchecked:\n%s", what, got)
	}
}

func field(name, value string) []kit.Field { return []kit.Field{{Name: name, Value: value}} }

// What HTTP/2 forbids never reaches an app, whoever sends it.
func TestForbiddenFieldsOverHTTP2(t *testing.T) {
	t.Parallel()
	pseudo := func(name, value string) []kit.Field {
		return []kit.Field{{Name: "-" + name}, {Name: "+" + name, Value: value}}
	}
	cases := map[string][]kit.Field{
		"connection": field("connection", "keep-alive"), "connection that names ours": field("connection", "remote-user"),
		"close": field("connection", "close"), "keep-alive": field("keep-alive", "timeout=5"), "proxy-connection": field("proxy-connection", "keep-alive"),
		"transfer-encoding": field("transfer-encoding", "chunked"), "identity": field("transfer-encoding", "identity"),
		"upgrade": field("upgrade", "websocket"), "upgrade to itself": field("upgrade", "h2c"), "te": field("te", "gzip"),
		"te, also": field("te", "trailers, deflate"), "upper case": field("X-Upper", "1"), "ours in upper case": field("Remote-User", forged),
		"a blank in a name": field("remote user", forged), "a colon in a name": field("x:y", "1"), "an empty name": field("", "1"),
		"a line feed in a name": field("x\nremote-user", forged), "a line feed in a value": field("x-other", "1\r\nremote-user: "+forged),
		"a bare line feed in a value": field("x-other", "1\nremote-user: "+forged), "a NUL in a value": field("x-other", "1\x00"),
		"path twice": field("+:path", "/open/x"), "method twice": field("+:method", "GET"), "authority twice": field("+:authority", "evil.example"),
		"scheme twice": field("+:scheme", "http"), "a path after a field": field(":path", "/open/x"), "status": field("+:status", "200"),
		"an unknown one": field("+:identity", forged), "an empty one": field("+:", "x"),
		"no path": field("-:path", ""), "no method": field("-:method", ""), "no scheme": field("-:scheme", ""),
		"an empty path": pseudo(":path", ""), "a path without a slash": pseudo(":path", "open/x"), "an upper case one": field("+:Path", "/open/x"),
		"a path with a line": pseudo(":path", "/open/x HTTP/1.1\r\nremote-user: "+forged+"\r\n"), "a path with NUL": pseudo(":path", "/open/x\x00"),
		"a path with a bad percent": pseudo(":path", "/open/%zz"), "a path with an encoded NUL": pseudo(":path", "/open/%00"),
		"a method with a blank": pseudo(":method", "GET /open/x"), "an empty method": pseudo(":method", ""),
		"a method with a line": pseudo(":method", "GET\r\n"), "an authority with a line": pseudo(":authority", "evil\r\nremote-user: "+forged),
		"an authority with a NUL": pseudo(":authority", "evil\x00"),
	}
	wires(t, "", func(w *wire) {
		for what, odd := range cases {
			for _, path := range []string{"/open/x", "/closed"} {
				for _, loggedIn := range []bool{false, true} {
					a, got := w.send(http.MethodGet, path, loggedIn, odd, nil, nil)
					if a.Status != 0 && a.Status != http.StatusBadRequest || a.FromApp() || len(got) != 0 {
						w.t.Errorf("%s at %s, logged in %t: %s; the app got %q", what, path, loggedIn, a, got)
					}
				}
			}
		}
		if a, got := w.send(http.MethodGet, "/closed", true, field("te", "trailers"), nil, nil); a.Status != http.StatusOK || len(got) != 1 {
			w.t.Errorf("nothing gets in at all: %s", a)
		}
	})
}

// A path, an authority and a host are decided about as they are passed on.
func TestOddTargetsOverHTTP2(t *testing.T) {
	t.Parallel()
	at := func(authority string, more ...kit.Field) []kit.Field {
		return append([]kit.Field{{Name: "-:authority"}, {Name: "+:authority", Value: authority}}, more...)
	}
	wires(t, "", func(w *wire) {
		for i, path := range unclear {
			uri := fmt.Sprintf("%s?n=%d", path, i)
			if a, got := w.send(http.MethodGet, uri, false, nil, nil, nil); a.Status != 401 && a.Status != 400 && a.Status != 0 || len(got) != 0 {
				w.t.Errorf("%s without a session: %s, the app got %q", path, a, got)
			}
			// With a session it meets every rule that protects.
			if a, got := w.send(http.MethodGet, uri, true, nil, nil, nil); a.Cause() != "second_step_required" || len(got) != 0 {
				w.t.Errorf("%s with a session: %s, the app got %q", path, a, got)
			}
		}
		for what, c := range map[string]struct {
			path      string
			odd       []kit.Field
			anonymous string // what the app gets without a session
			known     string // and with one
		}{
			"absolute":                 {path: "http://" + w.g.Addr + "/closed"},
			"absolute, elsewhere":      {path: "http://evil.example/closed"},
			"absolute, public":         {path: "http://evil.example/open/x"},
			"absolute, with a user":    {path: "http://remote-user:x@evil.example/closed"},
			"a blank":                  {path: "/open/x HTTP/1.1", anonymous: "/open/x%20HTTP/1.1", known: "/open/x%20HTTP/1.1"},
			"a fragment":               {path: "/closed#/../open/x"}, // ambiguous
			"a plain fragment":         {path: "/closed#open", known: "/closed%23open"},
			"a public query":           {path: "/closed?/open/x", known: "/closed?/open/x"},
			"a star":                   {path: "*"},
			"host says the same":       {path: "/closed", odd: field("host", w.g.Addr), known: "/closed"},
			"host says something else": {path: "/open/x", odd: field("host", "evil.example")},
			"host twice":               {path: "/open/x", odd: []kit.Field{{Name: "host", Value: w.g.Addr}, {Name: "host", Value: "evil.example"}}},
			"only host":                {path: "/closed", odd: []kit.Field{{Name: "-:authority"}, {Name: "host", Value: w.g.Addr}}, known: "/closed"},
			"only a host of others":    {path: "/closed", odd: []kit.Field{{Name: "-:authority"}, {Name: "host", Value: "evil.example"}}},
			"another authority":        {path: "/closed", odd: at("evil.example")},
			"another, host is ours":    {path: "/closed", odd: at("evil.example", kit.Field{Name: "host", Value: w.g.Addr})},
			"a user in it":             {path: "/closed", odd: at("evil@" + w.g.Addr)},
			"a path in it":             {path: "/closed", odd: at(w.g.Addr + "/open/x")},
			"a dot behind it":          {path: "/closed", odd: at(strings.Replace(w.g.Addr, ":", ".:", 1))},
			"a list":                   {path: "/open/x", odd: at(w.g.Addr + ",evil.example")},
			"a port that is none":      {path: "/open/x", odd: at(w.g.Addr + "x")},
			"a path by header": {path: "/closed", odd: []kit.Field{
				{Name: "x-original-url", Value: "/open/x"},
				{Name: "x-rewrite-url", Value: "/open/x"},
				{Name: "x-forwarded-uri", Value: "/open/x"},
				{Name: "x-http-method-override", Value: "GET"},
			}, known: "/closed"},
			"another scheme": {path: "/closed", odd: []kit.Field{{Name: "-:scheme"}, {Name: "+:scheme", Value: "gopher"}}},
		} {
			for loggedIn, want := range map[bool]string{false: c.anonymous, true: c.known} {
				a, got := w.send(http.MethodGet, c.path, loggedIn, c.odd, nil, nil)
				line := ""
				if len(got) > 0 {
					line, _, _ = strings.Cut(got[0], "\r\n")
					w.tidy(what, got[0])
				}
				if len(got) > 1 || want == "" && line != "" || want != "" && line != "GET "+want+" HTTP/1.1" || a.FromApp() != (want != "") {
					w.t.Errorf("%s, logged in %t: %s; the app got %q", what, loggedIn, a, line)
				}
			}
		}
	})
}
