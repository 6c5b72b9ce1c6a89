package letter_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/cliendo/gateway/caddymodule/outbox/letter"
)

// TestBothPartsSayTheSame word by word: the HTML has its own sentence for a
// button that fails and shows each address once more, no other difference.
func TestBothPartsSayTheSame(t *testing.T) {
	fails := regexp.MustCompile(`(Werkt de knop niet|Does the button not work)\?[^:]+:`)
	everyKind(t, func(t *testing.T, l letter.Letter) {
		out := render(t, newRenderer(t), l)
		page := parse(t, out.HTML)
		plain := strings.Join(strings.Fields(strings.ReplaceAll(out.Text, "--------------------", "")), " ")
		rich := strings.TrimSpace(strings.TrimPrefix(fails.ReplaceAllString(page.text, ""), "De Praktijk "))
		words := func(s string) []string {
			all := strings.Fields(strings.ReplaceAll(s, ":", " "))
			slices.Sort(all)
			return all
		}
		if a, b := words(plain), words(rich); !slices.Equal(a, b) {
			t.Errorf("text:\n%s\nHTML:\n%s", plain, rich)
		}
	})
}

// TestNoLinkButOurs: nothing to click, to fetch or to post to but what the letter
// and the operator gave.
func TestNoLinkButOurs(t *testing.T) {
	everyKind(t, func(t *testing.T, l letter.Letter) {
		out := render(t, newRenderer(t), l)
		allowed := []string{l.Link, l.NotMe, l.LoginURL, "https://praktijk.test/help"}
		page := parse(t, out.HTML)
		for _, link := range slices.Concat(page.hrefs, urls(page.text), urls(out.Text)) {
			if link == "" || !slices.Contains(allowed, link) {
				t.Errorf("a link of nobody's: %q", link)
			}
		}
		for _, link := range []string{l.Link, l.NotMe} {
			if link != "" && (!slices.Contains(page.hrefs, link) || !slices.Contains(urls(page.text), link) || !slices.Contains(urls(out.Text), link)) {
				t.Errorf("%s is not in both parts, visible", link)
			}
		}
		for _, n := range page.nodes {
			switch n.Data {
			case "img", "script", "form", "iframe", "link", "object", "video", "base":
				t.Errorf("<%s>", n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "background" || strings.Contains(a.Val, "url(") {
					t.Errorf("%s=%q", a.Key, a.Val)
				}
			}
			if n.Data == "html" && n.Type == html.ElementNode && attr(n, "lang") != l.Locale {
				t.Errorf("lang %q", attr(n, "lang"))
			}
		}
	})
}

// TestWhatIsAskedForIsThere: time, device, network and reference in both parts,
// the place only where it is known.
func TestWhatIsAskedForIsThere(t *testing.T) {
	everyKind(t, func(t *testing.T, l letter.Letter) {
		r := newRenderer(t)
		l.Place = ""
		without := render(t, r, l)
		l.Place = "Utrecht"
		with := render(t, r, l)
		label := map[string]string{"nl": "Plaats", "en": "Place"}[l.Locale]
		if strings.Contains(without.Text+without.HTML, label) {
			t.Error("a place that nobody knows")
		}
		asked := map[string]string{"nl": "zondag 22 november om 12:34 uur", "en": "Sunday 22 November at 12:34 CET"}[l.Locale]
		device := map[string]string{"nl": "Firefox op Windows", "en": "Firefox on Windows"}[l.Locale]
		for _, part := range []string{with.Text, parse(t, with.HTML).text} {
			for _, want := range []string{asked, device, l.Network, l.Reference, label, "Utrecht", "help@praktijk.test", "030 123 45 67"} {
				if !strings.Contains(part, want) {
					t.Errorf("%q is missing in %s", want, part)
				}
			}
		}
		if left := regexp.MustCompile(`\{[a-z_]+\}|ZgotmplZ|<no value>|[a-z_]+\.(intro|title|subject)`).FindString(with.Subject + with.Text + with.HTML); left != "" {
			t.Errorf("not filled in: %s", left)
		}
	})
}

// TestSubjectsAreSafeOnALockScreen, and so is the beginning of the text, which
// many show there as well.
func TestSubjectsAreSafeOnALockScreen(t *testing.T) {
	everyKind(t, func(t *testing.T, l letter.Letter) {
		out := render(t, newRenderer(t), l)
		for _, secret := range []string{l.Code, l.Password, l.Link, l.NotMe} {
			if secret == "" {
				continue
			}
			if strings.Contains(out.Subject, secret) {
				t.Errorf("%q has a secret", out.Subject)
			}
			if at := strings.Index(strings.Join(strings.Fields(out.Text), " "), secret); at < 120 {
				t.Errorf("a secret after %d characters of text", at)
			}
		}
		if n := len([]rune(out.Subject)); n > 60 || n < 10 || strings.ContainsAny(out.Subject, "!\r\n") || strings.ToUpper(out.Subject) == out.Subject {
			t.Errorf("subject %q", out.Subject)
		}
	})
}

// TestWhatIsTypedStandsAlone, and one double click takes all of it.
func TestWhatIsTypedStandsAlone(t *testing.T) {
	for _, l := range []letter.Letter{
		letter.Sample(letter.Magic, "nl", noon), letter.Sample(letter.NewPassword, "en", noon),
		{Kind: letter.Invited, Locale: "en", Password: "hN7kPxW4mRt9Qb", LoginURL: "https://login.example.com/gateway/login"},
	} {
		out, secret := render(t, newRenderer(t), l), l.Code+l.Password
		if !strings.Contains(out.Text, "\n\n"+secret+"\n\n") {
			t.Errorf("%s: %s does not stand alone", l.Kind, secret)
		}
		found := false
		for _, n := range parse(t, out.HTML).nodes {
			found = found || n.Data == "div" && n.FirstChild != nil && n.FirstChild.Data == secret && strings.Contains(attr(n, "style"), "user-select:all")
		}
		if !found {
			t.Errorf("%s: %s is not an element of its own", l.Kind, secret)
		}
	}
}

// TestClockTimes: as people say them, with the day when it is not today.
func TestClockTimes(t *testing.T) {
	for _, tc := range []struct {
		until  time.Time
		locale string
		want   string
	}{
		{noon.Add(30 * time.Minute), "nl", "tot 13:04 uur."},
		{noon.Add(30 * time.Minute), "en", "until 13:04 CET."},
		{noon.Add(12 * time.Hour), "nl", "tot maandag 23 november om 00:34 uur."},
		{noon.Add(12 * time.Hour), "en", "until Monday 23 November at 00:34 CET."},
		{noon.AddDate(1, 0, 0), "nl", "tot maandag 22 november om 12:34 uur."}, // same day of another year
		{time.Date(2026, time.July, 1, 9, 5, 0, 0, time.UTC), "en", "until Wednesday 1 July at 11:05 CEST."},
	} {
		l := letter.Sample(letter.RevealPassword, tc.locale, noon)
		l.Until = tc.until
		out := render(t, newRenderer(t), l)
		if !strings.Contains(strings.Join(strings.Fields(out.Text), " "), tc.want) || !strings.Contains(parse(t, out.HTML).text, tc.want) {
			t.Errorf("no %q in %s", tc.want, out.Text)
		}
	}
}

// TestNobodyLearnsNothing: the same for everybody, whatever else the letter holds.
func TestNobodyLearnsNothing(t *testing.T) {
	l := letter.Sample(letter.Nobody, "nl", noon)
	l.Name, l.By, l.Address, l.Link, l.Code, l.Password = "Anna", "Ahmed", "a@b.test", "https://x.test/m/1", "482139", "geheim"
	out := render(t, newRenderer(t), l)
	for _, word := range []string{"Anna", "Ahmed", "a@b.test", "x.test", "482139", "geheim"} {
		if strings.Contains(out.Text+out.HTML, word) {
			t.Errorf("nobody is told %s", word)
		}
	}
}

func TestLanguages(t *testing.T) {
	r := newRenderer(t)
	for tag, want := range map[string]string{"nl": "Inloggen bij", "nl-BE": "Inloggen bij", "EN_gb": "Log in to", "de": "Inloggen bij", "": "Inloggen bij"} {
		l := letter.Sample(letter.Magic, tag, noon)
		if out := render(t, r, l); !strings.HasPrefix(out.Subject, want) {
			t.Errorf("%q: %q", tag, out.Subject)
		}
	}
	if _, err := letter.New(letter.Options{Locale: "de"}); err == nil {
		t.Error("German is promised")
	}
}

func TestTextIsNarrow(t *testing.T) {
	everyKind(t, func(t *testing.T, l letter.Letter) {
		for _, line := range strings.Split(render(t, newRenderer(t), l).Text, "\n") {
			if len([]rune(line)) > 72 && !strings.HasPrefix(line, "https://") {
				t.Errorf("%d wide: %s", len(line), line)
			}
		}
	})
}

// TestMalformedLetters are refused, without a word about what they hold.
func TestMalformedLetters(t *testing.T) {
	good := letter.Sample(letter.Magic, "nl", noon)
	for name, change := range map[string]func(*letter.Letter){
		"kind":     func(l *letter.Letter) { l.Kind = "spam" },
		"no link":  func(l *letter.Letter) { l.Link = "" },
		"script":   func(l *letter.Letter) { l.Link = "javascript:secret(1)" },
		"bare":     func(l *letter.Letter) { l.Link = "/gateway/m/secret" },
		"quote":    func(l *letter.Letter) { l.NotMe = `https://x.test/secret"><b>` },
		"new line": func(l *letter.Letter) { l.LoginURL = "https://x.test/\r\nBcc: secret@x.test" },
		"somebody": func(l *letter.Letter) { l.Link = "https://bank.test@x.test/secret" },
		"blanks":   func(l *letter.Letter) { l.Code = "482 secret" },
		"password": func(l *letter.Letter) { l.Kind, l.Password = letter.NewPassword, "" },
	} {
		l := good
		change(&l)
		_, err := newRenderer(t).Render(l)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
