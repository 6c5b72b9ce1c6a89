package caddymodule_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule"
)

// What the log says at the start must be what `check` says of the same config:
// the one reads modules, the other JSON.
func TestTheStartWarnsOfWhatCheckFinds(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	files, err := filepath.Glob("testdata/caddyfile/trap_*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	warned := 0
	for _, file := range append(files, "testdata/caddyfile/site_defaults.caddyfiletest") {
		input, _ := readGolden(t, file)
		var raw json.RawMessage
		if err := json.NewDecoder(stringReader(adapt(input))).Decode(&raw); err != nil {
			t.Fatal(err)
		}
		want := caddymodule.ProxyWarnings(raw)
		warned += len(want)
		if diff := cmp.Diff(want, live(t, raw)); diff != "" {
			t.Errorf("%s: from JSON (-), from the modules (+):\n%s", file, diff)
		}
	}
	if warned == 0 {
		t.Error("no file warns of anything")
	}
}

func live(t *testing.T, raw []byte) []string {
	t.Helper()
	config := new(caddy.Config)
	if err := json.Unmarshal(raw, config); err != nil {
		t.Fatal(err)
	}
	config.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{Level: "FATAL"}}}}
	ctx, err := caddy.ProvisionContext(config)
	if err != nil {
		t.Fatal(err)
	}
	app, err := ctx.App("http")
	if err != nil {
		t.Fatal(err)
	}
	return caddymodule.LiveProxyWarnings(app.(*caddyhttp.App))
}

func TestAConfigThatCannotBeReadIsNotJudged(t *testing.T) {
	for _, raw := range []string{"", "{", "null", `{"apps":{"http":{"servers":{"s":{"routes":[{"handle":["x",{"handler":7}]}]}}}}}`} {
		if got := caddymodule.ProxyWarnings([]byte(raw)); len(got) > 0 {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

// Routes that invoke themselves end.
func TestARouteThatInvokesItselfEnds(t *testing.T) {
	raw := `{"apps":{"http":{"servers":{"s":{"named_routes":{"a":{"handle":[{"handler":"invoke","name":"a"}]}},
		"routes":[{"handle":[{"handler":"invoke","name":"a"},{"handler":"login_gateway"}]}]}}}}}`
	if got := caddymodule.ProxyWarnings([]byte(raw)); len(got) > 0 {
		t.Error(got)
	}
}
