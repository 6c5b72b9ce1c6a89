package endtoend_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// Whichever way somebody gets in again, their form is there: by the code of a mail,
// by its link, and by a password with a second step behind it.
func TestALateFormAfterAnyLogin(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		box, app := kit.NewMailbox(t), kit.NewApp(t)
		g := kit.Start(t, kit.Site{Store: s.Town().Line, Upstream: app.Addr, App: box.Words()})
		mails := 0
		mailed := func(v *kit.Visitor, page string) (waiting string, m kit.Mail) {
			waiting = ask(t, v, "teammate", "?to="+url.QueryEscape(page))
			mails++
			return waiting, box.Wait("teammate", mails)
		}
		var key string
		for _, way := range []struct {
			what string
			in   func(v *kit.Visitor, page string) kit.Answer
		}{
			{"the code of a mail", func(v *kit.Visitor, page string) kit.Answer {
				waiting, m := mailed(v, page)
				return v.Post(waiting, url.Values{"code": {m.Code()}})
			}},
			{"the link of a mail", func(v *kit.Visitor, page string) kit.Answer {
				_, m := mailed(v, page)
				v.Get(m.Links()[0])
				return v.Post(m.Links()[0], nil)
			}},
			{"a second step", func(v *kit.Visitor, page string) kit.Answer {
				login := "/gateway/login?to=" + url.QueryEscape(page)
				a := kit.Patiently(func() kit.Answer { return v.Post(login, kit.Form(kit.Address("teammate"), kit.Password)) })
				if a.Cause() != "second_step_required" {
					t.Errorf("no second step is asked: %s", a)
				}
				return v.Post("/gateway/second-step?to="+url.QueryEscape(page), typed("code", totpCode(t, key, time.Now().Add(30*time.Second))))
			}},
		} {
			v := kit.Visit(t, g.URL).Enter("teammate")
			if way.what == "a second step" {
				key, _ = switchOn(t, v)
			}
			arrived(t, v.Get("/"), "teammate")
			command(t, g, "users", "end-sessions", kit.Address("teammate"))
			page := park(t, v, lateURI, formType, lateBody)
			sentTo(t, way.in(v, page), page)
			if a := v.Get(page); a.Status != http.StatusOK {
				t.Errorf("%s: the page of the form: %s", way.what, a)
			}
			if got := arrived(t, send(v, lateURI, page), "teammate"); got.Body != lateBody {
				t.Errorf("%s: the app got %+v", way.what, got)
			}
			if t.Failed() {
				t.Fatalf("at: %s", way.what)
			}
		}
	})
}

// noting is an app with a form, which says how much of what it got.
func noting(t *testing.T) (addr string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body) // what breaks off is shorter
			_, _ = fmt.Fprintf(w, `<p id="got">%d bytes of %s</p>`, len(body), r.Header.Get("Remote-User"))
			return
		}
		_, _ = io.WriteString(w, `<!doctype html><html lang="nl"><title>note</title><form method="post" action="/notes">`+
			`<textarea id="note" name="note"></textarea><button>Save</button></form>`)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// A form that is too large stays in the browser: its sender logs in in a window of
// its own, comes back, and one press sends it, in full.
func TestALargeLateFormStaysInTheBrowser(t *testing.T) {
	t.Parallel()
	g := kit.Start(t, kit.Site{Store: kit.Bolt(t).Town().Line, Upstream: noting(t)})
	b := sameTab(t, chromium(t, "nl", ""))
	b.open(g.URL + "/edit")
	b.login("teammate", kit.Password, `id="note"`)
	command(t, g, "users", "end-sessions", kit.Address("teammate"))
	const size = 1_300_000
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector("#note").value = "x".repeat(%d)`, size))); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Click("form button"))
	b.shows("data-reload")
	window := b.window(func() { b.do(chromedp.Click("a.primary")) })
	window.login("teammate", kit.Password, "</h1>")
	window.at(g.URL + "/gateway/parked/")
	b.do(chromedp.Click("[data-reload]"))
	b.shows(fmt.Sprintf(`<p id="got">%d bytes of teammate</p>`, size+len("note=")))
	b.at(g.URL + "/notes")
}

// Sites of one gateway share their limits: who guesses at one waits at all of them.
func TestSitesShareTheirLimits(t *testing.T) {
	t.Parallel()
	at, _ := street(t, kit.Bolt(t), 1, "h1")
	hosts := []string{"app.localhost", "docs.localhost", "c.team.localhost"}
	for i := range 5 {
		a := kit.Patiently(func() kit.Answer {
			return at(hosts[i%len(hosts)]).Post("/gateway/login", kit.Form("teammate@demo.test", "wrong"))
		})
		refused(t, a, http.StatusUnauthorized, "wrong_password")
	}
	for _, host := range hosts {
		a := kit.Patiently(func() kit.Answer {
			return at(host).Post("/gateway/login", kit.Form("teammate@demo.test", kit.Password))
		})
		refused(t, a, http.StatusTooManyRequests, "too_many_attempts")
	}
}

// Who is no trusted proxy may ask about a cookie only: what they say about where a
// request goes opens nothing.
func TestOnlyTrustedProxiesSayWhatTheyAskAbout(t *testing.T) {
	t.Parallel()
	words := "public /open/*\nrequire second_step /admin/*"
	trusted, _ := town(t, kit.Bolt(t), kit.Site{Words: words})
	stranger, _ := town(t, kit.Bolt(t), kit.Site{Words: words, Trusted: "203.0.113.9/32"})
	about := []kit.Option{
		kit.Bare, kit.With("X-Forwarded-Method", "GET"), kit.With("X-Forwarded-Uri", "/open/x"), kit.With("X-Forwarded-Host", "evil.example"),
		kit.With("X-Forwarded-Proto", "https"), kit.With("X-Forwarded-For", "192.0.2.1"),
	}
	if a := kit.Visit(t, trusted.URL).Get("/gateway/verify", about...); a.Status != http.StatusOK {
		t.Errorf("a trusted proxy, about a public path: %s", a)
	}
	a := kit.Visit(t, stranger.URL).Get("/gateway/verify", about...)
	if a.Status != http.StatusUnauthorized || strings.Contains(a.Header.Get("X-Login-Url"), "open") || strings.Contains(a.Body, "evil") {
		t.Errorf("a stranger, about a public path: %s %v", a, a.Header)
	}
	// A session that is asked about so meets all rules, as nobody knows the path.
	v := kit.Visit(t, stranger.URL).Enter("teammate")
	if a := v.Get("/gateway/verify", about...); a.Cause() != "second_step_required" || a.Header.Get("Remote-User") != "" {
		t.Errorf("a stranger, about a session: %s", a)
	}
}
