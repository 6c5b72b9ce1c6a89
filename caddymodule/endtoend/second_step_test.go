package endtoend_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

var shownKey = regexp.MustCompile(`<code id="key"[^>]*>([A-Z2-7 ]+)</code>`)

var shownCodes = regexp.MustCompile(`(?s)<pre class="codes"[^>]*>(.*?)</pre>`)

func totpCode(t *testing.T, key string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(strings.ReplaceAll(key, " ", ""), at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func typed(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// switchOn has a visitor who is logged in switch their second step on.
func switchOn(t *testing.T, v *kit.Visitor) (key string, codes []string) {
	t.Helper()
	sentTo(t, v.Post("/gateway/security/second-step/start", typed("password", kit.Password)), "/gateway/security/second-step")
	found := shownKey.FindStringSubmatch(v.Get("/gateway/security/second-step").Body)
	if found == nil {
		t.Fatal("no key is shown")
	}
	sentTo(t, v.Post("/gateway/security/second-step/confirm", typed("code", totpCode(t, found[1], time.Now()))), "/gateway/security/second-step")
	list := shownCodes.FindStringSubmatch(v.Get("/gateway/security/second-step").Body)
	if list == nil {
		t.Fatal("no recovery codes are shown")
	}
	sentTo(t, v.Post("/gateway/security/second-step/on", typed("stored", "1")), "/gateway/security/second-step?done=on")
	return found[1], strings.Split(strings.TrimSpace(list[1]), "\n")
}

// With only the first factor done, every route but "finish" and "cancel" behaves
// as logged out; with both, the app is told.
func TestHalfALoginOpensNothing(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, app := town(t, s, kit.Site{})
		owner := kit.Visit(t, g.URL).Enter("teammate")
		_, codes := switchOn(t, owner)
		arrived(t, owner.Get("/clients"), "teammate") // this session goes on
		half, nobody := kit.Visit(t, g.URL), kit.Visit(t, g.URL)
		half.Get("/gateway/login")
		nobody.Get("/gateway/login")
		a := half.Post("/gateway/login?to=%2Fclients", kit.Form(kit.Address("teammate"), kit.Password))
		refused(t, a, http.StatusUnauthorized, "second_step_required")
		if a.Reference() == "" || half.Cookie("gateway_session") != "" {
			t.Errorf("half a login: %s", a)
		}
		before := len(app.Seen(""))
		for _, path := range []string{
			"/", "/clients", "/gateway/security", "/gateway/security/second-step", "/gateway/session", "/gateway/admin", "/gateway/admin/team",
			"/gateway/logout", "/gateway/recover/keep", "/gateway/login", "/gateway/api/v1/accounts", "/gateway/verify", "/gateway/help",
		} {
			for _, options := range [][]kit.Option{nil, {kit.Bare}} {
				got, want := half.Get(path, options...), nobody.Get(path, options...)
				if got.Status != want.Status || got.To() != want.To() || got.Cause() != want.Cause() {
					t.Errorf("%s: %d %q to %q, to strangers %d %q to %q", path, got.Status, got.Cause(), got.To(), want.Status, want.Cause(), want.To())
				}
			}
			if strings.HasPrefix(path, "/gateway/logout") {
				continue // ends it, as "cancel" does
			}
			got, want := half.Post(path, typed("password", kit.Password, "stored", "1")), nobody.Post(path, typed("password", kit.Password, "stored", "1"))
			if got.Status != want.Status || got.Cause() != want.Cause() {
				t.Errorf("POST %s: %d %q, to strangers %d %q", path, got.Status, got.Cause(), want.Status, want.Cause())
			}
		}
		if n := len(app.Seen("")); n != before {
			t.Errorf("the app saw %d requests", n-before)
		}
		sentTo(t, half.Post("/gateway/second-step?to=%2Fclients", typed("code", strings.ToUpper(codes[0]))), "/clients")
		seen := arrived(t, half.Get("/clients"), "teammate")
		if got := seen.Header.Get("Remote-Amr"); got != "pwd otp mfa" {
			t.Errorf("the app is told %q", got)
		}
	})
}

// Who needs a second step and has none gets a session that opens one page.
func TestARequiredSecondStep(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{App: "type teammate {\nsecond_step required\n}\ntype client {\nsecond_step 2999-01-01\n}"})
	v := kit.Visit(t, g.URL)
	v.Get("/gateway/login")
	sentTo(t, v.Post("/gateway/login?to=%2Fclients", kit.Form(kit.Address("teammate"), kit.Password)), "/gateway/security?to=%2Fclients")
	sentTo(t, v.Get("/clients"), "/gateway/security?to=%2Fclients")
	refused(t, v.Get("/clients", kit.Bare), http.StatusUnauthorized, "second_step_required")
	switchOn(t, v)
	arrived(t, v.Get("/clients"), "teammate")
	refused(t, v.Post("/gateway/security/second-step/off", typed("password", kit.Password)), http.StatusForbidden, "forbidden")
	// Before the day people are asked, and not stopped.
	later := kit.Visit(t, g.URL)
	later.Get("/gateway/login")
	sentTo(t, later.Post("/gateway/login?to=%2Fclients", kit.Form(kit.Address("client"), kit.Password)), "/gateway/security?to=%2Fclients")
	arrived(t, later.Get("/clients"), "client")
}

