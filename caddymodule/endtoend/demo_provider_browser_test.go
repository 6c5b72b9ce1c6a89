package endtoend_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// social presses a button of the login page, and waits for the page of the
// provider on which one says who one is.
func (b *tab) social(name string) {
	b.t.Helper()
	b.do(chromedp.Click(`[data-provider="`+name+`"]`, chromedp.NodeReady))
	b.shows("Choose an account")
	if place := b.place(); !strings.Contains(place, "/"+name+"/authorize?") {
		b.t.Fatalf("at %s", place)
	}
}

// am chooses somebody there.
func (b *tab) am(user string) {
	b.t.Helper()
	b.do(chromedp.Click(`button[value="`+kit.Address(user)+`"]`, chromedp.NodeReady))
}

// The three buttons of the demo lead to its sample provider. Who comes back for
// the first time logs in as always and links with one confirmation; from then on
// one click is enough, in another browser, too.
func TestTheSocialButtonsOfTheDemoWork(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	b := newTab(t, chromium(t, "nl", ""), true)
	b.open(url + "/clients/7")
	b.shows(`data-provider="linkedin"`)
	b.social("google")
	b.do(chromedp.Click("#cancel", chromedp.NodeReady))
	b.shows(`data-cause="identity_refused"`)

	b.open(url + "/clients/7")
	b.social("google")
	b.am("teammate")
	b.shows(`data-cause="identity_not_linked"`)
	if page := b.html(); strings.Contains(page, kit.Address("teammate")) {
		t.Error("the address that came back is not masked")
	}
	b.do(chromedp.Click(".links .button.primary", chromedp.NodeReady))
	b.login("teammate", demoPassword, `id="confirm"`)
	b.do(chromedp.Click("#confirm button", chromedp.NodeReady))
	b.at(url + "/clients/7")
	b.shows(kit.Address("teammate"))
	b.quiet()

	other := newTab(t, chromium(t, "en", ""), true)
	other.open(url + "/clients/8")
	other.social("google")
	other.am("teammate")
	other.at(url + "/clients/8")
	other.shows(kit.Address("teammate"))
	other.quiet()
	// The same person at another provider is another account.
	third := newTab(t, chromium(t, "en", ""), true)
	third.open(url + "/clients/9")
	third.social("microsoft")
	third.am("teammate")
	third.shows(`data-cause="identity_not_linked"`)
	third.quiet()
}
