package security_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// at logs jan in on a device.
func (h *house) at(agent, network string) *browser {
	h.t.Helper()
	s, err := h.sessions.Start(context.Background(), session.Login{User: h.jan(), Amr: []string{"pwd"}, Agent: agent, Network: network})
	testkit.Must(h.t, err)
	return &browser{h: h, cookie: s.Cookie}
}

func (b *browser) handle() string {
	_, f := b.in()
	return f.Session.Handle()
}

func (h *house) lines(action audit.Action) []audit.Entry {
	h.t.Helper()
	page, err := h.log.List(context.Background(), "praktijk", audit.Query{Action: action})
	testkit.Must(h.t, err)
	return page.Entries
}

func TestWhereAmILoggedIn(t *testing.T) {
	onStores(t, func(h *house) {
		here, phone := h.at("Firefox / Linux", "192.0.2.1/32"), h.at("Safari / iPhone", "2001:db8::/64")
		body := here.get("/sessions").Body.String()
		for _, want := range []string{
			"Firefox on Linux", "Safari on iPhone", "192.0.2.1, Utrecht, Netherlands", "You are here now", phone.handle(), "Log out all other devices",
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%q is not shown: %s", want, body)
			}
		}
		if strings.Contains(body, phone.cookie) || strings.Count(body, "Log this device out") != 1 {
			t.Errorf("a cookie is shown, or the session at hand can be ended: %s", body)
		}
		if card := here.get("").Body.String(); !strings.Contains(card, "You are logged in at 2 places.") {
			t.Errorf("the hub says %s", card)
		}
		h.want(here.post("/sessions/end", "session", phone.handle()), 303, "", "/gateway/security/sessions?done=one")
		if c, _ := phone.in(); c != cause.SessionEnded {
			t.Errorf("the phone: %s", c)
		}
		if c, _ := here.in(); c != cause.None {
			t.Errorf("here: %s", c)
		}
		if lines := h.lines(audit.UserSessionEnded); len(lines) != 1 || lines[0].Actor.ID != "jan" || lines[0].Actor.Network != "192.0.2.1/32" {
			t.Errorf("the log says %+v", lines)
		}
		// Neither what is over, nor somebody else's, nor the one at hand.
		testkit.Must(t, h.dir.CreateUser(t.Context(), &store.User{ID: "piet", Account: "praktijk", Email: "piet@example.test", Name: "Piet", Type: "teammate"}))
		piet, err := h.dir.User(t.Context(), "praktijk", "piet")
		testkit.Must(t, err)
		other, err := h.sessions.Start(t.Context(), session.Login{User: piet})
		testkit.Must(t, err)
		for handle, to := range map[string]string{other.Handle: "?done=gone", "unknown": "?done=gone", here.handle(): "", "": ""} {
			h.want(here.post("/sessions/end", "session", handle), 303, "", "/gateway/security/sessions"+to)
		}
		f, err := h.sessions.Check(t.Context(), other.Cookie)
		testkit.Must(t, err)
		if c, _ := here.in(); c != cause.None || f.Cause != cause.None {
			t.Errorf("here %s, somebody else %s", c, f.Cause)
		}
	})
}

// What was proved more than ten minutes ago is not enough to log somebody out; the
// proof is asked where it is needed, and what was asked for is done then.
func TestEndingSessionsTakesAFreshProof(t *testing.T) {
	onStores(t, func(h *house) {
		here, phone := h.login(), h.login()
		h.push(11 * time.Minute)
		res := here.post("/sessions/end", "session", phone.handle())
		h.want(res, 401, cause.FreshProofRequired, "")
		if body := res.Body.String(); !strings.Contains(body, `value="`+phone.handle()+`"`) || !strings.Contains(body, `name="password"`) {
			t.Errorf("it is not asked for: %s", body)
		}
		h.want(here.post("/sessions/end", "session", phone.handle(), "password", "wrong"), 401, cause.WrongPassword, "")
		if c, _ := phone.in(); c != cause.None {
			t.Fatalf("the phone: %s", c)
		}
		h.want(here.post("/sessions/end-others"), 401, cause.FreshProofRequired, "")
		h.want(here.post("/sessions/end", "session", phone.handle(), "password", password), 303, "", "/gateway/security/sessions?done=one")
		// For ten minutes nothing more is asked.
		tablet := h.login()
		h.push(9 * time.Minute)
		h.want(here.post("/sessions/end-others"), 303, "", "/gateway/security/sessions?done=others")
		if c, _ := tablet.in(); c != cause.SessionEnded {
			t.Errorf("the tablet: %s", c)
		}
		// And that was no proof of anything.
		h.push(2 * time.Minute)
		h.want(here.post("/sessions/end-others"), 401, cause.FreshProofRequired, "")
		if c, _ := here.in(); c != cause.None {
			t.Errorf("here: %s", c)
		}
	})
}

