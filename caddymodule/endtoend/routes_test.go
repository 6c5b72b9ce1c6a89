package endtoend_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// The traps of sites that rewrite, and of errors that travel: the gateway decides
// by what the client sent, and answers for itself.
func TestRewritesNeitherOpenNorLoop(t *testing.T) {
	t.Parallel()
	for name, site := range map[string]kit.Site{
		"try_files": {Proxy: `root * .
	try_files {path} /index.php?{query}&p={path}
	reverse_proxy {upstream}`},
		"handle_path": {Proxy: `handle_path /app/* {
		reverse_proxy {upstream}
	}
	handle {
		reverse_proxy {upstream}
	}`},
		"rewrite to a public path": {Proxy: `rewrite * /open{uri}
	reverse_proxy {upstream}`},
		"handle_errors": {Proxy: `reverse_proxy {upstream}
	handle_errors {
		rewrite * /open/error
		reverse_proxy {upstream}
	}`},
		"encode": {Before: "encode", Proxy: "reverse_proxy {upstream}"},
	} {
		t.Run(name, func(t *testing.T) {
			site.Words = "public /open/*"
			g, app := town(t, kit.Bolt(t), site)
			v := kit.Visit(t, g.URL)
			sentTo(t, v.Get("/app/clients?x=1"), "/gateway/login?to=%2Fapp%2Fclients%3Fx%3D1")
			refused(t, v.Get("/app/clients", kit.Bare), http.StatusUnauthorized, "not_logged_in")
			page := v.Get("/gateway/login?to=%2Fapp%2Fclients")
			if page.Status != http.StatusOK || !page.Own() {
				t.Errorf("the login page: %s", page)
			}
			refused(t, v.Post("/gateway/login", kit.Form("teammate@demo.test", "wrong")), http.StatusUnauthorized, "wrong_password")
			if got := app.Seen(""); len(got) != 0 {
				t.Errorf("without a session the app saw %v", got)
			}
			sentTo(t, v.Post("/gateway/login?to=%2Fapp%2Fclients", kit.Form("teammate@demo.test", kit.Password)), "/app/clients")
			arrived(t, v.Get("/app/clients"), "teammate")
		})
	}
}

// A gateway that guards a part of a site only, below a prefix that is taken off.
func TestGatewayInsideHandlePath(t *testing.T) {
	t.Parallel()
	app := kit.NewApp(t)
	g := kit.Prepare(t, kit.Site{Store: kit.Bolt(t).Town().Line, Upstream: app.Addr})
	text, err := os.ReadFile(g.File)
	if err != nil {
		t.Fatal(err)
	}
	site := `handle_path /app/* {
		login_gateway {
			prefix /app/gateway
		}
		reverse_proxy ` + app.Addr + `
	}
	`
	before, rest, _ := strings.Cut(string(text), "http://"+g.Addr+" {")
	end := strings.LastIndex(rest, "}")
	if err := os.WriteFile(g.File, []byte(before+"http://"+g.Addr+" {\n"+site+rest[end:]), 0o600); err != nil {
		t.Fatal(err)
	}
	g.Run()
	v := kit.Visit(t, g.URL)
	kit.Eventually(t, "the login page below the part", func() bool {
		a, err := v.Try(http.MethodGet, "/app/gateway/login")
		return err == nil && a.Status == http.StatusOK && a.Own()
	})
	sentTo(t, v.Get("/app/clients"), "/app/gateway/login?to=%2Fapp%2Fclients")
	sentTo(t, v.Post("/app/gateway/login?to=%2Fapp%2Fclients", kit.Form("teammate@demo.test", kit.Password)), "/app/clients")
	if seen := arrived(t, v.Get("/app/clients"), "teammate"); seen.URI != "/clients" {
		t.Errorf("the app got %s", seen.URI)
	}
}

