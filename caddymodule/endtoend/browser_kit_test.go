package endtoend_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

const demoPassword = "Planted-Demo-7kQw"

// startDemo runs the demo, as the README says, and returns its address.
func startDemo(t *testing.T) string {
	t.Helper()
	_, url := runDemo(t)
	return url
}

// runDemo is startDemo for who reads what the demo prints as well.
func runDemo(t *testing.T) (*kit.Process, string) {
	t.Helper()
	_, port, _ := strings.Cut(kit.FreeAddr(t), ":")
	home := t.TempDir()
	p := kit.Run(t, home, nil, kit.Binary(t), "gateway", "demo",
		"--listen", "localhost:"+port, "--dir", filepath.Join(home, "demo"), "--password", demoPassword)
	url := "http://localhost:" + port
	v := kit.Visit(t, url)
	kit.Eventually(t, "the demo to answer", func() bool {
		select {
		case <-p.Done():
			t.Fatalf("the demo ended:\n%s", p.Output())
		default:
		}
		a, err := v.Try(http.MethodGet, "/gateway/health/ready")
		return err == nil && a.Status == http.StatusOK
	})
	return p, url
}

// chromium starts a browser with this profile of preferences, and languages as in
// Accept-Language.
func chromium(t *testing.T, languages, preferences string) context.Context {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("chromium is missing: install the Debian package chromium (%v)", err)
	}
	profile := t.TempDir()
	if preferences != "" {
		if err := os.MkdirAll(filepath.Join(profile, "Default"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(profile, "Default", "Preferences"), []byte(preferences), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(kit.Patience), chromedp.Flag("accept-lang", languages), chromedp.Flag("no-first-run", true),
		chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1"), // names that are not of this machine
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true))...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the process, so that its folder can go
		cancel()
		stop()
	})
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	return ctx
}

// tab is a tab of a browser that knows nobody yet.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// newTab opens a tab with cookies of its own, in which script runs or not.
func newTab(t *testing.T, browser context.Context, script bool) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	ctx, late := context.WithTimeout(ctx, 3*kit.Patience)
	b := &tab{t: t, ctx: ctx}
	t.Cleanup(func() { late(); cancel() })
	b.do(chromedp.Navigate("about:blank"))
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	if !script {
		off := emulation.SetScriptExecutionDisabledParams{Value: true}
		if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, off); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// sameTab is a tab of the browser's own profile, with its preferences.
func sameTab(t *testing.T, browser context.Context) *tab {
	t.Helper()
	ctx, late := context.WithTimeout(browser, 3*kit.Patience)
	t.Cleanup(late)
	return &tab{t: t, ctx: ctx}
}

// listen collects what the browser has to complain about in our pages: what the
// content policy forbids, and exceptions of scripts.
func (b *tab) listen(event any) {
	text := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Source == "security" || strings.Contains(e.Entry.Text, "Content Security Policy") {
			text = e.Entry.Text
		}
	case *runtime.EventExceptionThrown:
		text = fmt.Sprint(e.ExceptionDetails.Text)
	}
	if text != "" {
		b.mu.Lock()
		b.complaints = append(b.complaints, text)
		b.mu.Unlock()
	}
}

// quiet checks that there was nothing to complain about.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.t.Errorf("the browser says: %s", c)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("at %s: %v", b.place(), err)
	}
}

// open goes to an address and waits until it is there.
func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// place is the address that the browser shows.
func (b *tab) place() string {
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	return at
}

// html is the page as the browser has it.
func (b *tab) html() string {
	text, err := chromedp.Run(b.ctx, chromedp.OuterHTML("html"))
	if err != nil {
		return err.Error()
	}
	return text
}

// login types into the form and sends it with the Enter key, then waits until the
// page that follows has what is wanted. Without a user the address is there already.
func (b *tab) login(user, password, wanted string) {
	b.t.Helper()
	if user != "" {
		b.do(chromedp.SendKeys("#email", kit.Address(user), chromedp.NodeReady))
	}
	b.do(chromedp.SendKeys("#password", password+"\r", chromedp.NodeReady))
	b.shows(wanted)
}

// shows waits for a page with this text in its source.
func (b *tab) shows(wanted string) {
	b.t.Helper()
	var last string
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if last = b.html(); strings.Contains(last, wanted) {
			return
		}
	}
	b.t.Fatalf("at %s: the page never shows %q: %.3000s", b.place(), wanted, last)
}

// at waits until the browser shows this address.
func (b *tab) at(url string) {
	b.t.Helper()
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if b.place() == url {
			return
		}
	}
	b.t.Fatalf("want to be at %s, but am at %s: %.1500s", url, b.place(), b.html())
}