// Who has no password has no field for one either: the passkey is all that comes.
func TestEndingSessionsByPasskeyAlone(t *testing.T) {
	onStores(t, func(h *house) {
		key, here := phone(), h.login()
		h.want(here.added(key, "password", password), 303, cause.None, done+"added")
		h.update(func(u *store.User) { u.Password = "" })
		other := h.login()
		h.push(11 * time.Minute)
		res := here.post("/sessions/end-others")
		h.want(res, 401, cause.FreshProofRequired, "")
		if body := res.Body.String(); strings.Contains(body, `name="password"`) || !strings.Contains(body, `name="passkey"`) {
			h.t.Errorf("%s", body)
		}
		h.want(here.post("/sessions/end-others", "passkey", ""), 401, cause.FreshProofRequired, "")
		h.want(here.post("/sessions/end-others", "passkey", here.touch(key)), 303, "", "/gateway/security/sessions?done=others")
		if c, _ := other.in(); c != cause.SessionEnded {
			h.t.Errorf("the other: %q", c)
		}
	})
}

// All others are out at the next request, and with them what a login half-way or a
// trusted device could still open.
func TestEndingAllOthers(t *testing.T) {
	onStores(t, func(h *house) {
		ctx := context.Background()
		h.login().setUp()
		testkit.Must(t, h.factors.Trust(ctx, h.jan(), factor.Device{ID: "laptop", Agent: "Chrome / Windows", Network: "198.51.100.7/32"}))
		half := store.HalfLogin{Method: "password"}
		token, err := h.factors.Open(ctx, h.jan(), &half)
		testkit.Must(t, err)
		here, others := h.login(), []*browser{h.login(), h.login(), h.login()}
		if body := here.get("/sessions").Body.String(); !strings.Contains(body, "Chrome on Windows") {
			t.Errorf("the trusted device is not listed: %s", body)
		}
		h.want(here.post("/sessions/end-others"), 303, "", "/gateway/security/sessions?done=others")
		for i, b := range others {
			if c, _ := b.in(); c != cause.SessionEnded {
				t.Errorf("%d: %s", i, c)
			}
		}
		if c, _ := here.in(); c != cause.None {
			t.Errorf("here: %s", c)
		}
		if trusted, err := h.factors.Trusted(ctx, h.jan(), "laptop"); err != nil || trusted {
			t.Errorf("the laptop is trusted: %v %v", trusted, err)
		}
		if _, err := h.factors.Find(ctx, token); err == nil {
			t.Error("a login half-way goes on")
		}
		// By one that was ended itself nothing is done.
		h.want(others[0].post("/sessions/end-others"), 401, cause.NotLoggedIn, "")
		if c, _ := here.in(); c != cause.None {
			t.Errorf("ended by one that is over: %s", c)
		}
	})
}

func TestADeviceIsForgottenFromTheListOfSessions(t *testing.T) {
	onStores(t, func(h *house) {
		ctx := context.Background()
		h.login().setUp()
		testkit.Must(t, h.factors.Trust(ctx, h.jan(), factor.Device{ID: "laptop"}))
		b := h.login()
		h.want(b.post("/devices", "device", "laptop", "from", "sessions"), 303, "", "/gateway/security/sessions?done=forgotten")
		if trusted, err := h.factors.Trusted(ctx, h.jan(), "laptop"); err != nil || trusted {
			t.Errorf("it is trusted still: %v %v", trusted, err)
		}
	})
}

func TestScriptsOfTheAppReadNoSessions(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		b.header = map[string]string{"Sec-Fetch-Dest": "empty"}
		for _, path := range []string{"/sessions", "/activity", "/email", "/activity?before=" + url.QueryEscape("zz")} {
			if res := b.get(path); res.Code != 403 || res.Body.Len() != 0 {
				t.Errorf("%s: %d %s", path, res.Code, res.Body)
			}
		}
	})
}
