package endtoend_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

var passwordOnPage = regexp.MustCompile(`<code id="secret" translate="no">([^<]+)</code>`)

// A team admin helps two colleagues, with script and without: from the login over
// the search to the page of the person, and what is done is true at once.
func TestATeamAdminInABrowser(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	browser := chromium(t, "nl", "")
	for name, c := range map[string]struct {
		script               bool
		search, person, user string
		before, act, done    string
		prepare              string
		direct               bool
	}{
		"with script": {
			script: true, search: "bram", person: "Bram Peters", user: "blocked",
			before: "geblokkeerd door", act: "unblock", direct: true, done: "De blokkade is opgeheven",
		},
		"without script": {
			search: "nina", person: "Nina Dijk", user: "notype",
			before: "het gebruikerstype staat niet goed", act: "type", done: "Het type is veranderd",
			prepare: `document.querySelector("#type").value = "teammate"; true`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, kit.Visit(t, url).Login(c.user, demoPassword), http.StatusForbidden, map[string]string{"blocked": "user_blocked", "notype": "type_denied"}[c.user])
			b := newTab(t, browser, c.script)
			b.open(url + "/gateway/admin")
			b.login("owner", demoPassword, "<h1><bdi>Team</bdi></h1>")
			b.do(chromedp.SendKeys("#q", c.search+"\r", chromedp.NodeReady))
			b.shows("1 van 7 gebruikers")
			b.do(chromedp.Click("a.person", chromedp.NodeReady))
			b.shows("<h1><bdi>" + c.person + "</bdi></h1>")
			b.shows(c.before)
			if c.direct {
				b.do(chromedp.Click(`form[action$="/`+c.act+`"] button`, chromedp.NodeReady))
			} else {
				b.do(chromedp.Click(`a[href$="/`+c.act+`"]`, chromedp.NodeReady))
				b.shows(`<select id="type"`)
				if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](c.prepare)); err != nil {
					t.Fatal(err)
				}
				b.do(chromedp.Click(`form.panel button[type=submit]`, chromedp.NodeReady))
			}
			b.shows(c.done)
			b.shows("Deze persoon kan inloggen")
			b.do(chromedp.Click(`a[href$="/password"]`, chromedp.NodeReady))
			b.shows("laten het je")
			b.do(chromedp.Click(`form.panel button[type=submit]`, chromedp.NodeReady))
			b.shows(`id="secret"`)
			m := passwordOnPage.FindStringSubmatch(b.html())
			if m == nil || strings.Contains(b.place(), m[1]) {
				t.Fatalf("at %s: no password, or one in the address", b.place())
			}
			refused(t, kit.Visit(t, url).Login(c.user, demoPassword), http.StatusUnauthorized, "wrong_password")
			sentTo(t, kit.Visit(t, url).Login(c.user, m[1]), "/")
			b.do(chromedp.Click(`main a.primary`, chromedp.NodeReady))
			b.shows("Ingelogd op")
			if strings.Contains(b.html(), m[1]) {
				t.Error("the password is shown again")
			}
			b.quiet()
		})
	}
}

// Who may not be on the admin path is told so, and who is not logged in comes back
// to the page they wanted.
func TestTheDoorOfTheAdminPath(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	page := "/gateway/admin/accounts/acme/users"
	v := kit.Visit(t, g.URL)
	sentTo(t, v.Get(page+"?q=x"), "/gateway/login?to=%2Fgateway%2Fadmin%2Faccounts%2Facme%2Fusers%3Fq%3Dx")
	v.Get("/gateway/login") // brings the cookie of the form
	sentTo(t, v.Post("/gateway/login?to=%2Fgateway%2Fadmin%2Faccounts%2Facme%2Fusers%3Fq%3Dx", kit.Form("owner@demo.test", kit.Password)), page+"?q=x")
	if a := v.Get(page + "?q=team"); a.Status != http.StatusOK || !strings.Contains(a.Body, "teammate@demo.test") || !a.Own() {
		t.Errorf("the team: %s", a)
	}
	if a := v.Get("/gateway/admin/accounts/owing/users"); a.Status != http.StatusNotFound || strings.Contains(a.Body, "arrears@") {
		t.Errorf("another team: %s", a)
	}
	refused(t, kit.Visit(t, g.URL).Enter("teammate").Get(page), http.StatusForbidden, "forbidden")
	// The superadmin of an account that is closed has a session for paying only.
	owing := kit.Visit(t, g.URL)
	owing.Login("arrears", kit.Password)
	if a := owing.Get("/gateway/admin/accounts/owing/users"); a.Status == http.StatusOK {
		t.Errorf("the admin of a closed account: %s", a)
	}
	// A form of another site does nothing.
	blocking := v.Post("/gateway/admin/accounts/acme/users/teammate/block", nil, kit.With("Origin", ""), kit.With("Sec-Fetch-Site", "cross-site"))
	refused(t, blocking, http.StatusForbidden, "cross_site")
	sentTo(t, kit.Visit(t, g.URL).Login("teammate", kit.Password), "/")
}
