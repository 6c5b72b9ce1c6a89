package endtoend_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// outcomes of the people of the demo: what the page after the login shows.
func outcomes() map[string]string {
	wanted := map[string]string{"support": "<html", "twostep": `data-cause="second_step_required"`}
	for _, user := range []string{"owner", "admin", "teammate", "client", "trial"} {
		wanted[user] = `id="email">` + user + "@demo.test"
	}
	for user, cause := range map[string]string{
		"trial-ended": "account_trial_ended", "arrears": "account_arrears", "cancelled": "account_cancelled",
		"suspended": "account_suspended", "blocked": "user_blocked", "notype": "type_denied",
	} {
		wanted[user] = `data-cause="` + cause + `"`
	}
	return wanted
}

var (
	reference = regexp.MustCompile(`data-reference="[A-Z0-9]{3}-[A-Z0-9]{3}"`)
	language  = regexp.MustCompile(`<html lang="([a-z]+)"`)
)

// The demo, as people meet it: in Dutch and English, with script and without.
func TestDemoInABrowser(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	dutch, english := chromium(t, "nl", ""), chromium(t, "en", "")
	t.Run("each user", func(t *testing.T) {
		for user, wanted := range outcomes() {
			for _, script := range []bool{true, false} {
				eachUser(newTab(t, dutch, script), url, "nl", user, wanted)
				eachUser(newTab(t, english, script), url, "en", user, wanted)
			}
		}
	})
	for name, script := range map[string]bool{"with script": true, "without script": false} {
		t.Run("deep link "+name, func(t *testing.T) { deepLink(newTab(t, dutch, script), url, script) })
		t.Run("log-out "+name, func(t *testing.T) { logOut(newTab(t, english, script), url) })
	}
	t.Run("show password", func(t *testing.T) { showPassword(newTab(t, dutch, true), url) })
	t.Run("form after the session ended", func(t *testing.T) { lateForm(newTab(t, english, true), url) })
	t.Run("no cookies", func(t *testing.T) {
		// P8: a browser that keeps none ends at a page that says so, not in a loop.
		b := sameTab(t, chromium(t, "nl", `{"profile":{"default_content_setting_values":{"cookies":2}}}`))
		b.open(url + "/clients/12")
		b.login("teammate", demoPassword, `data-cause="cookies_blocked"`)
	})
}

func eachUser(b *tab, url, lang, user, wanted string) {
	b.t.Helper()
	b.open(url + "/")
	if m := language.FindStringSubmatch(b.html()); m == nil || m[1] != lang {
		b.t.Errorf("%s gets a login page in %v", lang, m)
	}
	b.login(user, demoPassword, wanted)
	page := b.html()
	if strings.HasPrefix(wanted, "data-cause") {
		if m := language.FindStringSubmatch(page); m == nil || m[1] != lang || !reference.MatchString(page) {
			b.t.Errorf("%s in %s: language %v, reference %q", user, lang, m, reference.FindString(page))
		}
	}
	if user == "support" { // not in the app, but where they work
		b.at(url + "/gateway/admin")
	}
	b.quiet()
}

// P30: the part of an address that no server sees survives the login.
func deepLink(b *tab, url string, script bool) {
	deep := "/clients/12?tab=notes&q=%20x#latest"
	b.open(url + deep)
	if !strings.Contains(b.place(), "/gateway/login") {
		b.t.Fatalf("not at the login page but at %s", b.place())
	}
	if script {
		b.login("teammate", "mistyped", `data-cause="wrong_password"`)
		b.login("", demoPassword, `id="email">teammate@demo.test`)
	} else {
		b.login("teammate", demoPassword, `id="email">teammate@demo.test`)
	}
	b.at(url + deep)

	// Back goes to the app, not to a form that is of no use, nor to the question
	// whether to send the mistyped password again. (Without script browsers ask.)
	b.do(chromedp.NavigateBack())
	b.shows(`id="email">teammate@demo.test`)
	b.open(url + "/gateway/login")
	b.at(url + "/")
	b.quiet()
}

func logOut(b *tab, url string) {
	b.open(url + "/")
	b.login("teammate", demoPassword, `id="email">teammate@demo.test`)
	b.open(url + "/gateway/logout")
	b.do(chromedp.Click(`form[action="/gateway/logout"] button`, chromedp.NodeReady))
	b.at(url + "/gateway/logout?done=here")
	b.open(url + "/clients/12")
	b.shows(`name="password"`)
	b.quiet()
}

func showPassword(b *tab, url string) {
	b.open(url + "/gateway/login")
	kind := func() string {
		v, err := chromedp.Run(b.ctx, chromedp.JavascriptAttribute[string]("#password", "type"))
		if err != nil {
			b.t.Fatal(err)
		}
		return v
	}
	b.do(chromedp.SendKeys("#password", demoPassword), chromedp.Click("#show"))
	if kind() != "text" {
		b.t.Errorf("the password is not shown: type %s", kind())
	}
	b.do(chromedp.Click("#show"))
	if kind() != "password" {
		b.t.Errorf("the password is not hidden again: type %s", kind())
	}
	b.do(chromedp.Click("#show"), chromedp.SendKeys("#email", "teammate@demo.test"), chromedp.Click("#submit"))
	b.shows(`id="email">teammate@demo.test`)
	b.quiet()
}

// P3: what a form sent after the session ended is kept, and goes to the app on one
// click after the login, to the byte.
func lateForm(b *tab, url string) {
	typed := "Zoë zei: € 10 + 5% & \"meer\" 😀 <b>"
	b.open(url + "/form")
	b.login("client", demoPassword, `action="/form"`)
	other := kit.Visit(b.t, url)
	other.Get("/gateway/login")
	if a := other.Post("/gateway/login", kit.Form("client@demo.test", demoPassword)); a.Status != http.StatusSeeOther {
		b.t.Fatalf("logging in elsewhere: %s", a)
	}
	if a := other.Post("/gateway/logout/all", nil); a.Status != http.StatusSeeOther {
		b.t.Fatalf("logging out everywhere: %s", a)
	}
	b.do(chromedp.SendKeys("#note", typed), chromedp.Click(`form[action="/form"] button`))
	b.shows(`data-cause="session_ended"`)
	b.login("client", demoPassword, `name="gateway_parked"`)
	b.do(chromedp.Click(`form[enctype="text/plain"] button`))
	b.shows(`id="sent"`)
	b.shows("<th scope=\"row\">note</th><td>" + strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(typed))
	b.at(url + "/form")
	b.quiet()
}
