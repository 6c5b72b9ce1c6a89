package limit

import (
	"fmt"
	"net/netip"
)

// Network returns the network an address counts as: itself for IPv4, its /64
// for IPv6, where one person has all of it. IPv4 in IPv6 is IPv4; zones are
// dropped. The zero Addr gives the empty string.
func Network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return ""
	}
	bits := 64
	if a.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(a, bits).Masked().String()
}

// ParseNetwork reads an address, or a network as Network writes it, the way
// people type them.
func ParseNetwork(s string) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return Network(a), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return "", fmt.Errorf("reading network %.60q: not an IP address", s)
	}
	network := Network(p.Addr())
	if p.Masked().String() != network {
		return "", fmt.Errorf("reading network %.60q: attempts are counted per IPv4 address and per IPv6 /64", s)
	}
	return network, nil
}
