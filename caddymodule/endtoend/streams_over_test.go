package endtoend_test

import (
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// Whatever ends somebody's access ends their streams, at the node where it happens
// and at the other, those that began under an older configuration too.
func TestStreamsEndWhenAccessEnds(t *testing.T) {
	t.Parallel()
	t.Run("one node on bolt", func(t *testing.T) {
		t.Parallel()
		s := kit.Bolt(t)
		g, app := town(t, s, kit.Site{})
		streamsEnd(t, kit.Site{Store: s.Line, Upstream: app.Addr}, g, g)
	})
	t.Run("two nodes on redis", func(t *testing.T) {
		t.Parallel()
		s := kit.Redis(t)
		one, app := town(t, s, kit.Site{})
		site := kit.Site{Store: s.Line, Upstream: app.Addr}
		streamsEnd(t, site, one, kit.Start(t, site))
	})
}

// streamsEnd has streams at one node, loads another configuration there, and ends
// the access of their user at the other node.
func streamsEnd(t *testing.T, site kit.Site, here, there *kit.Gateway) {
	t.Helper()
	bystander := open(t, kit.Visit(t, here.URL).Enter("trial"))
	for i, way := range []struct {
		what string
		end  func(v *kit.Visitor)
		mend []string
	}{
		{"log-out", func(v *kit.Visitor) { v.Post("/gateway/logout", nil) }, nil},
		{"log-out everywhere", func(v *kit.Visitor) { v.Post("/gateway/logout/all", nil) }, nil},
		{"another login in this browser", func(v *kit.Visitor) {
			v.Post("/gateway/login", kit.Form("client@demo.test", kit.Password))
		}, nil},
		{"a block", func(*kit.Visitor) {
			command(t, there, "users", "block", "teammate@demo.test", "--reason", "left")
		}, []string{"users", "unblock", "teammate@demo.test"}},
		{"the state of the account", func(*kit.Visitor) {
			command(t, there, "accounts", "set", "acme", "--state", "suspended", "--reason", "abuse")
		}, []string{"accounts", "set", "acme", "--state", "active"}},
		{"a new password", func(*kit.Visitor) {
			command(t, there, "users", "password", "teammate@demo.test")
		}, nil},
	} {
		v := kit.Visit(t, here.URL).Enter("teammate")
		streams := open(t, v)
		site.App = []string{"", "session {\n idle 2h\n }"}[i%2]
		if err := here.Load(site); err != nil {
			t.Fatal(err)
		}
		alive(t, streams)
		elsewhere := *v
		elsewhere.Base = there.URL
		way.end(&elsewhere)
		over(t, streams)
		if t.Failed() {
			t.Fatalf("at %s", way.what)
		}
		if way.mend != nil {
			command(t, there, way.mend...)
			kit.Eventually(t, "the way back in", func() bool { return kit.Visit(t, here.URL).Login("teammate", kit.Password).To() == "/" })
		}
	}
	alive(t, bystander)
}
