package console_test

import (
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
)

// shots keeps pictures of every page for people to look at:
// go test ./caddymodule/console -run TestPagesAreAccessible -shots /tmp/shots
var shots = flag.String("shots", "", "folder for screenshots")

// axe runs axe and gives one line per finding, those included that axe could not
// decide.
const axe = `(async () => {
  const found = await axe.run(document, {resultTypes: ["violations", "incomplete"],
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
  return found.violations.concat(found.incomplete).flatMap(
    v => v.nodes.map(n => v.id + ": " + n.html + " " + n.failureSummary));
})()`

// watch notes what the browser refuses under the policy of the page.
const watch = `;window.refused = [];
addEventListener("securitypolicyviolation", e => refused.push(e.violatedDirective + " " + e.blockedURI));
addEventListener("error", e => refused.push(String(e.message)));`

// measure finds what scrolls sideways, is too small to touch, or makes a phone zoom in.
const measure = `(() => {
  const found = [], root = document.documentElement;
  if (root.scrollWidth > innerWidth) found.push("scrolls sideways: " + root.scrollWidth);
  for (const e of document.querySelectorAll("a, button, select, input:not([type=checkbox], [type=hidden]), .check label")) {
    if (e.closest(".unseen, .skip, thead")) continue;
    const box = e.getBoundingClientRect();
    if (box.width && (box.height < 43.5 || box.width < 43.5)) found.push("small: " + e.outerHTML + " " + box.width + "x" + box.height);
  }
  for (const e of document.querySelectorAll("input:not([type=checkbox], [type=hidden]), select")) {
    if (parseFloat(getComputedStyle(e).fontSize) < 16) found.push("phones zoom in: " + e.outerHTML);
  }
  return found;
})()`

// hostile are names as nobody should have them; imports and old records may.
var hostile = []string{
	`<script>alert(1)</script><b>bold</b>`, "\u202egnihton\u202c si siht", "{env.HOME} {n} {{.Body}}",
	strings.Repeat("W\u0301ijdelopend ", 160), "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd", strings.Repeat("W", 2000),
}

