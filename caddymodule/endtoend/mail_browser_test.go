package endtoend_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// demoMail is a mail as the demo shows it.
type demoMail struct {
	To, Subject, Text, HTML string
}

// mailTo returns the n-th mail to somebody, when it is there.
func mailTo(t *testing.T, url, user string, n int) (found demoMail) {
	t.Helper()
	v := kit.Visit(t, url)
	kit.Eventually(t, "a mail to "+user, func() bool {
		var all []demoMail
		a := v.Get("/gateway/demo/mail", kit.With("Accept", "application/json"))
		if err := json.Unmarshal([]byte(a.Body), &all); err != nil {
			t.Fatalf("the mails of the demo: %v: %s", err, a)
		}
		left := n
		for _, m := range all {
			if m.To == kit.Address(user) && !kit.AboutDevices.MatchString(m.Subject) {
				if left--; left == 0 {
					found = m
					return true
				}
			}
		}
		return false
	})
	return found
}

var (
	demoLink = regexp.MustCompile(`http://localhost:\d+/gateway/m/[a-z2-7]+`)
	demoCode = regexp.MustCompile(`(?m)^\s*(\d{6})\s*$`)
	demoPass = regexp.MustCompile(`(?m)^\s*([A-Za-z0-9]{10,30})\s*$`)
)

func (m demoMail) link(t *testing.T) string {
	t.Helper()
	link := demoLink.FindString(m.Text)
	if link == "" {
		t.Fatalf("no link in the mail:\n%s", m.Text)
	}
	return link
}

// scan opens a link and presses every button there is, as mail scanners with a
// browser do. It is nobody's browser and knows no address.
func scan(b *tab, link string) {
	b.t.Helper()
	for range 3 {
		b.open(link)
		if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`(function () {
			var all = document.querySelectorAll("button, input[type=submit]");
			all.forEach(function (x) { x.click(); });
			return all.length;
		})()`)); err != nil {
			b.t.Fatal(err)
		}
		b.shows("<html")
	}
	if strings.Contains(b.html(), `id="email">`) { // where the app says who is there
		b.t.Errorf("a scanner got in at %s", b.place())
	}
}

// P1, P5, P6: ask on the desktop, open on the phone, with a scanner in between.
func TestMagicLoginInTwoBrowsers(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	for _, s := range []magicStory{
		{lang: "nl", user: "teammate", script: true},
		{lang: "nl", user: "client"},
		{lang: "en", user: "admin", script: true},
		{lang: "en", user: "owner"},
	} {
		t.Run(s.lang+" "+s.user, func(t *testing.T) {
			browser := chromium(t, s.lang, "")
			s.t, s.url = t, url
			s.tab = func(script bool) *tab { return newTab(t, browser, script) }
			s.run()
		})
	}
}

type magicStory struct {
	t               *testing.T
	url, lang, user string
	script          bool
	tab             func(script bool) *tab
}

func (s magicStory) run() {
	inside := `id="email">` + kit.Address(s.user)
	// The code, typed where it was asked for. The deep link is kept.
	desktop := s.tab(s.script)
	s.ask(desktop, "/clients/12?tab=notes")
	first := mailTo(s.t, s.url, s.user, 1)
	scan(s.tab(true), first.link(s.t))
	desktop.do(chromedp.SendKeys("#code", demoCode.FindStringSubmatch(first.Text)[1]+"\r", chromedp.NodeReady))
	desktop.shows(inside)
	desktop.at(s.url + "/clients/12?tab=notes")
	desktop.quiet()
	// The link, on a phone that did not ask: the address logs in there.
	desktop, phone := s.tab(s.script), s.tab(s.script)
	s.ask(desktop, "/clients/13")
	second := mailTo(s.t, s.url, s.user, 2)
	phone.open(second.link(s.t))
	s.speaks(phone)
	phone.do(chromedp.SendKeys("#email", kit.Address(s.user)+"\r", chromedp.NodeReady))
	phone.shows(inside)
	phone.at(s.url + "/clients/13")
	phone.quiet()
	// The number that the desktop shows, typed on the phone, lets the desktop in.
	desktop, phone = s.tab(s.script), s.tab(s.script)
	s.ask(desktop, "/clients/14")
	third := mailTo(s.t, s.url, s.user, 3)
	scan(s.tab(true), third.link(s.t))
	number, err := chromedp.Run(desktop.ctx, chromedp.Text(".match strong"))
	if err != nil {
		s.t.Fatal(err)
	}
	phone.open(third.link(s.t))
	phone.do(chromedp.SendKeys("#match", number+"\r", chromedp.NodeReady))
	kit.Eventually(s.t, "the phone to say that the other tab is let in", func() bool { return !strings.Contains(phone.html(), `id="match"`) })
	if strings.Contains(phone.html(), inside) {
		s.t.Error("the phone was logged in as well")
	}
	if !s.script {
		desktop.do(chromedp.Click("#waiting button", chromedp.NodeReady))
	}
	desktop.shows(inside)
	desktop.at(s.url + "/clients/14")
	// What was used is over, and a fresh mail is one click away.
	late := s.tab(s.script)
	late.open(second.link(s.t))
	late.shows(`data-cause="link_used"`)
	s.speaks(late)
	late.quiet()
}

// ask comes by a deep link and asks for a mail.
func (s magicStory) ask(b *tab, deep string) {
	s.t.Helper()
	b.open(s.url + deep)
	b.do(chromedp.Click(`a[href*="/gateway/magic"]`, chromedp.NodeReady))
	b.do(chromedp.SendKeys("#magic #email", kit.Address(s.user)+"\r", chromedp.NodeReady))
	b.shows(`id="code"`)
	s.speaks(b)
}

func (s magicStory) speaks(b *tab) {
	s.t.Helper()
	if m := language.FindStringSubmatch(b.html()); m == nil || m[1] != s.lang {
		s.t.Errorf("at %s the page is in %v, not %s", b.place(), m, s.lang)
	}
}

// P6, P32: a new password by mail, with script and without.
func TestANewPasswordInABrowser(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	for _, c := range []struct {
		lang, user string
		script     bool
	}{{"nl", "teammate", true}, {"nl", "client", false}, {"en", "admin", false}, {"en", "owner", true}} {
		t.Run(c.lang+" "+c.user, func(t *testing.T) {
			b := newTab(t, chromium(t, c.lang, ""), c.script)
			b.open(url + "/clients/12")
			b.do(chromedp.Click(`a[href*="/gateway/recover"]`, chromedp.NodeReady))
			b.do(chromedp.SendKeys("#email", kit.Address(c.user)+"\r", chromedp.NodeReady))
			kit.Eventually(t, "the page that says a mail is on its way", func() bool { return !strings.Contains(b.html(), `name="email"`) })
			m := mailTo(t, url, c.user, 1)
			b.open(url + "/clients/12")
			b.login(c.user, demoPass.FindStringSubmatch(m.Text)[1], `autocomplete="new-password"`)
			if found := language.FindStringSubmatch(b.html()); found == nil || found[1] != c.lang {
				t.Errorf("the page with the fresh password is in %v", found)
			}
			fresh := freshPassword(b.html())
			b.do(chromedp.Click(`main form button[type=submit]`, chromedp.NodeReady))
			b.shows(`id="email">` + kit.Address(c.user))
			b.at(url + "/clients/12")
			b.quiet()
			if a := kit.Visit(t, url).Login(c.user, fresh); a.Status != http.StatusSeeOther || a.To() != "/" {
				t.Errorf("logging in with the fresh password %q: %s", fresh, a)
			}
		})
	}
}
