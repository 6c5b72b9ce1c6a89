package provider_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/provider/providertest"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// atHostile is a provider that believes h as far as it should. What it logs goes
// to log.
func atHostile(t *testing.T, h *providertest.Hostile, log *testkit.Log) *provider.Provider {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	if log != nil {
		logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	cache := provider.NewCache(provider.CacheOptions{Log: logger, Patience: 2 * time.Second, Retry: time.Millisecond})
	t.Cleanup(cache.Close)
	c := provider.Config{Kind: kinds[h.Shape], Base: h.Base, ClientID: h.ClientID, ClientSecret: h.ClientSecret}
	if h.Shape == providertest.Microsoft {
		c.Tenants = []string{providertest.TenantA, providertest.TenantB}
	}
	p, err := provider.New(c, provider.Options{Cache: cache, Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func tryHostile(t *testing.T, h *providertest.Hostile, p *provider.Provider) (*provider.Identity, error) {
	t.Helper()
	f := provider.NewFlow(redirect)
	address, err := p.Begin(t.Context(), f)
	if err != nil {
		return nil, err
	}
	return p.Finish(t.Context(), h.Answer(t, address), f)
}

func reason(err error) (why provider.Reason, down bool) {
	var refused *provider.RefusedError
	var away *provider.UnavailableError
	switch {
	case errors.As(err, &refused):
		return refused.Reason, false
	case errors.As(err, &away):
		return away.Reason, true
	}
	return "", false
}

func TestAHostileProviderIsRefusedByEachOfItsFaults(t *testing.T) {
	t.Parallel()
	for _, shape := range []providertest.Shape{providertest.OIDC, providertest.Microsoft} {
		for _, fault := range providertest.Faults(shape) {
			t.Run(string(shape)+"/"+fault.Name, func(t *testing.T) {
				t.Parallel()
				h := providertest.StartHostile(t, shape)
				var log testkit.Log
				p := atHostile(t, h, &log)
				h.Be(fault)
				id, err := tryHostile(t, h, p)
				if err == nil {
					t.Fatalf("it was believed: %+v", id)
				}
				if id != nil {
					t.Errorf("an identity beside the error: %+v", id)
				}
				want := fault.Reason
				if want == "" {
					want = string(provider.ReasonToken)
				}
				if why, down := reason(err); string(why) != want || down != fault.Down {
					t.Errorf("got %v, want %s, down %v", err, want, fault.Down)
				}
				for _, secret := range h.Secrets() {
					if strings.Contains(err.Error()+log.String(), secret) {
						t.Errorf("a secret in %q, logged: %s", err, &log)
					}
				}
			})
		}
	}
}

// What is refused above is refused for its fault: without one all goes well,
// before a fault and after it.
func TestAnHonestProviderIsBelieved(t *testing.T) {
	t.Parallel()
	for _, shape := range []providertest.Shape{providertest.OIDC, providertest.Microsoft} {
		h := providertest.StartHostile(t, shape)
		p := atHostile(t, h, nil)
		for range 2 {
			id, err := tryHostile(t, h, p)
			if err != nil || id.Email != "anna@work.test" {
				t.Fatalf("%s: %+v, %v", shape, id, err)
			}
		}
	}
}
