package letter_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/browsertest"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
)

// audit runs axe over a mail; headings, landmarks and titles are the business of
// the program that shows it.
const audit = `(async () => {
  const found = await axe.run(document, {resultTypes: ["violations"], rules: {region: {enabled: false}, "landmark-one-main": {enabled: false}},
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
  return found.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html + " " + n.failureSummary));
})()`

// TestInABrowser opens every mail wide and narrow, light and dark: readable,
// nothing scrolls sideways, nothing is fetched, one double click takes what is
// to be typed.
func TestInABrowser(t *testing.T) {
	var shown letter.Rendered
	var fetched []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mail" && r.URL.Path != "/favicon.ico" {
			fetched = append(fetched, r.URL.Path)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(shown.HTML))
	}))
	t.Cleanup(server.Close)
	ctx := browsertest.New(t)
	axe, renderer := browsertest.Axe(t), newRenderer(t)
	everyKind(t, func(t *testing.T, l letter.Letter) {
		shown = render(t, renderer, l)
		for _, look := range []struct {
			name, colours string
			width         int64
		}{{"wide", "light", 760}, {"wide", "dark", 760}, {"phone", "light", 320}, {"phone", "dark", 320}} {
			browsertest.Scheme(t, ctx, look.colours)
			browsertest.Do(t, ctx, chromedp.EmulateViewport(look.width, 640), chromedp.Navigate(server.URL+"/mail"))
			if w := browsertest.Value[int64](t, ctx, "document.documentElement.scrollWidth"); w > look.width {
				t.Errorf("%s scrolls sideways: %d", look.name, w)
			}
			browsertest.Shoot(t, ctx, l.Kind+"-"+l.Locale+"-"+look.name+"-"+look.colours)
			browsertest.Value[bool](t, ctx, axe+"; true")
			for _, finding := range browsertest.Value[[]string](t, ctx, audit) {
				t.Errorf("%s, %s: %s", look.name, look.colours, finding)
			}
		}
		if secret := l.Code + l.Password; secret != "" {
			browsertest.Do(t, ctx, chromedp.DoubleClick(chromedp.CSS("div.ink")))
			if got := browsertest.Value[string](t, ctx, "getSelection().toString().trim()"); got != secret {
				t.Errorf("a double click takes %q", got)
			}
		}
		if len(fetched) > 0 {
			t.Errorf("the mail fetches %q", fetched)
		}
	})
}
