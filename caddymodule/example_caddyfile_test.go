package caddymodule_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cliendo/gateway/caddymodule"
	"github.com/cliendo/gateway/caddymodule/outbox/smtptest"
)

func stringReader(s string) io.Reader { return strings.NewReader(s) }

func readExample(t *testing.T) string {
	t.Helper()
	body, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestTheExampleIsFormattedAndFreeOfWarnings(t *testing.T) {
	input := readExample(t)
	if got := string(caddyfile.Format([]byte(input))); got != input {
		t.Errorf("`caddy fmt` would change it to:\n%s", got)
	}
	adapted := adapt(input)
	if !strings.HasPrefix(adapted, "{") || !strings.HasSuffix(adapted, "}") {
		t.Fatalf("errors or warnings: %s", adapted)
	}
	if w := caddymodule.ProxyWarnings([]byte(adapted)); len(w) > 0 {
		t.Error(w)
	}
	// Options that are commented out must work when somebody takes the # away.
	for line := range strings.Lines(input) {
		if bare, ok := strings.CutPrefix(strings.TrimLeft(line, "\t"), "#"); ok && bare[0] != ' ' && bare[0] != '\n' {
			input = strings.Replace(input, line, strings.Replace(line, "#", "", 1), 1)
		}
	}
	input = strings.Replace(input, "store bolt", "#store bolt", 1)
	if adapted := adapt(input); !strings.HasPrefix(adapted, "{") || !strings.Contains(adapted, "trusted_proxies") {
		t.Errorf("with all options: %s", adapted)
	}
}

// The example is run as it stands, with its addresses from the environment.
func TestTheExampleRuns(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the app") }))
	defer app.Close()
	dir := t.TempDir()
	site := "http://localhost:" + freePort(t)
	t.Setenv("SITE", site)
	t.Setenv("APP", app.Listener.Addr().String())
	t.Setenv("GATEWAY_STORE", filepath.Join(dir, "gateway.db"))
	t.Setenv("SMTP", smtptest.Start(t, smtptest.Options{NoTLS: true}).Addr())
	t.Setenv("SMTP_TLS", "off")
	t.Setenv("XDG_DATA_HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	input := strings.Replace(readExample(t), "{\n", "{\n\tadmin unix/"+dir+"/admin.sock\n\tpersist_config off\n", 1)
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(input), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load([]byte(adapt(input)), true); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	}()
	for path, want := range map[string]int{
		"/": 401, "/robots.txt": 200, "/assets/app.js": 200, "/assets/../secret": 401, "/gateway/login": 200, "/api/x": 401,
	} {
		response, err := app.Client().Get(site + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != want || (want == 401 && strings.Contains(string(body), "the app")) {
			t.Errorf("%s: %d, want %d", path, response.StatusCode, want)
		}
	}
	if r := run(t, "check", "--config", file); r.code != 0 || !strings.Contains(r.out, "warnings: 0") {
		t.Errorf("check: %+v", r)
	}
}
