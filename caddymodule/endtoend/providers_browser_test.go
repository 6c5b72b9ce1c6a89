package endtoend_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// From the security page to one click, at a certified provider, as people do it: in
// two browsers, one of which has no script.
func TestLinkingAtACertifiedProviderInABrowser(t *testing.T) {
	t.Parallel()
	f := openFair(t, kit.Bolt(t), "google")
	b := newTab(t, chromium(t, "nl", ""), true)
	b.open(f.g.URL + "/gateway/login?to=%2Fgateway%2Fsecurity%2Fidentities")
	b.login("teammate", kit.Password, `data-provider="google"`)
	b.do(chromedp.Click(`[data-provider="google"] summary`, chromedp.NodeReady))
	b.do(chromedp.SendKeys("#password-link-google", kit.Password+"\r", chromedp.NodeVisible))
	b.shows("google: choose an account")
	b.do(chromedp.Click("#account-anna", chromedp.NodeReady))
	b.shows("Google: a•••@work.test")
	b.at(f.g.URL + "/gateway/security/identities?done=linked")
	b.quiet()

	other := newTab(t, chromium(t, "en", ""), false)
	other.open(f.g.URL + "/clients/8?tab=notes")
	other.do(chromedp.Click(`[data-provider="google"]`, chromedp.NodeReady))
	other.shows("google: choose an account")
	other.do(chromedp.Click("#account-anna", chromedp.NodeReady))
	other.at(f.g.URL + "/clients/8?tab=notes")
	other.shows("teammate")
	other.quiet()
}
