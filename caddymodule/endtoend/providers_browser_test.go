package endtoend_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// From the security page to one click, at certified providers, as people do it: in
// two browsers, one of which has no script.
func TestLinkingAtCertifiedProvidersInABrowser(t *testing.T) {
	t.Parallel()
	f := openFair(t, kit.Bolt(t), "google", "microsoft", "linkedin")
	b, english := newTab(t, chromium(t, "nl", ""), true), chromium(t, "en", "")
	b.open(f.g.URL + "/gateway/login?to=%2Fgateway%2Fsecurity%2Fidentities")
	b.login("teammate", kit.Password, `data-provider="google"`)
	for _, p := range []struct{ name, label string }{{"google", "Google"}, {"microsoft", "Microsoft"}, {"linkedin", "LinkedIn"}} {
		b.do(chromedp.Click(`[data-provider="`+p.name+`"] summary`, chromedp.NodeReady))
		b.do(chromedp.SendKeys("#password-link-"+p.name, kit.Password+"\r", chromedp.NodeVisible))
		b.shows(p.name + ": choose an account")
		b.do(chromedp.Click("#account-anna", chromedp.NodeReady))
		b.shows(p.label + ": a•••@work.test")
		b.at(f.g.URL + "/gateway/security/identities?done=linked")
		b.quiet()

		other := newTab(t, english, false)
		other.open(f.g.URL + "/clients/8?tab=notes")
		other.do(chromedp.Click(`[data-provider="`+p.name+`"]`, chromedp.NodeReady))
		other.shows(p.name + ": choose an account")
		other.do(chromedp.Click("#account-anna", chromedp.NodeReady))
		other.at(f.g.URL + "/clients/8?tab=notes")
		other.shows("teammate")
		other.quiet()
	}
}
