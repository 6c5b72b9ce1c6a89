package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

// seamStates are the pages that stand between the app and a person who is logged in.
func seamStates() []state {
	return []state{
		proving("again", http.StatusOK, page.Prove{Password: true, Mail: true}),
		proving("again-second", http.StatusOK, page.Prove{Password: true, Code: true}),
		proving("again-mailed", http.StatusUnauthorized, page.Prove{
			Form: "again", Mail: true, Mailed: true, Email: "anna@praktijk.test", Cause: cause.FreshProofRequired,
		}),
		proving("again-wrong", http.StatusUnauthorized, page.Prove{
			Form: "again", Password: true, Mail: true, Cause: cause.WrongPassword, Reference: "K7Q-4MD",
		}),
		proving("again-nothing", http.StatusOK, page.Prove{}),
		framed("framed", page.Framed{Window: "/gateway/login?to=%2Fclients", Again: "/gateway/login?framed=1&to=%2Fclients"}),
		framed("framed-blocked", page.Framed{Window: "/gateway/login", Again: "/gateway/login?framed=1", Blocked: true}),
		framed("framed-foreign", page.Framed{Window: "/gateway/login", Again: "/gateway/login?framed=1", Foreign: true}),
		framed("framed-refused", page.Framed{Window: "/clients", Again: "/clients", Cause: cause.UserBlocked}),
	}
}

func proving(name string, status int, p page.Prove) state {
	return state{name, func(r renderer, w http.ResponseWriter, req *http.Request) {
		r.Again(w, req, status, page.Sub{Target: "/clients?x=1", Prove: p})
	}}
}

func framed(name string, v page.Framed) state {
	return state{name, func(r renderer, w http.ResponseWriter, req *http.Request) { r.Framed(w, req, v) }}
}

// Exactly one page of ours may be framed, and it has nothing to be tricked into.
func TestOnlyThePageForFramesMayBeFramed(t *testing.T) {
	pages := newPages(t)
	for _, s := range states() {
		d := open(t, pages, s, "/gateway/login")
		h, body := d.answer.Header(), d.answer.Body.String()
		may := strings.HasPrefix(s.name, "framed")
		if strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") == may || (h.Get("X-Frame-Options") == "DENY") == may {
			t.Errorf("%s: %v", s.name, h)
		}
		if may && (strings.Contains(body, "<form") || strings.Contains(body, "<script") || strings.Contains(body, "<input")) {
			t.Errorf("%s holds what a page around it could use:\n%s", s.name, body)
		}
	}
}
