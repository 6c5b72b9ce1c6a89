package main

import (
	"strings"
)

// site is what one candidate puts in front of the upstream.
type site struct {
	addr, admin, up string
	store           string // of the gateway, as in the Caddyfile; empty: no gateway
	secret          string
	twin            bool   // set the identity headers by header_up
	mark            string // set as X-Mark, to see which config answers
	options         string // more words of the global option
	audience        string // of the assertion that the app gets; the twin sets a constant as long
}

// identity is what the twin sets: what the gateway would say about one of the
// seeded users.
const identity = `
		header_up Remote-User kq3m5xw2p7aabcde
		header_up Remote-Email user-000000@bench.test
		header_up Remote-Name "Bench User"
		header_up Remote-Groups teammate
		header_up Remote-Account bench-00
		header_up Remote-Account-State active
		header_up Remote-Session w2p7aabcdekq3m5x
		header_up Remote-Amr pwd
		header_up Remote-Auth-Time 1767225600`

// signed is what the twin sets for an assertion: as many bytes as one has.
var signed = "\n\t\theader_up Remote-Assertion " + strings.Repeat("eyJhbGciOiJF", 48)

// caddyfile is the same for all candidates but for what they are about. The
// upstream pool is as large as the largest load, lest the figures be about
// making connections; logins come with the address of a made-up visitor.
func (s site) caddyfile() string {
	text := `{
	admin ADMIN
	auto_https off
	persist_config off
	log {
		level WARN
	}
	servers {
		trusted_proxies static 127.0.0.1/32
	}
	GLOBAL
}
http://ADDR {
	MARK
	SITE
	reverse_proxy UPSTREAM {
		stream_close_delay 1m
		transport http {
			keepalive_idle_conns_per_host 1024
		}UP
	}
}
`
	global, directive, up, mark := "", "", "", ""
	if s.store != "" {
		global = "login_gateway {\n\t\tstore " + s.store + "\n\t\tsecret " + s.secret + "\n\t\t" + s.options + "\n\t}"
		directive = "login_gateway"
		if s.audience != "" {
			directive += " {\n\t\tassertion " + s.audience + "\n\t}"
		}
	}
	if s.twin {
		up = identity
		if s.audience != "" {
			up += signed
		}
	}
	if s.mark != "" {
		mark = "header X-Mark " + s.mark
	}
	return strings.NewReplacer("ADMIN", s.admin, "ADDR", s.addr, "GLOBAL", global, "SITE", directive,
		"UPSTREAM", s.up, "UP", up, "MARK", mark).Replace(text)
}
