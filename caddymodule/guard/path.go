package guard

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// sort says how a path of a request can be matched.
type sort int

const (
	plain     sort = iota // means one thing to every server
	ambiguous             // servers differ about what it names: opens nothing
	malformed             // answered 400
)

// inspect classifies the path of a request as the client sent it.
func inspect(u *url.URL) sort {
	p := u.Path
	if p == "" || p[0] != '/' {
		return ambiguous // "*", authority form
	}
	s := plain
	for i := range len(p) {
		switch c := p[i]; {
		case c == 0:
			return malformed
		case c < 0x20 || c == 0x7f || c == '\\' || c == ';' || c == '%':
			s = ambiguous
		case c == '/' && i+1 < len(p) && (p[i+1] == '/' || dots(p[i+1:])):
			s = ambiguous
		}
	}
	if s == plain && (!utf8.ValidString(p) || oddEncoding(u.RawPath)) {
		s = ambiguous
	}
	return s
}

// dots tells whether a path goes on with a segment "." or "..".
func dots(rest string) bool {
	seg, _, _ := strings.Cut(rest, "/")
	return seg == "." || seg == ".."
}

// oddEncoding finds encodings of characters that split or climb: they decode to
// a path that looks plain, but another server may split it elsewhere.
func oddEncoding(raw string) bool {
	for i := 0; i+2 < len(raw); i++ {
		if raw[i] != '%' {
			continue
		}
		switch strings.ToLower(raw[i+1 : i+3]) {
		case "2f", "5c", "2e", "3b", "25", "00":
			return true
		}
	}
	return false
}

// Pattern is an exact path, or everything below one when it ends in "/*".
type Pattern struct {
	path  string
	below bool
}

// NewPattern reads "/exact" or "/below/*". The pattern "/below/*" includes
// "/below/" and all that follows it, not "/below" itself.
func NewPattern(s string) Pattern {
	if p, ok := strings.CutSuffix(s, "*"); ok {
		return Pattern{path: p, below: true}
	}
	return Pattern{path: s}
}

func (p Pattern) match(path string) bool {
	if p.below {
		return strings.HasPrefix(path, p.path)
	}
	return path == p.path
}

// matchFold is for rules that protect: case does not get anybody around them.
func (p Pattern) matchFold(path string) bool {
	if p.below {
		return len(path) >= len(p.path) && strings.EqualFold(path[:len(p.path)], p.path)
	}
	return strings.EqualFold(path, p.path)
}

// Public is a rule that opens: these methods on this path need no session.
type Public struct {
	Methods []string // empty: GET and HEAD
	Pattern Pattern
}

func (p Public) match(method, path string) bool {
	if !p.Pattern.match(path) {
		return false
	}
	if len(p.Methods) == 0 {
		return method == "GET" || method == "HEAD"
	}
	for _, m := range p.Methods {
		if m == method {
			return true
		}
	}
	return false
}
