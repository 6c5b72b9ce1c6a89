package guard_test

import (
	"net/http"
	"slices"
	"testing"
)

func TestTheAppLogsOut(t *testing.T) {
	for signal, want := range map[string]struct {
		again int // status of the next request
		ended []string
	}{
		"session":  {401, nil},
		"user":     {200, []string{"praktijk/jan"}}, // the stand-in for sessions knows no epochs
		"":         {200, nil},
		"everyone": {200, nil},
		"Session":  {200, nil},
	} {
		u := &users{}
		g := newGuardWith(t, site(), u, &asserter{})
		a := &app{reply: func(w http.ResponseWriter) { w.Header()["Gateway-Logout"] = []string{signal} }}
		w := ask(t, g, a, request("GET", "/bye"), "good")
		if w.Code != 200 || len(w.Header()["Gateway-Logout"]) != 0 {
			t.Errorf("%q: the browser got %d with Gateway-Logout %q", signal, w.Code, w.Header()["Gateway-Logout"])
		}
		if !slices.Equal(u.ended, want.ended) {
			t.Errorf("%q: all sessions ended of %v, want %v", signal, u.ended, want.ended)
		}
		if w := ask(t, g, &app{}, request("GET", "/"), "good"); w.Code != want.again {
			t.Errorf("%q: the next request got %d, want %d", signal, w.Code, want.again)
		}
	}
}

func TestNobodyIsLoggedOutByAVisitor(t *testing.T) {
	u := &users{}
	g := newGuardWith(t, site(), u, &asserter{})
	ask(t, g, &app{}, request("GET", "/", "Gateway-Logout", "user"), "good")
	if w := ask(t, g, &app{}, request("GET", "/"), "good"); w.Code != 200 || len(u.ended) != 0 {
		t.Errorf("a request header logged out: %d, %v", w.Code, u.ended)
	}
	// On a public path without a session there is nobody to log out; the header goes.
	a := &app{reply: func(w http.ResponseWriter) { w.Header().Set("Gateway-Logout", "session") }}
	if w := ask(t, g, a, request("GET", "/pub/x"), ""); w.Code != 200 || w.Header().Get("Gateway-Logout") != "" {
		t.Errorf("a public path: %d, Gateway-Logout %q", w.Code, w.Header().Get("Gateway-Logout"))
	}
}

func TestTheAssertionIsSentWhereTheSiteWantsIt(t *testing.T) {
	signs := &asserter{}
	s := site()
	s.Audience = "https://app.example"
	g := newGuardWith(t, s, &users{}, signs)
	for range 3 {
		a := &app{}
		ask(t, g, a, request("GET", "/", "remote_assertion", "mine", "Remote-Assertion", "mine"), "good")
		if got := a.header["Remote-Assertion"]; !slices.Equal(got, []string{"signed for https://app.example about jan"}) {
			t.Errorf("the app got %q", got)
		}
		for name, values := range a.header {
			if slices.Contains(values, "mine") {
				t.Errorf("a visitor's own assertion reached the app as %s", name)
			}
		}
	}
	if signs.signed != 1 {
		t.Errorf("signed %d times for three requests at once", signs.signed)
	}
	a := &app{}
	ask(t, g, a, request("GET", "/pub/x", "Remote-Assertion", "mine"), "")
	if got := a.header["Remote-Assertion"]; len(got) != 0 {
		t.Errorf("an anonymous visitor came with the assertion %q", got)
	}
	a = &app{}
	ask(t, newGuard(t, site()), a, request("GET", "/"), "good")
	if got := a.header["Remote-Assertion"]; len(got) != 0 {
		t.Errorf("a site that wants none got the assertion %q", got)
	}
}
