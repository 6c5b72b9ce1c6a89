package endtoend_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// caring is an app with the example of the documentation in its page, under a
// policy that lets nothing inline run.
func caring(t *testing.T) (addr string) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/session.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```html\n(.*?)```.*?```js\n(.*?)```").FindStringSubmatch(string(doc))
	if examples == nil {
		t.Fatal("docs/session.md shows no example")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /app.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, examples[2])
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		tags := examples[1]
		if warn := r.URL.Query().Get("warn"); warn != "" {
			tags = strings.Replace(tags, "defer", "defer data-warn="+warn, 1)
		}
		_, _ = io.WriteString(w, `<!doctype html><html lang="nl"><title>app</title><body><p id="file">the file of a client</p>`+
			`<form id="note" action="/notes"><textarea id="text" name="text"></textarea><button>Save</button></form><p id="saved"></p>`+tags)
	})
	mux.HandleFunc("PUT /notes", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Remote-User")+": ") // whoever hung up does not read it
		_, _ = io.Copy(w, io.LimitReader(r.Body, 1<<20))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// is waits until an expression is true in the page.
func (b *tab) is(expression string) {
	b.t.Helper()
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")")); err == nil && ok {
			return
		}
	}
	b.t.Fatalf("at %s it never is so that %s: %.2000s", b.place(), expression, b.html())
}

const (
	covered = `getComputedStyle(document.getElementById("file")).visibility === "hidden"`
	dialog  = `document.querySelector("dialog[open]")`
)

// What the script of the documentation does for people: it warns and renews; when
// the session is over it covers the page, keeps what was typed, lets them log in in
// a window and sends what waited; and after a log-out the Back button shows nothing.
func TestTheSessionScript(t *testing.T) {
	t.Parallel()
	s := kit.Bolt(t).Town()
	g := kit.Start(t, kit.Site{Store: s.Line, Upstream: caring(t), App: "session {\n idle 1h\n }"})
	b := newTab(t, chromium(t, "nl", ""), true)
	b.open(g.URL + "/?warn=3598")
	b.login("teammate", kit.Password, `id="file"`)
	b.is(dialog + ` && document.activeElement.textContent === "Blijf ingelogd"`)
	b.do(chromedp.Click("dialog button"))
	b.is(`!` + dialog)
	b.is(`!(` + covered + `)`)

	b.open(g.URL + "/")
	b.is(`window.gatewaySession`)
	if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`gatewaySession.check().then(() => true)`, chromedp.EvalAwaitPromise)); err != nil || !ok {
		t.Fatal(err)
	}
	b.do(chromedp.SendKeys("#text", "Zoë € 10"))
	command(t, g, "users", "end-sessions", "teammate@demo.test")
	b.do(chromedp.Click("#note button"))
	b.is(dialog + ` && ` + covered + ` && document.activeElement.textContent === "Log in"`)
	window := popUp(b, func() { b.do(chromedp.Click("dialog button")) })
	window.do(chromedp.SendKeys("#email", kit.Address("teammate"), chromedp.NodeReady),
		chromedp.SendKeys("#password", kit.Password+"\r", chromedp.NodeReady)) // and it closes
	b.is(`!` + dialog + ` && !(` + covered + `)`)
	b.is(`document.getElementById("saved").textContent === "teammate: Zoë € 10"`)
	b.is(`document.getElementById("text").value === "Zoë € 10"`)

	// A page out of the Back button's memory, after a log-out in another tab.
	command(t, g, "users", "end-sessions", "teammate@demo.test")
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](
		`dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true}))`)); err != nil {
		t.Fatal(err)
	}
	b.shows(`name="password"`)
	b.login("teammate", kit.Password, `id="file"`)
	b.open(g.URL + "/gateway/logout")
	b.do(chromedp.Click(`form[action="/gateway/logout"] button`, chromedp.NodeReady))
	b.at(g.URL + "/gateway/logout?done=here")
	b.do(chromedp.NavigateBack(), chromedp.NavigateBack())
	b.shows(`name="password"`)
	b.quiet()
}

// popUp is the window that something opens.
func popUp(b *tab, open func()) *tab {
	b.t.Helper()
	opened := chromedp.WaitNewTarget(b.ctx, func(i *target.Info) bool { return i.URL != "" })
	open()
	select {
	case id := <-opened:
		return b.attach(id)
	case <-time.After(kit.Patience):
		b.t.Fatal("no window opened")
		return nil
	}
}

// attach is a window that is open already.
func (b *tab) attach(id target.ID) *tab {
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	b.t.Cleanup(cancel)
	return &tab{t: b.t, ctx: ctx}
}

// Asking does not prolong a session, posting does; other sites may do neither.
func TestProlongingASession(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{App: "session {\n idle 1h\n }"})
		v := kit.Visit(t, g.URL).Enter("teammate")
		left := func(a kit.Answer) (seconds int) {
			t.Helper()
			var doc struct {
				Idle int    `json:"idle_seconds"`
				User string `json:"user"`
			}
			decode(t, a.Body, &doc)
			if a.Status != http.StatusOK || doc.User != "teammate" {
				t.Errorf("how long it lasts: %s", a)
			}
			return doc.Idle
		}
		ask := func(method string) int {
			return left(v.Do(method, "/gateway/session", kit.With("Sec-Fetch-Mode", "cors")))
		}
		kit.Eventually(t, "some of the session to pass", func() bool { return ask(http.MethodGet) <= 3597 })
		if n := ask(http.MethodPost); n < 3598 {
			t.Errorf("after a POST it lasts %d s", n)
		}
		a := v.Do(http.MethodPost, "/gateway/session", kit.With("Sec-Fetch-Site", "cross-site"), kit.With("Origin", "https://evil.test"))
		if a.Status != http.StatusForbidden {
			t.Errorf("prolonged from another site: %s", a)
		}
		v.Post("/gateway/logout", nil)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if a := v.Do(method, "/gateway/session"); a.Status != http.StatusUnauthorized || !strings.Contains(a.Body, "login_url") {
				t.Errorf("%s after the log-out: %s", method, a)
			}
		}
		script := v.Get("/gateway/session.js")
		if script.Status != http.StatusOK || script.Header.Get("Etag") == "" || strings.Contains(script.Header.Get("Cache-Control"), "no-store") {
			t.Errorf("the script: %s", script)
		}
		if a := v.Get("/gateway/session.js", kit.With("If-None-Match", script.Header.Get("Etag"))); a.Status != http.StatusNotModified {
			t.Errorf("the script once more: %s", a)
		}
		sentTo(t, v.Get("/gateway/session/in"), "/gateway/login?to=%2Fgateway%2Fsession%2Fin")
	})
}
