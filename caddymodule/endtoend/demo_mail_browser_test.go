package endtoend_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// beside attaches to something else of the browser: a frame that has a process of
// its own, or a page that was opened beside this one.
func (b *tab) beside(kind, url string) *tab {
	b.t.Helper()
	found := &tab{t: b.t}
	kit.Eventually(b.t, kind+" "+url, func() bool {
		all, err := chromedp.Targets(b.ctx)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, info := range all {
			if info.Type == kind && strings.HasPrefix(info.URL, url) {
				ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(info.TargetID))
				b.t.Cleanup(cancel)
				found.ctx = ctx
				return true
			}
		}
		return false
	})
	return found
}

// The demo shows a mail as mail programs do, in a frame in which no script runs.
// Its button works there: it opens a page beside, in the same browser.
func TestTheButtonInAMailOfTheDemoWorks(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	b := newTab(t, chromium(t, "nl", ""), true)
	b.open(url + "/gateway/magic?to=%2Fclients%2F7")
	b.do(chromedp.SendKeys("#magic #email", kit.Address("teammate")+"\r", chromedp.NodeReady))
	b.shows(`id="code"`)
	link := mailTo(t, url, "teammate", 1).link(t)
	b.open(url + "/gateway/demo/mail")
	frame := b.beside("iframe", "about:srcdoc")
	frame.do(chromedp.Focus(`a[href="`+link+`"]`, chromedp.NodeReady), chromedp.KeyEvent("\r"))
	beside := b.beside("page", link)
	beside.shows(`id="act"`)
	beside.do(chromedp.Click("#act button", chromedp.NodeReady))
	beside.at(url + "/clients/7")
	beside.shows(kit.Address("teammate"))
	b.quiet()
}
