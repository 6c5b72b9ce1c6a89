package letter

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// Longest texts that others had a hand in, in characters.
const (
	maxName    = 60
	maxFact    = 80
	maxAddress = 254
)

// line makes s one line of visible characters, and nothing of it when it is
// longer than most: what is cut off changes its meaning. Direction marks and
// other invisible characters go, as they let a text read unlike what it is.
func line(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if len([]rune(s)) > most {
		return ""
	}
	return s
}

// linkish finds what mail programs turn into something to click or to dial.
var linkish = regexp.MustCompile(`(?i)://|\bwww\.|[\pL\d-][.。．｡][\pL-]{2,}|\d[\d ()./-]{4,}\d`)

// name is how a person is called in a mail, or nothing: mail programs make
// links of everything that looks like one, so whoever chooses their own name
// could have us mail an invitation to a site of theirs.
func name(s string) string {
	s = line(s, maxName)
	if strings.ContainsAny(s, "@/\\<>") || linkish.MatchString(s) {
		return ""
	}
	return s
}

// fact is something about the request, or nothing under the same suspicion. A
// network is all digits and dots, and may be said.
func fact(s string) string {
	s = line(s, maxFact)
	if strings.ContainsAny(s, "@\\<>") || domain.MatchString(s) {
		return ""
	}
	return s
}

var domain = regexp.MustCompile(`(?i)://|\bwww\.|[\pL\d-][.。．｡]\pL[\pL-]+`)

// by is who did something: a name, or an address.
func by(s string) string {
	if n := name(s); n != "" {
		return n
	}
	return address(s)
}

var plainAddress = regexp.MustCompile(`^[^\s<>@"(),:;\\/]+@[^\s<>@"(),:;\\/]+$`)

// address is a mail address and nothing around it, or nothing.
func address(s string) string {
	if s = line(s, maxAddress); !plainAddress.MatchString(s) {
		return ""
	}
	return s
}

// typed is a code or password: nothing that is not seen or would break the line.
func typed(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) })
}

// web reports whether s is a whole address of the web that can stand in a text.
func web(s string) bool {
	parsed, err := url.Parse(s)
	return err == nil && (parsed.Scheme == "https" || parsed.Scheme == "http") && parsed.Host != "" && parsed.User == nil &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'<>\\`", r) })
}
