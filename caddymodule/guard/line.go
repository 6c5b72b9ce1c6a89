package guard

import (
	"net/http"
	"strings"
)

// malformedLine tells whether a request could not be written in the lines of
// HTTP/1.1 so that all servers read the same. HTTP/2 brings them as fields, in which
// servers let pass what they would not in a line.
func malformedLine(r *http.Request, method string) bool {
	if !token(method) || !hostname(r.Host) {
		return true
	}
	return r.ProtoMajor > 1 && (len(r.Header["Content-Length"]) > 1 || r.Method != http.MethodConnect && r.Header[":protocol"] != nil)
}

// token tells whether a method is one (RFC 9110).
func token(method string) bool {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return true
	}
	for i := range len(method) {
		if c := method[i]; !inName[c] && strings.IndexByte("!#$%&'*+^`|~", c) < 0 {
			return false
		}
	}
	return method != ""
}

// hostname tells whether a host is one name or address, with or without a port.
// Servers differ about where others end. None at all is a matter of the server.
func hostname(host string) bool {
	name := host
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		for _, c := range []byte(host[i+1:]) {
			if c < '0' || c > '9' {
				return false
			}
		}
		name = host[:i]
	}
	address := len(name) > 2 && name[0] == '[' && name[len(name)-1] == ']'
	if address {
		name = name[1 : len(name)-1]
	}
	for i := range len(name) {
		if c := name[i]; !inName[c] && (c != ':' || !address) {
			return false
		}
	}
	return true
}

// inName are the bytes of names: letters, digits, dots, dashes and underscores.
var inName = func() (set [256]bool) {
	for c := range set {
		b := byte(c)
		set[c] = 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '.' || b == '-' || b == '_'
	}
	return set
}()
