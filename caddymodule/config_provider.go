package caddymodule

// ProviderClient is what all providers of identities have: who we are there, and
// what is asked. All fields but the first two are optional; what is left out is
// answered by what is known of the kind of provider.
type ProviderClient struct {
	// ClientID is the name that the provider gave the gateway. Needed. Accepts
	// {env.*} and {file.*}, as all texts of a provider do.
	ClientID string `json:"client_id,omitempty"`
	// ClientSecret belongs to it. Needed.
	ClientSecret string `json:"client_secret,omitempty"`
	// Label is what stands on the button. Default: Google, Microsoft, LinkedIn, or
	// the name.
	Label string `json:"label,omitempty"`
	// Scopes are asked for. Default: openid, email and profile.
	Scopes []string `json:"scopes,omitempty"`
	// AcceptIssuers are names of the provider that are accepted beside the known
	// ones, for the day on which it takes another. Default: none.
	AcceptIssuers []string `json:"accept_issuers,omitempty"`
	// ClientAuth is how the secret is shown: "basic", "post", or "auto", which is
	// what the discovery document says. Default: post, for oidc auto.
	ClientAuth string `json:"client_auth,omitempty"`
	// Nonce binds the ID token to the login it was asked for. Default: on, for
	// linkedin off.
	Nonce *bool `json:"nonce,omitempty"`
	// PKCE binds the code to the login it was asked for. Default: on, for linkedin
	// off.
	PKCE *bool `json:"pkce,omitempty"`
	// SecondStepBy says when a login at the provider stands for our second step,
	// too. Default: never.
	SecondStepBy SecondStepBy `json:"second_step_by,omitzero"`
}

// SecondStepBy says what a provider must tell of a login for our second step not
// to be asked. One of all values is enough.
type SecondStepBy struct {
	// Amr are ways to log in (RFC 8176), like mfa. Default: none.
	Amr []string `json:"amr,omitempty"`
	// Acr are classes of logins; the provider is asked for them. Default: none.
	Acr []string `json:"acr,omitempty"`
}

// GoogleProvider lets people log in with Google.
type GoogleProvider struct {
	ProviderClient
	// BaseURL stands in the place of https://accounts.google.com, for tests.
	// Default: that one.
	BaseURL string `json:"base_url,omitempty"`
	// Domains of Google Workspace whose people may come. Default: all, and people
	// without one.
	Domains []string `json:"domains,omitempty"`

	config providerConfig
}

// MicrosoftProvider lets people of organisations log in with Microsoft.
type MicrosoftProvider struct {
	ProviderClient
	// BaseURL stands in the place of https://login.microsoftonline.com, for
	// national clouds and tests. Default: that one.
	BaseURL string `json:"base_url,omitempty"`
	// Tenants are the ids of the organisations whose people may come. Default: all
	// organisations.
	Tenants []string `json:"tenants,omitempty"`
	// Personal accounts may come, too. Default: off.
	Personal *bool `json:"personal,omitempty"`

	config providerConfig
}

// LinkedInProvider lets people log in with LinkedIn.
type LinkedInProvider struct {
	ProviderClient
	// BaseURL stands in the place of https://www.linkedin.com, for tests. Default:
	// that one.
	BaseURL string `json:"base_url,omitempty"`

	config providerConfig
}

// OIDCProvider lets people log in with any provider of OpenID Connect.
type OIDCProvider struct {
	ProviderClient
	// Name stands in addresses and records, and never changes: lower case letters,
	// digits and -. Needed.
	Name string `json:"name,omitempty"`
	// Issuer is the address of the provider, exactly as in its discovery document.
	// Needed.
	Issuer string `json:"issuer,omitempty"`

	config providerConfig
}
