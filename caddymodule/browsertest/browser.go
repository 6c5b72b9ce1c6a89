// Package browsertest opens pages in a real browser, for the tests of whoever makes
// pages: what axe finds in them, what their policy refuses, how they look on a
// phone. It knows none of our pages. What a person does in the whole product is
// played in endtoend.
package browsertest

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// shots keeps pictures of every page for people to look at:
// go test ./caddymodule/page -run TestAccessible -shots /tmp/shots
var shots = flag.String("shots", "", "folder for screenshots")

// Step is one thing that a browser does.
type Step = chromedp.Action[chromedp.Void]

// New starts a chromium with an empty profile, and more options where a test wants
// them. A machine without one fails the test: pages that nobody opened are not known
// to work.
func New(t testing.TB, options ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: install Debian's chromium", err)
	}
	all := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(all, options...)...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the process, so that its folder can go
		cancel()
		stop()
	})
	Do(t, ctx, chromedp.Navigate("about:blank"))
	return ctx
}

// Do takes steps, one after the other.
func Do(t testing.TB, ctx context.Context, steps ...Step) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// Value is what an expression of JavaScript gives, awaited.
func Value[T any](t testing.TB, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.80s: %v", expression, err)
	}
	return v
}

// Eventually asks until expression holds: browsers give the focus with the first
// picture, after the page has loaded. It works where script is off, too.
func Eventually(t testing.TB, ctx context.Context, expression string) {
	t.Helper()
	for range 200 {
		if Value[bool](t, ctx, expression) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("never came true: %s", expression)
}

// Scheme makes the browser prefer "light" or "dark".
func Scheme(t testing.TB, ctx context.Context, preferred string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: preferred}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Shoot keeps a picture of the page when pictures were asked for.
func Shoot(t testing.TB, ctx context.Context, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
