package endtoend_test

import (
	"context"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// portal is another site that shows a page in a frame: under a name of its own, or
// under the gateway's and on another port, which is another origin of the same site.
func portal(t *testing.T, host, framed string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><html lang="nl"><title>portal</title><h1>The portal of a customer</h1>`+
			`<iframe src="`+html.EscapeString(framed)+`" title="app" width="900" height="560"></iframe>`)
	}))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + host + ":" + port + "/"
}

// framing is a tab whose page has a frame.
type framing struct {
	*tab
	inner *tab // the frame, where it is of another site
}

// inFrame is the source of what the frame on the page shows, once it has all of
// this.
func (b *framing) inFrame(wanted ...string) (source string) {
	b.t.Helper()
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var err error
		source, err = b.frameSource()
		all := err == nil
		for _, part := range wanted {
			all = all && strings.Contains(source, part)
		}
		if all {
			return source
		}
	}
	b.t.Fatalf("the frame never shows %q: %.1500s", wanted, source)
	return ""
}

// frameSource is what the frame shows now. A page that is just going takes its nodes
// along, and a query for them would wait for ever.
func (b *framing) frameSource() (string, error) {
	inside, from, done, err := b.frame()
	if err != nil {
		return "", err
	}
	defer done()
	return chromedp.Run(inside, chromedp.OuterHTML(chromedp.CSS("body"), from))
}

// frame is where to look for what is in the frame: a frame of another site is a
// target of its own, one of the same site a part of the page.
func (b *framing) frame() (inside context.Context, from chromedp.QueryOption, done func(), err error) {
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Second)
	all, err := chromedp.Targets(ctx)
	if err != nil {
		return nil, nil, cancel, err
	}
	for _, one := range all {
		if one.Type == "iframe" && b.inner == nil {
			b.inner = b.attach(one.TargetID)
			_ = b.inner.place() // the first that runs holds on to the target
		}
	}
	if b.inner != nil {
		cancel()
		ctx, cancel = context.WithTimeout(b.inner.ctx, 2*time.Second)
		return ctx, chromedp.FromNode(nil), cancel, nil
	}
	nodes, err := chromedp.Run(ctx, chromedp.Nodes(chromedp.CSS("iframe")))
	if err != nil {
		return nil, nil, cancel, err
	}
	return ctx, chromedp.FromNode(nodes[0]), cancel, nil
}

// pressInFrame clicks on a link in the frame.
func (b *framing) pressInFrame(selector string) {
	b.t.Helper()
	inside, from, done, err := b.frame()
	if err != nil {
		b.t.Fatal(err)
	}
	defer done()
	if b.inner == nil {
		err = chromedp.Do(inside, chromedp.Click(chromedp.CSS(selector), from))
	} else { // a pointer does not reach into another process
		press := runtime.EvaluateParams{Expression: `document.querySelector("` + selector + `").click()`, UserGesture: new(true)}
		_, err = chromedp.Call(inside, runtime.Evaluate, press)
	}
	if err != nil {
		b.t.Fatalf("clicking %s in the frame: %v", selector, err)
	}
}

// window is the new window that something opens, which knows nothing of its opener.
func (b *tab) window(open func()) *tab {
	b.t.Helper()
	known := map[target.ID]bool{}
	pages := func() (fresh target.ID) {
		all, err := chromedp.Targets(b.ctx)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, one := range all {
			if one.Type == "page" && one.URL != "" && !known[one.TargetID] {
				fresh = one.TargetID
			}
		}
		return fresh
	}
	for id := pages(); id != ""; id = pages() {
		known[id] = true
	}
	open()
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if id := pages(); id != "" {
			return b.attach(id)
		}
	}
	b.t.Fatal("no window opened")
	return nil
}

// The site in a frame of another one: who is not logged in there sees a page that
// opens a window of its own, and gets in there, whatever cookies the browser keeps
// from frames.
func TestTheSiteInAFrameOfAnother(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{Proxy: `header Content-Type text/html
	respond "<p id=app>the app of {http.request.header.Remote-User}</p>"`})
	const way = `target="_blank" rel="noopener"`
	for what, c := range map[string]struct {
		host, preferences string
		after             string // what the frame shows to who is logged in in the window
	}{
		"another site":                       {"localhost", "", "Dit kader staat op een andere website"},
		"another site, third-party blocked":  {"localhost", `{"profile":{"cookie_controls_mode":1,"block_third_party_cookies":true}}`, "Dit kader staat op een andere website"},
		"another origin of the same site":    {"127.0.0.1", "", "the app of teammate"},
		"the same site, third-party blocked": {"127.0.0.1", `{"profile":{"cookie_controls_mode":1,"block_third_party_cookies":true}}`, "the app of teammate"},
	} {
		t.Run(what, func(t *testing.T) {
			b := &framing{tab: sameTab(t, chromium(t, "nl", c.preferences))}
			b.open(portal(t, c.host, g.URL+"/clients/12?a=1"))
			source := b.inFrame("Open een nieuw venster", way, "/gateway/login?to=%2Fclients%2F12%3Fa%3D1")
			for _, never := range []string{"<form", "<input", "<script"} {
				if strings.Contains(source, never) {
					t.Errorf("%s in a frame", never)
				}
			}
			window := b.window(func() { b.pressInFrame("a.primary") })
			window.shows(`name="password"`)
			window.login("teammate", kit.Password, "the app of teammate")
			window.at(g.URL + "/clients/12?a=1")
			b.pressInFrame("a.secondary")
			b.inFrame(c.after)
		})
	}
	t.Run("no cookies at all", func(t *testing.T) {
		b := &framing{tab: sameTab(t, chromium(t, "nl", `{"profile":{"default_content_setting_values":{"cookies":2}}}`))}
		b.open(portal(t, "localhost", g.URL+"/clients"))
		b.inFrame("Open een nieuw venster", way)
		window := b.window(func() { b.pressInFrame("a.primary") })
		window.login("teammate", kit.Password, `data-cause="cookies_blocked"`)
	})
}
