package guard_test

import (
	"net/http"
	"path"
	"strings"
	"testing"
	"unicode"
)

// FuzzPublicPath: what passes without a session is below the public path however
// often and by whomever it is decoded and cleaned.
func FuzzPublicPath(f *testing.F) {
	for _, s := range []string{"/pub/x", "/pub/../x", "/pub/%2e%2e%2fx", "/pub/%252e%252e/x", `/pub/..\x`, "/pub/..;/x", "//pub/x", "/pub/%c0%ae"} {
		f.Add(s)
	}
	g := newGuard(f, site())
	f.Fuzz(func(t *testing.T, target string) {
		r := request("GET", target)
		if r == nil {
			return // no server hands this on
		}
		a := &app{}
		w := ask(t, g, a, r, "")
		if w.Code >= 500 {
			t.Fatalf("%q: %d", target, w.Code)
		}
		if a.calls == 0 {
			return
		}
		if !strings.HasPrefix(r.URL.Path, "/pub/") || path.Clean(r.URL.Path+"x") != r.URL.Path+"x" || strings.ContainsAny(r.URL.Path, `\;%`) {
			t.Fatalf("%q passed as %q", target, r.URL.Path)
		}
		if low := strings.ToLower(r.URL.EscapedPath()); strings.Contains(low, "%2f") || strings.Contains(low, "%2e") || strings.Contains(low, "%5c") {
			t.Fatalf("%q passed as %q", target, low)
		}
	})
}

// FuzzHeaderName: no spelling of an identity header survives.
func FuzzHeaderName(f *testing.F) {
	for _, s := range []string{"Remote-User", "remote_user", "Remote.Email", "REMOTE~assertion", "X-Remote-User", "Remote-Users", "-", strings.Repeat("a", 300)} {
		f.Add(s)
	}
	g := newGuard(f, site())
	ours := map[string]bool{}
	for _, name := range []string{"user", "email", "name", "groups", "account", "accountstate", "session", "amr", "authtime", "assertion"} {
		ours["remote"+name] = true
	}
	f.Fuzz(func(t *testing.T, name string) {
		letters := strings.Map(func(r rune) rune {
			if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
				return unicode.ToLower(r)
			}
			return -1
		}, name)
		if name == "Cookie" || name == "Connection" {
			return // handled by other rules
		}
		r := request("GET", "/pub/x")
		r.Header = http.Header{name: {"mallory"}, "Connection": {name}}
		a := &app{}
		ask(t, g, a, r, "")
		if _, kept := a.header[name]; kept == ours[letters] {
			t.Fatalf("%q (letters %q): kept %v", name, letters, kept)
		}
		if ours[letters] && len(a.header["Connection"]) > 0 && !strings.Contains(name, ",") {
			t.Fatalf("Connection still names %q", name)
		}
	})
}

// FuzzCookies: whatever the Cookie header looks like, ours never reach the app
// and the others are not invented.
func FuzzCookies(f *testing.F) {
	for _, s := range []string{"a=1; gateway_session=x; b=2", `"gateway_session"=x`, "gateway_session", ";;;", " gateway_flow =1", "a=gateway_session=1"} {
		f.Add(s)
	}
	g := newGuard(f, site())
	f.Fuzz(func(t *testing.T, line string) {
		r := request("GET", "/pub/x")
		r.Header["Cookie"] = []string{line}
		a := &app{}
		ask(t, g, a, r, "")
		for _, got := range a.header["Cookie"] {
			for pair := range strings.SplitSeq(got, ";") {
				name, _, _ := strings.Cut(pair, "=")
				switch strings.Trim(name, " \t\"\x00") {
				case "gateway_session", "gateway_device", "gateway_flow", "__Host-gateway_session", "__Secure-gateway_session":
					t.Fatalf("%q reached the app as %q", line, got)
				}
			}
			if len(got) > 2*len(line) {
				t.Fatalf("%q became %q", line, got)
			}
		}
	})
}
