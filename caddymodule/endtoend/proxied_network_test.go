package endtoend_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// behind is a visitor whose connections come from this address, as the gateway sees it.
func behind(t *testing.T, g *kit.Gateway, address string) *kit.Visitor {
	t.Helper()
	v := kit.Visit(t, g.URL)
	transport, ok := v.Client.Transport.(*http.Transport)
	if !ok {
		t.Fatalf("%T sends requests", v.Client.Transport)
	}
	transport.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, to)
		if err != nil {
			return nil, err
		}
		if _, err := fmt.Fprintf(c, "PROXY TCP4 %s 127.0.0.1 4000 80\r\n", address); err != nil {
			return nil, err
		}
		return c, nil
	}
	return v
}

// A trusted proxy that does not say for whom it asks stands for all who come by it: what
// one of them guesses shuts nobody else out. Anybody else's network is counted.
func TestATrustedProxyIsNeverShutOut(t *testing.T) {
	t.Parallel()
	const proxy, stranger = "203.0.113.9", "198.51.100.9"
	g, _ := town(t, kit.Bolt(t), kit.Site{
		Trusted: proxy + "/32",
		Servers: "listener_wrappers {\n\tproxy_protocol {\n\t\tallow 127.0.0.0/8\n\t}\n}",
		App:     "limits {\n\tnetwork {\n\t\tfree 3\n\t\tdelay 5m\n\t}\n}",
	})
	for address, counted := range map[string]bool{proxy: false, stranger: true} {
		v := behind(t, g, address)
		enter := func(user, password string) kit.Answer {
			return kit.Patiently(func() kit.Answer { return v.Post("/gateway/login", kit.Form(user, password), kit.Bare) })
		}
		for i := range 6 {
			want := "wrong_password"
			if counted && i >= 3 {
				want = "too_many_attempts"
			}
			if a := enter(fmt.Sprintf("nobody%d@demo.test", i), "wrong"); a.Cause() != want {
				t.Errorf("guess %d from %s: %s, want %s", i, address, a, want)
			}
		}
		if a := enter("teammate@demo.test", kit.Password); (a.Status == http.StatusSeeOther) == counted {
			t.Errorf("a login from %s after that: %s", address, a)
		}
	}
}