// The app's own errors are the site's business; ours never leave us.
func TestHandleErrorsIsForTheAppOnly(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{Proxy: `reverse_proxy 127.0.0.1:1
	handle_errors {
		respond "the site's own error page {err.status_code}" 599
	}`})
	v := kit.Visit(t, g.URL)
	refused(t, v.Get("/x", kit.Bare), http.StatusUnauthorized, "not_logged_in")
	refused(t, v.Login("blocked", kit.Password), http.StatusForbidden, "user_blocked")
	v.Enter("teammate")
	if a := v.Get("/x"); a.Status != 599 || !strings.Contains(a.Body, "own error page 502") {
		t.Errorf("an app that does not answer: %s", a)
	}
}

func TestProxyOutsideTheGatewayIsWarnedAbout(t *testing.T) {
	t.Parallel()
	app := kit.NewApp(t)
	around := "handle /around/* {\n\t\treverse_proxy " + app.Addr + "\n\t}\n"
	g := kit.Start(t, kit.Site{
		Store: kit.Bolt(t).Town().Line, Upstream: app.Addr,
		Sites: "http://" + kit.FreeAddr(t) + " {\n\t" + around + "}\n",
	})
	kit.Eventually(t, "a warning about the proxy outside the gateway", func() bool {
		for line := range strings.SplitSeq(g.Output(), "\n") {
			if strings.Contains(line, `"level":"warn"`) && strings.Contains(line, "login_gateway") && strings.Contains(line, "reverse_proxy") {
				return true
			}
		}
		return false
	})
}

// Beside a running server a config can be checked, and a second process cannot
// take the same file, and says who has it.
func TestBesideARunningServer(t *testing.T) {
	t.Parallel()
	s := kit.Bolt(t)
	g, _ := town(t, s, kit.Site{})
	for _, args := range [][]string{
		{"validate", "--config", g.File}, {"adapt", "--config", g.File}, {"fmt", g.File, "--diff"},
	} {
		if r := g.Command(args...); r.Exit > 1 || (args[0] != "fmt" && r.Exit != 0) || strings.Contains(r.Stderr, "lock") {
			t.Errorf("%v: exit %d\n%s%s", args, r.Exit, r.Stdout, r.Stderr)
		}
	}
	second := kit.Prepare(t, kit.Site{Store: s.Line, Upstream: "127.0.0.1:1"})
	second.Run()
	if code := second.ExitCode(); code == 0 {
		t.Error("a second process on the same file runs")
	}
	if out := second.Output(); !strings.Contains(out, filepath.Base(s.Path)) || !strings.Contains(out, "another process") {
		t.Errorf("the message of the second process:\n%s", out)
	}
	arrived(t, kit.Visit(t, g.URL).Enter("teammate").Get("/"), "teammate")
}

// The help page needs no session and no script; the demo's mails are the demo's.
func TestHelpIsThereAndTheDemosMailIsNot(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	v := kit.Visit(t, g.URL)
	if page := v.Get("/gateway/help?reference=k7q4md&cause=link_used"); page.Status != http.StatusOK || !strings.Contains(page.Body, `data-reference="K7Q-4MD"`) {
		t.Errorf("help: %s", page)
	}
	sentTo(t, v.Post("/gateway/help/check", nil), "/gateway/help?checked=1#check")
	v.SetCookie("gateway_check", "1") // the jar knows no paths of addresses that are sent as they are
	if page := v.Get("/gateway/help?checked=1"); !strings.Contains(page.Body, `data-state="ok"`) {
		t.Errorf("a browser that keeps cookies: %s", page)
	}
	sentTo(t, v.Post("/gateway/help/answer", url.Values{"cause": {"link_used"}, "answer": {"yes"}}), "/gateway/help?answered=yes#answer")
	if got := g.Metrics(); !strings.Contains(got, `login_gateway_help_answers_total{answer="yes",cause="link_used"} 1`) {
		t.Error("the answer is not counted")
	}
	if page := v.Get("/gateway/demo/mail"); page.Status != http.StatusNotFound {
		t.Errorf("the mail page of the demo: %s", page)
	}
}
