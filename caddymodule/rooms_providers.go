package caddymodule

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/store"
)

// vouchers keeps what is known of providers, over reloads.
func (h *house) vouchers() *provider.Cache {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.documents == nil {
		h.documents = provider.NewCache(provider.CacheOptions{Log: h.log})
	}
	return h.documents
}

// makeProviders returns the providers of a configuration, in its order.
func makeProviders(modules []ProviderModule, cache *provider.Cache, log *slog.Logger) ([]*provider.Provider, error) {
	all := make([]*provider.Provider, 0, len(modules))
	for _, module := range modules {
		p, err := provider.New(module.Provider(), provider.Options{Cache: cache, Log: log})
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// warmProviders begins to look where the providers are, so that the first who
// comes need not wait.
func (r *rooms) warmProviders() {
	for _, p := range r.providers {
		p.Warm()
	}
}

// providerTry bounds asking one provider for `check`.
const providerTry = 15 * time.Second

// checkProviders says which addresses are to be registered where, and whether the
// providers answer.
func (s *setup) checkProviders(ctx context.Context, r *report) {
	if len(s.providers) == 0 {
		return
	}
	public, err := s.app.publicURL(caddy.NewReplacer())
	if err != nil || public == nil {
		return // checkConfig said what is wrong
	}
	cache := provider.NewCache(provider.CacheOptions{})
	defer cache.Close()
	all, err := makeProviders(s.providers, cache, nil)
	if err != nil {
		return // likewise
	}
	prefixes := s.prefixes()
	for _, p := range all {
		for _, prefix := range prefixes {
			r.note(levelOK, "provider", fmt.Sprintf("%s: register the redirect address %s%s/provider/%s/callback there", p.Name(), public, prefix, p.Name()), "")
		}
		r.add(askProvider(ctx, p))
	}
}

func askProvider(ctx context.Context, p *provider.Provider) store.Finding {
	ctx, cancel := context.WithTimeout(ctx, providerTry)
	defer cancel()
	if err := p.Check(ctx); err != nil {
		return store.Finding{
			Part: "provider", Level: levelWarning,
			Message: fmt.Sprintf("%s cannot be used now: %v", p.Name(), err),
			Fix:     "see that this machine can reach it, and that issuer or base_url is right; its button is off until it answers",
		}
	}
	return store.Finding{Part: "provider", Level: levelOK, Message: p.Name() + ": its discovery document and keys are there"}
}

// prefixes are those of the sites, each once.
func (s *setup) prefixes() (all []string) {
	seen := map[string]bool{}
	for _, g := range lookJSON(s.json).gateways {
		prefix := orElse(g.gateway.Prefix, defaultPrefix)
		if !seen[prefix] {
			all = append(all, prefix)
		}
		seen[prefix] = true
	}
	return all
}
