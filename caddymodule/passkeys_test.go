package caddymodule_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/cliendo/gateway/caddymodule"
)

func TestWhoPasskeysAreMadeFor(t *testing.T) {
	for name, c := range map[string]struct {
		app     string
		want    string // id and origins
		refused string
	}{
		"nothing said":       {`{}`, "", ""},
		"host of public_url": {`{"public_url": "https://Login.example.com:443"}`, "login.example.com https://login.example.com", ""},
		"a port":             {`{"public_url": "https://login.example.com:8443"}`, "login.example.com https://login.example.com:8443", ""},
		"this machine":       {`{"public_url": "http://localhost:8080"}`, "localhost http://localhost:8080", ""},
		"an IP address":      {`{"public_url": "https://192.0.2.7"}`, "", ""},
		"the domain above": {
			`{"public_url": "https://login.example.com", "passkeys": {"rp_id": "example.com", "origins": ["https://app.example.com"]}}`,
			"example.com https://login.example.com https://app.example.com", "",
		},
		"another domain":    {`{"public_url": "https://login.example.com", "passkeys": {"rp_id": "example.org"}}`, "", "public_url is on login.example.com"},
		"the host beside":   {`{"public_url": "https://login.example.com", "passkeys": {"rp_id": "app.example.com"}}`, "", "public_url is on login.example.com"},
		"everybody's":       {`{"public_url": "https://login.example.com", "passkeys": {"rp_id": "com"}}`, "", "everybody may have a name below it"},
		"for an IP address": {`{"public_url": "https://192.0.2.7", "passkeys": {"rp_id": "example.com"}}`, "", "public_url is on 192.0.2.7"},
		"an origin outside": {`{"public_url": "https://example.com", "passkeys": {"origins": ["https://example.org"]}}`, "", "origins is on example.org"},
		"no public_url":     {`{"passkeys": {"rp_id": "example.com"}}`, "", "without a public_url"},
		"in capitals":       {`{"public_url": "https://example.com", "passkeys": {"rp_id": "Example.com"}}`, "", "small letters"},
	} {
		var app caddymodule.App
		if err := json.Unmarshal([]byte(c.app), &app); err != nil {
			t.Fatal(err)
		}
		got, err := caddymodule.PasskeysOf(&app, caddy.NewReplacer())
		switch {
		case c.refused == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%s: %v, want %q", name, err, c.refused)
		case strings.Join(got, " ") != c.want:
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestSitesWherePasskeysCannotBeUsedAreToldOf(t *testing.T) {
	cfg, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(`{
	login_gateway {
		public_url https://login.example.com
	}
}
login.example.com {
	login_gateway
	reverse_proxy localhost:9000
}
sub.login.example.com, app.example.com {
	login_gateway
	reverse_proxy localhost:9000
}
`), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatal(err)
	}
	app := caddymodule.App{PublicURL: "https://login.example.com"}
	advice, err := caddymodule.PasskeyAdvice(&app, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(advice) != 2 ||
		!slices.ContainsFunc(advice, func(s string) bool {
			return strings.HasPrefix(s, "app.example.com: passkeys are made for login.example.com")
		}) ||
		!slices.ContainsFunc(advice, func(s string) bool { return strings.HasPrefix(s, "sub.login.example.com: its passkeys are refused") }) {
		t.Errorf("%q", advice)
	}
}
