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
		g, app := town(t, s, kit.Site{App: kit.NewMailbox(t).Words()})
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
		behavesLikeNobody(t, half, nobody)
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

// behavesLikeNobody walks every route with half a login and as a stranger: the
// answers are the same, and say nothing of the person.
func behavesLikeNobody(t *testing.T, half, nobody *kit.Visitor) {
	t.Helper()
	ask := []kit.Option{kit.With("Connection", "Upgrade"), kit.With("Upgrade", "websocket")}
	form := typed("password", kit.Password, "stored", "1", "sure", "1", "provider", "google", "name", "x", "new", "zonnebloem 12 fietsen")
	for _, path := range ownRoutes(t) {
		compare := func(how string, got, want kit.Answer) {
			t.Helper()
			if got.Status != want.Status || got.To() != want.To() || got.Cause() != want.Cause() || got.FromApp() {
				t.Errorf("%s %s: %d %q to %q, to strangers %d %q to %q", how, path, got.Status, got.Cause(), got.To(), want.Status, want.Cause(), want.To())
			}
			if strings.Contains(got.Body, "Person teammate") || half.Cookie("gateway_session") != "" {
				t.Errorf("%s %s says who is there, or lets them in: %s", how, path, got)
			}
		}
		if strings.HasPrefix(path, "/gateway/second-step") {
			continue // finish and cancel
		}
		compare("opening", half.Get(path), nobody.Get(path))
		compare("asking for", half.Get(path, kit.Bare), nobody.Get(path, kit.Bare))
		compare("connecting to", half.Get(path, append(ask, kit.Bare)...), nobody.Get(path, append(ask, kit.Bare)...))
		if !ends(path) {
			compare("posting to", half.Post(path, form), nobody.Post(path, form))
		}
	}
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
