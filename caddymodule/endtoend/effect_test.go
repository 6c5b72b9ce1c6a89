package endtoend_test

import (
	"net/http"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// command runs an operator's command against the running gateway.
func command(t *testing.T, g *kit.Gateway, args ...string) string {
	t.Helper()
	r := g.Gateway(args...)
	if r.Exit != 0 {
		t.Errorf("%v: exit %d\n%s%s", args, r.Exit, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// What an operator changes holds from the next request on, for sessions that are
// in memory as well.
func TestChangesHoldFromTheNextRequest(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, app := town(t, s, kit.Site{})
		v, other := kit.Visit(t, g.URL).Enter("teammate"), kit.Visit(t, g.URL).Enter("client")
		arrived(t, v.Get("/"), "teammate")

		command(t, g, "users", "block", "teammate@demo.test", "--reason", "left")
		before := len(app.Seen(""))
		refused(t, v.Get("/"), http.StatusForbidden, "user_blocked")
		refused(t, v.Get("/", kit.With("Sec-Fetch-Mode", "cors")), http.StatusForbidden, "user_blocked")
		refused(t, kit.Visit(t, g.URL).Login("teammate", kit.Password), http.StatusForbidden, "user_blocked")
		if after := len(app.Seen("")); after != before {
			t.Errorf("%d requests of a blocked user reached the app", after-before)
		}
		arrived(t, other.Get("/"), "client")
		command(t, g, "users", "unblock", "teammate@demo.test")
		arrived(t, v.Get("/"), "teammate")

		command(t, g, "users", "end-sessions", "teammate@demo.test")
		refused(t, v.Get("/", kit.Bare), http.StatusUnauthorized, "session_ended")
		arrived(t, v.Enter("teammate").Get("/"), "teammate")

		command(t, g, "users", "set", "teammate@demo.test", "--type", "client")
		if seen := arrived(t, v.Get("/"), "teammate"); seen.Header.Get("Remote-Groups") != "client" {
			t.Errorf("the new type did not arrive: %v", seen.Header)
		}

		command(t, g, "accounts", "set", "acme", "--state", "suspended", "--reason", "abuse")
		refused(t, v.Get("/"), http.StatusForbidden, "account_suspended")
		refused(t, other.Get("/"), http.StatusForbidden, "account_suspended")
		command(t, g, "accounts", "set", "acme", "--state", "active")
		arrived(t, v.Get("/"), "teammate")

		command(t, g, "accounts", "end-sessions", "acme")
		refused(t, v.Get("/", kit.Bare), http.StatusUnauthorized, "session_ended")
		refused(t, other.Get("/", kit.Bare), http.StatusUnauthorized, "session_ended")
	})
}

// A new password ends the sessions, and only it works from then on.
func TestNewPasswordEndsSessions(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		v := kit.Visit(t, g.URL).Enter("teammate")
		var out struct{ Password string }
		decode(t, command(t, g, "users", "password", "teammate@demo.test", "--json"), &out)
		refused(t, v.Get("/", kit.Bare), http.StatusUnauthorized, "session_ended")
		refused(t, v.Login("teammate", kit.Password), http.StatusUnauthorized, "wrong_password")
		sentTo(t, v.Login("teammate", out.Password), "/")
		arrived(t, v.Get("/"), "teammate")
	})
}

// On two nodes a change made at one holds at the other within a moment; and what
// was counted at one counts at the other.
func TestChangesReachTheOtherNode(t *testing.T) {
	t.Parallel()
	s := kit.Redis(t)
	one, app := town(t, s, kit.Site{})
	two := kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr})
	v := kit.Visit(t, one.URL).Enter("teammate")
	there := kit.Visit(t, two.URL)
	there.SetCookie("gateway_session", v.Cookie("gateway_session"))
	arrived(t, there.Get("/"), "teammate")

	command(t, one, "users", "block", "teammate@demo.test", "--reason", "left")
	refused(t, v.Get("/"), http.StatusForbidden, "user_blocked")
	kit.Eventually(t, "the block at the other node", func() bool {
		return there.Get("/", kit.Bare).Cause() == "user_blocked"
	})
	command(t, two, "users", "unblock", "teammate@demo.test")
	kit.Eventually(t, "the end of the block at the first node", func() bool { return v.Get("/").FromApp() })

	if a := v.Post("/gateway/logout", nil); a.Status != http.StatusSeeOther {
		t.Errorf("logging out: %s", a)
	}
	kit.Eventually(t, "the log-out at the other node", func() bool {
		return there.Get("/", kit.Bare).Cause() == "session_ended"
	})
}
