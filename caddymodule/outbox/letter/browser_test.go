package letter_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

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
// to be typed. The pictures lie in the folder that the test names.
func TestInABrowser(t *testing.T) {
	axe, err := os.ReadFile("../../../.build/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v: run make, which installs axe-core from npm", err)
	}
	shots, err := os.MkdirTemp("", "letters-")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("pictures in %s", shots)
	t.Cleanup(func() {
		if os.Getenv("KEEP_SHOTS") == "" && !t.Failed() {
			_ = os.RemoveAll(shots)
		}
	})
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
	ctx := newBrowser(t)
	renderer := newRenderer(t)
	everyKind(t, func(t *testing.T, l letter.Letter) {
		shown = render(t, renderer, l)
		for _, look := range []struct {
			name, colours string
			width         int64
		}{{"wide", "light", 760}, {"wide", "dark", 760}, {"phone", "light", 320}, {"phone", "dark", 320}} {
			scheme(t, ctx, look.colours)
			do(t, ctx, chromedp.EmulateViewport(look.width, 640), chromedp.Navigate(server.URL+"/mail"))
			if w := value[int64](t, ctx, "document.documentElement.scrollWidth"); w > look.width {
				t.Errorf("%s scrolls sideways: %d", look.name, w)
			}
			picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			name := l.Kind + "-" + l.Locale + "-" + look.name + "-" + look.colours + ".png"
			if err := os.WriteFile(filepath.Join(shots, name), picture, 0o600); err != nil {
				t.Fatal(err)
			}
			value[bool](t, ctx, string(axe)+"; true")
			for _, finding := range value[[]string](t, ctx, audit) {
				t.Errorf("%s, %s: %s", look.name, look.colours, finding)
			}
		}
		if secret := l.Code + l.Password; secret != "" {
			do(t, ctx, chromedp.DoubleClick(chromedp.CSS("div.ink")))
			if got := value[string](t, ctx, "getSelection().toString().trim()"); got != secret {
				t.Errorf("a double click takes %q", got)
			}
		}
		if len(fetched) > 0 {
			t.Errorf("the mail fetches %q", fetched)
		}
	})
}

type step = chromedp.Action[chromedp.Void]

func newBrowser(t *testing.T) context.Context {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: install Debian's chromium", err)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the process, so that its folder can go
		cancel()
		stop()
	})
	do(t, ctx, chromedp.Navigate("about:blank"))
	return ctx
}

func do(t *testing.T, ctx context.Context, steps ...step) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func value[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.80s: %v", expression, err)
	}
	return v
}

func scheme(t *testing.T, ctx context.Context, preferred string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: preferred}},
	})
	if err != nil {
		t.Fatal(err)
	}
}
