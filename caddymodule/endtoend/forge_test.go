package endtoend_test

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// forged is the value that visitors claim; it must never reach an app.
const forged = "forged-by-a-visitor"

// identityNames are the headers the gateway says who is logged in with.
var identityNames = []string{
	"Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "Remote-Account", "Remote-Account-State",
	"Remote-Session", "Remote-Amr", "Remote-Auth-Time", "Remote-Assertion",
}

// spellings of a header name that some server takes for the same.
func spellings(name string) []string {
	under, dots := strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "-", ".")
	mixed := []byte(name)
	for i := range mixed {
		if i%2 == 1 {
			mixed[i] = strings.ToUpper(name)[i]
		} else {
			mixed[i] = strings.ToLower(name)[i]
		}
	}
	return []string{
		name, strings.ToLower(name), strings.ToUpper(name), string(mixed), under, strings.ToUpper(under), dots,
		strings.ReplaceAll(name, "-", ""), strings.ReplaceAll(name, "-", "--"), strings.ReplaceAll(name, "-", "-_"),
		"_" + under, name + "-", "-" + name, strings.ReplaceAll(name, "-", "~"), strings.ReplaceAll(name, "-", "!"),
	}
}

// forgeries are the parts of raw requests that try to get a claim through.
func forgeries(names []string) map[string]string {
	parts := map[string]string{}
	for _, name := range names {
		for _, s := range spellings(name) {
			parts["as "+s] = s + ": " + forged + "\r\n"
		}
	}
	first := names[0]
	parts["twice"] = first + ": " + forged + "\r\n" + strings.ToLower(first) + ": " + forged + "\r\n"
	parts["named by Connection"] = "Connection: close, " + first + "\r\n" + first + ": " + forged + "\r\n"
	parts["blank before the colon"] = first + " : " + forged + "\r\n"
	parts["blank before the name"] = "X-Other: 1\r\n " + first + ": " + forged + "\r\n"
	parts["folded"] = first + ":\r\n " + forged + "\r\n"
	parts["folded with a tab"] = first + ":\r\n\t" + forged + "\r\n"
	parts["bare line feed"] = "X-Other: 1\n" + first + ": " + forged + "\r\n"
	parts["carriage return inside"] = "X-Other: 1\r" + first + ": " + forged + "\r\n"
	parts["in another value"] = "X-Other: 1%0d%0a" + first + ": " + forged + "\r\n"
	parts["high bytes"] = strings.ReplaceAll(first, "-", "\xe2\x80\x90") + ": " + forged + "\r\n"
	return parts
}

// sites are the paths that are tried: no session needed, and with one.
type door struct{ name, path, cookie string }

func doors(t *testing.T, g *kit.Gateway, cookieName string) []door {
	t.Helper()
	cookie := "Cookie: " + cookieName + "=" + kit.Visit(t, g.URL).Enter("teammate").Cookie("gateway_session") + "\r\n"
	return []door{
		{"public", "/open/x", ""},
		{"public with a session", "/open/x", cookie},
		{"public with a broken session", "/open/x", "Cookie: " + cookieName + "=broken\r\n"},
		{"anonymous", "/closed", ""},
		{"logged in", "/closed", cookie},
		{"unclear path, logged in", "/closed//..;/x", cookie},
	}
}

// forging starts a gateway in front of a recorder of raw bytes.
func forging(t *testing.T, s *kit.Store, words, servers string) (*kit.Gateway, *kit.Recorder) {
	t.Helper()
	rec := kit.NewRecorder(t)
	g := kit.Start(t, kit.Site{
		Store: s.Town().Line, Upstream: rec.Addr, Words: "public GET,HEAD,POST /open/*\n" + words, Servers: servers,
	})
	return g, rec
}

func TestClaimsInHeadersNeverReachTheApp(t *testing.T) {
	t.Parallel()
	for name, setting := range map[string]struct {
		store          func(testing.TB) *kit.Store
		words, servers string
		names          []string
	}{
		"default names":           {kit.Bolt, "", "", identityNames},
		"default names, on Redis": {kit.Redis, "", "", identityNames},
		// Caddy itself drops names with underscores and dots, unless a site expects
		// them; and then it drops those with dashes.
		"names that the site expects": {kit.Bolt, "", "expected_underscore_headers remote_* _remote_*\nexpected_dot_headers remote.*", identityNames},
		"configured names": {
			kit.Bolt, "header user X-Uid\nheader email X-Auth-Email\nheader groups X-Role\nheader name off", "",
			append([]string{"X-Auth-Email", "X-Uid", "X-Role"}, identityNames...),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, rec := forging(t, setting.store(t), setting.words, setting.servers)
			for _, d := range doors(t, g, "gateway_session") {
				n := 0
				for what, part := range forgeries(setting.names) {
					n++
					id := fmt.Sprintf("n=%d", n)
					kit.Raw(t, g.Addr, "GET "+d.path+"?"+id+" HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\n"+d.cookie+part+"\r\n")
					for _, got := range rec.Requests("?" + id + " ") {
						if claims(got) {
							t.Errorf("%s, %s: the app got\n%s", d.name, what, got)
						}
					}
				}
				if d.name != "anonymous" && len(rec.Requests("?n=")) == 0 {
					t.Fatalf("%s: nothing reached the app at all, so this proves nothing", d.name)
				}
			}
		})
	}
}

