package page_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/browsertest"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

// gate is a very small gateway: /app sends to the login page, /form shows it in
// place, a post with the password "right" goes on to /app/in.
func gate(p renderer, posts *atomic.Int32) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/gateway/assets/", p.Assets())
	mux.HandleFunc("GET /app", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/gateway/login?to=/app/in&lang=nl", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /form", func(w http.ResponseWriter, r *http.Request) {
		p.Login(w, r, http.StatusUnauthorized, page.Login{Cause: cause.NotLoggedIn})
	})
	mux.HandleFunc("GET /wait", func(w http.ResponseWriter, r *http.Request) {
		p.Login(w, r, http.StatusTooManyRequests, page.Login{Cause: cause.TooManyAttempts, RetryAfter: time.Second})
	})
	mux.HandleFunc("GET /gateway/login", func(w http.ResponseWriter, r *http.Request) {
		p.Login(w, r, http.StatusOK, page.Login{})
	})
	mux.HandleFunc("POST /gateway/login", func(w http.ResponseWriter, r *http.Request) {
		posts.Add(1)
		if r.PostFormValue("password") == "right" {
			http.Redirect(w, r, "/app/in", http.StatusSeeOther)
			return
		}
		p.Login(w, r, http.StatusUnauthorized, page.Login{Email: r.PostFormValue("email"), Cause: cause.WrongPassword})
	})
	mux.HandleFunc("GET /app/in", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<title>in</title>"))
	})
	return mux
}

// logIn types into the form and presses the button.
func logIn(t *testing.T, ctx context.Context, password string) {
	t.Helper()
	browsertest.Do(t, ctx, chromedp.SetValue(chromedp.CSS("#email"), "anna@praktijk.test"), chromedp.SendKeys(chromedp.CSS("#password"), password))
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS("#submit"))); err != nil {
		t.Fatal(err)
	}
}

// TestFragmentSurvives: the part of a deep link behind # never reaches a
// server, so only the browser can carry it through the login, with and without
// script, also after a wrong password.
func TestFragmentSurvives(t *testing.T) {
	var posts atomic.Int32
	server := httptest.NewServer(gate(newPages(t), &posts))
	t.Cleanup(server.Close)
	ctx := browsertest.New(t)
	for _, tc := range []struct {
		name, start string
		noScript    bool
	}{
		{"with script", "/app#part-2", false},
		{"without script", "/app#part-2", true},
		{"login page in place, with script", "/form#part-2", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled,
				emulation.SetScriptExecutionDisabledParams{Value: tc.noScript}); err != nil {
				t.Fatal(err)
			}
			browsertest.Do(t, ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL+tc.start))
			logIn(t, ctx, "wrong")
			browsertest.Eventually(t, ctx, `document.activeElement.id === "error"`)
			logIn(t, ctx, "right")
			at, err := chromedp.Run(ctx, chromedp.Location())
			if err != nil {
				t.Fatal(err)
			}
			if at != server.URL+"/app/in#part-2" {
				t.Errorf("arrived at %s", at)
			}
		})
	}
}

