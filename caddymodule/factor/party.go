package factor

import (
	"fmt"
	"net"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Party is who passkeys are made for. Browsers give a passkey to the domain ID and
// the hosts below it, and to nobody else; a key made for one ID is lost when
// another takes its place.
type Party struct {
	ID      string
	Origins []string
	library *webauthn.WebAuthn
}

// NewParty checks id, the domain, and the origins of the pages that use passkeys.
func NewParty(id, name string, origins ...string) (*Party, error) {
	library, err := webauthn.New(&webauthn.Config{
		RPID: id, RPDisplayName: name, RPOrigins: origins,
		// We ask for nothing that could be wrong in an unexpected answer, and some
		// password managers answer more than they were asked.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing passkeys for %q: %w", id, err)
	}
	return &Party{ID: id, Origins: origins, library: library}, nil
}

// Fits tells whether pages at a host, with or without a port, can use passkeys.
func (p *Party) Fits(host string) bool {
	if p == nil {
		return false
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return Covers(p.ID, host)
}

// Covers tells whether browsers give passkeys of a domain to pages of a host.
func Covers(domain, host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if net.ParseIP(strings.Trim(host, "[]")) != nil || domain == "" {
		return false
	}
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// Home is the host at which passkeys are used first.
func (p *Party) Home() string {
	_, host, _ := strings.Cut(p.Origins[0], "://")
	return host
}
