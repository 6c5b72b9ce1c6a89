package endtoend_test

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// opened are the lines of a log that say what is open, as "site: rule (message)".
func opened(t *testing.T, log string) (all []string) {
	t.Helper()
	for line := range strings.SplitSeq(log, "\n") {
		var said struct{ Level, Logger, Msg, Site, Rule, Methods string }
		if json.Unmarshal([]byte(line), &said) != nil || said.Rule == "" || said.Logger != "login_gateway" {
			continue
		}
		if said.Level != "info" {
			t.Errorf("said at %s, where few would see it: %s", said.Level, line)
		}
		all = append(all, said.Site+": "+said.Rule+" ("+strings.TrimSpace(said.Methods+" "+said.Msg)+")")
	}
	slices.Sort(all)
	return all
}

// The start of the real binary lists every rule that opens, of every site, and so
// does each new configuration; where nothing is open nothing is listed.
func TestTheStartListsWhatIsOpen(t *testing.T) {
	t.Parallel()
	s := kit.Bolt(t).Town()
	app := kit.NewApp(t)
	_, port, err := net.SplitHostPort(kit.FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	site := func(host, words string) string {
		return "http://" + host + ":" + port + " {\nlogin_gateway {\n" + words + "\n}\nreverse_proxy " + app.Addr + "\n}\n"
	}
	g := kit.Start(t, kit.Site{
		Store: s.Line, Upstream: app.Addr,
		Words: "public GET /health /icons/*\npublic POST /hooks/*\nrepair_paths /billing/*\ncors https://other.example",
		Sites: site("docs.team.localhost", "public /manual/*\ncookie_domain team.localhost") +
			site("shut.localhost", "require second_step /admin/*\napi_paths /api/*"),
	})
	want := []string{
		"127.0.0.1: cors https://other.example (preflights are answered, and refusals can be read)",
		"127.0.0.1: public GET /health (GET open to everybody)",
		"127.0.0.1: public GET /icons/* (GET open to everybody)",
		"127.0.0.1: public POST /hooks/* (POST open to everybody)",
		"127.0.0.1: repair_paths /billing/* (open to the superadmin of a blocked account)",
		"docs.team.localhost: cookie_domain team.localhost (logins are shared with all hosts of a domain)",
		"docs.team.localhost: public /manual/* (GET,HEAD open to everybody)",
	}
	if diff := cmp.Diff(want, opened(t, g.Output())); diff != "" {
		t.Errorf("what the start lists (+), what is open (-):\n%s", diff)
	}
	// What it says is so.
	for path, open := range map[string]bool{"/health": true, "/icons/a.png": true, "/billing/": false, "/other": false} {
		if a := kit.Visit(t, g.URL).Get(path, kit.Bare); a.FromApp() != open {
			t.Errorf("%s: %s", path, a)
		}
	}
	before := len(g.Output())
	if err := g.Load(kit.Site{Store: s.Line, Upstream: app.Addr, Words: "public /new/*"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"127.0.0.1: public /new/* (GET,HEAD open to everybody)"}, opened(t, g.Output()[before:])); diff != "" {
		t.Errorf("what a new configuration lists (+), what is open (-):\n%s", diff)
	}
	before = len(g.Output())
	if err := g.Load(kit.Site{Store: s.Line, Upstream: app.Addr}); err != nil {
		t.Fatal(err)
	}
	if all := opened(t, g.Output()[before:]); len(all) != 0 {
		t.Errorf("nothing is open, and listed is %q", all)
	}
}
