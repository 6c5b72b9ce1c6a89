package page_test

import (
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// shots keeps pictures of every page for people to look at:
// go test ./caddymodule/page -run TestAccessible -shots /tmp/shots
var shots = flag.String("shots", "", "folder for screenshots")

// audit runs axe and gives one line per finding, those included that axe
// could not decide.
const audit = `(async () => {
  const found = await axe.run(document, {resultTypes: ["violations", "incomplete"],
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
  return found.violations.concat(found.incomplete).flatMap(
    v => v.nodes.map(n => v.id + ": " + n.html + " " + n.failureSummary));
})()`

// watch notes what the browser refuses under the policy of the page, and errors of script.
const watch = `;window.refused = [];
addEventListener("securitypolicyviolation", e => refused.push(e.violatedDirective + " " + e.blockedURI));
addEventListener("error", e => refused.push(String(e.message)));`

// measure finds what scrolls sideways, is too small to touch, or makes a phone zoom in.
const measure = `(() => {
  const found = [], page = document.documentElement;
  if (page.scrollWidth > innerWidth) found.push("scrolls sideways: " + page.scrollWidth);
  for (const e of document.querySelectorAll("a, button, input:not([type=checkbox]), .check label")) {
    const box = e.getBoundingClientRect();
    if (box.width && (box.height < 44 || box.width < 44)) found.push("small: " + e.outerHTML + " " + box.width + "x" + box.height);
  }
  for (const e of document.querySelectorAll("input:not([type=checkbox], [type=hidden])")) {
    if (parseFloat(getComputedStyle(e).fontSize) < 16) found.push("phones zoom in: " + e.outerHTML);
  }
  return found;
})()`

// TestAccessible opens every page in both languages, wide and narrow, light and
// dark, and wants no finding at all.
func TestAccessible(t *testing.T) {
	source, err := os.ReadFile("../../.build/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v: run make, which installs axe-core from npm", err)
	}
	server := httptest.NewServer(gallery(newPages(t)))
	t.Cleanup(server.Close)
	ctx := newBrowser(t)
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument,
		page.AddScriptToEvaluateOnNewDocumentParams{Source: string(source) + watch}); err != nil {
		t.Fatal(err)
	}
	t.Run("finds", func(t *testing.T) { findsSomething(t, ctx, server.URL) })
	for _, state := range states() {
		for _, locale := range []string{"nl", "en"} {
			t.Run(state.name+"/"+locale, func(t *testing.T) {
				look(t, ctx, server.URL+"/gateway/login?lang="+locale+"&state="+state.name, state.name+"-"+locale)
			})
		}
	}
}

// findsSomething guards against a check that finds nothing because it does not run.
func findsSomething(t *testing.T, ctx context.Context, address string) {
	do(t, ctx, chromedp.EmulateViewport(320, 640), chromedp.Navigate(address+"/bad"))
	if len(value[[]string](t, ctx, audit)) == 0 || len(value[[]string](t, ctx, measure)) == 0 || len(value[[]string](t, ctx, "refused")) == 0 {
		t.Fatal("a bad page passes")
	}
}

// look inspects one page in four dresses.
func look(t *testing.T, ctx context.Context, address, name string) {
	scheme(t, ctx, "light")
	do(t, ctx, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(address))
	for _, colours := range []string{"light", "dark"} {
		scheme(t, ctx, colours)
		report(t, colours, value[[]string](t, ctx, audit))
		shoot(t, ctx, name+"-wide-"+colours)
	}
	report(t, "policy", value[[]string](t, ctx, "refused"))
	do(t, ctx, chromedp.EmulateViewport(320, 640))
	report(t, "320 px", value[[]string](t, ctx, measure))
	if *shots == "" {
		return
	}
	do(t, ctx, chromedp.EmulateViewport(360, 740, chromedp.EmulateScale(2)))
	shoot(t, ctx, name+"-phone-dark")
	scheme(t, ctx, "light")
	shoot(t, ctx, name+"-phone-light")
}

func report(t *testing.T, where string, found []string) {
	t.Helper()
	for _, line := range found {
		t.Errorf("%s: %s", where, line)
	}
}

// gallery shows the state that the query asks for.
func gallery(p renderer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/gateway/assets/", p.Assets())
	mux.HandleFunc("/bad", func(w http.ResponseWriter, _ *http.Request) {
		p.SecurityHeaders(w.Header())
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<img src="https://elsewhere.test/x.png"><input><button style="width:9px">x</button>`))
	})
	mux.HandleFunc("/gateway/login", func(w http.ResponseWriter, r *http.Request) {
		for _, s := range states() {
			if s.name == r.URL.Query().Get("state") {
				s.show(p, w, r)
				return
			}
		}
		http.NotFound(w, r)
	})
	return mux
}
