package endtoend_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// load sends requests at a steady rate until it is told to stop.
type load struct {
	sent, failed, resent atomic.Int64
	first                atomic.Pointer[string] // what failed first
}

// run tries again, as browsers do, where a connection ended without any answer:
// a server that lets a connection go may do so while a request is on its way.
func (l *load) run(quit <-chan struct{}, every time.Duration, try func() (kit.Answer, error), want func(kit.Answer) bool) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-quit:
			return
		case <-t.C:
		}
		l.sent.Add(1)
		a, err := try()
		for again := 0; err != nil && again < 2; again++ {
			l.resent.Add(1)
			a, err = try()
		}
		if err == nil && want(a) {
			continue
		}
		l.failed.Add(1)
		text := fmt.Sprintf("%v, %s", err, a)
		l.first.CompareAndSwap(nil, &text)
	}
}

func (l *load) String() string {
	first := "nothing"
	if p := l.first.Load(); p != nil {
		first = *p
	}
	return fmt.Sprintf("%d of %d failed, %d were sent again; first: %s", l.failed.Load(), l.sent.Load(), l.resent.Load(), first)
}

// P13: a hundred reloads under load, with options that change, lose no session, no
// counter and no login half-way, open no gap, and fail no more requests than a
// bare proxy in the same server.
func TestReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		app := kit.NewApp(t)
		twin := kit.FreeAddr(t)
		site := kit.Site{
			Store: s.Town().Line, Upstream: app.Addr,
			Sites: "http://" + twin + " {\n\treverse_proxy " + app.Addr + " {\n\t\tstream_close_delay 5m\n\t}\n}",
			App:   "limits {\n\t\t\tuser_network {\n\t\t\t\tdelay 10m\n\t\t\t}\n\t\t}",
		}
		g := kit.Start(t, site)
		v, idle := kit.Visit(t, g.URL).Enter("teammate"), kit.Visit(t, g.URL).Enter("client")
		for range 5 {
			guess(t, g.URL, "192.0.2.7", "owner@demo.test", "wrong")
		}
		halfway := kit.Visit(t, g.URL)
		page := halfway.Get("/halfway").To()
		halfway.Get(page)

		quit := make(chan struct{})
		var running sync.WaitGroup
		var ours, twins, strangers, logins load
		get := func(v *kit.Visitor, path string, options ...kit.Option) func() (kit.Answer, error) {
			return func() (kit.Answer, error) { return v.Try(http.MethodGet, path, options...) }
		}
		fromApp := func(a kit.Answer) bool { return a.Status == http.StatusOK && a.FromApp() }
		for range 4 { // 4 every 20 ms are 200 a second
			bare := kit.Visit(t, "http://"+twin)
			running.Go(func() { ours.run(quit, 20*time.Millisecond, get(v, "/known"), fromApp) })
			running.Go(func() { twins.run(quit, 20*time.Millisecond, get(bare, "/twin"), fromApp) })
		}
		stranger := kit.Visit(t, g.URL)
		running.Go(func() {
			strangers.run(quit, 20*time.Millisecond, get(stranger, "/stranger", kit.Bare), func(a kit.Answer) bool {
				return a.Status == http.StatusUnauthorized && a.Own()
			})
		})
		running.Go(func() {
			logins.run(quit, 500*time.Millisecond, func() (kit.Answer, error) {
				return kit.Visit(t, g.URL).Try(http.MethodPost, "/gateway/login", kit.Bare,
					kit.Body(formType, kit.Form("admin@demo.test", kit.Password).Encode()))
			}, func(a kit.Answer) bool { return a.Status == http.StatusSeeOther || a.Cause() == "busy" })
		})

		for i := range 100 {
			changed := site
			changed.App += fmt.Sprintf("\n\t\tsession {\n\t\t\tidle %dh\n\t\t\tcache_size %d\n\t\t}", 2+i%3, 1000+i%7)
			changed.App += fmt.Sprintf("\n\t\tbrand {\n\t\t\tname \"Brand %d\"\n\t\t}", i)
			if i%5 == 4 {
				changed.App += "\n\t\tlocale en"
			}
			if err := g.Load(changed); err != nil {
				t.Errorf("reload %d: %v", i, err)
			}
		}
		close(quit)
		running.Wait()

		t.Logf("gateway: %s; twin: %s; strangers: %s; logins: %s", &ours, &twins, &strangers, &logins)
		if ours.failed.Load() > twins.failed.Load() {
			t.Errorf("more requests failed than at a bare proxy: %s; there %s", &ours, &twins)
		}
		if strangers.failed.Load() > twins.failed.Load() || logins.failed.Load() > twins.failed.Load() {
			t.Errorf("strangers: %s; logins: %s", &strangers, &logins)
		}
		if seen := app.Seen("/stranger"); len(seen) != 0 {
			t.Errorf("%d requests without a session reached the app", len(seen))
		}
		arrived(t, idle.Get("/"), "client")
		arrived(t, v.Get("/"), "teammate")
		sentTo(t, halfway.Post(page, kit.Form("teammate@demo.test", kit.Password)), "/halfway")
		refused(t, guess(t, g.URL, "192.0.2.7", "owner@demo.test", kit.Password), http.StatusTooManyRequests, "too_many_attempts")
	})
}

// A config that cannot work leaves the one before in force, store and all.
func TestBadConfigsChangeNothing(t *testing.T) {
	t.Parallel()
	s := kit.Bolt(t)
	g, app := town(t, s, kit.Site{})
	v := kit.Visit(t, g.URL).Enter("teammate")
	good := kit.Site{Store: s.Line, Upstream: app.Addr}
	for name, bad := range map[string]kit.Site{
		"short secret":       {Store: s.Line, Upstream: app.Addr, NoSecret: true, App: "secret short"},
		"file of another":    {Store: "bolt /proc/nothing/here.db", Upstream: app.Addr},
		"unknown word":       {Store: s.Line, Upstream: app.Addr, Words: "pubilc /*"},
		"colliding prefix":   {Store: s.Line, Upstream: app.Addr, Words: "prefix /open\npublic /open/*"},
		"missing logo":       {Store: s.Line, Upstream: app.Addr, App: "brand {\n logo /nowhere/logo.svg\n }"},
		"other app fails":    {Store: s.Line, Upstream: app.Addr, Sites: "http://203.0.113.77:1 {\n bind 203.0.113.77\n respond 200\n}"},
		"unset variable":     {Store: s.Line, Upstream: app.Addr, NoSecret: true, App: "secret {env.NOT_SET}"},
		"no number":          {Store: s.Line, Upstream: app.Addr, App: "arrears_blocks_at many"},
		"unreadable redis":   {Store: "redis ftp://x", Upstream: app.Addr},
		"endless limit":      {Store: s.Line, Upstream: app.Addr, App: "limits {\n user {\n max_delay 48h\n }\n }"},
		"two header alike":   {Store: s.Line, Upstream: app.Addr, Words: "header user X-A\nheader email x_a"},
		"header of a proxy":  {Store: s.Line, Upstream: app.Addr, Words: "header user X-Forwarded-For"},
		"cors with wildcard": {Store: s.Line, Upstream: app.Addr, Words: "cors *"},
	} {
		if err := g.Load(bad); err == nil {
			t.Errorf("%s was taken", name)
		}
		arrived(t, v.Get("/"), "teammate")
		if err := g.Load(good); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
		arrived(t, v.Get("/"), "teammate")
	}
	sentTo(t, kit.Visit(t, g.URL).Login("client", kit.Password), "/")
}
