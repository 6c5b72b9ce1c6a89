package provider_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/provider/providertest"
)

// Whom an operator lets in, at a certified provider.
func TestOnlyThoseComeWhomTheOperatorLetsIn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		shape providertest.Shape
		with  func(*provider.Config)
		in    []string
		out   map[string]provider.Reason
	}{
		{"all organisations", providertest.Microsoft, nil, []string{"anna", "bram"}, map[string]provider.Reason{"carla": provider.ReasonPersonal}},
		{
			"one organisation", providertest.Microsoft, func(c *provider.Config) { c.Tenants = []string{strings.ToUpper(providertest.TenantA)} },
			[]string{"anna"},
			map[string]provider.Reason{"bram": provider.ReasonTenant, "carla": provider.ReasonPersonal},
		},
		{
			"one organisation and personal accounts", providertest.Microsoft, func(c *provider.Config) { c.Tenants, c.Personal = []string{providertest.TenantA}, true },
			[]string{"anna", "carla"},
			map[string]provider.Reason{"bram": provider.ReasonTenant},
		},
		{
			"one domain", providertest.Google, func(c *provider.Config) { c.Domains = []string{"Work.test"} },
			[]string{"anna"},
			map[string]provider.Reason{"bram": provider.ReasonDomain},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := providertest.Start(t, test.shape)
			p := at(t, s, test.with)
			for _, who := range test.in {
				if _, err := login(t, s, p, who); err != nil {
					t.Errorf("%s: %v", who, err)
				}
			}
			for who, want := range test.out {
				_, err := login(t, s, p, who)
				var refused *provider.RefusedError
				if !errors.As(err, &refused) || refused.Reason != want || refused.Identity == nil || !strings.HasPrefix(refused.Identity.Email, who) {
					t.Errorf("%s: %v", who, err)
				}
			}
			// The button named "cancel" comes to this.
			_, err := login(t, s, p, "nobody")
			if why, down := reason(err); why != provider.ReasonCancelled || down {
				t.Errorf("cancelled: %v", err)
			}
		})
	}
}

// What is asked for differs by kind, and by nothing else.
func TestWhatProvidersAreAskedFor(t *testing.T) {
	t.Parallel()
	for kind, want := range map[provider.Kind]string{
		provider.Google:    "acr_values code_challenge login_hint nonce prompt",
		provider.Microsoft: "acr_values code_challenge login_hint nonce prompt",
		provider.LinkedIn:  "acr_values",
		provider.OIDC:      "acr_values code_challenge login_hint nonce",
	} {
		shape := providertest.OIDC
		if kind == provider.Microsoft {
			shape = providertest.Microsoft
		}
		h := providertest.StartHostile(t, shape)
		p, err := provider.New(provider.Config{
			Kind: kind, Base: h.Base, ClientID: "a & b", ClientSecret: "s", Enough: provider.Enough{Acr: []string{"one", "two"}},
			Issuers: []string{h.Base},
		}, provider.Options{Cache: newCache(t)})
		if err != nil {
			t.Fatal(err)
		}
		f := provider.NewFlow(redirect)
		f.Prompt, f.LoginHint = "select_account", "anna@work.test"
		address, err := p.Begin(t.Context(), f)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		var got []string
		for _, name := range []string{"acr_values", "code_challenge", "login_hint", "nonce", "prompt"} {
			if q.Has(name) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v", kind, got)
		}
		if p.Chooses() != q.Has("prompt") {
			t.Errorf("%s: people choose an account: %t, and it is asked %v", kind, p.Chooses(), got)
		}
		if q.Get("state") != f.State || q.Get("client_id") != "a & b" || q.Get("redirect_uri") != redirect || strings.Contains(address, f.Verifier) {
			t.Errorf("%s: %s", kind, address)
		}
	}
}

// The userinfo endpoint tells an address, and nothing that decides.
func TestAnAddressThatDoesNotComeKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	h := providertest.StartHostile(t, providertest.OIDC)
	h.Be(providertest.Userinfo())
	id, err := tryHostile(t, h, atHostile(t, h, nil))
	if err != nil || id.Email != "anna@work.test" || !id.EmailVerified || id.Name != "Anna de Vries" {
		t.Fatalf("%+v, %v", id, err)
	}
	for _, fault := range providertest.UserFaults() {
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			h := providertest.StartHostile(t, providertest.OIDC)
			h.Be(fault)
			id, err := tryHostile(t, h, atHostile(t, h, nil))
			if err != nil || id.Subject != "anna" || id.Email != "" || id.EmailVerified || id.Name != "" {
				t.Errorf("%+v, %v", id, err)
			}
		})
	}
}

// A provider that is stopped and started again is the same one.
func TestACertifiedProviderThatGoesAndComesBack(t *testing.T) {
	t.Parallel()
	s := providertest.Start(t, providertest.OIDC)
	p := at(t, s, nil)
	if _, err := login(t, s, p, "anna"); err != nil {
		t.Fatal(err)
	}
	s.Choose("bram")
	f := provider.NewFlow(redirect)
	address, err := p.Begin(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	back := s.Walk(address)
	s.Stop()
	_, err = p.Finish(t.Context(), back, f)
	if why, down := reason(err); why != provider.ReasonExchange || !down {
		t.Errorf("while it is away: %v", err)
	}
	if p.Ready() {
		t.Error("its button is on")
	}
	s.Resume()
	eventually(t, "on again", p.Ready)
	if _, err := login(t, s, p, "bram"); err != nil {
		t.Error(err)
	}
}
