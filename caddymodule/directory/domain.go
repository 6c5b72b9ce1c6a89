package directory

import (
	"slices"
	"strings"
)

// public are mail domains where everybody can have an address: they are nobody's
// own, and whoever lists one by mistake would give every address in it away.
var public = []string{
	"gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "hotmail.nl", "live.com", "live.nl", "msn.com",
	"icloud.com", "me.com", "mac.com", "yahoo.com", "yahoo.nl", "aol.com", "proton.me", "protonmail.com", "pm.me",
	"gmx.net", "gmx.com", "gmx.de", "web.de", "mail.com", "zoho.com", "fastmail.com", "ziggo.nl", "kpnmail.nl",
	"kpnplanet.nl", "planet.nl", "home.nl", "hetnet.nl", "xs4all.nl", "upcmail.nl", "casema.nl", "chello.nl",
	"quicknet.nl", "tele2.nl", "solcon.nl", "freedom.nl", "telenet.be", "skynet.be", "proximus.be", "yandex.ru", "mail.ru",
}

// maxDomains is how many domains an account has at most.
const maxDomains = 20

// cleanDomains returns domains in the form in which addresses have them.
func cleanDomains(domains []string) ([]string, error) {
	if len(domains) > maxDomains {
		return nil, invalid("domains", "there are more than {n}", "leave some out", "n", maxDomains)
	}
	var clean []string
	for _, d := range domains {
		ascii, err := canonicalDomain(strings.TrimFunc(d, blank))
		switch {
		case err != nil:
			return nil, invalid("domains", "one of them is not a domain name", "write it as example.com")
		case slices.Contains(public, ascii):
			return nil, invalid("domains", "one of them is a mail service that everybody can use", "list only domains that are the account's own")
		case !slices.Contains(clean, ascii):
			clean = append(clean, ascii)
		}
	}
	return clean, nil
}

// OwnDomain tells whether a canonical address is in one of these domains.
// Subdomains count as other domains.
func OwnDomain(domains []string, address string) bool {
	_, domain, ok := strings.Cut(address, "@")
	return ok && slices.Contains(domains, domain)
}
