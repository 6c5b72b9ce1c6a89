package cookie

import (
	"net/http"
	"strings"
)

// Find returns the value of the named cookie without allocating: the n-th one of
// that name, since a browser may send several.
func Find(h http.Header, name string, n int) (value string, ok bool) {
	for _, line := range h["Cookie"] {
		for len(line) > 0 {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			k, v, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
			if k != name {
				continue
			}
			if n == 0 {
				return v, true
			}
			n--
		}
	}
	return "", false
}

// Strip removes the gateway's cookies from the request headers and leaves the
// others as they were sent.
func Strip(h http.Header) {
	lines := h["Cookie"]
	if !anyOurs(lines) {
		return
	}
	var kept []string
	for i, line := range lines {
		if len(lines) > 1 && !anyOurs(lines[i:i+1]) {
			kept = append(kept, line)
		} else if rest := stripLine(line); rest != "" {
			kept = append(kept, rest)
		}
	}
	if kept == nil {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}

func anyOurs(lines []string) bool {
	for _, line := range lines {
		for len(line) > 0 {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			if IsOurs(pairName(pair)) {
				return true
			}
		}
	}
	return false
}

func stripLine(line string) string {
	var b strings.Builder
	for len(line) > 0 {
		var pair string
		pair, line, _ = strings.Cut(line, ";")
		if IsOurs(pairName(pair)) {
			continue
		}
		if pair = strings.Trim(pair, " \t"); pair == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(pair)
	}
	return b.String()
}

// pairName returns the name as lenient apps read it: without blanks around it and
// without quotes.
func pairName(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return strings.Trim(name, " \t\"\x00")
}

// Only leaves the named cookie in the request headers with that value, and none of
// that name where the value is empty.
func Only(h http.Header, name, value string) {
	var kept []string
	for _, line := range h["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.Trim(pair, " \t"); pair != "" && pairName(pair) != name {
				kept = append(kept, pair)
			}
		}
	}
	if value != "" {
		kept = append(kept, name+"="+value)
	}
	if kept == nil {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = []string{strings.Join(kept, "; ")}
}

// StripSetCookie removes Set-Cookie lines with our names: the app must not be
// able to log somebody out or in.
func StripSetCookie(h http.Header) {
	lines := h["Set-Cookie"]
	if len(lines) == 0 {
		return
	}
	kept := lines[:0]
	for _, line := range lines {
		pair, _, _ := strings.Cut(line, ";")
		if !IsOurs(pairName(pair)) {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(h, "Set-Cookie")
		return
	}
	h["Set-Cookie"] = kept
}
