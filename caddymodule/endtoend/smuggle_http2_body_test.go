package endtoend_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// hiding is a request that a body has inside, for whoever counts differently.
const hiding = "GET /closed?hidden HTTP/1.1\r\nHost: evil.example\r\nRemote-User: " + forged + "\r\n\r\n"

// Lengths that are not those of the data, over HTTP/2: the app gets what was
// announced or a request that breaks off, and never a second one.
func TestLengthsThatLieOverHTTP2(t *testing.T) {
	t.Parallel()
	length := func(values ...string) (fields []kit.Field) {
		for _, v := range values {
			fields = append(fields, kit.Field{Name: "content-length", Value: v})
		}
		return fields
	}
	wires(t, "", func(w *wire) {
		for what, c := range map[string]struct {
			odd  []kit.Field
			data []string
			ok   bool // it can only mean one thing
		}{
			"right":              {length("3"), []string{"abc"}, true},
			"right, in two":      {length("4"), []string{"ab", "cd"}, true},
			"none":               {nil, []string{"abc"}, true},
			"none, an empty one": {nil, []string{""}, true},
			"less than comes":    {odd: length("3"), data: []string{"abc" + hiding}},
			"less, later":        {odd: length("3"), data: []string{"abc", hiding}},
			"nothing, and data":  {odd: length("0"), data: []string{hiding}},
			"more than comes":    {odd: length("400"), data: []string{"abc"}},
			"two of them":        {odd: length("3", "400"), data: []string{"abc"}},
			"two, the other way": {odd: length("400", "3"), data: []string{"abc"}},
			"two in one":         {odd: length("3, 400"), data: []string{"abc"}},
			"with a sign":        {odd: length("+3"), data: []string{"abc"}},
			"below zero":         {odd: length("-1"), data: []string{hiding}},
			"no number":          {odd: length("three"), data: []string{hiding}},
			"hexadecimal":        {odd: length("0x3"), data: []string{"abc"}},
			"too large":          {odd: length("99999999999999999999"), data: []string{"abc"}},
			"with chunks":        {odd: append(length("3"), kit.Field{Name: "transfer-encoding", Value: "chunked"}), data: []string{"0\r\n\r\n" + hiding}},
		} {
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				a, got := w.send(method, "/open/x", false, c.odd, c.data, nil)
				if len(got) > 0 && !c.ok && !bounded(got) || c.ok && (a.Status != http.StatusOK || len(got) != 1) {
					w.t.Errorf("%s, %s: %s; the app got %q", method, what, a, got)
				}
				for _, one := range got {
					w.tidy(method+", "+what, strings.ReplaceAll(one, hiding, ""))
				}
				if a, got := w.send(method, "/closed", false, c.odd, c.data, nil); a.FromApp() || len(got) != 0 {
					w.t.Errorf("%s, %s, without a session: %s; the app got %q", method, what, a, got)
				}
			}
		}
		if got := w.rec.Requests("hidden"); len(got) != 0 {
			w.t.Errorf("a request out of a body: %q", got)
		}
	})
}

// bounded tells whether what the app got is one request, with as much of a body as
// it says or less, where it breaks off.
func bounded(got []string) bool {
	if len(got) != 1 {
		return false
	}
	head, body, _ := strings.Cut(got[0], "\r\n\r\n")
	switch head = strings.ToLower(head) + "\r\n"; {
	case strings.Contains(head, "\r\ncontent-length: 3\r\n"), strings.Contains(head, "\r\ncontent-length: 400\r\n"):
		return strings.HasPrefix("abc", body)
	case strings.Contains(head, "\r\ntransfer-encoding: chunked\r\n"):
		return strings.HasSuffix(body, "0\r\n\r\n")
	}
	return body == ""
}

