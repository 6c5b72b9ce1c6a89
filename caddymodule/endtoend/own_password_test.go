package endtoend_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

var shownSecret = regexp.MustCompile(`<code id="secret"[^>]*>([A-Za-z0-9]+)</code>`)

// A password that somebody chose logs in exactly as typed, and is gone with the
// second step; the generated one in its place is shown until it was stored.
func TestAnOwnPasswordOnAndOff(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{App: "mail {\nfrom login@demo.test\nfile " + t.TempDir() + "\n}\ntype client {\nsecond_step required\n}"})
	v := kit.Visit(t, g.URL).Enter("teammate")
	key, codes := switchOn(t, v)
	const own = " fiets koe \u2603 zonnebloem "
	sentTo(t, v.Post("/gateway/security/password?to=%2Fclients", typed("new", own, "password", kit.Password, "code", codes[0])),
		"/gateway/security/password?done=own&to=%2Fclients")
	arrived(t, v.Get("/clients"), "teammate")
	again := kit.Visit(t, g.URL)
	again.Get("/gateway/login")
	refused(t, again.Post("/gateway/login", kit.Form(kit.Address("teammate"), kit.Password)), http.StatusUnauthorized, "wrong_password")
	refused(t, again.Post("/gateway/login", kit.Form(kit.Address("teammate"), strings.TrimSpace(own))), http.StatusUnauthorized, "wrong_password")
	refused(t, again.Post("/gateway/login?to=%2Fclients", kit.Form(kit.Address("teammate"), own)), http.StatusUnauthorized, "second_step_required")
	sentTo(t, again.Post("/gateway/second-step?to=%2Fclients", typed("code", codes[1])), "/clients")
	code := totpCode(t, key, time.Now().Add(30*time.Second)) // the one at hand was used to set it up
	off := again.Post("/gateway/security/second-step/off?to=%2Fclients", typed("password", own, "code", code))
	if off.Status != http.StatusSeeOther || !strings.HasPrefix(off.To(), "/gateway/recover/keep?to=%2Fgateway%2Fsecurity%2Fsecond-step") {
		t.Fatalf("off: %s", off)
	}
	shown := shownSecret.FindStringSubmatch(again.Get(off.To()).Body)
	if shown == nil {
		t.Fatal("no generated password is shown")
	}
	sentTo(t, again.Post(off.To(), typed("password", shown[1])), "/gateway/security/second-step?done=off&to=%2Fclients")
	refused(t, v.Post("/gateway/login", kit.Form(kit.Address("teammate"), own)), http.StatusUnauthorized, "wrong_password")
	last := kit.Visit(t, g.URL)
	last.Get("/gateway/login")
	sentTo(t, last.Post("/gateway/login?to=%2Fclients", kit.Form(kit.Address("teammate"), shown[1])), "/clients")
	// Who has to switch a second step on first is shown their new password too.
	due := kit.Visit(t, g.URL)
	due.Get("/gateway/login")
	sentTo(t, due.Post("/gateway/login", kit.Form(kit.Address("client"), kit.Password)), "/gateway/security")
	keep := due.Post("/gateway/security/password/generate", typed("password", kit.Password))
	if !shownSecret.MatchString(due.Get(keep.To()).Body) {
		t.Errorf("no generated password is shown: %s", keep)
	}
}

// The page as people use it, with script: shown, weighed, taken from the suggestion;
// and without, from the own password back to a generated one.
func TestAnOwnPasswordInTwoBrowsers(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	b := newTab(t, chromium(t, "nl", ""), true)
	b.open(url + "/gateway/login?to=%2Fclients")
	b.login("teammate", demoPassword, `id="email">teammate`)
	_, codes := b.setsUp(url, demoPassword)
	b.open(url + "/gateway/security/password")
	b.do(chromedp.SendKeys("#new", "kort", chromedp.NodeReady))
	if got := b.says("#strength", "textContent"); !strings.Contains(got, "te kort") {
		t.Errorf("four characters are %q", got)
	}
	b.do(chromedp.Click("#show-new", chromedp.NodeReady), chromedp.Click("[data-use]", chromedp.NodeReady))
	if kind, value, want := b.says("#new", "type"), b.says("#new", "value"), b.says("#suggestion", "textContent"); kind != "text" || value == "" || value != want {
		t.Errorf("type %q, %q taken of %q", kind, value, want)
	}
	own := b.says("#new", "value")
	b.do(chromedp.SendKeys("#password-own", demoPassword, chromedp.NodeReady), chromedp.SendKeys("#code-own", codes[0]+"\r", chromedp.NodeReady))
	b.shows(`data-password="own"`)
	b.leave(url)

	// Another browser: it logs in, and is gone with the second step. What comes in its
	// place is shown until it was stored.
	other := newTab(t, chromium(t, "en", ""), false)
	other.open(url + "/clients/1")
	other.login("teammate", own, `data-cause="second_step_required"`)
	other.code("recovery", codes[1], inside("teammate"))
	other.open(url + "/gateway/security/second-step")
	other.do(chromedp.Click("details:has(#off) summary", chromedp.NodeReady))
	other.do(chromedp.SendKeys("#password-off", own, chromedp.NodeVisible), chromedp.SendKeys("#code-off", codes[2]+"\r", chromedp.NodeVisible))
	other.shows(`id="secret"`)
	fresh := shownSecret.FindStringSubmatch(other.html())[1]
	other.do(chromedp.Click("form.keep button", chromedp.NodeReady))
	other.at(url + "/gateway/security/second-step?done=off")
	other.quiet()
	told(t, url, "teammate", "extra stap staat uit")
	b.open(url + "/clients/2")
	b.login("teammate", own, `data-cause="wrong_password"`)
	b.login("", fresh, inside("teammate"))
	b.at(url + "/clients/2")
	b.quiet()
}

// says reads a property of an element.
func (b *tab) says(selector, property string) string {
	b.t.Helper()
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("`+selector+`").`+property))
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}
