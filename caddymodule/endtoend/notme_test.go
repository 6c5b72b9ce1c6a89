package endtoend_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// aboutDevice waits for the mail about a login on a new device.
func aboutDevice(t *testing.T, box *kit.Mailbox, user string) (found kit.Mail) {
	t.Helper()
	kit.Eventually(t, "a mail about a new device", func() bool {
		for _, m := range box.Whole(user) {
			if kit.AboutDevices.MatchString(m.Subject) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// A stranger who knows the password logs in at one node, and moves the account to a
// mailbox of their own. The letter about the new device, opened at the other node in
// a browser that nobody knows, takes all of it back.
func TestThisWasNotMeTakesEverythingBack(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		box := kit.NewMailbox(t)
		one, app := town(t, s, kit.Site{App: box.Words()})
		two := one
		if strings.Contains(s.Line, "redis") {
			two = kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr, App: box.Words()})
		}
		own := kit.Visit(t, one.URL).Enter("teammate")
		if a := own.Post("/gateway/logout", nil); a.Status != http.StatusSeeOther {
			t.Fatal(a)
		}
		own.Enter("teammate")
		thief := kit.Visit(t, two.URL).Enter("teammate")
		device := aboutDevice(t, box, "teammate")
		if !strings.Contains(device.Text, " op ") && !strings.Contains(device.Text, " on ") {
			t.Errorf("the device is not in words:\n%s", device.Text)
		}
		// With a session alone the address stays.
		refused(t, thief.Post("/gateway/security/email", url.Values{"email": {"dief@demo.test"}}), http.StatusUnauthorized, "wrong_password")
		sentTo(t, thief.Post("/gateway/security/email", url.Values{"email": {"dief@demo.test"}, "password": {kit.Password}}), "/gateway/security/email?done=asked")
		link := box.Wait("dief", 1).Links()[0]
		if a := thief.Post(link, nil); a.Status != http.StatusOK || a.Cause() != "" {
			t.Fatalf("confirming: %s", a)
		}
		kit.Eventually(t, "the end of the owner's session", func() bool { return own.Get("/", kit.Bare).Cause() == "session_ended" })
		arrived(t, thief.Get("/"), "teammate")
		sentTo(t, kit.Visit(t, two.URL).Login("dief", kit.Password), "/")

		notMe := device.Links()[0]
		scanner := kit.Visit(t, one.URL)
		scanner.Get(notMe)
		scanner.Post(notMe, nil)
		arrived(t, thief.Get("/"), "teammate")
		victim := kit.Visit(t, one.URL)
		victim.Get(notMe)
		a := victim.Post(notMe, url.Values{"email": {"teammate@demo.test"}})
		if a.Status != http.StatusOK || a.Cause() != "" || !strings.Contains(a.Body, `class="did"`) {
			t.Fatalf("this was not me: %s", a)
		}
		kit.Eventually(t, "the end of the stranger's session", func() bool { return thief.Get("/", kit.Bare).Cause() == "session_ended" })
		for _, user := range []string{"teammate", "dief"} {
			refused(t, kit.Visit(t, two.URL).Login(user, kit.Password), http.StatusUnauthorized, "wrong_password")
		}
		fresh := box.Wait("teammate", 3) // of the wish, of the change, and the new password
		if fresh.Password() == "" || len(box.All("dief")) != 1 {
			t.Fatalf("the new password: %q; the stranger got %d mails", fresh.Text, len(box.All("dief")))
		}
		back := kit.Visit(t, two.URL)
		a = landed(back, back.Login("teammate", fresh.Password()))
		if !strings.HasPrefix(a.To(), "/gateway/recover/keep") {
			t.Fatalf("with the new password: %s", a)
		}
		arrived(t, back.Get("/"), "teammate")
		// They read what happened, and by whom.
		page := back.Get("/gateway/security/activity")
		if page.Status != http.StatusOK || strings.Count(page.Body, `data-happened="did"`) < 4 || strings.Count(page.Body, `data-happened="mail"`) < 3 {
			t.Errorf("what happened: %s", page)
		}
	})
}

// notMeLink is the link in the mail of the demo that tells a user of a new device.
func notMeLink(t *testing.T, url, user string) (link string) {
	t.Helper()
	v := kit.Visit(t, url)
	kit.Eventually(t, "a mail about a new device", func() bool {
		var all []demoMail
		a := v.Get("/gateway/demo/mail", kit.With("Accept", "application/json"))
		if err := json.Unmarshal([]byte(a.Body), &all); err != nil {
			t.Fatalf("the mails of the demo: %v: %s", err, a)
		}
		for _, m := range all {
			if m.To == kit.Address(user) && kit.AboutDevices.MatchString(m.Subject) {
				link = m.link(t)
				return true
			}
		}
		return false
	})
	return link
}

// The same in two browsers, as people do it: the stranger is out at their next
// click, and the owner is back with the password that was mailed.
func TestThisWasNotMeInABrowser(t *testing.T) {
	t.Parallel()
	address := startDemo(t)
	own, stranger := newTab(t, chromium(t, "nl", ""), true), newTab(t, chromium(t, "nl", ""), true)
	own.open(address + "/gateway/login")
	own.login("teammate", demoPassword, `id="email">teammate`)
	stranger.open(address + "/gateway/login")
	stranger.login("teammate", demoPassword, `id="email">teammate`)
	stranger.open(address + "/gateway/security/sessions")
	stranger.shows("Hier ben je nu")
	own.open(notMeLink(t, address, "teammate"))
	own.do(chromedp.Click("#act button", chromedp.NodeReady))
	own.shows("Je account is beschermd")
	own.quiet()
	stranger.open(address + "/clients")
	stranger.shows(`data-cause="session_ended"`)
	mail := mailTo(t, address, "teammate", 1)
	found := demoPass.FindStringSubmatch(mail.Text)
	if found == nil {
		t.Fatalf("no password in the mail:\n%s", mail.Text)
	}
	own.open(address + "/gateway/login")
	own.login("teammate", found[1], "/gateway/recover/keep")
	own.quiet()
}
