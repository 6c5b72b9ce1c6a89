package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// audit runs axe and gives one line per finding, those included that axe could not
// decide.
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

// measure finds what scrolls sideways, is too small to touch, or makes a phone zoom
// in. It is called with the least size and with what is left out.
const measure = `((least, except) => {
  const found = [], root = document.documentElement;
  if (root.scrollWidth > innerWidth) found.push("scrolls sideways: " + root.scrollWidth);
  for (const e of document.querySelectorAll("a, button, select, input:not([type=checkbox], [type=hidden]), .check label")) {
    if (except && e.closest(except)) continue;
    const box = e.getBoundingClientRect();
    if (box.width && (box.height < least || box.width < least)) found.push("small: " + e.outerHTML + " " + box.width + "x" + box.height);
  }
  for (const e of document.querySelectorAll("input:not([type=checkbox], [type=hidden]), select")) {
    if (parseFloat(getComputedStyle(e).fontSize) < 16) found.push("phones zoom in: " + e.outerHTML);
  }
  return found;
})(%g, %q)`

// Eye looks at pages.
type Eye struct {
	Ctx context.Context
	// Least is how high and wide, in pixels of CSS, what is touched must be; 44 unless set.
	Least float64
	// Except is a selector of what may be smaller.
	Except string
}

// NewEye starts a browser with axe in every page.
func NewEye(t testing.TB) *Eye {
	t.Helper()
	e := &Eye{Ctx: New(t), Least: 44}
	if _, err := chromedp.Call(e.Ctx, page.AddScriptToEvaluateOnNewDocument,
		page.AddScriptToEvaluateOnNewDocumentParams{Source: Axe(t) + watch}); err != nil {
		t.Fatal(err)
	}
	return e
}

// Axe is the source of axe-core.
func Axe(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
		if folder == filepath.Dir(folder) {
			t.Fatal("no go.mod above: run the tests in the checkout")
		}
		folder = filepath.Dir(folder)
	}
	source, err := os.ReadFile(filepath.Join(folder, ".build", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("%v: run make, which installs axe-core from npm", err)
	}
	return string(source)
}

// FindsSomething guards against a check that finds nothing because it does not run:
// at address is a page that breaks every rule.
func (e *Eye) FindsSomething(t testing.TB, address string) {
	t.Helper()
	Do(t, e.Ctx, chromedp.EmulateViewport(320, 640), chromedp.Navigate(address))
	for _, check := range []string{audit, e.measure(), "refused"} {
		if len(Value[[]string](t, e.Ctx, check)) == 0 {
			t.Fatalf("a bad page passes: %.60s", check)
		}
	}
}

// Look inspects one page in four dresses, and wants no finding at all.
func (e *Eye) Look(t testing.TB, address, name string) {
	t.Helper()
	Scheme(t, e.Ctx, "light")
	Do(t, e.Ctx, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(address))
	for _, colours := range []string{"light", "dark"} {
		Scheme(t, e.Ctx, colours)
		e.report(t, colours, audit)
		Shoot(t, e.Ctx, name+"-wide-"+colours)
	}
	e.report(t, "policy", "refused")
	if Value[bool](t, e.Ctx, `document.querySelector("main") === null`) {
		t.Error("there is no page")
	}
	Do(t, e.Ctx, chromedp.EmulateViewport(320, 640))
	e.report(t, "320 px", e.measure())
	if *shots == "" {
		return
	}
	Do(t, e.Ctx, chromedp.EmulateViewport(360, 740, chromedp.EmulateScale(2)))
	Shoot(t, e.Ctx, name+"-phone-dark")
	Scheme(t, e.Ctx, "light")
	Shoot(t, e.Ctx, name+"-phone-light")
}

func (e *Eye) measure() string { return fmt.Sprintf(measure, e.Least, e.Except) }

func (e *Eye) report(t testing.TB, where, check string) {
	t.Helper()
	for _, line := range Value[[]string](t, e.Ctx, check) {
		if len(line) > 600 {
			line = line[:600]
		}
		t.Errorf("%s: %s", where, line)
	}
}
