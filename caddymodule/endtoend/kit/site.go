package kit

import (
	"fmt"
	"strings"
)

// Secret is the secret of the gateways under test.
const Secret = "q8Zt3vRkP1mWx7LcYd5HsB2nJg9UeTf4" //nolint:gosec // opens nothing but the sites of these tests

// Site is what a Caddyfile says. Zero fields leave their part out.
type Site struct {
	// Store is the line after the word store.
	Store string
	// Upstream is the address of the app.
	Upstream string
	// App are further words of the global option, Words those of the directive.
	App, Words string
	// Trusted are the proxies that may name the client; default 127.0.0.1/32.
	Trusted string
	// Global are further global options, Servers those of its servers block.
	Global, Servers string
	// Before stands in the site before the directive.
	Before string
	// Proxy takes the place of the reverse_proxy, in which {upstream} stands for
	// the address of the app.
	Proxy string
	// Sites are further sites, word for word.
	Sites string
	// HTTPS has the site speak TLS, with a certificate of its folder.
	HTTPS bool
	// Env are more variables of the process, like GODEBUG=http2xconnect=1.
	Env []string
	// Level is how much the gateway logs; default DEBUG, in which every request is told.
	Level string
	// NoSecret has the gateway make its own.
	NoSecret bool
}

const plainProxy = `reverse_proxy {upstream} {
		stream_close_delay 5m
	}`

// Caddyfile writes the site down, for a gateway at addr with its admin endpoint
// at admin.
func (s Site) Caddyfile(addr, admin string) string {
	scheme, tls, secret := "http", "", "secret "+Secret
	if s.HTTPS {
		scheme, tls = "https", "tls "+certificateFile+" "+keyFile
	}
	if s.NoSecret {
		secret = ""
	}
	if !strings.Contains(s.App, "type support") {
		s.App += "\ntype support {\nsecond_step optional\n}"
	}
	proxy := s.Proxy
	if proxy == "" {
		proxy = plainProxy
	}
	level := s.Level
	if level == "" {
		level = "DEBUG"
	}
	trusted := s.Trusted
	if trusted == "" {
		trusted = "127.0.0.1/32"
	}
	return fmt.Sprintf(`{
	admin %s
	skip_install_trust
	auto_https disable_redirects
	grace_period 3s
	log {
		output stderr
		format json
		level %s
	}
	servers {
		trusted_proxies static %s
		%s
	}
	%s
	login_gateway {
		store %s
		%s
		public_url %s://%s
		%s
	}
}
%s://%s {
	%s
	%s
	login_gateway {
		%s
	}
	%s
}
%s
`, admin, level, trusted, s.Servers, s.Global, s.Store, secret, scheme, addr, s.App,
		scheme, addr, tls, s.Before, s.Words, strings.ReplaceAll(proxy, "{upstream}", s.Upstream), s.Sites)
}
