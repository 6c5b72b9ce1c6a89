package secondfactor_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/secondfactor"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/testkit/inn"
)

// house is the way in, from a first step that is taken for right to the session.
type house struct {
	*inn.Inn
	jan   *store.User
	setup factor.Setup
}

func onStores(t *testing.T, test func(h *house)) {
	inn.OnStores(t, func(i *inn.Inn) {
		h := &house{Inn: i}
		secondfactor.New(secondfactor.Options{
			Prefix: "/gateway", Dispatcher: h.Dispatcher, Factors: h.Factors, Limits: h.Limits, Pages: h.Pages, Now: h.Now,
		}).Mount(h.Mux)
		h.Mux.HandleFunc("POST /first", h.proveFirst)
		h.user("jan", "teammate")
		h.setup = h.enrol("jan")
		h.jan = h.Reread("jan")
		test(h)
	})
}

// proveFirst is an errand that takes everybody for who they say they are.
func (h *house) proveFirst(w http.ResponseWriter, r *http.Request) {
	u, err := h.Dir.User(r.Context(), inn.Account, r.FormValue("user"))
	testkit.Must(h.T, err)
	p := signin.Proof{User: u, Method: "password", Amr: []string{"pwd"}, Remember: true, Known: h.Dispatcher.KnownDevice(r, u.ID) != ""}
	if p.Ticket = r.FormValue("ticket"); p.Ticket != "" {
		p.Method, p.Amr, p.Target = "magic", []string{"otp"}, "/mailed"
	}
	h.Dispatcher.Proven(w, r, p)
}

func (h *house) user(id, kind string) {
	h.T.Helper()
	h.User(id, kind, "Jan & Co")
}

func (h *house) enrol(id string) factor.Setup {
	h.T.Helper()
	s, err := h.Factors.Enrol(context.Background(), h.Reread(id))
	testkit.Must(h.T, err)
	return s
}

func (h *house) code() string {
	h.T.Helper()
	code, err := totp.GenerateCode(h.setup.Seed, h.Now())
	testkit.Must(h.T, err)
	return code
}

// wrongCode is right at no time near now.
func (h *house) wrongCode() string {
	h.T.Helper()
	for n := 0; ; n++ {
		code := strings.Repeat(string(rune('0'+n%10)), 6)
		near := false
		for step := -12; step <= 12; step++ {
			c, err := totp.GenerateCode(h.setup.Seed, h.Now().Add(time.Duration(step)*30*time.Second))
			testkit.Must(h.T, err)
			near = near || c == code
		}
		if !near {
			return code
		}
	}
}

// browser keeps cookies between requests.
type browser struct {
	*testkit.Browser
	h *house
}

func (h *house) browser(ip string) *browser { return &browser{testkit.NewBrowser(h.Mux, ip), h} }

// first takes the first step.
func (b *browser) first(user string) *httptest.ResponseRecorder {
	return b.Post("/first?to=%2Fclients%3Fx%3D1", "user", user)
}

func (b *browser) step(code string, more ...string) *httptest.ResponseRecorder {
	return b.Post("/gateway/second-step", append([]string{"code", code}, more...)...)
}

// in tells whether the browser is logged in, and how.
func (b *browser) in() (*session.Facts, bool) { return b.h.Facts(b.Browser) }