// Trailers over HTTP/2 say nothing about who somebody is, where a body ends or where
// it goes.
func TestTrailersOverHTTP2(t *testing.T) {
	t.Parallel()
	wires(t, "", func(w *wire) {
		for what, trailer := range map[string][]kit.Field{
			"ours":             field("remote-user", forged),
			"ours, aliased":    {{Name: "remote_user", Value: forged}, {Name: "remote.email", Value: forged}, {Name: "remoteassertion", Value: forged}},
			"beside another":   {{Name: "x-checksum", Value: "1"}, {Name: "remote-groups", Value: forged}},
			"in upper case":    field("Remote-User", forged),
			"a length":         field("content-length", "400"),
			"chunks":           field("transfer-encoding", "chunked"),
			"a host":           field("host", "evil.example"),
			"a cookie":         {w.cookie},
			"a pseudo field":   field(":path", "/closed"),
			"a connection":     field("connection", "remote-user"),
			"a line in a name": field("x\r\nremote-user", forged),
		} {
			for _, declared := range [][]kit.Field{nil, field("trailer", trailer[0].Name), field("trailer", "x-checksum, "+trailer[0].Name)} {
				for path, loggedIn := range map[string]bool{"/open/x": false, "/closed": true} {
					_, got := w.send(http.MethodPost, path, loggedIn, declared, []string{"body"}, trailer)
					for _, one := range got {
						w.tidy(what, one)
						_, tail, _ := strings.Cut(one, "\r\n0\r\n")
						if low := strings.ToLower(tail); strings.Contains(low, "gateway_session") || strings.Contains(low, "content-length") || strings.Contains(low, "transfer") {
							w.t.Errorf("%s: the app got the trailer %q", what, tail)
						}
					}
				}
				if a, got := w.send(http.MethodPost, "/closed", false, declared, []string{"body"}, trailer); a.FromApp() || len(got) != 0 {
					w.t.Errorf("%s, without a session: %s", what, a)
				}
			}
		}
		if a, got := w.send(http.MethodPost, "/closed", true, nil, []string{"body"}, field("x-checksum", "1")); a.Status != http.StatusOK || len(got) != 1 {
			w.t.Errorf("an honest trailer: %s, %q", a, got)
		}
	})
}

// Cookies come in crumbs over HTTP/2: ours is found among them and taken out, and
// none is made of two.
func TestCrumbsOverHTTP2(t *testing.T) {
	t.Parallel()
	wires(t, "", func(w *wire) {
		crumb := func(values ...string) (fields []kit.Field) {
			for _, v := range values {
				fields = append(fields, kit.Field{Name: "cookie", Value: v})
			}
			return fields
		}
		mine := w.cookie.Value
		name, value, _ := strings.Cut(mine, "=")
		a, got := w.send(http.MethodGet, "/closed", false, crumb("a=1", mine, "b=2"), nil, nil)
		if a.Status != http.StatusOK || len(got) != 1 || strings.Contains(got[0], "gateway_session") || !strings.Contains(got[0], "Cookie: a=1; b=2\r\n") {
			w.t.Errorf("among others: %s, %q", a, got)
		}
		for what, odd := range map[string][]kit.Field{
			"in two":       crumb(name+"=", value),
			"cut":          crumb(name+"="+value[:len(value)/2], value[len(value)/2:]),
			"in two names": crumb("x=1; "+name, "="+value),
			"in a comma":   crumb("a=1, " + mine),
			"quoted":       crumb(`a="1; ` + name + `"=` + value),
		} {
			if a, got := w.send(http.MethodGet, "/closed", false, odd, nil, nil); a.FromApp() || len(got) != 0 {
				w.t.Errorf("%s: %s; the app got %q", what, a, got)
			}
		}
	})
}

// A hundred thousand bytes of headers over HTTP/2 are refused or borne, by a server
// that takes so many and by one that does not.
func TestHugeHeadersOverHTTP2(t *testing.T) {
	t.Parallel()
	many := make([]kit.Field, 1000)
	for i := range many {
		many[i] = kit.Field{Name: "x-filler", Value: strings.Repeat("y", 90)}
	}
	for _, servers := range []string{"", "max_header_size 2MB"} {
		wires(t, servers, func(w *wire) {
			for what, odd := range map[string][]kit.Field{
				"many": many, "one": field("x-one", strings.Repeat("z", 100000)), "languages": field("accept-language", strings.Repeat("nl,", 30000)),
				"cookies": field("cookie", strings.Repeat("a=b; ", 20000)), "a long name": field("x-"+strings.Repeat("n", 100000), "1"),
				"many of ours": slicesRepeat(kit.Field{Name: "remote-user", Value: forged}, 5000),
			} {
				for _, path := range []string{"/closed", "/gateway/login"} {
					if a, got := w.send(http.MethodGet, path, false, odd, nil, nil); a.Status >= 500 || a.FromApp() || len(got) != 0 {
						w.t.Errorf("%s at %s: %s", what, path, a)
					}
				}
				_, got := w.send(http.MethodGet, "/open/x", false, odd, nil, nil)
				for _, one := range got {
					w.tidy(what, one)
				}
			}
			long := "/" + strings.Repeat("a", 50000) + "?" + strings.Repeat("b", 50000)
			if a, got := w.send(http.MethodGet, long, false, field("accept", "text/html"), nil, nil); a.Status >= 500 || len(a.To()) > 8000 || len(got) != 0 {
				w.t.Errorf("a long address: status %d, to %d bytes", a.Status, len(a.To()))
			}
			if a, _ := w.send(http.MethodGet, "/closed", true, nil, nil, nil); a.Status != http.StatusOK {
				w.t.Errorf("after that: %s", a)
			}
		})
	}
}

