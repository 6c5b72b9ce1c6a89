package provider_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/cliendo/gateway/caddymodule/provider"
)

// Whatever a provider signs, what is taken out of it has the form it should, and
// is what a plain reader takes out.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"https://a.test","sub":"1","aud":"me","exp":2000000000,"iat":1900000000}`,
		`{"iss":"https://a.test","sub":"1","sub":"2","aud":["me"],"exp":2e9,"iat":1.9e9}`,
		`{"iss":"a","Sub":"1","aud":[],"exp":"x","iat":null,"email":"a@b\u202ec","name":7}`,
		`{"iss":"a","sub":"1","aud":"me","exp":1e400,"iat":-1,"amr":[1],"tid":{},"oid":[]}`,
		`[]`, `{`, `null`, `{"a":1}{"b":2}`, "{\"sub\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		issuer, subject, audience, email, name, err := provider.ClaimsOf(payload)
		if err != nil {
			return
		}
		var plain map[string]any
		if json.Unmarshal(payload, &plain) != nil {
			t.Fatalf("%q is no object", payload)
		}
		if plain["iss"] != issuer || plain["sub"] != subject {
			t.Errorf("%q: issuer %q, subject %q", payload, issuer, subject)
		}
		if subject == "" || len(subject) > 255 || len(audience) == 0 {
			t.Errorf("%q: subject %q for %q", payload, subject, audience)
		}
		for _, shown := range []string{email, name} {
			if strings.ContainsFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q shows %q", payload, shown)
			}
		}
	})
}

// A template stands for one tenant, and for nothing that only looks like one.
func FuzzIssuers(f *testing.F) {
	const tenant = "aaaaaaaa-0000-4000-8000-00000000000a"
	f.Add("https://login.microsoftonline.com/"+tenant+"/v2.0", tenant)
	f.Add("https://login.microsoftonline.com/{tenantid}/v2.0", "{tenantid}")
	f.Add("https://login.microsoftonline.com/"+tenant+"/../"+tenant+"/v2.0", tenant)
	f.Add("https://login.microsoftonline.com//v2.0", "")
	f.Fuzz(func(t *testing.T, issuer, tenant string) {
		if tenant == "" || !provider.Matches("https://login.microsoftonline.com/{tenantid}/v2.0", issuer, tenant) {
			return
		}
		if issuer != "https://login.microsoftonline.com/"+tenant+"/v2.0" || len(tenant) != 36 || strings.ContainsAny(tenant, "/{}.\n") {
			t.Errorf("%q passes for tenant %q", issuer, tenant)
		}
	})
}

func TestAUnionOfWaysIsEnoughAndNothingElse(t *testing.T) {
	t.Parallel()
	e := provider.Enough{Amr: []string{"mfa", "hwk"}, Acr: []string{"urn:two"}}
	for _, test := range []struct {
		id   *provider.Identity
		want bool
	}{
		{nil, false},
		{&provider.Identity{}, false},
		{&provider.Identity{Amr: []string{""}}, false},
		{&provider.Identity{Amr: []string{"pwd"}, Acr: "urn:one"}, false},
		{&provider.Identity{Amr: []string{"MFA", "mfa "}, Acr: "urn:two "}, false},
		{&provider.Identity{Amr: []string{"pwd", "mfa"}}, true},
		{&provider.Identity{Acr: "urn:two"}, true},
	} {
		if got := e.For(test.id); got != test.want {
			t.Errorf("%+v: %v", test.id, got)
		}
		if (provider.Enough{}).For(test.id) || (provider.Enough{Amr: []string{""}, Acr: []string{""}}).For(test.id) {
			t.Errorf("%+v is enough for who asks nothing", test.id)
		}
	}
}
