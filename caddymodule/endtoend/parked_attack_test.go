package endtoend_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

const (
	withFile = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.pdf\"\r\n\r\nx\r\n--b--\r\n"
	noFile   = "--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nZoë zei € 10\r\n--b\r\n" +
		"Content-Disposition: form-data; name=\"f\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n"
	multipartType = "multipart/form-data; boundary=b"
)

// Two nodes, and HTTP/2 with the cookies of a site over TLS.
func TestALateFormOverNodesAndHTTP2(t *testing.T) {
	t.Parallel()
	s := kit.Redis(t)
	one, app := town(t, s, kit.Site{HTTPS: true})
	two := kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr, HTTPS: true})
	v := expired(t, one, "teammate")
	page := park(t, v, "/multipart", multipartType, noFile)
	// Cookies know no ports: the same browser, and the other node behind the same
	// name. What a browser says of the origin is still that of the first.
	v.Base = two.URL
	back(t, v, "teammate", page)
	a := send(v, "/multipart", page)
	got := arrived(t, a, "teammate")
	if a.Proto != "HTTP/2.0" || got.Body != noFile || got.Header.Get("Content-Type") != multipartType {
		t.Errorf("over %s the app got %q as %s", a.Proto, got.Body, got.Header.Get("Content-Type"))
	}
	v.Base = one.URL
	sentTo(t, send(v, "/multipart", page), page)
	if n := len(app.Seen("/multipart")); n != 1 {
		t.Errorf("the app got it %d times", n)
	}
}

func TestLateFormsUnderAttack(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, app := town(t, s, kit.Site{Words: "public POST /hook"})
		v := expired(t, g, "teammate")
		page := park(t, v, "/late", formType, lateBody)
		notParked(t, g, v)
		othersGetNothing(t, g, v, page)
		if n := len(app.Seen("/late")); n != 0 {
			t.Fatalf("reached the app %d times", n)
		}
		page = park(t, expiredAgain(t, g, v), "/late", formType, lateBody)
		back(t, v, "teammate", page)
		refused(t, send(v, "/late", page, kit.With("Sec-Fetch-Site", "cross-site"), kit.With("Origin", "https://evil.test")),
			http.StatusForbidden, "cross_site")
		refused(t, send(v, "/elsewhere", page), http.StatusBadRequest, "bad_request")
		refused(t, send(v, "/late?admin=1", page), http.StatusBadRequest, "bad_request")
		if a := send(v, "/gateway/parked/", page); a.FromApp() {
			t.Errorf("sent to a page of ours: %s", a)
		}
		if n := len(app.Seen("late")) + len(app.Seen("elsewhere")); n != 0 {
			t.Fatalf("reached the app %d times", n)
		}
		got := arrived(t, send(v, "/late", page, kit.With("Remote-User", "owner"), kit.With("Remote_User", "owner"), kit.With("X-Own", "1")), "teammate")
		if got.Body != lateBody || got.Header.Get("Remote_User") != "" || strings.Contains(got.Header.Get("Cookie"), "gateway") {
			t.Errorf("the app got %+v", got)
		}
	})
}

// expiredAgain logs in and has the session ended.
func expiredAgain(t *testing.T, g *kit.Gateway, v *kit.Visitor) *kit.Visitor {
	t.Helper()
	v.Enter("teammate")
	command(t, g, "users", "end-sessions", "teammate@demo.test")
	return v
}

// notParked is what is answered as ever.
func notParked(t *testing.T, g *kit.Gateway, v *kit.Visitor) {
	t.Helper()
	stranger, forged := kit.Visit(t, g.URL), kit.Visit(t, g.URL)
	forged.SetCookie("gateway_session", v.Cookie("gateway_session")+"x")
	forged.SetCookie("gateway_flow", v.Cookie("gateway_flow")+"x")
	body := kit.Body(formType, lateBody)
	for what, a := range map[string]kit.Answer{
		"a stranger":     stranger.Do(http.MethodPost, "/late", body),
		"forged cookies": forged.Do(http.MethodPost, "/late", body),
		"another site":   v.Do(http.MethodPost, "/late", body, kit.With("Sec-Fetch-Site", "cross-site"), kit.With("Origin", "https://evil.test")),
		"a sister site":  v.Do(http.MethodPost, "/late", body, kit.With("Sec-Fetch-Site", "same-site")),
		"to two slashes": v.Do(http.MethodPost, "/a/../gateway/logout", body),
	} {
		if a.Status != http.StatusUnauthorized || strings.Contains(a.Body, "%2Fgateway%2Fparked") || !a.Own() {
			t.Errorf("%s: %s", what, a)
		}
	}
	a := v.Do(http.MethodPost, "/late", body, kit.With("Sec-Fetch-Mode", "cors"), kit.With("Sec-Fetch-Dest", "empty"), kit.With("Accept", "*/*"))
	refused(t, a, http.StatusUnauthorized, "session_ended")
	if a.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(a.Body, `"login_url":"/gateway/login"`) {
		t.Errorf("a script: %s", a)
	}
	if a := v.Do(http.MethodPost, "/hook", body); !a.FromApp() {
		t.Errorf("a public path: %s", a)
	}
	for what, large := range map[string]kit.Option{
		"a byte too many": kit.Body(formType, strings.Repeat("x", 1<<20+1)),
		"a long upload":   kit.Body(multipartType, strings.Repeat("x", 8<<20)),
		"a file":          kit.Body(multipartType, withFile),
	} {
		if a := v.Do(http.MethodPost, "/late", large); a.Status != http.StatusUnauthorized || a.Cause() != "session_ended" ||
			!strings.Contains(a.Body, "data-reload") || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s", what, a)
		}
	}
}