func TestScript(t *testing.T) {
	var posts atomic.Int32
	server := httptest.NewServer(gate(newPages(t), &posts))
	t.Cleanup(server.Close)
	ctx := browsertest.New(t)
	start := func(t *testing.T) {
		browsertest.Do(t, ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(server.URL+"/app#part-2"), chromedp.WaitVisible(chromedp.CSS("#show")))
	}
	t.Run("show password", func(t *testing.T) {
		start(t)
		for _, want := range []string{"text true Je wachtwoord is nu zichtbaar.", "password false Je wachtwoord is weer verborgen."} {
			browsertest.Do(t, ctx, chromedp.Click(chromedp.CSS("#show")))
			got := browsertest.Value[string](t, ctx, `[password.type, show.getAttribute("aria-pressed"), caps.textContent].join(" ")`)
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	})
	t.Run("caps lock", func(t *testing.T) {
		start(t)
		browsertest.Do(t, ctx, chromedp.Focus(chromedp.CSS("#password")))
		for _, state := range []struct {
			script string
			want   bool
		}{{"true", true}, {"false", false}} {
			hint := browsertest.Value[string](t, ctx, `(() => { password.dispatchEvent(new KeyboardEvent("keydown", {key: "A", modifierCapsLock: `+
				state.script+`})); return caps.textContent; })()`)
			if strings.Contains(hint, "Caps Lock") != state.want {
				t.Errorf("Caps Lock %s: hint %q", state.script, hint)
			}
		}
	})
	t.Run("says when the wait is over", func(t *testing.T) {
		browsertest.Do(t, ctx, chromedp.Navigate(server.URL+"/wait?lang=en"))
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.querySelector(".retry").textContent === "You can try again now."`)); err != nil {
			t.Error(err)
		}
	})
	t.Run("links keep the fragment", func(t *testing.T) {
		start(t)
		kept := browsertest.Value[[]string](t, ctx, `[...document.querySelectorAll("a[data-keep-hash]")].filter(a => a.hash !== "#part-2").map(a => a.href)`)
		if len(kept) != 0 {
			t.Errorf("these lose it: %q", kept)
		}
	})
	t.Run("two clicks are one attempt", func(t *testing.T) {
		start(t)
		before := posts.Load()
		prevented := browsertest.Value[[]bool](t, ctx, `(() => {
		  const form = document.getElementById("login"), seen = [];
		  form.addEventListener("submit", e => { seen.push(e.defaultPrevented); e.preventDefault(); });
		  form.requestSubmit(); form.requestSubmit();
		  window.dispatchEvent(new PageTransitionEvent("pageshow")); form.requestSubmit();
		  return seen; })()`)
		if len(prevented) != 3 || prevented[0] || !prevented[1] || prevented[2] || posts.Load() != before {
			t.Errorf("prevented %v, want the second only", prevented)
		}
	})
	t.Run("enter posts", func(t *testing.T) {
		start(t)
		browsertest.Do(t, ctx, chromedp.SetValue(chromedp.CSS("#email"), "anna@praktijk.test"), chromedp.SendKeys(chromedp.CSS("#password"), "right"))
		press := func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			return chromedp.SendKeys(chromedp.CSS("#password"), "\r")(ctx, target)
		}
		if response, err := chromedp.RunResponse(ctx, press); err != nil || !strings.HasSuffix(response.URL, "/app/in") {
			t.Errorf("%+v %v", response, err)
		}
	})
}

// TestATabWaitsForTheAnswerToItsCode: a code that was right uses the mail up, so the
// tab that looks every few seconds hears that it is over while its own answer, which
// brings the session, is still on its way. It must not leave.
func TestATabWaitsForTheAnswerToItsCode(t *testing.T) {
	p := newPages(t)
	arrived, looked := make(chan struct{}), make(chan struct{}, 10)
	mux := http.NewServeMux()
	mux.Handle("/gateway/assets/", p.Assets())
	mux.HandleFunc("GET /gateway/magic", func(w http.ResponseWriter, r *http.Request) {
		p.MagicSent(w, r, http.StatusOK, page.MagicSent{Ask: "a", Match: "42", Code: true})
	})
	mux.HandleFunc("POST /gateway/magic", func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		select { // longer than the tab leaves between two looks
		case <-looked:
		case <-time.After(6 * time.Second):
		}
		time.Sleep(time.Second) // time for a tab that leaves to do so
		http.Redirect(w, r, "/in", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /gateway/magic/state", func(w http.ResponseWriter, _ *http.Request) {
		state := "waiting"
		select {
		case <-arrived:
			state = "over"
			looked <- struct{}{}
		default:
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"state":"` + state + `"}`))
	})
	mux.HandleFunc("GET /in", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<title>in</title>"))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	ctx := browsertest.New(t)
	browsertest.Do(t, ctx, chromedp.Navigate(server.URL+"/gateway/magic?ask=a"), chromedp.SendKeys(chromedp.CSS("#code"), "123456\r"))
	<-arrived
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		at := browsertest.Value[string](t, ctx, "location.href")
		if at == server.URL+"/in" {
			return
		}
		if strings.Contains(at, "over=1") || time.Now().After(end) {
			t.Fatalf("the tab is at %s", at)
		}
	}
}
