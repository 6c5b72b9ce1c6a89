package caddymodule

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/cliendo/gateway/caddymodule/factor"
)

// Passkeys say for which domain they are made. A browser gives a passkey to that
// domain and the hosts below it, for as long as it exists: with another domain all
// of them are lost.
type Passkeys struct {
	// RPID is the domain. Default: the host of public_url; an IP address has no
	// passkeys.
	RPID string `json:"rp_id,omitempty"`
	// Origins are further addresses at which people log in, as scheme and host; that
	// of public_url is always one. Default: none.
	Origins []string `json:"origins,omitempty"`
}

func (p *Passkeys) words() words {
	return words{
		"rp_id": textWord("<domain>", &p.RPID, checkDomain),
		"origins": {usage: "<url>...", min: 1, max: -1, set: func(args []string) error {
			p.Origins = args
			for _, text := range args {
				if _, err := parseOrigin(text); err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

// checkDomain refuses what browsers would refuse with the first passkey.
func checkDomain(domain string) error {
	suffix, known := publicsuffix.PublicSuffix(domain)
	switch {
	case domain == "":
		return errors.New("is empty: leave the word out to have the host of public_url")
	case net.ParseIP(domain) != nil:
		return fmt.Errorf("%q: an IP address has no passkeys; give the gateway a name", domain)
	case domain != strings.ToLower(domain) || strings.Trim(domain, ".") != domain || strings.ContainsAny(domain, "/: *"):
		return fmt.Errorf("%q: write a domain in small letters, like example.com, without https:// and without a port", domain)
	case suffix == domain && (known || strings.Contains(domain, ".")):
		return fmt.Errorf("%q: everybody may have a name below it, so browsers refuse it; write your own, like example.%s", domain, domain)
	}
	return nil
}

// parseOrigin reads one address at which people log in.
func parseOrigin(text string) (*url.URL, error) {
	u, err := parsePublicURL(text)
	if err != nil {
		return nil, fmt.Errorf("%q: write each as https://login.example.com, without a path", text)
	}
	return u, nil
}

// party is who passkeys are made for; nil where there are none.
func (p Passkeys) party(public *url.URL, brand string) (*factor.Party, error) {
	if public == nil {
		if p.RPID != "" || len(p.Origins) > 0 {
			return nil, errors.New("passkeys without a public_url: set it to the address people type, like https://app.example.com")
		}
		return nil, nil //nolint:nilnil // none is a choice, not a fault
	}
	domain := p.RPID
	if domain == "" {
		if domain = strings.ToLower(public.Hostname()); net.ParseIP(domain) != nil {
			return nil, nil //nolint:nilnil // an IP address has none, and the pages say so
		}
	} else if err := checkDomain(domain); err != nil {
		return nil, fmt.Errorf("passkeys rp_id %w", err)
	}
	origins := []string{origin(public)}
	if err := covered(domain, "public_url", public); err != nil {
		return nil, err
	}
	for _, text := range p.Origins {
		u, err := parseOrigin(text)
		if err != nil {
			return nil, fmt.Errorf("passkeys origins %w", err)
		}
		if err := covered(domain, "origins", u); err != nil {
			return nil, err
		}
		if o := origin(u); !slices.Contains(origins, o) {
			origins = append(origins, o)
		}
	}
	party, err := factor.NewParty(domain, orElse(brand, defaultIssuer), origins...)
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	return party, nil
}

func covered(domain, option string, u *url.URL) error {
	if factor.Covers(domain, u.Hostname()) {
		return nil
	}
	return fmt.Errorf("passkeys rp_id %s: browsers give its passkeys to %s and the hosts below it, and %s is on %s; write a domain that both have",
		domain, domain, option, u.Hostname())
}

// origin is an address as browsers write it: in small letters, without the port
// that goes without saying.
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}

// passkeyAdvice is one sentence for each host of a site at which passkeys cannot
// be used, with the fix.
func passkeyAdvice(party *factor.Party, s *survey) (out []string) {
	if party == nil {
		return nil
	}
	for _, g := range s.gateways {
		for host := range strings.SplitSeq(g.hosts, ", ") {
			if host == "" || strings.Contains(host, "{") {
				continue
			}
			switch {
			case !party.Fits(strings.TrimPrefix(host, "*.")):
				out = append(out, fmt.Sprintf("%s: passkeys are made for %s, so nobody can use one at this host; "+
					"have people log in at a host of that domain, or set rp_id to a domain that all sites share", host, party.ID))
			case !slices.ContainsFunc(party.Origins, func(o string) bool { return sameHost(o, host) }):
				out = append(out, fmt.Sprintf("%s: its passkeys are refused, because only those of %s are expected; "+
					"add its address to `passkeys origins`", host, strings.Join(party.Origins, ", ")))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Hostname(), host)
}
