package endtoend_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// letters are the links of the mails of the demo, oldest mail first.
func letters(t *testing.T, url string, n int) (links [][]string) {
	t.Helper()
	kit.Eventually(t, "the mail is there", func() bool {
		a := kit.Visit(t, url).Do(http.MethodGet, "/gateway/demo/mail", kit.With("Accept", "application/json"))
		var mails []demoMail
		if json.Unmarshal([]byte(a.Body), &mails) != nil {
			return false
		}
		mails = slices.DeleteFunc(mails, func(m demoMail) bool { return kit.AboutDevices.MatchString(m.Subject) })
		if len(mails) < n {
			return false
		}
		links = nil
		for _, m := range mails {
			links = append(links, mailedLink.FindAllString(m.Text, -1))
		}
		return true
	})
	return links
}

// pressAll is a scanner that runs script: it opens a link and presses every button
// there is, typing into every field.
func pressAll(b *tab, link string) {
	for i := range 4 {
		b.open(link)
		_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`(() => {
			document.querySelectorAll("input").forEach(e => { if (e.type !== "hidden") e.value = e.type === "email" ? "scan@scanner.test" : "1"; });
			const buttons = document.querySelectorAll("main button");
			const one = buttons[`+string(rune('0'+i))+`];
			if (one) one.click();
			return !!one;
		})()`))
		if err != nil {
			b.t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond) // let it go where it goes
	}
}

var fourDigits = regexp.MustCompile(`class="match"><strong>(\d{4})<`)

// Logging in by mail, as people meet it: asked for on a desktop, opened on a phone,
// with a scanner in between.
func TestMagicInABrowser(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	browser := chromium(t, "nl", "")
	deep := "/clients/12?tab=notes#latest"

	desk, phone, scanner := newTab(t, browser, true), newTab(t, browser, true), newTab(t, browser, true)
	desk.open(url + deep)
	desk.do(chromedp.SendKeys("#email", kit.Address("teammate"), chromedp.NodeReady))
	desk.do(chromedp.Click("a[data-carry]", chromedp.NodeReady))
	desk.shows(`id="magic"`)
	// The address came along, though not in that of the page.
	if got, err := chromedp.Run(desk.ctx, chromedp.Evaluate[string](`document.getElementById("email").value`)); err != nil || got != kit.Address("teammate") {
		t.Errorf("the typed address did not come along: %q, %v", got, err)
	}
	if regexp.MustCompile(`teammate`).MatchString(desk.place()) {
		t.Errorf("the address of the person is in that of the page: %s", desk.place())
	}
	desk.do(chromedp.Submit("#magic", chromedp.NodeReady))
	desk.shows(`class="match"`)
	mail := letters(t, url, 1)[0]
	for _, link := range mail {
		pressAll(scanner, url+link)
	}
	if kept := scanner.html(); regexp.MustCompile(`id="email">`).MatchString(kept) {
		t.Error("the scanner is in")
	}
	match := fourDigits.FindStringSubmatch(desk.html())
	if match == nil {
		t.Fatal("no digits")
	}
	phone.open(url + mail[0])
	phone.shows(`id="match"`)
	phone.do(chromedp.SendKeys("#match", match[1]+"\r", chromedp.NodeReady))
	phone.shows("kijk op het andere scherm")
	desk.shows(`id="email">teammate@demo.test`) // by itself
	desk.at(url + deep)
	desk.quiet()
	phone.quiet()

	// Without script: a button instead of waiting, and the code instead of the link.
	plain := newTab(t, browser, false)
	plain.open(url + "/gateway/magic?to=%2Fclients%2F7")
	plain.do(chromedp.SendKeys("#email", kit.Address("client")+"\r", chromedp.NodeReady))
	plain.shows(`class="match"`)
	mail = letters(t, url, 2)[1]
	match = fourDigits.FindStringSubmatch(plain.html())
	phone.open(url + mail[0])
	phone.do(chromedp.SendKeys("#match", match[1]+"\r", chromedp.NodeReady))
	phone.shows("kijk op het andere scherm")
	plain.do(chromedp.Click("#waiting button", chromedp.NodeReady))
	plain.at(url + "/clients/7")

	// And on the phone itself, by the address.
	third := newTab(t, browser, false)
	third.open(url + "/gateway/magic")
	third.do(chromedp.SendKeys("#email", kit.Address("owner")+"\r", chromedp.NodeReady))
	third.shows(`class="match"`)
	mail = letters(t, url, 3)[2]
	phone.open(url + mail[0])
	phone.do(chromedp.SendKeys("#email", kit.Address("owner")+"\r", chromedp.NodeReady))
	phone.shows(`id="email">owner@demo.test`)
	third.do(chromedp.Click("#waiting button", chromedp.NodeReady))
	third.shows(`data-cause="link_used"`)
}
