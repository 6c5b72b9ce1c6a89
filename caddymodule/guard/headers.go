package guard

import (
	"io"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/cliendo/gateway/caddymodule/session"
)

// DefaultHeaders are the names under which the app learns who is logged in, in
// the order of the Value constants of package session.
var DefaultHeaders = [session.Values]string{
	session.ValueUser: "Remote-User", session.ValueEmail: "Remote-Email", session.ValueName: "Remote-Name",
	session.ValueGroups: "Remote-Groups", session.ValueAccount: "Remote-Account",
	session.ValueAccountState: "Remote-Account-State", session.ValueSession: "Remote-Session",
	session.ValueAmr: "Remote-Amr", session.ValueAuthTime: "Remote-Auth-Time",
	session.ValueAssertion: "Remote-Assertion",
}

// maxName is longer than any header name of ours after folding.
const maxName = 96

// names is the set of header names that only the gateway may set, folded.
type names struct {
	set     map[string]bool
	first   [256]bool // the letters they begin with: most headers are done with there
	longest int
}

func newNames(lists ...[]string) *names {
	n := &names{set: map[string]bool{}}
	for _, list := range lists {
		for _, name := range list {
			var buf [maxName]byte
			if f := fold(buf[:0], name); len(f) > 0 {
				n.set[string(f)], n.first[f[0]] = true, true
				n.longest = max(n.longest, len(f))
			}
		}
	}
	return n
}

// fold lower-cases a name and drops what is no letter or digit: gateways, CGI and
// frameworks write - as _ or nothing, and an alias that reaches the app under the
// same name is a forged identity. At most cap(dst) bytes are kept.
func fold(dst []byte, name string) []byte {
	for i := 0; i < len(name) && len(dst) < cap(dst); i++ {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			dst = append(dst, c)
		}
	}
	return dst
}

func (n *names) has(name string) bool {
	var one [1]byte
	if f := fold(one[:0], name); len(f) == 0 || !n.first[f[0]] {
		return false
	}
	var buf [maxName]byte
	f := fold(buf[:0], name)
	return len(f) <= n.longest && n.set[string(f)]
}

// strip removes our names in all their spellings from headers, trailers, and the
// Connection header, which would have a proxy drop what we set.
func (n *names) strip(r *http.Request) {
	for name := range r.Header {
		if n.has(name) {
			delete(r.Header, name)
		}
	}
	n.stripTrailers(r)
	if conn := r.Header["Connection"]; len(conn) > 0 && n.named(conn) {
		n.stripConnection(r.Header, conn)
	}
	if r.Trailer != nil || r.ContentLength < 0 {
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &trailerBody{ReadCloser: r.Body, purge: func() { n.stripTrailers(r) }}
		}
	}
}

// stripTrailers takes cookies out as well: ours are never in a trailer, and those
// of the app neither.
func (n *names) stripTrailers(r *http.Request) {
	for name := range r.Trailer {
		if n.has(name) || strings.EqualFold(name, "Cookie") {
			delete(r.Trailer, name)
		}
	}
}

// named tells whether a Connection header names one of ours.
func (n *names) named(lines []string) bool {
	for _, line := range lines {
		for len(line) > 0 {
			var token string
			token, line, _ = strings.Cut(line, ",")
			if n.has(token) {
				return true
			}
		}
	}
	return false
}

func (n *names) stripConnection(h http.Header, lines []string) {
	var kept []string
	for _, line := range lines {
		for token := range strings.SplitSeq(line, ",") {
			if token = textproto.TrimString(token); token != "" && !n.has(token) {
				kept = append(kept, token)
			}
		}
	}
	if len(kept) == 0 {
		delete(h, "Connection")
		return
	}
	h["Connection"] = []string{strings.Join(kept, ", ")}
}

// trailerBody purges trailers that arrive with the end of the body, before
// whoever reads the body can look at them.
type trailerBody struct {
	io.ReadCloser
	purge func()
}

func (b *trailerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.purge()
	}
	return n, err
}
