package target_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/target"
)

func TestOnlyPathsOfThisSiteAreTargets(t *testing.T) {
	for raw, want := range map[string]string{
		"/":                            "/",
		"/clients/12?tab=notes&x=%20":  "/clients/12?tab=notes&x=%20",
		"/a//b":                        "/a//b",
		"":                             "/",
		"clients":                      "/",
		"//evil.example":               "/",
		"///evil.example":              "/",
		`/\evil.example`:               "/",
		`\\evil.example`:               "/",
		"/%5cevil.example":             "/",
		"/%2fevil.example/x":           "/",
		"/\t/evil.example":             "/",
		"/\n/evil.example":             "/",
		"https://evil.example/":        "/",
		"https:/evil.example":          "/",
		"javascript:alert(1)":          "/",
		"/gateway":                     "/",
		"/gateway/logout":              "/",
		"/gateway/parked/":             "/gateway/parked/",
		"/gateway/parked/a2":           "/gateway/parked/a2",
		"/gateway/parked/a2/":          "/",
		"/gateway/parked//":            "/",
		"/gateway/parked/../logout":    "/",
		"/gateway/security/":           "/",
		"/gatewayed":                   "/gatewayed",
		"/gateway/admin":               "/gateway/admin",
		"/gateway/admin/accounts/a?x":  "/gateway/admin/accounts/a?x",
		"/gateway/admin/../logout":     "/",
		"/x/../gateway/admin":          "/",
		"/gateway/administer":          "/",
		"/%67ateway/logout":            "/",
		"/x/../gateway/logout":         "/",
		"/x/%2e%2e/gateway/logout":     "/",
		"/x/../y":                      "/x/../y",
		"/x\x00":                       "/",
		"/" + strings.Repeat("a", 1e4): "/",
	} {
		if got := target.Safe(raw, "/gateway"); got != want {
			t.Errorf("Safe(%q) = %q, want %q", raw, got, want)
		}
	}
}

// FuzzSafe: whatever comes in, a browser that resolves the result stays on the site.
func FuzzSafe(f *testing.F) {
	for _, s := range []string{"/", "//e", `/\e`, "/a?b=//c", "/%2f%2fe", "http://e", "/.//e"} {
		f.Add(s)
	}
	base, err := url.Parse("https://app.example/gateway/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := target.Safe(raw, "/gateway")
		to, err := base.Parse(got)
		if err != nil || to.Host != "app.example" || to.Scheme != "https" {
			t.Fatalf("Safe(%q) = %q leads to %v, %v", raw, got, to, err)
		}
		if strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Fatalf("Safe(%q) = %q", raw, got)
		}
	})
}
