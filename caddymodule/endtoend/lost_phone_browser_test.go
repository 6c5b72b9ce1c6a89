package endtoend_test

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// told waits for a mail of the demo to somebody with these words in its subject.
func told(t *testing.T, url, user, subject string) (found demoMail) {
	t.Helper()
	v := kit.Visit(t, url)
	kit.Eventually(t, "a mail about "+subject, func() bool {
		var all []demoMail
		a := v.Get("/gateway/demo/mail", kit.With("Accept", "application/json"))
		if err := json.Unmarshal([]byte(a.Body), &all); err != nil {
			t.Fatalf("the mails of the demo: %v: %s", err, a)
		}
		for _, m := range all {
			if m.To == kit.Address(user) && strings.Contains(m.Subject, subject) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// scan reads the QR code on the page from a picture of it, as the camera of a phone
// does, and returns the key that an app takes from it.
func (b *tab) scan() (key string) {
	b.t.Helper()
	picture, err := chromedp.Run(b.ctx, chromedp.Screenshot("svg.qr", chromedp.NodeVisible))
	if err != nil {
		b.t.Fatal(err)
	}
	file := filepath.Join(b.t.TempDir(), "qr.png")
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
	found, err := exec.CommandContext(b.t.Context(), "zbarimg", "--quiet", "--raw", file).Output()
	if err != nil {
		b.t.Fatalf("no camera reads this QR code: %v", err)
	}
	u, err := url.Parse(strings.TrimSpace(string(found)))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("issuer") == "" {
		b.t.Fatalf("the QR code holds %q", found)
	}
	return u.Query().Get("secret")
}

// setsUp goes from the QR code to a second step that is on, and returns the key and
// the recovery codes that were shown. One has to say that they are stored.
func (b *tab) setsUp(url, password string) (key string, codes []string) {
	b.t.Helper()
	b.open(url + "/gateway/security/second-step")
	b.do(chromedp.SendKeys("#password-start", password+"\r", chromedp.NodeReady))
	b.shows(`<svg class="qr"`)
	key = b.scan()
	if typed := strings.ReplaceAll(shownKey.FindStringSubmatch(b.html())[1], " ", ""); typed != key {
		b.t.Fatalf("the key to type is %q, and that of the QR code is %q", typed, key)
	}
	b.do(chromedp.SendKeys("#code", totpCode(b.t, key, time.Now())+"\r", chromedp.NodeReady))
	b.shows(`<pre class="codes"`)
	codes = strings.Split(strings.TrimSpace(shownCodes.FindStringSubmatch(b.html())[1]), "\n")
	b.do(chromedp.Click("#turn-on button", chromedp.NodeReady))
	b.shows(`id="error" role="alert"`)
	b.do(chromedp.Click("#stored", chromedp.NodeReady), chromedp.Click("#turn-on button", chromedp.NodeReady))
	b.shows(`data-second-step="on"`)
	return key, codes
}

// code types one into the page that asks for it.
func (b *tab) code(field, code, wanted string) {
	b.t.Helper()
	if field == "recovery" {
		b.do(chromedp.Click("details.reason summary", chromedp.NodeReady))
	}
	b.do(chromedp.SendKeys("#"+field, code+"\r", chromedp.NodeVisible))
	b.shows(wanted)
}

// One person's app from the QR code to the end: set up, used, the phone lost, a
// recovery code used; then those are gone too, and the admin of the team switches
// the step off in a browser of their own.
func TestALostPhoneInTwoBrowsers(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	person, admin := newTab(t, chromium(t, "nl", ""), true), newTab(t, chromium(t, "en", ""), true)
	const asked = `data-cause="second_step_required"`
	in := inside("teammate")
	person.open(url + "/gateway/login?to=%2Fclients")
	person.login("teammate", demoPassword, in)
	key, codes := person.setsUp(url, demoPassword)
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes are shown", len(codes))
	}
	told(t, url, "teammate", "extra stap staat aan")
	person.leave(url)

	// The app: the code after the one that set it up.
	person.open(url + "/clients/12?tab=notes#bottom")
	person.login("teammate", demoPassword, asked)
	person.code("code", totpCode(t, key, time.Now().Add(30*time.Second)), in)
	person.at(url + "/clients/12?tab=notes#bottom")
	person.leave(url)

	// The phone is lost: a recovery code, once.
	person.open(url + "/clients/13")
	person.login("teammate", demoPassword, asked)
	person.code("recovery", codes[3], in)
	person.at(url + "/clients/13")
	person.leave(url)
	person.open(url + "/clients/14")
	person.login("teammate", demoPassword, asked)
	person.code("recovery", codes[3], `data-cause="second_step_failed"`)

	// The codes are lost as well. The page says whom to ask, who does it.
	person.shows("Vraag de beheerder van je organisatie")
	admin.open(url + "/gateway/admin")
	admin.login("admin", demoPassword, "<h1><bdi>")
	admin.do(chromedp.SendKeys("#q", "teammate\r", chromedp.NodeReady))
	admin.shows(`value="teammate"`)
	admin.do(chromedp.Click("a.person", chromedp.NodeReady))
	admin.shows(`/second-step-off"`)
	admin.do(chromedp.Click(`a[href$="/second-step-off"]`, chromedp.NodeReady))
	admin.shows(`/second-step-off" novalidate`)
	admin.do(chromedp.Click("form.panel button[type=submit]", chromedp.NodeReady))
	admin.shows("done=second-step-off")
	admin.quiet()
	if m := told(t, url, "teammate", "extra stap staat uit"); !strings.Contains(m.Text, "/gateway/m/") {
		t.Errorf("the mail has no way back:\n%s", m.Text)
	}

	// The half-finished login is over; the password alone logs in, and what was
	// shown before opens nothing any more.
	person.code("code", totpCode(t, key, time.Now().Add(time.Minute)), `data-cause="not_logged_in"`)
	person.open(url + "/clients/15")
	person.login("teammate", demoPassword, in)
	person.at(url + "/clients/15")
	person.open(url + "/gateway/security/second-step")
	person.shows(`data-second-step="off"`)
	person.quiet()
	fresh, _ := person.setsUp(url, demoPassword)
	if fresh == key {
		t.Error("the key of the lost phone is shown again")
	}
	person.leave(url)
	person.open(url + "/clients/16")
	person.login("teammate", demoPassword, asked)
	person.code("recovery", codes[0], `data-cause="second_step_failed"`)
	person.quiet()
}

var printedKey = regexp.MustCompile(`Second step of twostep@demo\.test, .*: key ([A-Z2-7 ]+)\n`)

// The user of the demo who has a second step logs in with the key that the demo
// prints, and on a device they trust without it.
func TestTheSecondStepOfTheDemo(t *testing.T) {
	t.Parallel()
	p, url := runDemo(t)
	key := ""
	kit.Eventually(t, "the key of twostep", func() bool {
		if m := printedKey.FindStringSubmatch(p.Output()); m != nil {
			key = m[1]
		}
		return key != ""
	})
	b := newTab(t, chromium(t, "nl", ""), true)
	b.open(url + "/clients/12")
	b.login("twostep", demoPassword, `data-cause="second_step_required"`)
	b.do(chromedp.Click("#trust", chromedp.NodeReady))
	b.code("code", totpCode(t, key, time.Now()), inside("twostep"))
	b.at(url + "/clients/12")
	b.leave(url)
	b.open(url + "/clients/13")
	b.login("twostep", demoPassword, inside("twostep"))
	b.at(url + "/clients/13")
	b.quiet()
}
