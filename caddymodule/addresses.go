package caddymodule

import (
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Doubts about the addresses of visitors. The words of the pages have the same names.
const (
	// doubtForwarded: a proxy says for whom it asks, and is not trusted.
	doubtForwarded = "forwarded"
	// doubtShared: most who log in have one private address.
	doubtShared = "shared"
)

// addresses notices a balancer that nobody told the gateway of. Behind one all
// people have one address, which the limits of a network then count for all (P10).
// It looks at forms that are sent to our own pages, and at no other request. The
// proxies that it was told of it remembers: where one of them does not say for whom it
// asks, it stands for all who come by it, and its address is never shut out.
type addresses struct {
	log *slog.Logger
	now func() time.Time

	mu        sync.Mutex
	seen      int // of the round
	forwarded int
	private   map[netip.Addr]int
	proxies   map[string]bool      // networks of those that are trusted
	doubts    map[string]time.Time // when there was reason last
	warned    map[string]time.Time
}

const (
	addressRound = 100            // forms, of which more than half are most
	mostProxies  = 4096           // far more than anybody has
	doubtLasts   = 24 * time.Hour // after the last reason for it
	doubtRepeats = time.Hour      // between two lines in the log
)

func newAddresses(log *slog.Logger) *addresses {
	return &addresses{
		log: log, now: time.Now, private: map[netip.Addr]int{}, proxies: map[string]bool{}, doubts: map[string]time.Time{}, warned: map[string]time.Time{},
	}
}

// proxy tells whether a network is that of a trusted proxy.
func (a *addresses) proxy(network string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.proxies[network]
}

// saw is told of each form that comes.
func (a *addresses) saw(r *http.Request) {
	ip := visitor.Of(r).IP.Unmap()
	if !ip.IsValid() {
		return
	}
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	near := ip.IsPrivate() || ip.IsLoopback()
	named := !trusted && (r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "")
	a.mu.Lock()
	defer a.mu.Unlock()
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); trusted && err == nil && len(a.proxies) < mostProxies {
		a.proxies[limit.Network(peer.Addr())] = true
	}
	if a.seen++; a.seen > addressRound {
		a.seen, a.forwarded = 1, 0
		clear(a.private)
	}
	if named {
		a.forwarded++
	}
	if near {
		a.private[ip]++
	}
	// Anybody on the internet can write the header. Somebody next to us who does is a
	// proxy, and so is what most come through.
	switch {
	case named && (near || a.forwarded > addressRound/2):
		a.doubt(doubtForwarded, ip)
	case a.private[ip] > addressRound/2:
		a.doubt(doubtShared, ip)
	}
}

// doubt keeps a reason. a.mu is held.
func (a *addresses) doubt(which string, ip netip.Addr) {
	now := a.now()
	a.doubts[which] = now
	theMetrics.addresses.WithLabelValues(which).Inc()
	if last, ok := a.warned[which]; ok && now.Sub(last) < doubtRepeats {
		return
	}
	a.warned[which] = now
	a.log.Warn(doubtMessages[which], "address", ip.String(), "fix", trustFix)
}

const trustFix = "where a proxy or balancer stands in front, name its addresses with trusted_proxies and trusted_proxies_strict in Caddy's option servers"

var doubtMessages = map[string]string{
	doubtForwarded: "the addresses of visitors are not known: a proxy that is not trusted says for whom it asks",
	doubtShared:    "most forms come from one private address: if that is a proxy, the addresses of visitors are not known",
}

// current are the doubts for which there was reason within a day.
func (a *addresses) current() (which []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range []string{doubtForwarded, doubtShared} {
		if at, ok := a.doubts[d]; ok && a.now().Sub(at) < doubtLasts {
			which = append(which, d)
		}
	}
	return which
}

// findings are the same for `check`.
func (a *addresses) findings() []store.Finding {
	doubts := a.current()
	all := make([]store.Finding, 0, len(doubts))
	for _, d := range doubts {
		all = append(all, store.Finding{Part: "addresses", Level: levelWarning, Message: doubtMessages[d], Fix: trustFix})
	}
	return all
}