// stage sets a world with something to see on every page.
func stage(t *testing.T) *world {
	t.Helper()
	w := onBolt(t)
	for i, name := range hostile {
		u := w.user("hostile-"+string(rune('a'+i)), "acme", "teammate")
		rename(w, u.ID, name)
	}
	w.change("acme-client", func(u *store.User) {
		u.Block = &store.Block{By: "Person acme-admin", At: w.now(), Why: "Uit dienst", Until: w.now().AddDate(0, 0, 30)}
	})
	w.change("acme-teammate", func(u *store.User) { u.SecondStep = true })
	w.enter("acme-teammate")
	for _, c := range []cause.Cause{cause.WrongPassword, cause.None} {
		_, err := w.attempts.Record(t.Context(), attempt.Entry{
			Cause: c, Method: "password", Typed: "acme-teammate@demo.test", User: "acme-teammate", Account: "acme",
			Network: "192.0.2.1/32", Agent: "Firefox on Linux",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	fail(t, w, "acme-teammate", 7)
	if a := w.submit("acme-superadmin", of("acme-teammate", "/mail-password")); a.Code != http.StatusSeeOther {
		t.Fatalf("mailing a password: %d %s", a.Code, a.body)
	}
	return w
}

// fail has somebody fail to log in until they have to wait.
func fail(t *testing.T, w *world, user string, times int) {
	t.Helper()
	failSubject(t, w, attempt.Subject(user, ""), "192.0.2.1/32", times)
}

func failSubject(t *testing.T, w *world, subject, network string, times int) {
	t.Helper()
	for range times {
		place, err := w.limits.Reserve(t.Context(), limit.Try{Subject: subject, Network: network})
		if err != nil {
			return
		}
		if _, err := place.Failed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// rename gives somebody a name past the directory, which would refuse it.
func rename(w *world, id, name string) {
	w.t.Helper()
	u := w.find(id)
	err := w.store.Update(w.t.Context(), store.AccountTag(u.Account), func(tx store.Tx) error {
		u, err := store.Users.Read(tx, id)
		if err != nil {
			return err
		}
		u.Name = name
		tx.Announce(store.Users.Kind, id)
		return store.Users.Put(tx, id, u, time.Time{})
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// view is a page to look at.
type view struct {
	name, as, path string
	fields         []string // posted, if any
	old            bool     // with an old proof
}

func views() []view {
	all := []view{
		{name: "team", as: "acme-superadmin", path: "/accounts/acme/users"},
		{name: "team-nobody", as: "acme-superadmin", path: "/accounts/acme/users?q=zzz"},
		{name: "team-support", as: "saskia", path: "/accounts/acme/users?show=no&sort=-last"},
		{name: "user", as: "acme-superadmin", path: of("acme-teammate", "?done=mail-password")},
		{name: "user-blocked", as: "acme-admin", path: of("acme-client", "")},
		{name: "user-not-yours", as: "acme-admin", path: of("acme-superadmin", "")},
		{name: "user-html", as: "acme-superadmin", path: of("hostile-a", "")},
		{name: "user-long", as: "acme-superadmin", path: of("hostile-f", "")},
		{name: "forbidden", as: "acme-admin", path: of("acme-superadmin", "/block")},
		{name: "invite", as: "acme-superadmin", path: "/accounts/acme/invite"},
		{name: "block-wrong", as: "acme-superadmin", path: of("acme-teammate", "/block"), fields: []string{"until", "gisteren", "why", "Uit dienst"}},
		{name: "delete-unsure", as: "acme-superadmin", path: of("acme-teammate", "/delete"), fields: []string{"x", "y"}},
		{name: "password-shown", as: "acme-superadmin", path: of("acme-client", "/password"), fields: []string{"x", "y"}},
		{name: "fresh", as: "acme-second", path: of("acme-teammate", "/block"), fields: []string{"why", "Uit dienst"}, old: true},
		{name: "fresh-wrong", as: "acme-second", path: of("acme-teammate", "/block"), fields: []string{"why", "Uit dienst", "fresh_password", "nee"}, old: true},
	}
	for _, act := range []string{"password", "email", "name", "type", "second-step-off", "end-sessions", "mail-login", "block", "delete"} {
		all = append(all, view{name: "act-" + act, as: "acme-superadmin", path: of("acme-teammate", "/"+act)})
	}
	return append(append(all, deskViews()...),
		view{name: "act-chosen", as: "saskia", path: of("acme-teammate", "/chosen-password")},
		view{name: "act-erase", as: "saskia", path: of("hostile-a", "/erase")},
	)
}

// TestPagesAreAccessible opens every page in both languages, wide and narrow, light
// and dark, and wants no finding at all.
func TestPagesAreAccessible(t *testing.T) {
	source, err := os.ReadFile("../../.build/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v: run make, which installs axe-core from npm", err)
	}
	w := stage(t)
	w.enter("acme-second")
	w.push(11 * time.Minute)
	server := httptest.NewServer(gallery(w))
	t.Cleanup(server.Close)
	ctx := newBrowser(t)
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument,
		page.AddScriptToEvaluateOnNewDocumentParams{Source: string(source) + watch}); err != nil {
		t.Fatal(err)
	}
	for _, v := range views() {
		for _, locale := range []string{"nl", "en"} {
			t.Run(v.name+"/"+locale, func(t *testing.T) {
				look(t, ctx, server.URL+"/view?name="+v.name+"&lang="+locale, v.name+"-"+locale)
			})
		}
	}
}

// gallery shows the view that the query asks for, as whoever it is for.
func gallery(w *world) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/gateway/assets/", w.pages.Assets())
	mux.HandleFunc("/view", func(rw http.ResponseWriter, r *http.Request) {
		for _, v := range views() {
			if v.name != r.URL.Query().Get("name") {
				continue
			}
			if !v.old {
				w.enter(v.as) // a young proof
			}
			glue := "?"
			if strings.Contains(v.path, "?") {
				glue = "&"
			}
			path := v.path + glue + "lang=" + r.URL.Query().Get("lang")
			a := w.get(v.as, path)
			if v.fields != nil {
				a = w.submit(v.as, path, v.fields...)
			}
			for name, values := range a.Header() {
				rw.Header()[name] = values
			}
			rw.WriteHeader(a.Code)
			_, _ = rw.Write([]byte(a.body))
			return
		}
		http.NotFound(rw, r)
	})
	return mux
}

// look inspects one page in four dresses.
func look(t *testing.T, ctx context.Context, address, name string) {
	scheme(t, ctx, "light")
	do(t, ctx, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(address))
	for _, colours := range []string{"light", "dark"} {
		scheme(t, ctx, colours)
		report(t, colours, value[[]string](t, ctx, axe))
		if colours == "light" {
			shoot(t, ctx, name+"-wide")
		}
	}
	report(t, "policy", value[[]string](t, ctx, "refused"))
	if value[bool](t, ctx, `document.querySelector("main") === null`) {
		t.Error("there is no page")
	}
	scheme(t, ctx, "light")
	do(t, ctx, chromedp.EmulateViewport(320, 640))
	report(t, "320 px", value[[]string](t, ctx, measure))
	if *shots != "" {
		do(t, ctx, chromedp.EmulateViewport(360, 740))
		shoot(t, ctx, name+"-phone")
	}
}

func report(t *testing.T, where string, found []string) {
	t.Helper()
	for _, line := range found {
		if len(line) > 600 {
			line = line[:600]
		}
		t.Errorf("%s: %s", where, line)
	}
}

// newBrowser starts a chromium with an empty profile. A machine without one fails
// the test: pages that nobody opened are not known to work.
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

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func value[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// scheme makes the browser prefer "light" or "dark".
func scheme(t *testing.T, ctx context.Context, preferred string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: preferred}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// shoot keeps a picture of the page when pictures were asked for.
func shoot(t *testing.T, ctx context.Context, name string) {
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
