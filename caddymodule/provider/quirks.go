package provider

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Kind is a line of the table of quirks.
type Kind string

// The kinds.
const (
	Google    Kind = "google"
	Microsoft Kind = "microsoft"
	LinkedIn  Kind = "linkedin"
	OIDC      Kind = "oidc" // any other that keeps to OpenID Connect
)

// ClientAuth is how our secret is shown at the token endpoint.
type ClientAuth string

// The ways to show it.
const (
	AuthAuto  ClientAuth = "auto"  // as the discovery document says
	AuthBasic ClientAuth = "basic" // client_secret_basic
	AuthPost  ClientAuth = "post"  // client_secret_post
)

// quirks are in what a provider differs from others. What they are is data, so
// that the code that checks answers is one for all.
type quirks struct {
	label string
	base  string // of all addresses below, where the operator gives none
	// document is where the discovery document is, below base.
	document string
	// issuers are accepted; {base}, {host} of it, and {tenantid} stand for
	// themselves. The first is the one that records have.
	issuers []string
	scopes  []string
	auth    ClientAuth
	nonce   bool     // it puts our nonce into the ID token
	pkce    bool     // it takes a code_verifier
	prompts []string // it knows, whether the document says so or not
	hint    bool     // it takes a login_hint
	tenants bool     // its people belong to tenants, and their key is tenant and object id
	domains bool     // `hd` names the domain of an organisation
	// codeErrors are what it answers to a code that is no good, beside
	// invalid_grant.
	codeErrors []string
}

// documentPath is where OpenID Connect Discovery says it is.
const documentPath = "/.well-known/openid-configuration"

// table has all that is special about a provider. Sources: their documents for
// developers, and their discovery documents.
var table = map[Kind]quirks{
	Google: {
		label: "Google", base: "https://accounts.google.com", document: "{base}" + documentPath,
		// The second is of tokens of long ago, which are documented still.
		issuers: []string{"{base}", "{host}"},
		scopes:  []string{"openid", "email", "profile"}, auth: AuthPost, nonce: true, pkce: true,
		prompts: []string{SelectAccount}, hint: true, domains: true,
	},
	Microsoft: {
		label: "Microsoft", base: "https://login.microsoftonline.com", document: "{base}/{tenant}/v2.0" + documentPath,
		issuers: []string{"{base}/{tenantid}/v2.0"},
		scopes:  []string{"openid", "email", "profile"}, auth: AuthPost, nonce: true, pkce: true,
		prompts: []string{SelectAccount, "login"}, hint: true, tenants: true,
	},
	// LinkedIn has no nonce, refuses a code_verifier, lets nobody choose an account,
	// and has called itself by both names.
	LinkedIn: {
		label: "LinkedIn", base: "https://www.linkedin.com", document: "{base}/oauth" + documentPath,
		issuers: []string{"{base}/oauth", "{base}"},
		scopes:  []string{"openid", "profile", "email"}, auth: AuthPost, codeErrors: []string{"invalid_request"},
	},
	OIDC: {
		document: "{base}" + documentPath, issuers: []string{"{base}"},
		scopes: []string{"openid", "email", "profile"}, auth: AuthAuto, nonce: true, pkce: true, hint: true,
	},
}

// What Microsoft calls groups of tenants, and the tenant of all personal accounts.
const (
	organizations  = "organizations"
	everybody      = "common"
	personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
	tenantMark     = "{tenantid}"
)

var guidPattern = regexp.MustCompile(`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// discovery is the address of the discovery document.
func (q quirks) discovery(c Config) string {
	tenant := organizations
	switch {
	case c.Personal:
		tenant = everybody
	case len(c.Tenants) == 1:
		tenant = strings.ToLower(c.Tenants[0])
	}
	return strings.NewReplacer("{base}", strings.TrimSuffix(c.Base, "/"), "{tenant}", tenant).Replace(q.document)
}

// issuers are those whose tokens are believed. Those of the table come first.
func (c Config) issuers(q quirks) []string {
	host := ""
	if u, err := url.Parse(c.Base); err == nil {
		host = u.Host
	}
	base := c.Base
	if c.Kind != OIDC { // there a slash at the end is part of the name
		base = strings.TrimSuffix(base, "/")
	}
	fill := strings.NewReplacer("{base}", base, "{host}", host)
	all := make([]string, 0, len(q.issuers)+len(c.Issuers))
	for _, issuer := range slices.Concat(q.issuers, c.Issuers) {
		all = append(all, fill.Replace(issuer))
	}
	return all
}

// Enough says when a login at a provider stands for our second step, too. Empty,
// it never does: a provider is one factor.
type Enough struct {
	// Amr are ways to log in (RFC 8176), like "mfa"; one that was used is enough.
	Amr []string
	// Acr are classes of logins; one of them is enough. The provider is asked for
	// them.
	Acr []string
}

// For tells whether it is enough for id.
func (e Enough) For(id *Identity) bool {
	if id == nil {
		return false
	}
	used := func(amr string) bool { return amr != "" && slices.Contains(id.Amr, amr) }
	return slices.ContainsFunc(e.Amr, used) || (id.Acr != "" && slices.Contains(e.Acr, id.Acr))
}