// From the QR code over the login to the lost phone, as people do it.
func TestTheSecondStepInABrowser(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	dutch := chromium(t, "nl", "")
	for name, script := range map[string]bool{"with script": true, "without script": false} {
		t.Run(name, func(t *testing.T) {
			user := map[bool]string{true: "teammate", false: "client"}[script]
			b := newTab(t, dutch, script)
			b.open(url + "/gateway/login?to=%2Fclients")
			b.login(user, demoPassword, `id="email">`+user)
			b.open(url + "/gateway/security")
			b.do(chromedp.Click("[data-card=second] a", chromedp.NodeReady))
			b.do(chromedp.SendKeys("#password-start", demoPassword+"\r", chromedp.NodeReady))
			b.shows(`<svg class="qr"`)
			key := shownKey.FindStringSubmatch(b.html())[1]
			b.do(chromedp.SendKeys("#code", totpCode(t, key, time.Now())+"\r", chromedp.NodeReady))
			b.shows(`<pre class="codes"`)
			codes := strings.Split(strings.TrimSpace(shownCodes.FindStringSubmatch(b.html())[1]), "\n")
			b.do(chromedp.Click("#stored", chromedp.NodeReady), chromedp.Click("#turn-on button", chromedp.NodeReady))
			b.shows(`data-second-step="on"`)
			b.quiet()
			// Another browser: the code, and the page that was asked for, fragment and all.
			other := newTab(t, dutch, script)
			other.open(url + "/clients/12?tab=notes#bottom")
			other.login(user, demoPassword, `data-cause="second_step_required"`)
			other.do(chromedp.SendKeys("#code", "000000\r", chromedp.NodeReady))
			other.shows(`data-cause="second_step_failed"`)
			other.do(chromedp.SendKeys("#code", totpCode(t, key, time.Now().Add(30*time.Second))+"\r", chromedp.NodeReady))
			other.shows(`id="email">` + user)
			if at := other.place(); !strings.HasPrefix(at, url+"/clients/12?tab=notes") || script && !strings.HasSuffix(at, "#bottom") {
				t.Errorf("the login led to %s", at)
			}
			other.quiet()
			// The phone is lost.
			lost := newTab(t, dutch, script)
			lost.open(url + "/gateway/login")
			lost.login(user, demoPassword, `data-cause="second_step_required"`)
			lost.do(chromedp.Click("details.reason summary", chromedp.NodeReady), chromedp.SendKeys("#recovery", codes[0]+"\r", chromedp.NodeReady))
			lost.shows(`id="email">` + user)
			lost.quiet()
		})
	}
}