// othersGetNothing: neither somebody else nor another browser gets at a form, and
// when somebody else logs in where it was parked, it is gone for good.
func othersGetNothing(t *testing.T, g *kit.Gateway, v *kit.Visitor, page string) {
	t.Helper()
	for _, user := range []string{"teammate", "client"} {
		w := kit.Visit(t, g.URL).Enter(user)
		sentTo(t, send(w, "/late", page), page)
		if a := w.Get(page); a.Status != http.StatusGone || strings.Contains(a.Body, "/late") {
			t.Errorf("%s in another browser: %s", user, a)
		}
		if a := w.Post(page+"/discard", nil); a.Status != http.StatusGone {
			t.Errorf("%s in another browser throws it away: %s", user, a)
		}
	}
	sentTo(t, send(kit.Visit(t, g.URL), "/late", page), page)
	sentTo(t, kit.Visit(t, g.URL).Get(page), "/gateway/login?to="+url.QueryEscape(page))
	if a := back(t, v, "client", page); a.Status != http.StatusGone || strings.Contains(a.Body, "/late") {
		t.Errorf("somebody else at this browser: %s", a)
	}
	if a := back(t, v, "teammate", page); a.Status != http.StatusGone {
		t.Errorf("its owner after that: %s", a)
	}
	sentTo(t, send(v, "/late", page), page)
}

// The app was not there to take it: nothing is lost, and nothing is sent by itself.
func TestALateFormWaitsForTheApp(t *testing.T) {
	t.Parallel()
	g, app := town(t, kit.Bolt(t), kit.Site{})
	v := expired(t, g, "teammate")
	// Another tab asked for a page meanwhile, and the dead cookie is gone.
	v.Get(v.Get("/").To())
	if v.Cookie("gateway_session") != "" {
		t.Fatal("the login page leaves a dead cookie")
	}
	a := v.Do(http.MethodPost, "/status?code=503", kit.Body(formType, lateBody))
	refused(t, a, http.StatusUnauthorized, "not_logged_in")
	found, _ := url.QueryUnescape(a.Body)
	page := parkedPage.FindString(found)
	back(t, v, "teammate", page)
	for range 2 {
		if a := send(v, "/status?code=503", page); a.Status != http.StatusServiceUnavailable || !a.FromApp() {
			t.Errorf("sent to an app that is busy: %s", a)
		}
		if a := v.Get(page); a.Status != http.StatusOK {
			t.Errorf("its page after that: %s", a)
		}
	}
	if n := len(app.Seen("/status")); n != 2 {
		t.Errorf("the app got it %d times", n)
	}
	if a := v.Post(page+"/discard", nil, kit.With("Sec-Fetch-Site", "cross-site"), kit.With("Origin", "https://evil.test")); a.Cause() != "cross_site" {
		t.Errorf("thrown away from another site: %s", a)
	}
	if a := v.Post(page+"/discard", nil); a.Status != http.StatusOK {
		t.Errorf("thrown away: %s", a)
	}
	if a := v.Get(page); a.Status != http.StatusGone {
		t.Errorf("after it was thrown away: %s", a)
	}
	// Logging out on purpose leaves nothing for whoever comes next.
	page = park(t, expiredAgain(t, g, v), "/late", formType, lateBody)
	back(t, v, "teammate", page)
	v.Post("/gateway/logout", nil)
	if a := back(t, v, "teammate", page); a.Status != http.StatusGone {
		t.Errorf("after a log-out: %s", a)
	}
}