// claims tells whether a raw request says who somebody is with a value that a
// visitor sent. What stands in a header of another name is just text.
func claims(raw string) bool {
	for line := range strings.SplitSeq(raw, "\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !strings.Contains(value, forged) {
			continue
		}
		if !strings.EqualFold(textproto.TrimString(name), "X-Other") {
			return true
		}
	}
	return false
}

// What Go's own server refuses never gets as far as a handler; what a trailer
// says arrives behind the body.
func TestClaimsInTrailersNeverReachTheApp(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, rec := forging(t, s, "", "")
		trailers := map[string]string{
			"declared":          "Trailer: Remote-User\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nRemote-User: %s\r\n\r\n",
			"declared, aliased": "Trailer: Remote_User, X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nRemote_User: %s\r\nX-Checksum: 1\r\n\r\n",
			"late":              "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nRemote-User: %s\r\n\r\n",
			"other declared":    "Trailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Checksum: 1\r\nRemote-User: %s\r\nremote.email: %[1]s\r\n\r\n",
			"body ends early":   "Trailer: Remote-User\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nRemote-User: %s\r\n\r\n",
		}
		for _, d := range doors(t, g, "gateway_session") {
			for what, rest := range trailers {
				id := strings.ReplaceAll(strings.ReplaceAll(d.name+what, " ", "-"), ",", "")
				for _, method := range []string{"GET", "POST"} {
					kit.Raw(t, g.Addr, method+" "+d.path+"?"+id+" HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\nTE: trailers\r\n"+
						d.cookie+fmt.Sprintf(rest, forged))
				}
				for _, got := range rec.Requests("?" + id + " ") {
					if claims(got) {
						t.Errorf("%s, %s: the app got\n%s", d.name, what, got)
					}
				}
			}
		}
		if len(rec.Requests("?logged-in")) == 0 || len(rec.Requests("?public")) == 0 {
			t.Fatal("nothing reached the app at all, so this proves nothing")
		}
	})
}

func TestClaimsOnWebSocketsNeverReachTheApp(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, rec := forging(t, s, "", "")
		upgrade := "Connection: Upgrade, Remote-User\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nRemote-User: " + forged + "\r\nREMOTE_EMAIL: " + forged + "\r\n"
		for i, d := range doors(t, g, "gateway_session") {
			id := fmt.Sprintf("ws%d", i)
			a := kit.Raw(t, g.Addr, "GET "+d.path+"?"+id+" HTTP/1.1\r\nHost: "+g.Addr+"\r\n"+d.cookie+upgrade+"\r\n")
			want := http.StatusSwitchingProtocols
			if d.name == "anonymous" {
				want = http.StatusUnauthorized
			}
			got := rec.Requests("?" + id + " ")
			if a.Status != want || (want == 101) != (len(got) == 1) {
				t.Errorf("%s: status %d, %d requests reached the app", d.name, a.Status, len(got))
			}
			for _, raw := range got {
				if claims(raw) || (d.cookie != "" && d.name == "logged in") != strings.Contains(raw, "Remote-User: teammate\r\n") &&
					d.name != "public with a session" && d.name != "unclear path, logged in" {
					t.Errorf("%s: the app got\n%s", d.name, raw)
				}
			}
		}
	})
}

// With a session the app gets exactly one value for each name: ours.
func TestTheGatewaysOwnWordsReachTheAppOnce(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, rec := forging(t, s, "header user X-Uid\nheader account_state off", "")
		for _, d := range doors(t, g, "gateway_session") {
			if d.name != "logged in" {
				continue
			}
			kit.Raw(t, g.Addr, "GET /closed?once HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close, X-Uid, Remote-Email\r\nX-Uid: "+forged+"\r\n"+d.cookie+"\r\n")
		}
		raw := strings.Join(rec.Requests("?once "), "")
		for line, want := range map[string]int{
			"\r\nX-Uid: teammate\r\n": 1, "\r\nRemote-Email: teammate@demo.test\r\n": 1, "\r\nRemote-Name: Person teammate\r\n": 1,
			"\r\nRemote-Groups: teammate\r\n": 1, "\r\nRemote-Account: acme\r\n": 1, "\r\nRemote-Amr: pwd\r\n": 1,
			"\r\nRemote-Session: ": 1, "\r\nRemote-Auth-Time: ": 1, "Remote-User": 0, "Account-State": 0, forged: 0,
		} {
			if n := strings.Count(raw, line); n != want {
				t.Errorf("%q stands %d times, want %d, in\n%s", line, n, want, raw)
			}
		}
	})
}
