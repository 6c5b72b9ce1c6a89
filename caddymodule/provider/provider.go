// Package provider speaks with those who vouch for people: Google, Microsoft,
// LinkedIn and any other OpenID provider. It owns the table of their quirks, what
// is asked of them, what of their answers is believed, and the discovery documents
// and keys that are kept of them.
//
// It knows no users, sessions or cookies: who holds the Flow between Begin and
// Finish binds it to the browser, uses it once, and decides what an Identity may
// do here.
package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Config is what an operator says about one provider. Fields left out are
// answered by the table of quirks.
type Config struct {
	// Kind is a line of the table of quirks.
	Kind Kind
	// Name stands in paths, records and cookies, and never changes. Left out: the
	// kind.
	Name string
	// Label is what people call it. Left out: that of the table, or the name.
	Label string

	// Base is where it is: for OIDC the issuer, and for the others what to put in
	// the place of their own address, as national clouds and tests do.
	Base string
	// Issuers are accepted beside those of the table, for the day on which a
	// provider takes another name.
	Issuers []string

	ClientID, ClientSecret string
	// ClientAuth is how the secret is shown.
	ClientAuth ClientAuth
	// Scopes are asked for in the place of those of the table.
	Scopes []string
	// Nonce and PKCE overrule the table.
	Nonce, PKCE *bool

	// Tenants of Microsoft whose people may come; empty: all.
	Tenants []string
	// Personal accounts of Microsoft may come.
	Personal bool
	// Domains of Google's Workspace whose people may come; empty: all.
	Domains []string

	// Enough says when a login there stands for our second step, too.
	Enough Enough
}

// Options are what a Provider is run with.
type Options struct {
	// Cache keeps documents and keys. Needed; over a reload the same one.
	Cache *Cache
	// Log hears of what an operator should know; left out: nobody does.
	Log *slog.Logger
	// Now is the clock. Left out: that of the machine.
	Now func() time.Time
}

// Provider is one of those who vouch. It is safe for use by many.
type Provider struct {
	config  Config
	quirks  quirks
	issuers []string
	source  *source
	log     *slog.Logger
	now     func() time.Time
}

// SelectAccount is the prompt that has people choose an account.
const SelectAccount = "select_account"

// Flow is what is remembered of one login between its beginning and its end. It
// belongs to one browser, and is good once.
type Flow struct {
	// State, Nonce and Verifier are secrets of this flow: see NewFlow.
	State, Nonce, Verifier string
	// Redirect is the address of our callback, exactly as registered.
	Redirect string
	// Prompt is SelectAccount or "login", or empty. It is left out where the
	// provider does not know it.
	Prompt string
	// LoginHint is the address that was typed, or empty.
	LoginHint string
}

// NewFlow returns a flow with fresh secrets.
func NewFlow(redirect string) Flow {
	return Flow{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect}
}

// Identity is somebody as a provider knows them. Issuer and Subject are the key;
// nothing else of it says who it is. The address is what the provider says it
// is, for people to read: it matches and links nothing.
type Identity struct {
	// Issuer is the first of the accepted issuers, so that one that changes its
	// name knows its people still; of Microsoft the one of the tenant.
	Issuer string
	// Subject is the `sub`; of Microsoft the object id (`oid`) within the tenant.
	Subject string

	Email         string // or empty
	EmailVerified bool
	Name          string // or empty

	Amr      []string
	Acr      string
	AuthTime time.Time // zero where it was not told
}

// New checks a configuration. It asks nothing of the network: the first that needs
// to know does, or Warm.
func New(c Config, o Options) (*Provider, error) {
	q, ok := table[c.Kind]
	if !ok {
		return nil, fmt.Errorf("provider: there is no kind %q", c.Kind)
	}
	c = c.filled(q)
	if err := c.check(q); err != nil {
		return nil, fmt.Errorf("provider %s: %w", c.Name, err)
	}
	if o.Cache == nil {
		return nil, fmt.Errorf("provider %s: no cache was given", c.Name)
	}
	p := &Provider{config: c, quirks: q, log: o.Log, now: o.Now}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.now == nil {
		p.now = time.Now
	}
	p.issuers = c.issuers(q)
	p.source = o.Cache.source(q.discovery(c), p.issuers)
	return p, nil
}

// Check says what is wrong with a configuration.
func (c Config) Check() error {
	q, ok := table[c.Kind]
	if !ok {
		return fmt.Errorf("there is no kind %q", c.Kind)
	}
	return c.filled(q).check(q)
}

// PathName is the name it goes by.
func (c Config) PathName() string {
	if c.Name == "" {
		return string(c.Kind)
	}
	return c.Name
}

// filled puts what the table says where the operator said nothing.
func (c Config) filled(q quirks) Config {
	c.Name = c.PathName()
	if c.Label == "" {
		c.Label = q.label
	}
	if c.Label == "" {
		c.Label = c.Name
	}
	if c.Base == "" {
		c.Base = q.base
	}
	if c.ClientAuth == "" {
		c.ClientAuth = q.auth
	}
	if len(c.Scopes) == 0 {
		c.Scopes = q.scopes
	}
	if c.Nonce == nil {
		c.Nonce = &q.nonce
	}
	if c.PKCE == nil {
		c.PKCE = &q.pkce
	}
	return c
}

var (
	namePattern  = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$`)
	scopePattern = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]{1,200}$`)
)

// CheckName says what is wrong with the name of a provider.
func CheckName(name string) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("%q: a name has lower case letters, digits and -, 32 at most, like my-school", name)
	}
	return nil
}

