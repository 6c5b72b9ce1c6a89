package letter_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/outbox/letter"
)

// TestHostileNames: whoever chooses a name cannot make us mail their link, their
// telephone number, their markup or their second line.
func TestHostileNames(t *testing.T) {
	for _, hostile := range []string{
		`<a href="https://evil.test">x</a>`, "https://evil.test/win", "www.evil.test", "evil.test", "Anna (evil.nl/win)", "ga naar EVIL。com",
		"evil.test\u200b", "ev\u00adil.test", "a@evil.test", "mailto:a@evil.test", "Bel 06-12345678 nu", "Bel 0900 1234 567",
		"\\\\evil\\share", strings.Repeat("Je bent gehackt ", 8),
	} {
		everyKind(t, func(t *testing.T, l letter.Letter) {
			l.Name, l.Device, l.Place, l.Address = hostile, hostile, hostile, hostile+" x"
			if l.By = hostile; strings.HasPrefix(hostile, "a@") {
				l.By = "" // an address may be named
			}
			out := render(t, newRenderer(t), l)
			for _, part := range []string{out.Subject, out.Text, out.HTML} {
				for _, word := range []string{"evil", "EVIL", "0612345678", "06-12345678", "1234 567", "gehackt", "<a href=\"https://evil"} {
					if word == "06-12345678" || word == "1234 567" { // a device may have digits, nobody's name
						part = strings.SplitN(part, "Netwerk", 2)[0]
						continue
					}
					if strings.Contains(part, word) {
						t.Fatalf("%q says %s", hostile, word)
					}
				}
			}
		})
	}
}

// TestHonestNames are not taken for an attack.
func TestHonestNames(t *testing.T) {
	for _, honest := range []string{
		"Anna de Wit", "J.P. van 't Hof", "Zoë Çelik-Öztürk", "Ng", "李小龍", "Åsa Ð. Þórsdóttir", "Prof. dr. A.B.C. Jansen", "Karel IV", "O'Neil & Zn.",
	} {
		l := letter.Sample(letter.Magic, "nl", noon)
		l.Name = honest
		out := render(t, newRenderer(t), l)
		if want := "Dag " + honest + ","; !strings.Contains(out.Text, want) || !strings.Contains(parse(t, out.HTML).text, want) {
			t.Errorf("%s is not greeted: %s", honest, out.Text[:80])
		}
	}
}

func TestLinesAndSignsAreGone(t *testing.T) {
	l := letter.Sample(letter.Magic, "nl", noon)
	l.Name = "Anna\r\n\r\nKlik\u2028hier\x00\u202e\u200b\x1b[2J"
	l.Device = "Firefox\n\nWat kwaad"
	out := render(t, newRenderer(t), l)
	if !strings.Contains(out.Text, "Dag Anna Klik hier[2J,\n") || !strings.Contains(out.Text, ": Firefox Wat kwaad\n") {
		t.Errorf("%q", out.Text)
	}
}

// TestWhateverIsPutIn: no text that others chose adds a line, a link or an
// element, in any kind.
func TestWhateverIsPutIn(t *testing.T) {
	r := newRenderer(t)
	rapid.Check(t, func(rt *rapid.T) {
		l := letter.Sample(rapid.SampledFrom(letter.Kinds()).Draw(rt, "kind"), "en", noon)
		l.Address, l.By, l.Place = "", "", ""
		clean, err := r.Render(l)
		if err != nil {
			rt.Fatal(err)
		}
		any := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z<>"'&{}. \n/:@w-]{0,40}`))
		l.Name, l.Device, l.Network, l.Reference = any.Draw(rt, "name"), any.Draw(rt, "device"), any.Draw(rt, "network"), any.Draw(rt, "reference")
		out, err := r.Render(l)
		if err != nil {
			rt.Fatal(err)
		}
		a, b := parse(t, clean.HTML), parse(t, out.HTML)
		if !slices.Equal(a.hrefs, b.hrefs) || !slices.Equal(urls(clean.Text), urls(out.Text)) {
			rt.Fatalf("another link: %q", b.hrefs)
		}
		if len(b.nodes) > len(a.nodes)+2 {
			rt.Fatalf("more elements: %s", out.HTML)
		}
		if strings.ContainsFunc(strings.ReplaceAll(out.Text, "\n", ""), unicode.IsControl) || strings.Contains(out.Text, "\n\n\n") {
			rt.Fatalf("control characters in %q", out.Text)
		}
	})
}
