package docs_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

func TestMain(m *testing.M) { kit.Main(m) }

// start runs the binary in front of an app, on a store full of people.
func start(t *testing.T, site kit.Site) *kit.Gateway {
	t.Helper()
	site.Store, site.Upstream = kit.Bolt(t).Town().Line, kit.NewApp(t).Addr
	return kit.Start(t, site)
}

// logLines returns the lines of the gateway's own logger.
func logLines(t *testing.T, g *kit.Gateway) []map[string]any {
	t.Helper()
	var own []map[string]any
	for line := range strings.Lines(g.Output()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["logger"] == "login_gateway" {
			own = append(own, fields)
		}
	}
	return own
}

// logTable is the table of docs/operators.md: the fields by level and message.
func logTable(t *testing.T) map[string][]string {
	t.Helper()
	table := map[string][]string{}
	row := regexp.MustCompile("(?m)^\\| ([A-Z]+) \\| `([^`]+)` \\| (.*) \\|$")
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/operators.md"), -1) {
		fields := []string{}
		for _, span := range codeSpan.FindAllStringSubmatch(regexp.MustCompile(`\([^)]*\)`).ReplaceAllString(m[3], ""), -1) {
			fields = append(fields, span[1])
		}
		slices.Sort(fields)
		table[m[1]+" "+m[2]] = fields
	}
	return table
}

// Whoever searches logs relies on the fields; and nothing that was typed or opens
// a door may stand in any line.
func TestLogLinesHaveTheFieldsOfTheDocumentation(t *testing.T) {
	g := start(t, kit.Site{})
	v, other := kit.Visit(t, g.URL).Enter("teammate"), kit.Visit(t, g.URL)
	other.Get("/")
	other.Login("teammate", "Wrong-Planted-7yQe")
	other.Post("/gateway/login", kit.Form("nobody-planted@demo.test", kit.Password))
	other.Post("/gateway/login", kit.Form("Typed-Planted-3kWd", kit.Password))
	g.Gateway("users", "block", "teammate@demo.test", "--reason", "left")
	v.Get("/")
	other.Get("/%00")
	kit.Visit(t, g.URL).Enter("client").Post("/gateway/logout/all", nil)

	kit.Eventually(t, "the line of the last action", func() bool {
		return strings.Contains(g.Output(), "logged out everywhere")
	})
	table, met := logTable(t), map[string]bool{}
	for _, line := range logLines(t, g) {
		name := strings.ToUpper(line["level"].(string)) + " " + line["msg"].(string)
		want, known := table[name]
		if !known || met[name] {
			continue
		}
		met[name] = true
		got := []string{}
		for field := range line {
			if !slices.Contains([]string{"level", "ts", "logger", "msg"}, field) {
				got = append(got, field)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: docs/operators.md (-), the log (+):\n%s", name, diff)
		}
	}
	for _, name := range []string{"INFO login", "INFO refused", "DEBUG refused", "INFO malformed request", "INFO logged out everywhere"} {
		if !met[name] {
			t.Errorf("no line %q in the log, or not in the table", name)
		}
	}
	for _, typed := range []string{kit.Password, "Planted", "nobody-planted", "@demo.test", v.Cookie("gateway_session"), v.Cookie("gateway_device")} {
		if typed == "" || strings.Contains(g.Output(), typed) {
			t.Errorf("the log holds %q", typed)
		}
	}
}

// networks returns where the log says that the first n logins came from. A line
// may come after the answer it is about.
func networks(t *testing.T, g *kit.Gateway, n int) []string {
	t.Helper()
	var all []string
	kit.Eventually(t, "a line for every login", func() bool {
		all = nil
		for _, line := range logLines(t, g) {
			if line["msg"] == "login" {
				all = append(all, line["network"].(string))
			}
		}
		return len(all) >= n
	})
	return all[:n]
}

// What docs/operators.md says under "Behind another proxy".
func TestOnlyTrustedProxiesSayWhereSomebodyComesFrom(t *testing.T) {
	site := kit.Site{Store: kit.Bolt(t).Town().Line, Upstream: kit.NewApp(t).Addr, Servers: "trusted_proxies_strict"}
	g := kit.Start(t, site)
	from := func(address string) { kit.Visit(t, g.URL).From(address).Login("client", "wrong") }
	from("198.51.100.7")
	from("2001:db8:1:2:3::4")
	from("::ffff:198.51.100.9")
	from("not an address")
	from("1.2.3.4, 198.51.100.8")
	want := []string{"198.51.100.7/32", "2001:db8:1:2::/64", "198.51.100.9/32", "127.0.0.1/32", "198.51.100.8/32"}
	if diff := cmp.Diff(want, networks(t, g, len(want))); diff != "" {
		t.Errorf("with a trusted proxy, wanted (-), got (+):\n%s", diff)
	}
	distrusting := regexp.MustCompile(`trusted_proxies [^\n]*|trusted_proxies_strict`).ReplaceAllString(site.Caddyfile(g.Addr, g.Admin), "")
	if err := g.LoadText(distrusting); err != nil {
		t.Fatal(err)
	}
	kit.Eventually(t, "the server from before to have gone", func() bool { // it may still take a connection, and close it
		_, err := kit.Visit(t, g.URL).Try(http.MethodGet, "/gateway/health/live")
		return err == nil
	})
	from("198.51.100.7")
	if all := networks(t, g, len(want)+1); all[len(want)] != "127.0.0.1/32" {
		t.Errorf("a header was believed although nobody is trusted: %v", all)
	}
}

func TestHealthIsAsDocumented(t *testing.T) {
	g := start(t, kit.Site{})
	v := kit.Visit(t, g.URL)
	for path, status := range map[string]int{
		"/gateway/health/live": http.StatusOK, "/gateway/health/ready": http.StatusOK,
		"/gateway/health/ready?require=store": http.StatusOK, "/gateway/health/ready?require=mail": http.StatusServiceUnavailable,
	} {
		if a := v.Get(path, kit.Bare); a.Status != status {
			t.Errorf("%s: want %d, got %s", path, status, a)
		}
	}
}
