package caddymodule

import "github.com/caddyserver/caddy/v2"

// Handler puts the login gateway in front of the handlers that follow it. It must
// see every request of the site, so it takes no matcher and stands before
// anything that rewrites. All fields are optional.
type Handler struct {
	// Prefix of the gateway's own paths: lower and upper case letters, digits and
	// ". _ ~ -" between slashes. Default: /gateway.
	Prefix string `json:"prefix,omitempty"`

	// Public are the requests that pass without a login. Default: none.
	Public []PublicRule `json:"public,omitempty"`

	// APIPaths are paths where a missing login is always answered with a 401 for
	// programs, never with a page. A path, or a prefix when it ends in /*.
	// Default: none.
	APIPaths []string `json:"api_paths,omitempty"`

	// RepairPaths are paths of the app that the superadmin of a blocked account
	// may still use, to pay or subscribe. A path, or a prefix when it ends in /*.
	// Default: none.
	RepairPaths []string `json:"repair_paths,omitempty"`

	// Require are the paths where a session alone is not enough. Default: none.
	Require []RequireRule `json:"require,omitempty"`

	// CookieDomain shares logins with the other sites that have the same one, like
	// example.com for app.example.com and docs.example.com. All hosts below it get
	// the cookies then, whoever runs them. Default: none, and each host has its own
	// logins.
	CookieDomain string `json:"cookie_domain,omitempty"`

	// CORS are the origins whose scripts may read the gateway's refusals, and
	// whose preflights it answers; like https://app.example.com. Default: none.
	CORS []string `json:"cors,omitempty"`

	// Headers are the names under which the app learns who is logged in, by what
	// they say: user, email, name, groups, account, account_state, session, amr,
	// auth_time, assertion. "off" sends none; names that a visitor could confuse
	// with these are removed from every request. Default: Remote-User, Remote-Email,
	// Remote-Name, Remote-Groups, Remote-Account, Remote-Account-State,
	// Remote-Session, Remote-Amr, Remote-Auth-Time, Remote-Assertion.
	Headers map[string]string `json:"headers,omitempty"`

	// Assertion is the audience, like https://app.example.com, of a signed token
	// (JWT, EdDSA) that tells the app the same in a form it can verify, with the
	// keys at <prefix>/jwks.json. Default: none, and no token is sent.
	Assertion string `json:"assertion,omitempty"`

	rt *siteRuntime
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.login_gateway", New: func() caddy.Module { return new(Handler) }}
}

// PublicRule opens some requests to everybody. Either Preset or Paths is given.
type PublicRule struct {
	// Preset is a list of paths by name: "pwa" (manifest, service worker, icons,
	// robots.txt and .well-known, which browsers fetch without cookies). Default:
	// none.
	Preset string `json:"preset,omitempty"`
	// Methods that are open. Default: GET and HEAD.
	Methods []string `json:"methods,omitempty"`
	// Paths are exact, or prefixes when they end in /*: "/pub/*" opens "/pub/" and
	// what is below, not "/pub". Upper and lower case differ. Default: those of
	// Preset.
	Paths []string `json:"paths,omitempty"`
}

// RequireRule asks for more than a session. It protects more than its letters: it
// takes no regard of upper and lower case or of a slash at the end, and counts for
// every path that servers may read in different ways. One of SecondStep and
// FreshProof is given, or both.
type RequireRule struct {
	// SecondStep asks for a session in which a second step was passed. Default: off.
	SecondStep bool `json:"second_step,omitempty"`
	// FreshProof asks that whoever is there proved who they are no longer ago than
	// this, 30s to 24h. Default: none, however long ago.
	FreshProof caddy.Duration `json:"fresh_proof,omitempty"`
	// Paths are exact, or prefixes when they end in /*. Needed.
	Paths []string `json:"paths,omitempty"`
}
