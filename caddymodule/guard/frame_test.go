package guard_test

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// framedOnly checks for the small page: it may be framed, and holds nothing that a
// page around it could be after.
func framedOnly(t *testing.T, what string, w *httptest.ResponseRecorder, status int, links ...string) {
	t.Helper()
	h, body := w.Header(), w.Body.String()
	if w.Code != status || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors *") || h.Get("X-Frame-Options") != "" ||
		!strings.Contains(h.Get("Content-Security-Policy"), "form-action 'none'") || strings.Contains(h.Get("Content-Security-Policy"), "script-src") {
		t.Errorf("%s: %d %v; want the page for frames with %d", what, w.Code, h, status)
	}
	for _, never := range []string{"<form", "<input", "<script", "jan", "Jan", "data-reference"} {
		if strings.Contains(body, never) {
			t.Errorf("%s: %s in the page for frames", what, never)
		}
	}
	for _, link := range links {
		if !strings.Contains(body, `href="`+link+`"`) {
			t.Errorf("%s: no link to %s:\n%s", what, link, body)
		}
	}
	if h.Get("X-Login-Gateway") != "1" || h.Get("Cache-Control") != "no-store" || !strings.Contains(body, `target="_blank" rel="noopener"`) {
		t.Errorf("%s: %v\n%s", what, h, body)
	}
}

func TestAFrameGetsAWayOut(t *testing.T) {
	g, _ := demanding(t)
	for _, dest := range []string{"iframe", "frame", "embed", "object", "fencedframe"} {
		in := []string{"Sec-Fetch-Dest", dest, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "same-origin"}
		w := ask(t, g, &app{}, request("GET", "/gateway/login?to=%2Fclients%3Fa%3D1", in...), "")
		framedOnly(t, dest, w, 200, "/gateway/login?to=%2Fclients%3Fa%3D1", "/gateway/login?framed=1&amp;to=%2Fclients%3Fa%3D1")
		w = ask(t, g, &app{}, request("GET", "/gateway/security", in...), "good")
		framedOnly(t, dest, w, 200, "/gateway/security")
		w = ask(t, g, &app{}, request("GET", "/gateway/prove?to=%2Fpay", in...), "old")
		framedOnly(t, dest, w, 200, "/gateway/prove?to=%2Fpay", "/pay")
		w = ask(t, g, &app{}, request("POST", "/gateway/login", in...), "")
		framedOnly(t, dest, w, 200, "/gateway/login")
	}
}

func TestARefusalInAFrameGetsAWayOut(t *testing.T) {
	g, _ := demanding(t)
	in := []string{"Sec-Fetch-Dest", "iframe", "Sec-Fetch-Mode", "navigate", "Referer", "http://localhost:8080/form"}
	framedOnly(t, "a form", ask(t, g, &app{}, request("POST", "/x", in...), ""), 401, "/form")
	framedOnly(t, "blocked", ask(t, g, &app{}, request("GET", "/x?a=1", in...), "blocked"), 403, "/x?a=1")
	framedOnly(t, "a form to prove", ask(t, g, &app{}, request("POST", "/pay", in...), "old"), 401, "/gateway/prove?to=%2Fform", "/form")
	w := ask(t, g, &app{}, request("GET", "/x", in...), "")
	if w.Code != 303 || w.Header().Get("Location") != "/gateway/login?to=%2Fx" {
		t.Errorf("nobody in a frame: %d %v", w.Code, w.Header())
	}
}

func TestWhoLoggedInBesideAFrameGoesOnInIt(t *testing.T) {
	g, _ := demanding(t)
	in := []string{"Sec-Fetch-Dest", "iframe", "Sec-Fetch-Mode", "navigate"}
	again := "/gateway/login?framed=1&to=%2Fclients"
	w := ask(t, g, &app{}, request("GET", again, in...), "good")
	if w.Code != 303 || w.Header().Get("Location") != "/clients" {
		t.Errorf("logged in: %d %v", w.Code, w.Header())
	}
	w = ask(t, g, &app{}, request("GET", "/gateway/login?framed=1&to=https:%2F%2Fevil.example%2F", in...), "good")
	if w.Header().Get("Location") != "/" {
		t.Errorf("an open redirect: %v", w.Header())
	}
	w = ask(t, g, &app{}, request("GET", again, in...), "")
	framedOnly(t, "no cookie", w, 200, "/gateway/login?to=%2Fclients")
	if !strings.Contains(w.Body.String(), `data-cause="cookies_blocked"`) {
		t.Errorf("a frame without cookies is not told why:\n%s", w.Body)
	}
	w = ask(t, g, &app{}, request("GET", again, append(in, "Sec-Fetch-Site", "cross-site")...), "expired")
	framedOnly(t, "a foreign frame", w, 200, "/gateway/login?to=%2Fclients")
	if strings.Contains(w.Body.String(), "framed=1") {
		t.Errorf("a frame of another site can never go on, and is told to:\n%s", w.Body)
	}
}

// Nothing else of ours may be framed, and what is no page is left alone.
func TestOnlyPagesAreReplacedInFrames(t *testing.T) {
	g, _ := demanding(t)
	in := []string{"Sec-Fetch-Dest", "iframe", "Sec-Fetch-Mode", "navigate"}
	if w := ask(t, g, &app{}, request("GET", "/gateway/assets/style.css", in...), ""); w.Code != 418 {
		t.Errorf("a style sheet: %d", w.Code)
	}
	for _, dest := range []string{"document", "empty", "image", ""} {
		if w := ask(t, g, &app{}, request("GET", "/gateway/login", "Sec-Fetch-Dest", dest), ""); w.Code != 418 {
			t.Errorf("%q: %d", dest, w.Code)
		}
	}
	a := &app{}
	if ask(t, g, a, request("GET", "/x", in...), "good"); a.calls != 1 {
		t.Error("the app's own frame did not reach it")
	}
}
