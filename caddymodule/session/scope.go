package session

import "strings"

// A session counts at the site where it began; where that site shares its cookies
// over a domain, at all sites that share them over the same one. A site is a host:
// browsers keep cookies by the host too, whatever the port.

// SiteOf returns the site that a Host header names: lower case, without the port,
// and without a dot at the end, which names the same host.
func SiteOf(host string) string { return strings.ToLower(bare(host)) }

// bare is SiteOf without the lower case. It allocates nothing.
func bare(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 &&
		(host[0] == '[' || strings.IndexByte(host[:i], ':') < 0) {
		host = host[:i]
	}
	return strings.TrimSuffix(host, ".")
}

// CountsAt tells whether a session counts at a site that is asked for by host and
// shares its cookies over domain, which is empty where it shares them with nobody.
// A session from before sites were written down counts at any. It allocates
// nothing.
func (r *Record) CountsAt(host, domain string) bool {
	m := r.manner.Value()
	if m.scope != domain {
		return false
	}
	return domain != "" || m.site == "" || strings.EqualFold(bare(host), m.site)
}
