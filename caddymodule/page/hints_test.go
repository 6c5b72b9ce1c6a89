package page_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/page"
)

func TestHints(t *testing.T) {
	for _, tc := range []struct {
		email, password string
		want            []string
		suggestion      string
	}{
		{"anna@praktijk.nl", "Goed-1", nil, ""},
		{"", "", []string{"hint.email_empty", "hint.password_empty"}, ""},
		{"  ", "x", []string{"hint.email_empty"}, ""},
		{"anna", "x", []string{"hint.email_shape"}, ""},
		{"@praktijk.nl", "x", []string{"hint.email_shape"}, ""},
		{"anna@praktijk", "x", []string{"hint.email_shape"}, ""},
		{"anna@localhost", "x", nil, ""},
		{"anna@praktijk.nl", " x", []string{"hint.blank_at_begin"}, ""},
		{"anna@praktijk.nl", "x\t", []string{"hint.blank_at_end"}, ""},
		{"anna@praktijk.nl", "\u00a0x\u3000", []string{"hint.blank_at_begin", "hint.blank_at_end"}, ""},
		{"anna@praktijk.nl", "GEHEIM1", []string{"hint.caps_lock"}, ""},
		{"anna@praktijk.nl", "GEHEIm1", nil, ""},
		{"anna@praktijk.nl", "A1-2", nil, ""},
		{"anna@gmial.com", "x", []string{"hint.mail_domain"}, "gmail.com"},
		{"anna@GMAIL.con", "x", []string{"hint.mail_domain"}, "gmail.com"},
		{"anna@gmail.nl", "x", []string{"hint.mail_domain"}, "gmail.com"},
		{"anna@gmail", "x", []string{"hint.mail_domain"}, "gmail.com"},
		{"anna@hotmial.com", "x", []string{"hint.mail_domain"}, "hotmail.com"},
		{"anna@hotmal.nl", "x", []string{"hint.mail_domain"}, "hotmail.nl"},
		{"anna@outlok.com", "x", []string{"hint.mail_domain"}, "outlook.com"},
		{"anna@lve.nl", "x", []string{"hint.mail_domain"}, "live.nl"},
		{"anna@kpnmial.nl", "x", []string{"hint.mail_domain"}, "kpnmail.nl"},
		{"anna@zigo.nl", "x", []string{"hint.mail_domain"}, "ziggo.nl"},
		{"anna@iclod.com", "x", []string{"hint.mail_domain"}, "icloud.com"},
		{"anna@x4sall.nl", "x", []string{"hint.mail_domain"}, "xs4all.nl"},
		{"anna@plannet.nl", "x", []string{"hint.mail_domain"}, "planet.nl"},
		{"anna@upcmial.nl", "x", []string{"hint.mail_domain"}, "upcmail.nl"},
		{"anna@hotmail.nl", "x", nil, ""},
		{"anna@home.nl", "x", nil, ""},
		{"anna@mac.com", "x", nil, ""},
		{"anna@kpn.com", "x", nil, ""},
		{"anna@zorgplein.nl", "x", nil, ""},
		{"odd@name@gmial.com", "x", []string{"hint.mail_domain"}, "gmail.com"},
	} {
		got, suggestion := page.Hints(tc.email, tc.password)
		if diff := cmp.Diff(tc.want, got); diff != "" || suggestion != tc.suggestion {
			t.Errorf("%q %q: %q %q, want %q %q", tc.email, tc.password, got, suggestion, tc.want, tc.suggestion)
		}
	}
}

// known are domains that must never be called a typing error.
var known = []string{
	"gmail.com", "hotmail.com", "hotmail.nl", "outlook.com", "outlook.nl", "live.nl", "live.com", "kpnmail.nl",
	"ziggo.nl", "icloud.com", "xs4all.nl", "planet.nl", "home.nl", "upcmail.nl", "yahoo.com", "msn.com", "me.com",
}

func TestKnownDomainIsNoTypingError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		domain := rapid.SampledFrom(known).Draw(t, "domain")
		local := rapid.StringMatching(`[a-z]{1,9}`).Draw(t, "local")
		if _, suggestion := page.Hints(local+"@"+strings.ToUpper(domain), "x"); suggestion != "" {
			t.Fatalf("%s: suggests %s", domain, suggestion)
		}
	})
}

// TestOneSlipIsFound swaps two neighbours in the name of a common domain.
func TestOneSlipIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		domain := []byte(rapid.SampledFrom([]string{"gmail.com", "hotmail.com", "outlook.com", "kpnmail.nl", "planet.nl"}).Draw(t, "domain"))
		want := string(domain)
		i := rapid.IntRange(0, strings.IndexByte(want, '.')-2).Draw(t, "at")
		domain[i], domain[i+1] = domain[i+1], domain[i]
		_, got := page.Hints("a@"+string(domain), "x")
		if typed := string(domain); typed != want && got != want {
			t.Fatalf("%s: suggests %q, want %q", typed, got, want)
		}
	})
}

// FuzzHints wants no panic, only ids that have words, and never what was typed.
func FuzzHints(f *testing.F) {
	for _, seed := range [][2]string{{"a@gmial.com", " X"}, {"", ""}, {"@", "\xff"}, {"a@\u202emoc.liamg", "\u00a0"}, {"a@gmail.com.", "ABC"}} {
		f.Add(seed[0], seed[1])
	}
	p := newPages(f)
	f.Fuzz(func(t *testing.T, email, password string) {
		ids, suggestion := page.Hints(email, password)
		for _, id := range ids {
			if p.Text("nl", id) == id {
				t.Errorf("%q has no words", id)
			}
		}
		if slices.Contains(ids, "hint.mail_domain") != (suggestion != "") {
			t.Errorf("hints %q with suggestion %q", ids, suggestion)
		}
		if !utf8.ValidString(suggestion) || strings.HasSuffix(strings.ToLower(strings.TrimSpace(email)), "@"+suggestion) && suggestion != "" {
			t.Errorf("suggests %q for %q", suggestion, email)
		}
	})
}
