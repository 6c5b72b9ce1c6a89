package endtoend_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// shape is a request as some sort of caller makes it, and what it must get when
// nobody is logged in (P2).
type shape struct {
	name, method, path string
	options            []kit.Option
	want               int
}

// The answers: a redirect to the login, a 401 that programs understand, the login
// page itself in place of a form's answer, the answer to a preflight, the app.
const (
	redirect  = http.StatusSeeOther
	problem   = http.StatusUnauthorized
	form      = -http.StatusUnauthorized
	preflight = http.StatusNoContent
	passed    = http.StatusOK
)

func shapes() []shape {
	with, bare := kit.With, kit.Option(kit.Bare)
	no := func(mode, dest string) []kit.Option {
		return []kit.Option{with("Sec-Fetch-Mode", mode), with("Sec-Fetch-Dest", dest), with("Accept", "*/*")}
	}
	old := []kit.Option{with("Sec-Fetch-Mode", ""), with("Sec-Fetch-Dest", ""), with("Sec-Fetch-Site", "")}
	posted := kit.Body("application/x-www-form-urlencoded", "a=b")
	ask := func(origin string) []kit.Option {
		return append(no("cors", "empty"), with("Origin", origin), with("Access-Control-Request-Method", "PUT"),
			with("Access-Control-Request-Headers", "x-custom"))
	}
	return []shape{
		{"page", "GET", "/p", nil, redirect},
		{"page, HEAD", "HEAD", "/p", nil, redirect},
		{"page from an old browser", "GET", "/p", old, redirect},
		{"page in a frame", "GET", "/p", []kit.Option{with("Sec-Fetch-Dest", "iframe")}, redirect},
		{"page from another site", "GET", "/p", []kit.Option{with("Sec-Fetch-Site", "cross-site")}, redirect},
		{"fetch", "GET", "/p", no("cors", "empty"), problem},
		{"fetch, no-cors", "GET", "/p", no("no-cors", "empty"), problem},
		{"fetch of HTML", "GET", "/p", []kit.Option{with("Sec-Fetch-Mode", "same-origin"), with("Sec-Fetch-Dest", "empty")}, problem},
		{"XHR of an old browser", "GET", "/p", append(old[:3:3], with("X-Requested-With", "XMLHttpRequest")), problem},
		{"XHR of an old browser, JSON", "GET", "/p", append(old[:3:3], with("Accept", "application/json")), problem},
		{"fetch of an old browser", "GET", "/p", append(old[:3:3], with("Accept", "*/*")), problem},
		{"EventSource", "GET", "/p", append(no("cors", "empty"), with("Accept", "text/event-stream")), problem},
		{"WebSocket", "GET", "/p", append(no("websocket", "websocket"), with("Connection", "Upgrade"), with("Upgrade", "websocket"),
			with("Sec-WebSocket-Version", "13"), with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")), problem},
		{"WebSocket of an old browser", "GET", "/p", append(old[:3:3], with("Connection", "Upgrade"), with("Upgrade", "websocket")), problem},
		{"image", "GET", "/p", no("no-cors", "image"), problem},
		{"script", "GET", "/p", no("no-cors", "script"), problem},
		{"manifest", "GET", "/p", no("cors", "manifest"), problem},
		{"curl", "GET", "/p", []kit.Option{bare}, problem},
		{"curl, HEAD", "HEAD", "/p", []kit.Option{bare}, problem},
		{"form", "POST", "/p", []kit.Option{posted}, form},
		{"form of an old browser", "POST", "/p", append(old[:3:3], posted), form},
		{"form from another site", "POST", "/p", []kit.Option{posted, with("Sec-Fetch-Site", "cross-site"), with("Origin", "https://evil.example")}, form},
		{"POST of JSON", "POST", "/p", append(no("cors", "empty"), kit.Body("application/json", "{}")), problem},
		{"POST of JSON by a program", "POST", "/p", []kit.Option{bare, kit.Body("application/json", "{}")}, problem},
		{"PUT", "PUT", "/p", []kit.Option{bare}, problem},
		{"DELETE", "DELETE", "/p", no("cors", "empty"), problem},
		{"PROPFIND", "PROPFIND", "/p", []kit.Option{bare}, problem},
		{"preflight, listed origin", "OPTIONS", "/p", ask("https://app.example"), preflight},
		{"preflight, other origin", "OPTIONS", "/p", ask("https://evil.example"), problem},
		{"OPTIONS", "OPTIONS", "/p", []kit.Option{bare}, problem},
		{"page of an API", "GET", "/api/x", nil, problem},
		{"page of an API, other case", "GET", "/API/x", nil, problem},
		{"form to an API", "POST", "/api/x", []kit.Option{posted}, problem},
		{"public page", "GET", "/open/x", nil, passed},
		{"public, HEAD", "HEAD", "/open/x", nil, passed},
		{"public path, other method", "DELETE", "/open/x", []kit.Option{bare}, problem},
		{"public hook", "POST", "/hook", []kit.Option{bare}, passed},
		{"public hook, GET", "GET", "/hook", []kit.Option{bare}, problem},
		{"public path, other case", "GET", "/OPEN/x", []kit.Option{bare}, problem},
		{"public WebSocket", "GET", "/open/x", []kit.Option{bare, with("Accept", "text/event-stream")}, passed},
		{"preset, manifest", "GET", "/manifest.webmanifest", no("cors", "manifest"), passed},
		{"preset, service worker", "GET", "/sw.js", no("same-origin", "serviceworker"), passed},
	}
}

func TestEveryCallerGetsWhatItUnderstands(t *testing.T) {
	t.Parallel()
	g, app := town(t, kit.Bolt(t), kit.Site{Words: `api_paths /api/*
		public /open/*
		public POST /hook
		public preset pwa
		cors https://app.example`})
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			a := kit.Visit(t, g.URL).Do(s.method, s.path, s.options...)
			switch s.want {
			case redirect:
				sentTo(t, a, "/gateway/login?to=%2Fp")
			case problem:
				wantProblem(t, a, s.method)
			case form:
				wantForm(t, a)
			case preflight:
				wantPreflight(t, a)
			case passed:
				if a.Status != http.StatusOK || !a.FromApp() || a.Own() {
					t.Errorf("want the app's answer, got %s", a)
				}
				return
			}
			if store := a.Header.Get("Cache-Control"); s.want != preflight && !strings.Contains(store, "no-store") {
				t.Errorf("Cache-Control: %q", store)
			}
			if !a.Own() || a.FromApp() {
				t.Errorf("not the gateway's answer: %s", a)
			}
		})
	}
	if seen := app.Seen("/p"); len(seen) != 0 {
		t.Errorf("reached the app: %v", seen)
	}
}

