package security_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// prove posts to the page on which people prove again who they are.
func (b *browser) prove(query string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "http://localhost/gateway/prove"+query, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

func (b *browser) proved(d time.Duration) bool {
	_, f := b.in()
	return f.ProvedWithin(d, b.h.now())
}

func TestProvingAgainLeadsOn(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		h.push(10 * time.Minute) // within what a node serves without hearing from its store
		if b.proved(10 * time.Minute) {
			t.Fatal("it is as fresh as at the login")
		}
		page := b.do(httptest.NewRequest(http.MethodGet, "http://localhost/gateway/prove?to=%2Fpay%3Fa%3D1", nil))
		if body := page.Body.String(); page.Code != 200 || !strings.Contains(body, `action="/gateway/prove?to=%2Fpay%3Fa%3D1"`) {
			t.Fatalf("%d %s", page.Code, body)
		}
		h.want(b.prove("?to=%2Fpay", "password", "wrong"), 401, cause.WrongPassword, "")
		h.want(b.prove("?to=%2Fpay"), 401, cause.WrongPassword, "")
		if b.proved(10 * time.Minute) {
			t.Fatal("a wrong password proves something")
		}
		h.want(b.prove("?to=%2Fpay%3Fa%3D1", "password", password), 303, "", "/pay?a=1")
		if !b.proved(10*time.Minute) || b.second() {
			t.Error("the proof is not known to the session, or is taken for a second step")
		}
		h.want(b.prove("?to=https:%2F%2Fevil.example%2F", "password", password), 303, "", "/")
		h.push(3 * time.Minute)
		if b.proved(3*time.Minute) || !b.proved(4*time.Minute) {
			t.Error("a proof does not age")
		}
	})
}

func (b *browser) second() bool {
	_, f := b.in()
	return f.SecondStep()
}

// On a trusted device a session begins without the second step; a proof has one.
func TestProvingAgainAsksForTheSecondStep(t *testing.T) {
	onStores(t, func(h *house) {
		seed, _ := h.login().setUp()
		b := h.login() // as on a trusted device
		if b.second() {
			t.Fatal("it has passed a second step")
		}
		h.push(time.Minute)
		h.want(b.prove("", "password", password), 401, cause.SecondStepFailed, "")
		h.want(b.prove("", "code", h.code(seed)), 401, cause.WrongPassword, "")
		h.want(b.prove("", "password", password, "code", "000000"), 401, cause.SecondStepFailed, "")
		if b.second() {
			t.Fatal("half a proof is a second step")
		}
		h.want(b.prove("?to=%2Fadmin", "password", password, "code", h.code(seed)), 303, "", "/admin")
		_, f := b.in()
		if !b.second() || !slices.Contains(strings.Fields(f.Told()[session.ValueAmr]), "otp") {
			t.Errorf("the session says %q", f.Told()[session.ValueAmr])
		}
		h.push(time.Minute)
		h.want(b.prove("", "password", password, "code", h.code(seed)), 303, "", "/")
		if _, f := b.in(); f.Told()[session.ValueAmr] != "pwd otp mfa" {
			t.Errorf("twice the session says %q", f.Told()[session.ValueAmr])
		}
	})
}

func TestNoProofWithoutASession(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		testkit.Must(t, h.sessions.End(context.Background(), b.cookie))
		res := b.do(httptest.NewRequest(http.MethodGet, "http://localhost/gateway/prove?to=%2Fpay", nil))
		h.want(res, 303, "", "/gateway/login?to=%2Fpay")
		if res := b.prove("?to=%2Fpay", "password", password); res.Code != 401 || !strings.Contains(res.Body.String(), `id="email"`) {
			t.Errorf("%d", res.Code)
		}
		b = h.login()
		b.header = map[string]string{"Sec-Fetch-Dest": "empty"}
		if res := b.prove("", "password", password); res.Code != 403 {
			t.Errorf("a script of the app: %d", res.Code)
		}
	})
}
