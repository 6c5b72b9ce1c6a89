package endtoend_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// oddNames are of people whom headers were not made for.
var oddNames = []string{"Zoë van 't Hof", "Çelik", "李", "👩‍💻", "Zoë van 't Hof 李 😀 + 5%"}

// P34: whoever gives a name, by command or on the admin path, has the app told that
// name in ASCII, on every node, over either protocol and at a WebSocket.
func seamName(s *seam) {
	admin := s.visit().Enter("admin")
	for i, name := range oddNames {
		if i%2 == 0 {
			command(s.t, s.one, "users", "set", kit.Address("client"), "--name", name)
		} else {
			did(s.t, admin.Post(team+"/client/name", url.Values{"name": {name}, "locale": {"nl"}}))
		}
		v := s.visit().Enter("client")
		toldName(s.t, arrived(s.t, v.Get("/x"), "client"), name)
		other := at(v, s.two)
		kit.Eventually(s.t, "the name at the other node", func() bool {
			got, _ := plain(other.Get("/x").Decode(s.t))
			return got == name
		})
		if s.proto != "HTTP/1.1" {
			continue // an upgrade is of HTTP/1.1
		}
		socket := openWebSocket(s.t, other)
		alive(s.t, []*stream{socket})
		seen := s.app.Seen("/ws")
		toldName(s.t, seen[len(seen)-1], name)
	}
}

// plain is the name that the app was told, decoded; not ok where it did not come in
// printable ASCII, once.
func plain(seen kit.Seen) (name string, ok bool) {
	values := seen.Header["Remote-Name"]
	if len(values) != 1 {
		return "", false
	}
	name, err := url.PathUnescape(values[0])
	unprintable := func(r rune) bool { return r < ' ' || r > '~' }
	return name, err == nil && strings.IndexFunc(values[0], unprintable) < 0
}

func toldName(t *testing.T, seen kit.Seen, name string) {
	t.Helper()
	if got, ok := plain(seen); !ok || got != name {
		t.Errorf("%s: the name arrives as %q, want what decodes to %q", seen.URI, seen.Header["Remote-Name"], name)
	}
}

// breaking are names that would break a line, of a header or of a log.
var breaking = []string{"A\r\nRemote-User: owner", "A\rB", "A\nB", "A\u2028B", "A\x00B"}

const brokenLine = "it holds a control character or line break"

// They are refused wherever a name can be given: it is said what is wrong, and
// nothing is written.
func TestNamesThatBreakLinesAreRefused(t *testing.T) {
	t.Parallel()
	g, _ := mailing(t, kit.Bolt(t), "")
	key, admin := apiKey(t, g, allScopes), kit.Visit(t, g.URL).Enter("admin")
	kept := func() string {
		return command(t, g, "export", "--staff") + command(t, g, "audit", "list", "acme", "--json")
	}
	before := kept()
	refusesByCommand(t, g)
	refusesInAFile(t, g)
	for _, name := range breaking {
		refusesOnTheAdminPath(t, admin, name)
		refusesByAPI(t, g, key, name)
	}
	if after := kept(); after != before {
		t.Errorf("there was\n%s\nand now is\n%s", before, after)
	}
}

// refusesByCommand has one of the names for each command; no command line can hold
// a NUL.
func refusesByCommand(t *testing.T, g *kit.Gateway) {
	t.Helper()
	for i, args := range [][]string{
		{"users", "add", "new@demo.test", "--account", "acme", "--type", "client"},
		{"users", "invite", "new@demo.test", "--account", "acme", "--type", "client"},
		{"users", "set", "client@demo.test"},
		{"support", "add", "new@demo.test"},
	} {
		r := g.Gateway(append(args, "--name", breaking[i])...)
		if r.Exit != 2 || r.Stdout != "" || !strings.Contains(r.Stderr, "--name: "+brokenLine+"; remove it\n") || strings.Contains(r.Stderr, breaking[i]) {
			t.Errorf("%q with the name %q: %+v", args, breaking[i], r)
		}
	}
}

func refusesInAFile(t *testing.T, g *kit.Gateway) {
	t.Helper()
	var lines []byte
	for i, name := range breaking {
		line, err := json.Marshal(map[string]string{"account": "acme", "email": fmt.Sprintf("new%d@demo.test", i), "name": name, "type": "client"})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
	}
	file := filepath.Join(t.TempDir(), "people.jsonl")
	if err := os.WriteFile(file, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	r := g.Gateway("import", file)
	if r.Exit != 1 || strings.Count(r.Stdout+r.Stderr, "name: "+brokenLine+"; remove it") != len(breaking) {
		t.Errorf("a file: %+v", r)
	}
}

func refusesOnTheAdminPath(t *testing.T, admin *kit.Visitor, name string) {
	t.Helper()
	for path, form := range map[string]url.Values{
		team + "/client/name":                 {"locale": {"nl"}},
		"/gateway/admin/accounts/acme/invite": {"email": {"new@demo.test"}, "type": {"client"}, "locale": {"nl"}},
	} {
		form.Set("name", name)
		a := admin.Post(path, form)
		refused(t, a, http.StatusBadRequest, "bad_request")
		if !strings.Contains(a.Body, "Deze naam kan niet. Gebruik 1 tot 200 gewone tekens.") {
			t.Errorf("%s with the name %q does not say what is wrong: %s", path, name, a)
		}
	}
}

func refusesByAPI(t *testing.T, g *kit.Gateway, key, name string) {
	t.Helper()
	const acme = "/gateway/api/v1/accounts/acme"
	for _, c := range []struct {
		method, path string
		body         map[string]string
	}{
		{http.MethodPost, acme + "/users", map[string]string{"email": "new@demo.test", "type": "client"}},
		{http.MethodPost, acme + "/invitations", map[string]string{"email": "new@demo.test", "type": "client"}},
		{http.MethodPatch, acme + "/users/client", map[string]string{}},
	} {
		c.body["name"] = name
		body, err := json.Marshal(c.body)
		if err != nil {
			t.Fatal(err)
		}
		status, answer, _ := program(t, g, key, c.method, c.path, string(body), "If-Match", "*")
		said, err := json.Marshal(answer["errors"])
		if err != nil {
			t.Fatal(err)
		}
		if want := `[{"location":"body.name","message":"` + brokenLine + `; remove it"}]`; status != http.StatusUnprocessableEntity || answer["reason"] != "invalid" || string(said) != want {
			t.Errorf("%s %s with the name %q: %d %v", c.method, c.path, name, status, answer)
		}
	}
}
