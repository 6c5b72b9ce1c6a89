package limit_test

import (
	"net/netip"
	"testing"

	"github.com/cliendo/gateway/caddymodule/limit"
)

func TestNetworks(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7":                 "192.0.2.7/32",
		"::ffff:192.0.2.7":          "192.0.2.7/32",
		"2001:db8:1:2:3:4:5:6":      "2001:db8:1:2::/64",
		"2001:DB8:0001:2::":         "2001:db8:1:2::/64",
		"fe80::1%eth0":              "fe80::/64",
		"::1":                       "::/64",
		"255.255.255.255":           "255.255.255.255/32",
		"::ffff:192.0.2.7%eth0":     "192.0.2.7/32",
		"2001:db8:ffff:ffff:ffff::": "2001:db8:ffff:ffff::/64",
	} {
		if got := limit.Network(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if got := limit.Network(netip.Addr{}); got != "" {
		t.Errorf("no address: %s", got)
	}
}

func TestNetworksAsPeopleTypeThem(t *testing.T) {
	for typed, want := range map[string]string{
		"192.0.2.7":           "192.0.2.7/32",
		"192.0.2.7/32":        "192.0.2.7/32",
		"2001:db8::1":         "2001:db8::/64",
		"2001:db8::/64":       "2001:db8::/64",
		"2001:db8::1/64":      "2001:db8::/64",
		"192.0.2.0/24":        "",
		"2001:db8::/48":       "",
		"2001:db8::1/128":     "",
		"192.0.2.7:443":       "",
		"":                    "",
		"example.com":         "",
		"::ffff:192.0.2.7/96": "",
	} {
		got, err := limit.ParseNetwork(typed)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
}

func FuzzNetworksAreStable(f *testing.F) {
	for _, s := range []string{"192.0.2.7", "::ffff:1.2.3.4", "fe80::1%25eth0", "2001:db8::/64", "0.0.0.0/0", "::/64"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		network, err := limit.ParseNetwork(s)
		if err != nil {
			if network != "" {
				t.Errorf("%q: %q beside an error", s, network)
			}
			return
		}
		again, err := limit.ParseNetwork(network)
		if err != nil || again != network {
			t.Errorf("%q is %q, and that is %q, %v", s, network, again, err)
		}
		if a, err := netip.ParseAddr(s); err == nil && limit.Network(a) != network {
			t.Errorf("%q: typed %q, seen %q", s, network, limit.Network(a))
		}
	})
}