func slicesRepeat(f kit.Field, n int) []kit.Field {
	all := make([]kit.Field, n)
	for i := range all {
		all[i] = f
	}
	return all
}

// CONNECT opens no tunnel, and a WebSocket over it needs what any other needs, where
// the server takes such at all.
func TestConnectOverHTTP2(t *testing.T) {
	t.Parallel()
	plain := []kit.Field{{Name: "-:path"}, {Name: "-:scheme"}}
	socket := []kit.Field{{Name: "+:protocol", Value: "websocket"}, {Name: "sec-websocket-version", Value: "13"}}
	for what, c := range map[string]struct {
		env    []string
		socket int // the status of a WebSocket with a session
	}{
		"as it is":                    {nil, 0},
		"with WebSockets over HTTP/2": {[]string{"GODEBUG=http2xconnect=1"}, http.StatusOK},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			wires(t, "", func(w *wire) {
				for what, c := range map[string]struct {
					method, path string
					odd          []kit.Field
				}{
					"a tunnel":                   {"CONNECT", "", plain},
					"with a path":                {"CONNECT", "/closed", nil},
					"with a public path":         {"CONNECT", "/open/x", nil},
					"a socket":                   {"CONNECT", "/closed", socket},
					"a socket at a public path":  {"CONNECT", "/open/x", socket},
					"a socket, an unclear path":  {"CONNECT", "/open/..;/closed", socket},
					"a socket of a program":      {"CONNECT", "/closed", append(field("sec-fetch-mode", "navigate"), socket...)},
					"another protocol":           {"CONNECT", "/closed", field("+:protocol", "connect-udp")},
					"two protocols":              {"CONNECT", "/closed", append(field("+:protocol", "connect-udp"), socket...)},
					"a protocol without CONNECT": {"GET", "/open/x", socket},
					"an upgrade as well":         {"CONNECT", "/closed", append(field("upgrade", "websocket"), socket...)},
				} {
					a, got := w.send(c.method, c.path, false, append(c.odd[:len(c.odd):len(c.odd)], kit.Field{Name: "remote-user", Value: forged}), nil, nil)
					if a.Status != 0 && a.Status != 400 && a.Status != 401 || a.FromApp() || len(got) != 0 {
						w.t.Errorf("%s: %s; the app got %q", what, a, got)
					}
				}
				if got := w.rec.Requests(""); len(got) != 0 {
					w.t.Errorf("reached the app: %q", got)
				}
				a, got := w.send("CONNECT", "", true, plain, nil, nil)
				if a.FromApp() || len(got) != 0 {
					w.t.Errorf("a tunnel with a session: %s; the app got %q", a, got)
				}
				a, got = w.send("CONNECT", "/closed", true, append(field("remote-user", forged), socket...), nil, nil)
				if a.Status != c.socket || len(got) != min(1, c.socket) {
					t.Errorf("a WebSocket with a session: %s; the app got %q", a, got)
				}
				for _, one := range got {
					w.tidy(what, one)
					if !strings.HasPrefix(one, "GET /closed HTTP/1.1\r\n") || !strings.Contains(one, "\r\nRemote-User: teammate\r\n") || strings.Contains(one, ":protocol") {
						w.t.Errorf("the app got %q", one)
					}
				}
			}, c.env...)
		})
	}
}
