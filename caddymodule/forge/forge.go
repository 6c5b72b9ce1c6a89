// Package forge tries what a visitor could: to reach an app with identity headers
// that only the gateway may set. It owns the spellings of such headers, how they are
// sent, and the recorder that stands in an app's place and tells what arrived. Which
// routes there are, and a gateway to try, it leaves to the roof.
//
// It shares no code with what strips headers: a test that did would share its
// mistakes.
package forge

import (
	"net/http"
	"slices"
	"strings"
)

// Marker is what forged headers say.
const Marker = "forged-by-check"

// Variant is one way to send forged headers.
type Variant struct {
	// Name says how, for people.
	Name string
	// Lines are header lines, without the line break.
	Lines []string
	// Trailer are lines after the body; with them the request has one, in chunks.
	Trailer []string
	// HTTP2 says that it can be sent over HTTP/2 as well.
	HTTP2 bool
}

// spellings are the ways in which servers, CGI and frameworks make one name of
// several.
func spellings() map[string]func(string) string {
	replace := func(with string) func(string) string {
		return func(name string) string { return strings.ReplaceAll(name, "-", with) }
	}
	return map[string]func(string) string{
		"as it is":                 func(name string) string { return name },
		"in lower case":            strings.ToLower,
		"in upper case":            strings.ToUpper,
		"with underscores":         replace("_"),
		"lower, with underscores":  func(name string) string { return strings.ToLower(replace("_")(name)) },
		"with dots":                replace("."),
		"with two dashes":          replace("--"),
		"without dashes":           replace(""),
		"with a dash in front":     func(name string) string { return "-" + name },
		"with a dash at the end":   func(name string) string { return name + "-" },
		"with a mark of no letter": func(name string) string { return strings.Replace(name, "-", "-!", 1) },
	}
}

// Variants are all the ways to forge headers of these names.
func Variants(names []string) []Variant {
	said := func(spell func(string) string) (lines []string) {
		for _, name := range names {
			lines = append(lines, spell(name)+": "+Marker)
		}
		return lines
	}
	all := []Variant{}
	ways := spellings()
	for _, way := range sorted(ways) {
		lines := said(ways[way])
		all = append(all,
			Variant{Name: way, Lines: lines, HTTP2: true},
			Variant{Name: "in a trailer, " + way, Lines: []string{"Trailer: " + strings.Join(spelled(names, ways[way]), ", ")}, Trailer: lines, HTTP2: true},
			Variant{Name: "in a trailer that nobody announced, " + way, Trailer: lines},
		)
	}
	plain := said(ways["as it is"])
	joined := strings.Join(names, ", ")
	scores := strings.ReplaceAll(joined, "-", "_")
	return append(all,
		Variant{Name: "twice", Lines: append(slices.Clone(plain), plain...), HTTP2: true},
		Variant{Name: "beside another spelling", Lines: append(said(ways["with underscores"]), plain...), HTTP2: true},
		Variant{Name: "named by Connection", Lines: []string{"Connection: " + joined}},
		Variant{Name: "named by Connection, and sent", Lines: append([]string{"Connection: keep-alive, " + joined}, plain...)},
		Variant{Name: "named by Connection with underscores", Lines: []string{"Connection: " + scores}},
		Variant{Name: "named by Proxy-Connection and Keep-Alive", Lines: append([]string{"Proxy-Connection: " + joined, "Keep-Alive: " + joined}, plain...)},
		Variant{Name: "named by TE", Lines: append([]string{"TE: trailers", "Connection: TE, " + joined}, plain...)},
		Variant{Name: "beside an upgrade", Lines: append([]string{"Connection: Upgrade, " + joined, "Upgrade: forge-check"}, plain...)},
		Variant{Name: "on a folded line", Lines: folded(names)},
		Variant{Name: "behind a folded line", Lines: append([]string{"X-Forge-Check: a", " b"}, plain...)},
		Variant{Name: "empty", Lines: emptied(names), HTTP2: true},
	)
}

func spelled(names []string, spell func(string) string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = spell(name)
	}
	return out
}

func folded(names []string) (lines []string) {
	for _, name := range names {
		lines = append(lines, name+":", "\t"+Marker)
	}
	return lines
}

func emptied(names []string) (lines []string) {
	for _, name := range names {
		lines = append(lines, name+":")
	}
	return lines
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Seen is a request that reached an app.
type Seen struct {
	Proxy           int // which one
	Method, URI     string
	Header, Trailer http.Header
}

// letters folds a name to what all spellings of it have in common.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return -1
	}, name)
}

// Claims are the identity headers of a request, as the app gets them: a line for
// each value, those of trailers marked as such.
func (s Seen) Claims(names []string) (lines []string) {
	ours := map[string]bool{}
	for _, name := range names {
		ours[letters(name)] = true
	}
	for where, h := range map[string]http.Header{"": s.Header, "trailer ": s.Trailer} {
		for name, values := range h {
			for _, v := range values {
				if ours[letters(name)] {
					lines = append(lines, where+name+": "+v)
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// Differ are the lines that one list has and the other has not, the name of the
// header first.
func Differ(got, want []string) (more, missing []string) {
	for _, line := range got {
		if !slices.Contains(want, line) || count(got, line) > count(want, line) {
			more = append(more, line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			missing = append(missing, line)
		}
	}
	return slices.Compact(more), missing
}

func count(list []string, line string) (n int) {
	for _, l := range list {
		if l == line {
			n++
		}
	}
	return n
}
