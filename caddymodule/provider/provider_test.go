package provider_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/provider/providertest"
)

const redirect = "http://localhost:1/gateway/provider/x/callback"

func newCache(t *testing.T) *provider.Cache {
	t.Helper()
	c := provider.NewCache(provider.CacheOptions{})
	t.Cleanup(c.Close)
	return c
}

// kinds of the shapes.
var kinds = map[providertest.Shape]provider.Kind{
	providertest.Google: provider.Google, providertest.Microsoft: provider.Microsoft, providertest.LinkedIn: provider.LinkedIn,
	providertest.LinkedInFormer: provider.LinkedIn, providertest.OIDC: provider.OIDC,
}

func at(t *testing.T, s *providertest.Server, with func(*provider.Config)) *provider.Provider {
	t.Helper()
	c := provider.Config{Kind: kinds[s.Shape], Base: s.Base, ClientID: s.ClientID, ClientSecret: s.ClientSecret}
	if with != nil {
		with(&c)
	}
	p, err := provider.New(c, provider.Options{Cache: newCache(t)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// login goes all the way.
func login(t *testing.T, s *providertest.Server, p *provider.Provider, who string) (*provider.Identity, error) {
	t.Helper()
	s.Choose(who)
	f := provider.NewFlow(redirect)
	f.Prompt, f.LoginHint = "select_account", "somebody@work.test"
	address, err := p.Begin(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return p.Finish(t.Context(), s.Walk(address), f)
}

func TestACertifiedProviderInEveryShape(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		shape providertest.Shape
		who   string
		want  func(base string) provider.Identity
	}{
		{providertest.Google, "anna", func(base string) provider.Identity {
			return provider.Identity{Issuer: base, Subject: "anna", Email: "anna@work.test", EmailVerified: true, Name: "Anna de Vries"}
		}},
		{providertest.Microsoft, "anna", func(base string) provider.Identity {
			return provider.Identity{
				Issuer: base + "/" + providertest.TenantA + "/v2.0", Subject: providertest.People(providertest.Microsoft)[0].Object,
				Email: "anna@work.test", Name: "Anna de Vries",
			}
		}},
		{providertest.Microsoft, "bram", func(base string) provider.Identity {
			return provider.Identity{
				Issuer: base + "/" + providertest.TenantB + "/v2.0", Subject: providertest.People(providertest.Microsoft)[1].Object,
				Email: "bram@elders.test", Name: "Bram Bakker",
			}
		}},
		{providertest.LinkedIn, "anna", func(base string) provider.Identity {
			return provider.Identity{Issuer: base + "/oauth", Subject: "anna", Email: "anna@work.test", EmailVerified: true, Name: "Anna de Vries"}
		}},
		// The same person under the name LinkedIn had before.
		{providertest.LinkedInFormer, "anna", func(base string) provider.Identity {
			return provider.Identity{Issuer: base + "/oauth", Subject: "anna", Email: "anna@work.test", EmailVerified: true, Name: "Anna de Vries"}
		}},
		{providertest.OIDC, "bram", func(base string) provider.Identity {
			return provider.Identity{
				Issuer: base, Subject: "bram", Email: "bram@elders.test", EmailVerified: true, Name: "Bram Bakker",
				Amr: []string{"pwd", "mfa"}, Acr: "mfa",
			}
		}},
	} {
		t.Run(string(test.shape)+" "+test.who, func(t *testing.T) {
			t.Parallel()
			s := providertest.Start(t, test.shape)
			p := at(t, s, func(c *provider.Config) { c.Enough.Acr = []string{"mfa"} })
			got, err := login(t, s, p, test.who)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want(s.Base), *got, cmpopts.IgnoreFields(provider.Identity{}, "AuthTime")); diff != "" {
				t.Error(diff)
			}
			if want := test.shape == providertest.OIDC; p.Enough(got) != want {
				t.Errorf("enough: %v", !want)
			}
			if !p.Ready() {
				t.Error("not ready")
			}
		})
	}
}
