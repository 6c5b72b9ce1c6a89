package cookie

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Form is how the cookies of one request are written: with Secure and a prefix of
// their names, and over which domain they are shared.
type Form struct {
	// Secure is off over plain HTTP on a loopback host only.
	Secure bool
	// Domain is shared with all hosts below it; empty: they belong to one host.
	Domain string
}

type domainKey struct{}

// Sharing returns r with the domain over which its site shares cookies, for Secure.
func Sharing(r *http.Request, domain string) *http.Request {
	if domain == "" {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), domainKey{}, domain))
}

// Secure is the form of the cookies of a request, at a site whose domain Sharing
// attached.
func Secure(r *http.Request, publicHTTPS bool) Form {
	domain, _ := r.Context().Value(domainKey{}).(string)
	return FormOf(r, publicHTTPS, domain)
}

// FormOf is the form of the cookies of a request: Secure, except over plain HTTP
// on a loopback host; and shared over domain where the request is for a host of
// it. It allocates nothing.
func FormOf(r *http.Request, publicHTTPS bool, domain string) Form {
	f := Form{Secure: r.TLS != nil || publicHTTPS || !loopback(r.Host)}
	if domain != "" && Within(r.Host, domain) {
		f.Domain = domain
	}
	return f
}

// Within tells whether a host, with or without a port, is a domain or below it.
// The domain is lower case and begins with a letter or digit.
func Within(host, domain string) bool {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	host = strings.TrimSuffix(host, ".")
	at := len(host) - len(domain)
	return at >= 0 && strings.EqualFold(host[at:], domain) && (at == 0 || host[at-1] == '.')
}

func loopback(host string) bool {
	if at, err := netip.ParseAddrPort(host); err == nil { // the quick way for most
		return at.Addr().Unmap().IsLoopback()
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
