package caddymodule_test

import (
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/provider/providertest"
)

func googleAt(base string, words ...any) object {
	p := object{"kind": "google", "base_url": base, "client_id": "gateway", "client_secret": "{env.TEST_PROVIDER_SECRET}"}
	for i := 0; i < len(words); i += 2 {
		p[words[i].(string)] = words[i+1]
	}
	return p
}

func providersPlace(t *testing.T, providers ...object) *place {
	t.Helper()
	t.Setenv("TEST_PROVIDER_SECRET", "as the provider gave it")
	p := newPlace(t).site(gateway("prefix", "/in"), proxy())
	p.app()["public_url"] = "https://app.example.com"
	p.app()["secret"] = goodSecret
	p.app()["mail"] = mailToFiles(t.TempDir())
	p.app()["providers"] = providers
	p.must("accounts", "list") // makes the store
	return p
}

func TestCheckSaysWhatToRegisterAndWhetherProvidersAnswer(t *testing.T) {
	h := providertest.StartHostile(t, providertest.Google)
	p := providersPlace(t, googleAt(h.Base), object{
		"kind": "oidc", "name": "school", "issuer": h.Base + "/gone", "client_id": "a", "client_secret": "b",
	})
	findings, code := check(p)
	expect(t, findings, "ok", "provider", "https://app.example.com/in/provider/google/callback")
	expect(t, findings, "ok", "provider", "google: its discovery document and keys are there")
	expect(t, findings, "ok", "provider", "https://app.example.com/in/provider/school/callback")
	expect(t, findings, "warning", "provider", "school cannot be used now")
	if code != 0 {
		t.Errorf("exit %d: a provider that is away is no fault of the config", code)
	}
}

// What JSON says is checked as what a Caddyfile says.
func TestProvidersThatCannotWorkKeepAConfigFromLoading(t *testing.T) {
	for name, test := range map[string]struct {
		want   string
		change func(p *place)
	}{
		"no public URL":    {"public_url", func(p *place) { delete(p.app(), "public_url") }},
		"no secret":        {"no client_secret", func(p *place) { p.app()["providers"] = []object{googleAt("", "client_secret", "")} }},
		"a secret not set": {"provider google client_secret", func(p *place) { p.app()["providers"] = []object{googleAt("", "client_secret", "{env.TEST_NOT_SET}")} }},
		"plain HTTP":       {"https://", func(p *place) { p.app()["providers"] = []object{googleAt("http://example.com")} }},
		"twice":            {"stands twice", func(p *place) { p.app()["providers"] = []object{googleAt(""), googleAt("")} }},
		"an unknown kind":  {"apple", func(p *place) { p.app()["providers"] = []object{{"kind": "apple"}} }},
		"an unknown word":  {"tenants", func(p *place) { p.app()["providers"] = []object{googleAt("", "tenants", []string{"a"})} }},
		"a tenant by domain": {"GUID", func(p *place) {
			p.app()["providers"] = []object{googleAt("", "kind", "microsoft", "tenants", []string{"example.com"})}
		}},
		"nothing binds": {"both off", func(p *place) { p.app()["providers"] = []object{googleAt("", "nonce", false, "pkce", false)} }},
		"no openid":     {"openid", func(p *place) { p.app()["providers"] = []object{googleAt("", "scopes", []string{"email"})} }},
		"no name": {"no name", func(p *place) {
			p.app()["providers"] = []object{{"kind": "oidc", "issuer": "https://a.test", "client_id": "a", "client_secret": "b"}}
		}},
		"a name with a path": {"lower case", func(p *place) {
			p.app()["providers"] = []object{{"kind": "oidc", "name": "../x", "issuer": "https://a.test", "client_id": "a", "client_secret": "b"}}
		}},
		"one name for two": {"stands twice", func(p *place) {
			p.app()["providers"] = []object{googleAt(""), {"kind": "oidc", "name": "google", "issuer": "https://a.test", "client_id": "a", "client_secret": "b"}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := providersPlace(t)
			test.change(p)
			r := p.run("check")
			if r.code == 0 || !strings.Contains(r.out+r.err, test.want) {
				t.Errorf("exit %d, %q is not in\n%s%s", r.code, test.want, r.out, r.err)
			}
		})
	}
}

// Who is asked while a config loads can delay everybody: nobody is.
func TestADeadProviderDelaysNoStart(t *testing.T) {
	h := providertest.StartHostile(t, providertest.Google)
	h.Die()
	p := providersPlace(t, googleAt(h.Base))
	p.start()
}