func wantProblem(t *testing.T, a kit.Answer, method string) {
	t.Helper()
	if a.Status != http.StatusUnauthorized || a.Header.Get("Content-Type") != "application/problem+json" ||
		a.Header.Get("Www-Authenticate") == "" || a.To() != "" {
		t.Errorf("want a 401 for programs, got %s %v", a, a.Header)
	}
	if method == http.MethodHead {
		return
	}
	var doc struct {
		Status   int
		Reason   string
		LoginURL string `json:"login_url"`
	}
	if err := json.Unmarshal([]byte(a.Body), &doc); err != nil || doc.Status != 401 || doc.Reason != "not_logged_in" || doc.LoginURL != "/gateway/login" {
		t.Errorf("the problem says %+v (%v)", doc, err)
	}
}

// wantForm: what a form posted is lost, but not the way in.
func wantForm(t *testing.T, a kit.Answer) {
	t.Helper()
	if a.Status != http.StatusUnauthorized || !strings.Contains(a.Body, `name="password"`) ||
		!strings.Contains(a.Body, `action="/gateway/login`) || a.Cause() != "not_logged_in" {
		t.Errorf("want the login page in place of the form's answer, got %s", a)
	}
}

func wantPreflight(t *testing.T, a kit.Answer) {
	t.Helper()
	h := a.Header
	if a.Status != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != "https://app.example" ||
		h.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "PUT") ||
		h.Get("Access-Control-Allow-Headers") != "x-custom" || !strings.Contains(strings.Join(h["Vary"], ","), "Origin") {
		t.Errorf("want leave for a listed origin, got %s %v", a, h)
	}
}

// A script of a listed origin can read why it was refused; others cannot.
func TestScriptsOfListedOriginsCanReadRefusals(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{Words: "cors https://app.example"})
	for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://evil.example": "", "null": ""} {
		a := kit.Visit(t, g.URL).Get("/p", kit.With("Sec-Fetch-Mode", "cors"), kit.With("Origin", origin))
		refused(t, a, http.StatusUnauthorized, "not_logged_in")
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s may read as %q, want %q", origin, got, want)
		}
	}
}

// With a session every shape passes, and the app's answer is not touched.
func TestWithASessionEveryShapeReachesTheApp(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{Words: "api_paths /api/*"})
	v := kit.Visit(t, g.URL).Enter("teammate")
	for _, s := range shapes() {
		if strings.Contains(s.name, "WebSocket") {
			continue
		}
		a := v.Do(s.method, s.path, s.options...)
		if a.Status != http.StatusOK || !a.FromApp() || a.Own() {
			t.Errorf("%s: want the app's answer, got %s", s.name, a)
		}
		if s.method != http.MethodHead {
			if seen := arrived(t, a, "teammate"); seen.Method != s.method || seen.URI != s.path {
				t.Errorf("%s arrived as %s %s", s.name, seen.Method, seen.URI)
			}
		}
		for _, name := range []string{"Content-Security-Policy", "X-Frame-Options", "Cache-Control", "Referrer-Policy", "Set-Cookie"} {
			if a.Header.Get(name) != "" {
				t.Errorf("%s: the gateway added %s: %s", s.name, name, a.Header.Get(name))
			}
		}
	}
}
