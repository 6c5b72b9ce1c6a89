package endtoend_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

const h2c = "protocols h1 h2 h2c"

func TestClaimsOverHTTP2NeverReachTheApp(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, rec := forging(t, s, "header user X-Uid", h2c)
		session := kit.Visit(t, g.URL).Enter("teammate").Cookie("gateway_session")
		for _, d := range []struct{ path, cookie string }{
			{"/open/x", ""}, {"/open/x", session}, {"/open/x", "broken"}, {"/closed", ""}, {"/closed", session},
		} {
			n := 0
			for _, name := range append([]string{"X-Uid"}, identityNames...) {
				for _, s := range spellings(strings.ToLower(name)) {
					n++
					path := fmt.Sprintf("%s?n=%d&c=%.4s", d.path, n, d.cookie)
					header := h2Request(g, http.MethodPost, path, d.cookie)
					claim := []kit.Field{{Name: s, Value: forged}}
					kit.RawHTTP2(t, g.Addr, append(header[:len(header):len(header)], claim...), "", nil)
					kit.RawHTTP2(t, g.Addr, header, "body", claim)
					kit.RawHTTP2(t, g.Addr, append(header, kit.Field{Name: "trailer", Value: s}), "body", claim)
				}
			}
			got := rec.Requests(fmt.Sprintf("%s?n=", d.path))
			if d.path == "/open/x" && len(got) == 0 {
				t.Fatal("nothing reached the app at all, so this proves nothing")
			}
			for _, raw := range got {
				if claims(raw) {
					t.Errorf("the app got\n%s", raw)
				}
			}
		}
		// The session itself works over HTTP/2, so that the silence above means something.
		if status := kit.RawHTTP2(t, g.Addr, h2Request(g, http.MethodGet, "/closed?really", session), "", nil); status != http.StatusOK {
			t.Errorf("status %d over HTTP/2 with a session", status)
		}
		if raw := strings.Join(rec.Requests("?really "), ""); !strings.Contains(raw, "X-Uid: teammate\r\n") {
			t.Errorf("the app was not told who it is:\n%s", raw)
		}
	})
}

func h2Request(g *kit.Gateway, method, path, session string) []kit.Field {
	fields := []kit.Field{
		{Name: ":method", Value: method},
		{Name: ":scheme", Value: "http"},
		{Name: ":authority", Value: g.Addr},
		{Name: ":path", Value: path},
		{Name: "te", Value: "trailers"},
	}
	if session != "" {
		fields = append(fields, kit.Field{Name: "cookie", Value: "gateway_session=" + session})
	}
	return fields
}

// WebSockets over HTTP/2 come as CONNECT; without a session there is none.
func TestConnectOverHTTP2NeedsASession(t *testing.T) {
	t.Parallel()
	g, rec := forging(t, kit.Bolt(t), "", h2c)
	for _, extra := range [][]kit.Field{
		{{Name: ":protocol", Value: "websocket"}},
		nil,
	} {
		header := append([]kit.Field{{Name: ":method", Value: "CONNECT"}, {Name: ":authority", Value: g.Addr}}, extra...)
		if extra != nil {
			header = append(header, kit.Field{Name: ":scheme", Value: "http"}, kit.Field{Name: ":path", Value: "/closed"})
		}
		status := kit.RawHTTP2(t, g.Addr, append(header, kit.Field{Name: "remote-user", Value: forged}), "", nil)
		if status >= 200 && status < 300 {
			t.Errorf("CONNECT without a session: status %d", status)
		}
	}
	if got := rec.Requests(""); len(got) != 0 {
		t.Errorf("reached the app: %v", got)
	}
}
