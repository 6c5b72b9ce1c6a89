package endtoend_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/store"
)

const sensitive = "require second_step /admin/*\nrequire fresh_proof 10m /payments/*"

// asksFor checks what a page and a script are told that need more than a session.
func asksFor(t *testing.T, v *kit.Visitor, path, cause, page string) {
	t.Helper()
	sentTo(t, v.Get(path), page+"?to="+url.QueryEscape(path))
	a := v.Get(path, kit.Bare)
	refused(t, a, http.StatusUnauthorized, cause)
	if !strings.Contains(a.Body, `"prove_url":"`+page+`"`) || !strings.Contains(a.Body, `"login_url":"/gateway/login"`) {
		t.Errorf("a script is told %s", a.Body)
	}
	refused(t, v.Get(path, kit.Bare, kit.With("Connection", "Upgrade"), kit.With("Upgrade", "websocket")), http.StatusUnauthorized, cause)
}

// A second step is asked where the site says so: of who has none, by switching one
// on, and of who came in on a trusted device without it, by a code.
func TestASecondStepForSensitiveParts(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, app := town(t, s, kit.Site{Words: sensitive})
		v := kit.Visit(t, g.URL).Enter("teammate")
		arrived(t, v.Get("/clients"), "teammate")
		const setUp, prove = "/gateway/security/second-step", "/gateway/prove"
		for _, path := range []string{"/admin/users?a=1", "/ADMIN/users", "/admin", "/x/..%2fadmin"} {
			asksFor(t, v, path, "second_step_required", setUp)
		}
		if a := v.Get(setUp + "?to=%2Fadmin%2Fusers"); a.Status != http.StatusOK {
			t.Fatalf("the page to set one up: %s", a)
		}
		_, codes := switchOn(t, v)
		arrived(t, v.Get("/admin/users?a=1"), "teammate")

		v = kit.Visit(t, g.URL)
		v.Login("teammate", kit.Password)
		sentTo(t, v.Post("/gateway/second-step", typed("code", codes[0], "trust", "1")), "/")
		arrived(t, v.Get("/admin/users"), "teammate")
		v.Post("/gateway/logout", url.Values{})
		v.Enter("teammate") // no code is asked here any more
		if seen := arrived(t, v.Get("/clients"), "teammate"); strings.Contains(seen.Header.Get("Remote-Amr"), "mfa") {
			t.Fatalf("the device was not trusted: %q", seen.Header.Get("Remote-Amr"))
		}
		asksFor(t, v, "/admin/users", "second_step_required", prove)

		// A form is kept, and sent on after the proof.
		reached := len(app.Seen("/admin"))
		a := v.Do(http.MethodPost, "/admin/users?x=%20", kit.Body(formType, lateBody))
		page, err := url.QueryUnescape(strings.TrimPrefix(a.To(), prove+"?to="))
		if a.Status != http.StatusSeeOther || err != nil || parkedPage.FindString(page) != page {
			t.Fatalf("a form that needs a second step: %s", a)
		}
		refused(t, v.Post(a.To(), typed("password", kit.Password, "code", "000000")), http.StatusUnauthorized, "second_step_failed")
		sentTo(t, v.Post(a.To(), typed("password", kit.Password, "code", codes[1])), page)
		if got := app.Seen("/admin"); len(got) != reached {
			t.Fatalf("the app saw %d requests too many", len(got)-reached)
		}
		if got := arrived(t, send(v, "/admin/users?x=%20", page), "teammate"); got.Body != lateBody || got.Header.Get("Remote-Amr") != "pwd otp mfa" {
			t.Errorf("the app got %+v", got)
		}
	})
}

// age makes the last proof of all sessions an hour old.
func age(t *testing.T, e store.Engine) {
	t.Helper()
	ctx := context.Background()
	tag := store.AccountTag("acme")
	items, err := store.Sessions.Scan(ctx, e, tag, "", "", 100)
	if err != nil || len(items) == 0 {
		t.Fatalf("no session to age: %v", err)
	}
	err = e.Update(ctx, tag, func(tx store.Tx) error {
		for _, item := range items {
			item.Value.AuthTime = time.Now().Add(-time.Hour)
			if err := store.Sessions.Put(tx, item.ID, item.Value, time.Now().Add(time.Hour)); err != nil {
				return err
			}
			tx.Announce(store.Sessions.Kind, item.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A proof grows old on all nodes, and counts on all of them when it is given anew.
func TestAFreshProofForSensitivePartsOnTwoNodes(t *testing.T) {
	t.Parallel()
	s := kit.Redis(t)
	g, _ := town(t, s, kit.Site{Words: sensitive})
	app := kit.NewApp(t)
	other := kit.Start(t, kit.Site{Words: sensitive, Store: s.Line, Upstream: app.Addr})
	v := kit.Visit(t, g.URL).Enter("teammate")
	beside := kit.Visit(t, other.URL)
	beside.SetCookie("gateway_session", v.Cookie("gateway_session"))
	arrived(t, v.Get("/payments/1"), "teammate")
	arrived(t, beside.Get("/payments/1"), "teammate")
	s.With(func(e store.Engine) { age(t, e) })
	const prove = "/gateway/prove"
	for _, at := range []*kit.Visitor{v, beside} {
		kit.Eventually(t, "the node to know that the proof is old", func() bool { return at.Get("/payments/1").Status == http.StatusSeeOther })
		asksFor(t, at, "/payments/1", "fresh_proof_required", prove)
		arrived(t, at.Get("/clients"), "teammate")
	}
	a := beside.Do(http.MethodPost, "/payments/new", kit.Body("application/json", "{}"), kit.Bare)
	refused(t, a, http.StatusUnauthorized, "fresh_proof_required")
	refused(t, v.Post(prove+"?to=%2Fpayments%2F1", typed("password", "wrong")), http.StatusUnauthorized, "wrong_password")
	refused(t, v.Get("/payments/1", kit.Bare), http.StatusUnauthorized, "fresh_proof_required")
	sentTo(t, v.Post(prove+"?to=%2Fpayments%2F1", typed("password", kit.Password)), "/payments/1")
	arrived(t, v.Get("/payments/1"), "teammate")
	kit.Eventually(t, "the other node to know of the proof", func() bool { return beside.Get("/payments/2").FromApp() })
	if seen := app.Seen("/payments/new"); len(seen) != 0 {
		t.Errorf("the app saw %v", seen)
	}
	// Another site cannot have somebody prove anything, nor lead them away after it.
	elsewhere := []kit.Option{kit.With("Origin", "https://evil.example"), kit.With("Sec-Fetch-Site", "cross-site")}
	refused(t, v.Post(prove, typed("password", kit.Password), elsewhere...), http.StatusForbidden, "cross_site")
	sentTo(t, v.Post(prove+"?to=%2F%2Fevil.example%2F", typed("password", kit.Password)), "/")
}
