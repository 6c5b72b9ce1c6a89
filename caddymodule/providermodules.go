package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cliendo/gateway/caddymodule/provider"
)

func init() {
	caddy.RegisterModule(GoogleProvider{})
	caddy.RegisterModule(MicrosoftProvider{})
	caddy.RegisterModule(LinkedInProvider{})
	caddy.RegisterModule(OIDCProvider{})
}

// ProviderModule is a guest module of the namespace login_gateway.providers. Its
// Provision reads and checks the configuration and asks nobody anything.
type ProviderModule interface {
	// Provider is the configuration, placeholders replaced.
	Provider() provider.Config
}

// providerConfig is what Provision makes.
type providerConfig = provider.Config

const providerNamespace = "login_gateway.providers"

// CaddyModule returns the Caddy module information.
func (GoogleProvider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: providerNamespace + ".google", New: func() caddy.Module { return new(GoogleProvider) }}
}

// CaddyModule returns the Caddy module information.
func (MicrosoftProvider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: providerNamespace + ".microsoft", New: func() caddy.Module { return new(MicrosoftProvider) }}
}

// CaddyModule returns the Caddy module information.
func (LinkedInProvider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: providerNamespace + ".linkedin", New: func() caddy.Module { return new(LinkedInProvider) }}
}

// CaddyModule returns the Caddy module information.
func (OIDCProvider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: providerNamespace + ".oidc", New: func() caddy.Module { return new(OIDCProvider) }}
}

// filling replaces placeholders, and collects what is wrong.
type filling struct {
	repl *caddy.Replacer
	in   string // for messages
	errs []error
}

func (f *filling) text(option, value string) string {
	out, err := expand(f.repl, f.in+" "+option, value)
	f.errs = append(f.errs, err)
	return out
}

func (f *filling) texts(option string, values []string) []string {
	all := make([]string, 0, len(values))
	for _, value := range values {
		all = append(all, f.text(option, value))
	}
	return all
}

// config puts what all providers have into the words of package provider.
func (c *ProviderClient) config(f *filling, kind provider.Kind, base string) provider.Config {
	return provider.Config{
		Kind: kind, Base: f.text("base_url", base), Label: f.text("label", c.Label),
		ClientID: f.text("client_id", c.ClientID), ClientSecret: f.text("client_secret", c.ClientSecret),
		ClientAuth: provider.ClientAuth(f.text("client_auth", c.ClientAuth)), Scopes: f.texts("scopes", c.Scopes),
		Issuers: f.texts("accept_issuers", c.AcceptIssuers), Nonce: c.Nonce, PKCE: c.PKCE,
		Enough: provider.Enough{Amr: f.texts("second_step_by", c.SecondStepBy.Amr), Acr: f.texts("second_step_by", c.SecondStepBy.Acr)},
	}
}

// done returns what is wrong with the whole.
func (f *filling) done(c provider.Config) error {
	if err := errors.Join(f.errs...); err != nil {
		return err // the check below would only say of an empty word what is said here
	}
	if err := c.Check(); err != nil {
		return fmt.Errorf("%s: %w", f.in, err)
	}
	return nil
}

// Provision replaces placeholders and checks the rest.
func (p *GoogleProvider) Provision(caddy.Context) error {
	f := &filling{repl: caddy.NewReplacer(), in: "provider google"}
	p.config = p.ProviderClient.config(f, provider.Google, p.BaseURL)
	p.config.Domains = f.texts("domains", p.Domains)
	return f.done(p.config)
}

// Provision replaces placeholders and checks the rest.
func (p *MicrosoftProvider) Provision(caddy.Context) error {
	f := &filling{repl: caddy.NewReplacer(), in: "provider microsoft"}
	p.config = p.ProviderClient.config(f, provider.Microsoft, p.BaseURL)
	p.config.Tenants, p.config.Personal = f.texts("tenants", p.Tenants), p.Personal != nil && *p.Personal
	return f.done(p.config)
}

// Provision replaces placeholders and checks the rest.
func (p *LinkedInProvider) Provision(caddy.Context) error {
	f := &filling{repl: caddy.NewReplacer(), in: "provider linkedin"}
	p.config = p.ProviderClient.config(f, provider.LinkedIn, p.BaseURL)
	return f.done(p.config)
}

// Provision replaces placeholders and checks the rest.
func (p *OIDCProvider) Provision(caddy.Context) error {
	f := &filling{repl: caddy.NewReplacer(), in: strings.TrimSpace("provider oidc " + p.Name)}
	if p.Name == "" {
		return errors.New("provider oidc: no name; write `provider oidc <name> { ... }`")
	}
	p.config = p.ProviderClient.config(f, provider.OIDC, "")
	p.config.Name, p.config.Base = f.text("name", p.Name), f.text("issuer", p.Issuer)
	return f.done(p.config)
}

