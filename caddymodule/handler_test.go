package caddymodule_test

import (
	"net/http"
	"testing"
)

// Password managers look there for the page on which a password is changed. It is
// answered with or without a session, wherever the prefix is, and nothing of it
// reaches the app; what only looks like it is a path of the app like any other.
func TestTheWellKnownPathLeadsToANewPassword(t *testing.T) {
	for prefix, to := range map[string]string{"/gateway": "/gateway/recover", "/in/here": "/in/here/recover"} {
		t.Run(prefix, func(t *testing.T) { theWellKnownPath(t, prefix, to) })
	}
}

func theWellKnownPath(t *testing.T, prefix, to string) {
	// A rewrite before the gateway makes no difference.
	p := newPlace(t).site(object{"handler": "rewrite", "strip_path_prefix": "/.well-known"}, gateway("prefix", prefix), proxy())
	p.start()
	for _, c := range []struct{ method, path, to string }{
		{http.MethodGet, "/.well-known/change-password", to},
		{http.MethodHead, "/.well-known/change-password", to},
		{http.MethodGet, "/.well-known/change-password?from=manager", to},
		{http.MethodPost, "/.well-known/change-password", ""},
		{http.MethodOptions, "/.well-known/change-password", ""},
		{http.MethodGet, "/.well-known/change-password/", ""},
		{http.MethodGet, "/.well-known/Change-Password", ""},
		{http.MethodGet, "/x/../.well-known/change-password", ""},
		{http.MethodGet, "//.well-known/change-password", ""},
		{http.MethodGet, "/.well-known%2fchange-password", ""},
		{http.MethodGet, "/%2ewell-known/change-password", ""},
	} {
		status, h := p.ask(c.method, c.path)
		if own := h.Get("X-Login-Gateway"); own != "1" {
			t.Errorf("%s %s is not answered by the gateway: %d", c.method, c.path, status)
		}
		if leads := h.Get("Location") == to; leads != (c.to != "") {
			t.Errorf("%s %s: %d to %q, want %q", c.method, c.path, status, h.Get("Location"), c.to)
		}
		if c.to != "" && (status != http.StatusSeeOther || h.Get("Cache-Control") != "no-store" || h.Get("Set-Cookie") != "") {
			t.Errorf("%s %s: %d %v", c.method, c.path, status, h)
		}
	}
}

// A slash too much behind a page of ours leads to the page, with the question; it
// makes no page of what is none, and nobody is led out of the site.
func TestASlashTooMuchLeadsToThePage(t *testing.T) {
	p := newPlace(t).site(gateway("prefix", "/gateway"), proxy())
	p.start()
	for _, c := range []struct{ method, path, to string }{
		{http.MethodGet, "/gateway/admin/", "/gateway/admin"},
		{http.MethodHead, "/gateway/admin/accounts/acme/users/?q=jan&sort=-last", "/gateway/admin/accounts/acme/users?q=jan&sort=-last"},
		{http.MethodGet, "/gateway/admin/accounts/a%20b/users/", "/gateway/admin/accounts/a%20b/users"},
		{http.MethodGet, "/gateway/login/?to=%2Fclients", "/gateway/login?to=%2Fclients"},
		{http.MethodGet, "/gateway/security/", "/gateway/security"},
		{http.MethodPost, "/gateway/admin/accounts/", ""},
		{http.MethodGet, "/gateway/admin/nothing/", ""},
		{http.MethodGet, "/gateway/api/v1/accounts/", ""},
		{http.MethodGet, "/gateway/assets/", ""},
	} {
		status, h := p.ask(c.method, c.path)
		if to := h.Get("Location"); to != c.to || (c.to != "") != (status == http.StatusSeeOther) {
			t.Errorf("%s %s: %d to %q, want %q", c.method, c.path, status, to, c.to)
		}
	}
}

// ask sends a request without a body, and returns the head of the answer.
func (p *place) ask(method, path string) (status int, h http.Header) {
	p.t.Helper()
	request, err := http.NewRequest(method, p.address()+path, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := here.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode, response.Header
}
