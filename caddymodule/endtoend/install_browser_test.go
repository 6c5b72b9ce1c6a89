package endtoend_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

const (
	installablePage = `<!doctype html><html lang="nl"><title>app</title><link rel="manifest" href="/manifest.webmanifest">` +
		`<link rel="icon" href="/icons/app.svg"><script>navigator.serviceWorker.register("/sw.js")</script>`
	appManifest = `{"name":"Clients","start_url":"/clients","scope":"/","display":"standalone",` +
		`"icons":[{"src":"/icons/app.svg","sizes":"any","type":"image/svg+xml"}]}`
	appIcon = `<svg xmlns="http://www.w3.org/2000/svg" width="512" height="512"><rect width="512" height="512"/></svg>`
	// The worker answers for the app at one path, and passes on everything else that the
	// pages of the site ask for, those of the gateway included.
	appWorker = `addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
	const own = new URL(event.request.url).pathname === "/from-the-worker";
	event.respondWith(own ? new Response("the worker") : fetch(event.request));
});`
)

// installable is an app that browsers can install, with a page that is open to
// everybody.
func installable(t *testing.T) (addr string) {
	t.Helper()
	mux := http.NewServeMux()
	for path, file := range map[string][2]string{
		"/manifest.webmanifest": {"application/manifest+json", appManifest},
		"/sw.js":                {"text/javascript", appWorker},
		"/icons/app.svg":        {"image/svg+xml", appIcon},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", file[0])
			_, _ = io.WriteString(w, file[1])
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, installablePage+"<p>"+r.URL.Path+" for ["+r.Header.Get("Remote-User")+"]</p>")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// promises evaluates an expression in the page, and waits for what it promises.
func (b *tab) promises(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

// installs wants the page to be one that the browser could install, and its worker to
// stand between it and the site.
func (b *tab) installs(url string) {
	b.t.Helper()
	b.is(`navigator.serviceWorker.controller`)
	if got := b.promises(`fetch("/from-the-worker").then((r) => r.text())`); got != "the worker" {
		b.t.Errorf("in the place of the worker answers %q", got)
	}
	m := call(b, page.GetAppManifest, page.GetAppManifestParams{})
	if m.URL != url+"/manifest.webmanifest" || m.Data != appManifest || len(m.Errors) > 0 {
		b.t.Errorf("the manifest at %s, %v: %s", m.URL, m.Errors, m.Data)
	}
	for _, e := range call(b, page.GetInstallabilityErrors, cdp.Empty{}).InstallabilityErrors {
		b.t.Errorf("cannot be installed: %s %v", e.ErrorID, e.ErrorArguments)
	}
}

// P29: browsers fetch the manifest without cookies and refuse a worker that they are
// redirected to. An app is installed by who is logged in and by who is not, and its
// worker comes up to date when nobody is; pages that pass through it are those of the
// gateway as well.
func TestAnAppIsInstalledInABrowser(t *testing.T) {
	t.Parallel()
	g := kit.Start(t, kit.Site{Store: kit.Bolt(t).Town().Line, Upstream: installable(t), Words: "public preset pwa\npublic /welcome"})
	open := func(t *testing.T, path string) *tab {
		b := sameTab(t, chromium(t, "nl", "")) // an app is not installed in a private window
		b.open(g.URL + path)
		return b
	}
	t.Run("by a stranger", func(t *testing.T) {
		b := open(t, "/welcome")
		b.shows("/welcome for []")
		b.installs(g.URL)
		b.open(g.URL + "/clients?a=1")
		b.at(g.URL + "/gateway/login?to=%2Fclients%3Fa%3D1")
		b.login("teammate", kit.Password, "/clients for [teammate]")
	})
	t.Run("by somebody who is logged in", func(t *testing.T) {
		b := open(t, "/clients")
		b.login("teammate", kit.Password, "/clients for [teammate]")
		b.installs(g.URL)
		command(t, g, "users", "end-sessions", "teammate@demo.test")
		b.promises(`navigator.serviceWorker.ready.then((r) => r.update()).then(() => "")`)
		b.open(g.URL + "/clients")
		b.shows(`name="password"`)
		b.login("teammate", kit.Password, "/clients for [teammate]")
		if !strings.HasPrefix(b.promises(`navigator.serviceWorker.controller.scriptURL`), g.URL) {
			b.t.Error("the worker is gone")
		}
	})
}
