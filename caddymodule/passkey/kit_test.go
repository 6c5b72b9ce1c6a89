package passkey_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor/softkey"
	"github.com/cliendo/gateway/caddymodule/passkey"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/testkit/inn"
)

// house is the way in by passkey, from what a browser asks to the session.
type house struct {
	*inn.Inn
	phone *softkey.Device // with a passkey of jan
}

func onStores(t *testing.T, test func(h *house)) {
	inn.OnStores(t, func(i *inn.Inn) {
		h := &house{Inn: i, phone: device()}
		passkey.New(passkey.Options{
			Prefix: "/gateway", Dispatcher: h.Dispatcher, Factors: h.Factors, Sessions: h.Sessions, Limits: h.Limits, Pages: h.Pages,
			Fits: h.Party.Fits, Now: h.Now,
		}).Mount(h.Mux)
		h.user("jan", "teammate")
		h.add("jan", h.phone)
		test(h)
	})
}

func device() *softkey.Device { return &softkey.Device{Origin: "http://localhost"} }

func (h *house) user(id, kind string) {
	h.T.Helper()
	h.User(id, kind, id)
}

// add gives a user a passkey on a device.
func (h *house) add(user string, d *softkey.Device) {
	h.T.Helper()
	ctx, u := context.Background(), h.Reread(user)
	asked, err := h.Factors.AskNew(ctx, u, "a session")
	testkit.Must(h.T, err)
	answer, err := d.Create(asked)
	testkit.Must(h.T, err)
	made, err := h.Factors.MakeKey(u, "a session", answer)
	testkit.Must(h.T, err)
	testkit.Must(h.T, h.Store.Update(ctx, store.AccountTag(inn.Account), func(tx store.Tx) error {
		_, err := h.Factors.AddKey(ctx, tx, u, made, "Phone", "")
		return err
	}))
}

func (h *house) change(user string, fn func(u *store.User)) {
	h.T.Helper()
	_, err := h.Dir.UpdateUser(context.Background(), inn.Account, user, func(u *store.User) error {
		fn(u)
		return nil
	})
	testkit.Must(h.T, err)
}

// browser keeps cookies between requests.
type browser struct {
	*testkit.Browser
	h *house
}

func (h *house) browser(ip string) *browser { return &browser{testkit.NewBrowser(h.Mux, ip), h} }

// asked is what the login page of this browser asks a device for.
func (b *browser) asked() string {
	b.h.T.Helper()
	res := b.Get("/gateway/passkey/options")
	if res.Code != http.StatusOK || !json.Valid(res.Body.Bytes()) || res.Header().Get("Cache-Control") != "no-store" {
		b.h.T.Fatalf("%d %v: %s", res.Code, res.Header(), res.Body)
	}
	return res.Body.String()
}

// answer is what a device says to that.
func (b *browser) answer(d *softkey.Device) string {
	b.h.T.Helper()
	text, err := d.Get(b.asked())
	testkit.Must(b.h.T, err)
	return text
}

func (b *browser) post(answer string, more ...string) *httptest.ResponseRecorder {
	return b.Post("/gateway/passkey/login?to=%2Fclients%3Fx%3D1", append([]string{"passkey", answer}, more...)...)
}

// in tells whether the browser is logged in.
func (b *browser) in() (*session.Facts, bool) { return b.h.Facts(b.Browser) }

// refused wants a passkey that was refused, with a page to go on from and nobody in.
func (b *browser) refused(name string, res *httptest.ResponseRecorder, status int, c cause.Cause) {
	b.h.T.Helper()
	if res.Code != status || testkit.Attr(res, "data-cause") != string(c) || testkit.Attr(res, "data-reference") == "" || !strings.Contains(res.Body.String(), `id="password"`) {
		b.h.T.Errorf("%s: %d %q, want %d %q: %.1500s", name, res.Code, testkit.Attr(res, "data-cause"), status, c, res.Body)
	}
	if f, _ := b.in(); f.Session != nil {
		b.h.T.Errorf("%s: a session", name)
	}
}
