package caddymodule_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// validate provisions a config as `caddy validate` does.
func validate(t *testing.T, p *place) error {
	t.Helper()
	body, err := json.Marshal(p.config)
	if err != nil {
		t.Fatal(err)
	}
	config := new(caddy.Config)
	if err := json.Unmarshal(body, config); err != nil {
		t.Fatal(err)
	}
	return caddy.Validate(config)
}

// JSON passes no parser of ours: what a Caddyfile refuses must be refused here
// by the modules themselves.
func TestJSONIsCheckedLikeACaddyfile(t *testing.T) {
	for says, change := range map[string]object{
		"secret 1 of 1":               {"secret": "short"},
		"current one first":           {"old_secrets": []string{goodSecret}},
		"is the variable set":         {"secret": "{env.NOT_SET_ANYWHERE}"},
		"{file./nowhere/at/all}":      {"secret": "{file./nowhere/at/all}"},
		"must be https":               {"public_url": "http://app.example.com"},
		"follows the host":            {"public_url": "https://app.example.com/path"},
		`locale "de"`:                 {"locale": "de"},
		`time_zone "Nowhere"`:         {"time_zone": "Nowhere"},
		"time_zone \"Local\"":         {"time_zone": "Local"},
		`type "Big Boss"`:             {"types": object{"Big Boss": object{"login": true}}},
		"arrears_blocks_at -1":        {"arrears_blocks_at": -1},
		"limits device free -1":       {"limits": object{"device": object{"free": -1}}},
		"limits user max_delay":       {"limits": object{"user": object{"delay": "2h"}}},
		"argon2":                      {"limits": object{"argon2": object{"memory": 1024}}},
		"hash_workers":                {"limits": object{"hash_workers": -1}},
		"hash_queue":                  {"limits": object{"hash_queue": -1}},
		"session idle":                {"session": object{"idle": "1s"}},
		"session absolute":            {"session": object{"absolute": "1h"}},
		"session remember_absolute":   {"session": object{"remember_absolute": "1h"}},
		"a year":                      {"session": object{"absolute": "900d"}},
		"cache_size":                  {"session": object{"cache_size": 1}},
		"stale_max":                   {"session": object{"stale_max": "48h"}},
		"attempts_keep":               {"attempts_keep": "1m"},
		"audit_keep":                  {"audit_keep": "1h"},
		"colour":                      {"brand": object{"colour": "orange"}},
		"plain address":               {"brand": object{"support_mail": "nobody"}},
		"nowhere.svg":                 {"brand": object{"logo": "/nowhere.svg"}},
		"unknown field \"colour\"":    {"colour": "#fff"},
		"no url":                      {"store": object{"backend": "redis"}},
		"scheme must be redis":        {"store": object{"backend": "redis", "url": "http://localhost"}},
		"keep one":                    {"store": object{"backend": "redis", "url": "redis://localhost?prefix=a", "prefix": "b"}},
		"login_gateway.stores.sqlite": {"store": object{"backend": "sqlite"}},
	} {
		p := newPlace(t).site(gateway())
		for name, value := range change {
			p.app()[name] = value
		}
		if err := validate(t, p); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v; want an error that says %q", change, err, says)
		}
	}
}

func TestJSONOfASiteIsCheckedLikeACaddyfile(t *testing.T) {
	public := func(rule object) object { return gateway("public", []object{rule}) }
	for says, handler := range map[string]object{
		`prefix "gateway"`:        gateway("prefix", "gateway"),
		"public /*":               public(object{"paths": []string{"/*"}}),
		"it covers /gateway":      public(object{"paths": []string{"/gateway/*"}}),
		"begins with /":           public(object{"paths": []string{"robots.txt"}}),
		"rule without a path":     public(object{"methods": []string{"GET"}}),
		`method "TRACE"`:          public(object{"methods": []string{"TRACE"}, "paths": []string{"/x"}}),
		"only pwa":                public(object{"preset": "spa"}),
		"brings its own":          public(object{"preset": "pwa", "paths": []string{"/x"}}),
		"api_paths":               gateway("api_paths", []string{"api"}),
		"api_paths /gateway/*":    gateway("api_paths", []string{"/gateway/*"}),
		"repair_paths /*":         gateway("repair_paths", []string{"/*"}),
		`cors "*"`:                gateway("cors", []string{"*"}),
		`header "usr"`:            gateway("headers", object{"usr": "X-User"}),
		"header user Host":        gateway("headers", object{"user": "Host"}),
		"apps confuse with it":    gateway("headers", object{"user": "X-User", "email": "x_user"}),
		"unknown field \"pubic\"": gateway("pubic", []object{}),
	} {
		if err := validate(t, newPlace(t).site(handler)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v; want an error that says %q", handler, err, says)
		}
	}
}

// All faults are told at once: who mends one does not run into the next.
func TestAllFaultsAreTold(t *testing.T) {
	p := newPlace(t)
	p.app()["locale"], p.app()["time_zone"], p.app()["secret"] = "de", "Nowhere", "short"
	err := validate(t, p)
	for _, says := range []string{"locale", "time_zone", "secret"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not tell of %s", err, says)
		}
	}
}

// A message about a secret must not hold it.
func TestNoMessageHoldsASecret(t *testing.T) {
	t.Setenv("GATEWAY_TEST_SECRET", "tooshortbutstillsecret")
	for _, change := range []object{
		{"secret": "tooshortbutstillsecret"},
		{"secret": "{env.GATEWAY_TEST_SECRET}"},
		{"store": object{"backend": "redis", "url": "http://user:tooshortbutstillsecret@localhost"}},
		{"store": object{"backend": "redis", "url": "redis://user:tooshortbutstillsecret@localhost:port"}},
	} {
		p := newPlace(t)
		for name, value := range change {
			p.app()[name] = value
		}
		if err := validate(t, p); err == nil || strings.Contains(err.Error(), "tooshort") {
			t.Errorf("%v: %v", change, err)
		}
	}
}

// Whoever validates a config beside a running server, or one that is never
// started, takes no lock and leaves no file.
func TestValidateTakesNothing(t *testing.T) {
	p := newPlace(t).site(gateway())
	if err := validate(t, p); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "gateway.db")); !os.IsNotExist(err) {
		t.Errorf("the store was made: %v", err)
	}
	p.start()
	if err := validate(t, p); err != nil {
		t.Errorf("beside a running server: %v", err)
	}
}

func TestPlaceholdersAreReplacedAtTheStart(t *testing.T) {
	p := newPlace(t)
	t.Setenv("GATEWAY_TEST_STORE", filepath.Join(p.dir, "by-env.db"))
	file := filepath.Join(p.dir, "secret")
	if err := os.WriteFile(file, []byte(goodSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.app()["store"] = object{"backend": "bolt", "path": "{env.GATEWAY_TEST_STORE}"}
	p.app()["secret"] = "{file." + file + "}"
	p.app()["public_url"] = "https://{env.GATEWAY_TEST_HOST}"
	t.Setenv("GATEWAY_TEST_HOST", "app.example.com")
	p.start()
	if _, err := os.Stat(filepath.Join(p.dir, "by-env.db")); err != nil {
		t.Error(err)
	}
}
