package caddymodule_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	caddymodule "github.com/cliendo/gateway/caddymodule"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// forms are sent by one after the other of the addresses.
type forms struct {
	times     int
	addresses []string
	forwarded string // X-Forwarded-For
	trusted   bool   // the proxy is
}

func TestDoubtsAboutAddressesOfVisitors(t *testing.T) {
	for name, c := range map[string]struct {
		forms []forms
		want  []string
	}{
		"people from the internet":       {[]forms{{300, []string{"192.0.2.1", "2001:db8::1"}, "", false}}, nil},
		"a proxy that is trusted":        {[]forms{{300, []string{"192.0.2.1", "10.0.0.9"}, "192.0.2.1", true}}, nil},
		"an office without a proxy":      {[]forms{{300, []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}, "", false}}, nil},
		"a few from one place":           {[]forms{{50, []string{"10.0.0.1"}, "", false}, {50, []string{"192.0.2.1"}, "", false}}, nil},
		"a visitor who makes it up":      {[]forms{{50, []string{"192.0.2.1"}, "203.0.113.1", false}, {50, []string{"192.0.2.1"}, "", false}}, nil},
		"a proxy beside, not trusted":    {[]forms{{1, []string{"10.0.0.9"}, "192.0.2.1", false}}, []string{"forwarded"}},
		"one on this machine":            {[]forms{{1, []string{"::ffff:127.0.0.1"}, "192.0.2.1", false}}, []string{"forwarded"}},
		"a network of proxies elsewhere": {[]forms{{51, []string{"192.0.2.1", "192.0.2.2"}, "203.0.113.1", false}}, []string{"forwarded"}},
		"a balancer that says nothing":   {[]forms{{51, []string{"10.0.0.9"}, "", false}}, []string{"shared"}},
	} {
		t.Run(name, func(t *testing.T) {
			var log testkit.Log
			a := caddymodule.NewAddresses(slog.New(slog.NewTextHandler(&log, nil)))
			send(a, c.forms...)
			if got := a.Doubts(); !slices.Equal(got, c.want) {
				t.Errorf("doubts %q, want %q", got, c.want)
			}
			if n := strings.Count(log.String(), "level=WARN"); n != len(c.want) {
				t.Errorf("%d warnings: %s", n, &log)
			}
			if f := a.Findings(); len(f) != len(c.want) || len(f) > 0 && !strings.Contains(f[0].Fix, "trusted_proxies") {
				t.Errorf("check says %+v", f)
			}
		})
	}
}

func send(a caddymodule.Addresses, all ...forms) {
	for _, f := range all {
		for i := range f.times {
			r := httptest.NewRequest(http.MethodPost, "/gateway/login", nil)
			if f.forwarded != "" {
				r.Header.Set("X-Forwarded-For", f.forwarded)
			}
			vars := map[string]any{caddyhttp.TrustedProxyVarKey: f.trusted}
			r = r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, vars))
			ip := netip.MustParseAddr(f.addresses[i%len(f.addresses)])
			a.Saw(visitor.With(r, visitor.Visitor{IP: ip}))
		}
	}
}

// A doubt is told once an hour, and is over a day after the last reason for it.
func TestADoubtAboutAddressesEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testkit.Log
		a := caddymodule.NewAddresses(slog.New(slog.NewTextHandler(&log, nil)))
		unknown := forms{1, []string{"10.0.0.9"}, "192.0.2.1", false}
		for range 3 {
			send(a, unknown)
		}
		time.Sleep(61 * time.Minute)
		send(a, unknown)
		if n := strings.Count(log.String(), "level=WARN"); n != 2 {
			t.Errorf("%d warnings: %s", n, &log)
		}
		time.Sleep(25 * time.Hour)
		if got := a.Doubts(); got != nil {
			t.Errorf("a day later: %q", got)
		}
	})
}

// P10: an address that many come by is never shut out. Behind a proxy that is trusted
// everybody has one where it does not say for whom it asks.
func TestATrustedProxyIsNeverShutOut(t *testing.T) {
	a := caddymodule.NewAddresses(slog.New(slog.DiscardHandler))
	for peer, trusted := range map[string]bool{"203.0.113.7:4711": true, "[2001:db8:1:2::3]:4711": true, "198.51.100.9:4711": false, "odd": true} {
		r := httptest.NewRequest(http.MethodPost, "/gateway/login", nil)
		r.RemoteAddr = peer
		r = r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, map[string]any{caddyhttp.TrustedProxyVarKey: trusted}))
		a.Saw(visitor.With(r, visitor.Visitor{IP: netip.MustParseAddr("192.0.2.1")}))
	}
	for network, want := range map[string]bool{
		"203.0.113.7/32": true, "2001:db8:1:2::/64": true, "198.51.100.9/32": false, "192.0.2.1/32": false, "": false,
	} {
		if a.Proxy(network) != want {
			t.Errorf("%s is taken for a trusted proxy: %v", network, !want)
		}
	}
}
