package directory_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/directory"
)

func TestCanonical(t *testing.T) {
	for given, want := range map[string]string{
		"jan@example.com":                   "jan@example.com",
		"  Jan@Example.COM \t":              "jan@example.com",
		"\u00a0jan@example.com\u2003":       "jan@example.com",
		"\ufeffjan@example.com\u200b":       "jan@example.com",
		"jan@example.com.":                  "jan@example.com",
		"jan@demo.test":                     "jan@demo.test",
		"o'brien+cliendo@example.com":       "o'brien+cliendo@example.com",
		"ZO\u00cb@example.com":              "zo\u00eb@example.com",
		"zoe\u0308@example.com":             "zo\u00eb@example.com", // NFD
		"jan@B\u00dcCHER.example":           "jan@xn--bcher-kva.example",
		"jan@xn--bcher-kva.example":         "jan@xn--bcher-kva.example",
		"jan@XN--BCHER-KVA.example":         "jan@xn--bcher-kva.example",
		"jan@\uff45xample\u3002com":         "jan@example.com", // wide letters and dot
		"\u674e@\u4f8b\u5b50.\u6d4b\u8bd5":  "\u674e@xn--fsqu00a.xn--0zwm56d",
		"a@b.cd":                            "a@b.cd",
		"!#$%&'*+-/=?^_`{|}~@example.com":   "!#$%&'*+-/=?^_`{|}~@example.com",
		strings.Repeat("a", 64) + "@b.test": strings.Repeat("a", 64) + "@b.test",
	} {
		got, err := directory.Canonical(given)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", given, got, err, want)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	long := strings.Repeat("a", 60)
	for given, part := range map[string]string{
		"":                         "empty",
		" \t\n":                    "empty",
		"jan":                      "no @",
		"jan@":                     "domain",
		"@example.com":             "before the @",
		"jan@piet@example.com":     "more than one @",
		"jan@localhost":            "no dot",
		"jan@example":              "no dot",
		"jan@example.":             "no dot",
		"jan@.com":                 "domain",
		"jan@example..com":         "domain",
		"jan@-example.com":         "domain",
		"jan@exa_mple.com":         "domain",
		"jan@[192.0.2.1]":          "domain",
		"jan@192.0.2.1":            "domain",
		"jan@example.com..":        "domain",
		"jan jansen@example.com":   "blank",
		"jan@exam ple.com":         "blank",
		"\"jan\"@example.com":      "quotation mark",
		"jan\x00@example.com":      "control character",
		"jan\r\nbcc:x@example.com": "control character",
		"jan\u202e@example.com":    "invisible",
		"ja\u200dn@example.com":    "invisible",
		"ja\u200bn@example.com":    "blank",
		"\u0130an@example.com":     "looks like", // dotted capital I folds into i
		"\u212aees@example.com":    "looks like", // Kelvin sign becomes K
		"I\u0307an@example.com":    "looks like", // the same in two marks
		"jan.@example.com":         "dot",
		".jan@example.com":         "dot",
		"jan..piet@example.com":    "dot",
		"jan<script>@example.com":  "no address has",
		"jan,piet@example.com":     "no address has",
		"jan\\@example.com":        "no address has",
		"jan@a\u2135b.com":         "domain", // its ASCII form is no name again
		"jan\xff@example.com":      "UTF-8",
		"jan@xn--a.com":            "domain",

		strings.Repeat("a", 65) + "@b.test":                                         "64 bytes",
		"jan@" + strings.Repeat("a", 64) + ".com":                                   "domain",
		"a@" + strings.Join([]string{long, long, long, long}, ".") + ".example.com": "254 bytes",
		strings.Repeat("a", 1<<20):                                                  "254 bytes",
	} {
		got, err := directory.Canonical(given)
		var field *directory.FieldError
		if !errors.As(err, &field) || !errors.Is(err, directory.ErrInvalid) {
			t.Errorf("%.40q: got %q, %v; want a refusal", given, got, err)
			continue
		}
		if field.Field != "email" || !strings.Contains(err.Error(), part) {
			t.Errorf("%.40q: %v, want something about %q", given, err, part)
		}
	}
}

// Compatibility forms are other mailboxes: they must not become the plain one.
func TestLookAlikesStayApart(t *testing.T) {
	for _, other := range []string{"\uff4aan@example.com", "j\u00aan@example.com", "j\u0430n@example.com", "jan\u00b2@example.com", "\ufb01an@example.com"} {
		if got, err := directory.Canonical(other); err == nil && strings.IndexFunc(got, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
			t.Errorf("%q became %q", other, got)
		}
	}
}

func checkCanonical(t interface{ Fatalf(string, ...any) }, given string) {
	got, err := directory.Canonical(given)
	if err != nil {
		if !errors.Is(err, directory.ErrInvalid) || got != "" {
			t.Fatalf("%q: %q, %v", given, got, err)
		}
		return
	}
	if again, err := directory.Canonical(got); err != nil || again != got {
		t.Fatalf("%q: %q became %q, %v", given, got, again, err)
	}
	local, domain, ok := strings.Cut(got, "@")
	if !ok || len(got) > 254 || len(local) > 64 || !utf8.ValidString(got) {
		t.Fatalf("%q: %q is no address", given, got)
	}
	for _, c := range []byte(domain) {
		if c >= utf8.RuneSelf || c <= ' ' || ('A' <= c && c <= 'Z') {
			t.Fatalf("%q: domain %q is not plain", given, domain)
		}
	}
	for _, r := range local {
		if r <= ' ' || r == '"' || r == 0x7f {
			t.Fatalf("%q: %q holds %q", given, local, r)
		}
	}
}

func TestCanonicalIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkCanonical(t, rapid.String().Draw(t, "local")+"@"+rapid.String().Draw(t, "name")+rapid.SampledFrom([]string{".nl", ".com.", ""}).Draw(t, "top"))
	})
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"jan@example.com", " J\u0130N@B\u00dccher.example. ", "a@xn--bcher-kva.example", "\u1e9e@\u1e9e.de", "\u03a3\u03c2@\u03c2.gr", "I\u0307@a.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, given string) { checkCanonical(t, given) })
}