// Provider is the configuration.
func (p *GoogleProvider) Provider() provider.Config { return p.config }

// Provider is the configuration.
func (p *MicrosoftProvider) Provider() provider.Config { return p.config }

// Provider is the configuration.
func (p *LinkedInProvider) Provider() provider.Config { return p.config }

// Provider is the configuration.
func (p *OIDCProvider) Provider() provider.Config { return p.config }

// loadProviders loads the guest modules, in their order.
func (a *App) loadProviders(ctx caddy.Context) ([]ProviderModule, error) {
	// Caddy takes the JSON away once it is loaded; what is checked after it
	// must not find it missing.
	kept := a.ProvidersRaw
	defer func() { a.ProvidersRaw = kept }()
	if len(kept) == 0 {
		return nil, nil
	}
	loaded, err := ctx.LoadModule(a, "ProvidersRaw")
	if err != nil {
		return nil, fmt.Errorf("loading the providers: %w", err)
	}
	var all []ProviderModule
	names := map[string]bool{}
	for _, module := range loaded.([]any) {
		p, ok := module.(ProviderModule)
		if !ok {
			return nil, fmt.Errorf("provider: module %T is none", module)
		}
		name := p.Provider().PathName()
		if names[name] {
			return nil, fmt.Errorf("provider %s stands twice: each needs a name of its own", name)
		}
		names[name] = true
		all = append(all, p)
	}
	return all, nil
}

// checkProviders finds what is missing around them.
func (a *App) checkProviders() error {
	if len(a.ProvidersRaw) > 0 && a.PublicURL == "" {
		return errors.New("provider: providers send people back to the address of the gateway; write `public_url https://login.example.com`")
	}
	return nil
}

// providerWord hands the line and its block to the guest module that is named.
//
//	provider google|microsoft|linkedin|oidc <name> { ... }
func (a *App) providerWord() word {
	return word{usage: "<kind> { ... }", repeats: true, raw: func(d *caddyfile.Dispenser) error {
		if !d.NextArg() {
			return d.Err("provider has nothing after it: write `provider google { ... }`")
		}
		kind, start := d.Val(), *d
		if _, err := caddy.GetModule(providerNamespace + "." + kind); err != nil {
			return d.Errf("there is no provider %q%s; any other is `provider oidc <name> { ... }`", kind, didYouMean(kind, providerKinds()))
		}
		module, err := caddyfile.UnmarshalModule(d, providerNamespace+"."+kind)
		if err != nil {
			return err
		}
		if a.hasProvider(kind, module) {
			return start.Errf("provider %s stands twice: each needs a name of its own", start.Val())
		}
		a.ProvidersRaw = append(a.ProvidersRaw, caddyconfig.JSONModuleObject(module, "kind", kind, nil))
		return nil
	}}
}

// hasProvider tells whether one of that kind, and where kinds have names of that
// name, was read before.
func (a *App) hasProvider(kind string, module any) bool {
	name := ""
	if p, ok := module.(*OIDCProvider); ok {
		name = p.Name
	}
	return slices.ContainsFunc(a.ProvidersRaw, func(raw json.RawMessage) bool {
		var other struct{ Kind, Name string }
		return json.Unmarshal(raw, &other) == nil && other.Kind == kind && other.Name == name
	})
}

func providerKinds() []string {
	modules := caddy.GetModules(providerNamespace)
	kinds := make([]string, 0, len(modules))
	for _, m := range modules {
		kinds = append(kinds, m.ID.Name())
	}
	return kinds
}

// Interface guards.
var (
	_ ProviderModule        = (*GoogleProvider)(nil)
	_ ProviderModule        = (*MicrosoftProvider)(nil)
	_ ProviderModule        = (*LinkedInProvider)(nil)
	_ ProviderModule        = (*OIDCProvider)(nil)
	_ caddy.Provisioner     = (*GoogleProvider)(nil)
	_ caddy.Provisioner     = (*MicrosoftProvider)(nil)
	_ caddy.Provisioner     = (*LinkedInProvider)(nil)
	_ caddy.Provisioner     = (*OIDCProvider)(nil)
	_ caddyfile.Unmarshaler = (*GoogleProvider)(nil)
	_ caddyfile.Unmarshaler = (*MicrosoftProvider)(nil)
	_ caddyfile.Unmarshaler = (*LinkedInProvider)(nil)
	_ caddyfile.Unmarshaler = (*OIDCProvider)(nil)
)