// CheckTenant says what is wrong with a tenant of Microsoft.
func CheckTenant(tenant string) error {
	if !guidPattern.MatchString(strings.ToLower(tenant)) {
		return fmt.Errorf("tenant %q: write its id (a GUID, in the Azure portal under Microsoft Entra ID), not a domain: tokens name the id", tenant)
	}
	return nil
}

func (c Config) check(q quirks) error {
	errs := []error{CheckName(c.Name), checkBase(c.Base)}
	switch {
	case c.ClientID == "":
		errs = append(errs, errors.New("no client_id; the provider gives one when you register the gateway there"))
	case c.ClientSecret == "":
		errs = append(errs, errors.New("no client_secret; the provider gives one when you register the gateway there"))
	}
	switch c.ClientAuth {
	case AuthAuto, AuthBasic, AuthPost:
	default:
		errs = append(errs, fmt.Errorf("client_auth %q: write auto, basic or post", c.ClientAuth))
	}
	for _, scope := range c.Scopes {
		if !scopePattern.MatchString(scope) {
			errs = append(errs, fmt.Errorf("scope %q: a scope is one word", scope))
		}
	}
	if !slices.Contains(c.Scopes, "openid") {
		errs = append(errs, errors.New("scopes without openid: the provider would not say who it is"))
	}
	if !*c.Nonce && !*c.PKCE && (q.nonce || q.pkce) {
		errs = append(errs, errors.New("nonce and pkce are both off: nothing would bind an answer to its question; keep one"))
	}
	for _, tenant := range c.Tenants {
		errs = append(errs, CheckTenant(tenant))
	}
	for _, issuer := range c.Issuers {
		errs = append(errs, checkBase(issuer))
	}
	if (len(c.Tenants) > 0 || c.Personal) && !q.tenants {
		errs = append(errs, errors.New("only Microsoft has tenants and personal accounts"))
	}
	if len(c.Domains) > 0 && !q.domains {
		errs = append(errs, errors.New("only Google has domains"))
	}
	return errors.Join(errs...)
}

// checkBase wants https, except on this machine.
func checkBase(base string) error {
	if base == "" {
		return errors.New("no issuer; write the address it has in its discovery document, like https://id.example.com")
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !secure(u) {
		return fmt.Errorf("address %q: write https://host, with a path where it has one, and nothing after it", base)
	}
	return nil
}

// Name stands in paths and records.
func (p *Provider) Name() string { return p.config.Name }

// Label is what people call it: "Google".
func (p *Provider) Label() string { return p.config.Label }

// Kind is the line of the table it follows.
func (p *Provider) Kind() Kind { return p.config.Kind }

// Warm begins to fetch what is known of the provider, in the background.
func (p *Provider) Warm() { p.source.look(p.now()) }

// Ready is false while the provider cannot be used, as far as is known. It never
// waits: what is to be found out is found out in the background.
func (p *Provider) Ready() bool { return p.source.ready(p.now()) }

// Chooses tells whether people can be asked there which account it is to be. Where
// they cannot, it is the one that is signed in, each time. It never waits.
func (p *Provider) Chooses() bool {
	return slices.Contains(p.quirks.prompts, SelectAccount) || slices.Contains(p.source.prompts(), SelectAccount)
}

// Enough tells whether a login at the provider stands for our second step, too.
func (p *Provider) Enough(id *Identity) bool { return p.config.Enough.For(id) }

// Check tells whether the provider answers, for a command that looks: where
// nothing is known yet it waits for the first look.
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.source.metadata(ctx, p.now())
	return err
}

// Begin returns the address at the provider to send the browser to. It fails
// with an *UnavailableError, where what is not known yet cannot be found out in a
// few seconds.
func (p *Provider) Begin(ctx context.Context, f Flow) (authURL string, err error) {
	if f.State == "" || f.Nonce == "" || f.Verifier == "" || f.Redirect == "" {
		return "", fmt.Errorf("provider %s: a flow without its secrets", p.Name())
	}
	doc, err := p.source.metadata(ctx, p.now())
	if err != nil {
		return "", p.unavailable(ReasonDiscovery, err)
	}
	options := []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("response_type", "code")}
	set := func(name, value string) { options = append(options, oauth2.SetAuthURLParam(name, value)) }
	if *p.config.Nonce {
		set("nonce", f.Nonce)
	}
	if *p.config.PKCE {
		options = append(options, oauth2.S256ChallengeOption(f.Verifier))
	}
	if f.Prompt != "" && p.knowsPrompt(doc, f.Prompt) {
		set("prompt", f.Prompt)
	}
	if f.LoginHint != "" && p.quirks.hint {
		set("login_hint", f.LoginHint)
	}
	if len(p.config.Enough.Acr) > 0 {
		set("acr_values", strings.Join(p.config.Enough.Acr, " "))
	}
	if len(p.config.Domains) == 1 {
		set("hd", p.config.Domains[0]) // a hint; what counts is the claim
	}
	return p.oauth(doc, f).AuthCodeURL(f.State, options...), nil
}

// knowsPrompt keeps from providers what they would answer with an error.
func (p *Provider) knowsPrompt(doc *metadata, prompt string) bool {
	return slices.Contains(p.quirks.prompts, prompt) || slices.Contains(doc.Prompts, prompt)
}

func (p *Provider) oauth(doc *metadata, f Flow) *oauth2.Config {
	style := oauth2.AuthStyleInParams
	if p.config.ClientAuth == AuthBasic || (p.config.ClientAuth == AuthAuto && doc.takesBasic()) {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, RedirectURL: f.Redirect, Scopes: p.config.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: doc.AuthURL, TokenURL: doc.TokenURL, AuthStyle: style},
	}
}
