package endtoend_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// P13: a hundred reloads under load, with options that change, lose no session, no
// counter and no login half-way, open no gap, and neither fail nor send again more
// requests than a bare proxy in the same server.
func TestReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	// One after the other: at the same time, on two cores, both take longer.
	t.Run("bolt", func(t *testing.T) { reloadsUnderLoad(t, kit.Bolt(t)) })
	t.Run("redis", func(t *testing.T) { reloadsUnderLoad(t, kit.Redis(t)) })
}

func reloadsUnderLoad(t *testing.T, s *kit.Store) {
	app, twin := kit.NewApp(t), kit.FreeAddr(t)
	site := kit.Site{
		Store: s.Town().Line, Upstream: app.Addr, App: longWaits, Level: "INFO",
		Sites: "http://" + twin + " {\n\treverse_proxy " + app.Addr + " {\n\t\tstream_close_delay 5m\n\t}\n}",
	}
	g := kit.Start(t, site)
	v, idle := kit.Visit(t, g.URL).Enter("teammate"), kit.Visit(t, g.URL).Enter("client")
	p := trafficAt(t, g, v, kit.Visit(t, "http://"+twin))
	half := halves(t, g, kit.Visit(t, g.URL).Enter("trial"), "trial", 9)
	half[0].begin(t)
	for range 5 {
		guess(t, g.URL, "192.0.2.7", "owner@demo.test", "wrong")
	}
	opened := kit.Visit(t, g.URL)
	page := opened.Get("/halfway").To()
	opened.Get(page)

	p.start()
	for i := range 100 {
		load := func() {
			if err := g.Load(changed(site, i)); err != nil {
				t.Errorf("reload %d: %v", i, err)
			}
		}
		switch {
		case i%12 == 5: // between the password and the second step
			one := half[1+i/12]
			one.begin(t)
			load()
			one.finish(t)
		case i%20 == 10: // while a guess is compared
			var guessing sync.WaitGroup
			guessing.Go(func() {
				v := patient(t, g).From("192.0.2.8")
				a := kit.Patiently(func() kit.Answer { return v.Post("/gateway/login", kit.Form("client@demo.test", "wrong"), kit.Bare) })
				refused(t, a, http.StatusUnauthorized, "wrong_password")
			})
			load()
			guessing.Wait()
		default:
			load()
		}
	}
	p.stop()

	p.check(app)
	if a := kit.Visit(t, g.URL).Get("/gateway/login"); !strings.Contains(a.Body, "Brand 99") {
		t.Errorf("the last config is not in force: %s", a)
	}
	arrived(t, idle.Get("/"), "client")
	arrived(t, v.Get("/"), "teammate")
	sentTo(t, opened.Post(page, kit.Form("teammate@demo.test", kit.Password)), "/halfway")
	half[0].finish(t)
	for ip, user := range map[string]string{"192.0.2.7": "owner@demo.test", "192.0.2.8": "client@demo.test"} {
		refused(t, guess(t, g.URL, ip, user, kit.Password), http.StatusTooManyRequests, "too_many_attempts")
	}
}

// changed is a site with options that differ from one reload to the next.
func changed(site kit.Site, i int) kit.Site {
	site.App += fmt.Sprintf("\n\t\tsession {\n\t\t\tidle %dh\n\t\t\tcache_size %d\n\t\t}", 2+i%3, 1000+i%7)
	site.App += fmt.Sprintf("\n\t\tbrand {\n\t\t\tname \"Brand %d\"\n\t\t}", i)
	if i%5 == 4 {
		site.App += "\n\t\tlocale en"
	}
	return site
}

// traffic is who asks for something all the time: somebody at the gateway and at the
// bare proxy beside it, a stranger, and people who log in.
type traffic struct {
	t *testing.T

	ours, twins, strangers, logins load

	mu      sync.Mutex
	in      []*kit.Visitor // who logged in
	quit    chan struct{}
	running sync.WaitGroup
}

func trafficAt(t *testing.T, g *kit.Gateway, v, bare *kit.Visitor) *traffic {
	p := &traffic{t: t, quit: make(chan struct{})}
	p.ours.send, p.twins.send = getting(v, "/known"), getting(bare, "/twin")
	p.ours.want = func(a kit.Answer) bool {
		return a.Status == http.StatusOK && a.FromApp() && strings.Contains(a.Body, `"Remote-User":["teammate"]`)
	}
	p.twins.want = func(a kit.Answer) bool { return a.Status == http.StatusOK && a.FromApp() }
	p.strangers.send = getting(kit.Visit(t, g.URL), "/stranger", kit.Bare)
	p.strangers.want = func(a kit.Answer) bool { return a.Status == http.StatusUnauthorized && a.Own() }
	p.logins.send = func(o kit.Option) (kit.Answer, error) {
		v := kit.Visit(t, g.URL)
		a, err := v.Try(http.MethodPost, "/gateway/login", kit.Bare, kit.Body(formType, kit.Form("admin@demo.test", kit.Password).Encode()), o)
		if err == nil && a.Status == http.StatusSeeOther {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.in = append(p.in, v)
		}
		return a, err
	}
	p.logins.want = func(a kit.Answer) bool { return a.Status == http.StatusSeeOther || a.Cause() == "busy" }
	return p
}

func (p *traffic) start() {
	p.running.Go(func() { p.ours.run(p.quit, 200, 64) })
	p.running.Go(func() { p.twins.run(p.quit, 60, 64) })
	p.running.Go(func() { p.strangers.run(p.quit, 20, 64) })
	p.running.Go(func() { p.logins.run(p.quit, 1, 1) })
}

func (p *traffic) stop() {
	close(p.quit)
	p.running.Wait()
	p.t.Logf("gateway: %s; twin: %s; strangers: %s; logins: %s", &p.ours, &p.twins, &p.strangers, &p.logins)
}

// check compares the gateway with the twin, and wants everybody to be where they
// belong.
func (p *traffic) check(app *kit.App) {
	p.t.Helper()
	held(p.t, 200, &p.ours, &p.strangers)
	for _, l := range []*load{&p.ours, &p.strangers, &p.logins} {
		if l.failed.Load() > p.twins.failed.Load() {
			p.t.Errorf("more requests failed than at a bare proxy: %s; there %s", l, &p.twins)
		}
	}
	// Which connections are let go just when they are used is chance.
	if p.ours.again() > 2*p.twins.again()+0.01 {
		p.t.Errorf("more requests were sent again than to a bare proxy: %s; there %s", &p.ours, &p.twins)
	}
	if seen := app.Seen("/stranger"); len(seen) != 0 {
		p.t.Errorf("%d requests without a session reached the app", len(seen))
	}
	if len(p.in) == 0 {
		p.t.Error("nobody logged in meanwhile, so this proves nothing about them")
	}
	for _, v := range p.in {
		arrived(p.t, v.Get("/"), "admin")
	}
}

// patient is somebody who asks again where no answer comes.
func patient(t *testing.T, g *kit.Gateway) *kit.Visitor {
	t.Helper()
	v := kit.Visit(t, g.URL)
	v.Again = 2
	return v
}

// half is a login in two steps, with the code for the second.
type half struct {
	v          *kit.Visitor
	user, code string
}

// halves has somebody who is logged in switch their second step on, and returns so
// many logins of theirs, ten at the most, that can be made.
func halves(t *testing.T, g *kit.Gateway, v *kit.Visitor, user string, n int) (all []*half) {
	t.Helper()
	_, codes := switchOn(t, v)
	for _, code := range codes[:n] {
		all = append(all, &half{patient(t, g), user, code})
	}
	return all
}

// begin makes the first step.
func (h *half) begin(t *testing.T) {
	t.Helper()
	refused(t, h.v.Login(h.user, kit.Password), http.StatusUnauthorized, "second_step_required")
}

// finish makes the second. Who has few codes left is led to where there are more,
// and may go on to the app as well.
func (h *half) finish(t *testing.T) {
	t.Helper()
	if a := h.v.Post("/gateway/second-step?to=%2F", typed("code", h.code)); a.Status != http.StatusSeeOther {
		t.Errorf("the second step does not go on: %s", a)
	}
	arrived(t, h.v.Get("/"), h.user)
}

// A config that cannot work leaves the one before in force, store and all, and what
// is wrong is told with the option and the way to mend it; where it stands in the
// Caddyfile, with file and line.
func TestBadConfigsChangeNothing(t *testing.T) {
	t.Parallel()
	s := kit.Bolt(t)
	g, app := town(t, s, kit.Site{})
	v := kit.Visit(t, g.URL).Enter("teammate")
	good := kit.Site{Store: s.Line, Upstream: app.Addr}
	for name, c := range map[string]struct {
		bad  func(s *kit.Site)
		says string
		line string // stands on the line that is named; empty: none is
	}{
		"short secret":       {func(s *kit.Site) { s.NoSecret, s.App = true, "secret short" }, "secret 1 of 1: secret is too weak: 5 bytes, at least 32 are needed; make one with `openssl rand -base64 32`", ""},
		"file of another":    {func(s *kit.Site) { s.Store = "bolt /proc/nothing/here.db" }, "store bolt /proc/nothing/here.db: mkdir /proc/nothing: no such file or directory; name a file in a folder that the gateway may make and write to", ""},
		"unknown word":       {func(s *kit.Site) { s.Words = "pubilc /*" }, `unknown word "pubilc" in login_gateway; did you mean public?`, "pubilc"},
		"colliding prefix":   {func(s *kit.Site) { s.Words = "prefix /open\npublic /open/*" }, "public /open/*: it covers /open, the gateway's own paths, which look after themselves; narrow it or choose another prefix", "public /open"},
		"missing logo":       {func(s *kit.Site) { s.App = "brand {\n logo /nowhere/logo.svg\n }" }, "brand logo: stat /nowhere/logo.svg: no such file or directory: check the path and that the gateway may read it", ""},
		"other app fails":    {func(s *kit.Site) { s.Sites = "http://203.0.113.77:1 {\n bind 203.0.113.77\n respond 200\n}" }, "listening on 203.0.113.77:1", ""},
		"unset variable":     {func(s *kit.Site) { s.NoSecret, s.App = true, "secret {env.NOT_SET}" }, "secret: evaluated placeholder {env.NOT_SET} is empty; is the variable set, the file there and not empty?", ""},
		"no number":          {func(s *kit.Site) { s.App = "arrears_blocks_at many" }, `arrears_blocks_at "many": write a whole number from 1 to 2147483647`, "arrears_blocks_at"},
		"unreadable redis":   {func(s *kit.Site) { s.Store = "redis ftp://x" }, "store redis: reading the address of redis: the scheme must be redis, rediss, unix, or redis or rediss followed by +sentinel or +cluster", ""},
		"endless limit":      {func(s *kit.Site) { s.App = "limits {\n user {\n max_delay 48h\n }\n }" }, "limits user max_delay 48h0m0s: at most a day, nobody is locked out for good", "limits {"},
		"two header alike":   {func(s *kit.Site) { s.Words = "header user X-A\nheader email x_a" }, "header email x_a: user has that name already, or one that apps confuse with it", "header email"},
		"header of a proxy":  {func(s *kit.Site) { s.Words = "header user X-Forwarded-For" }, "header user X-Forwarded-For: that name has a meaning of its own; take another, like X-Remote-User", "header user"},
		"cors with wildcard": {func(s *kit.Site) { s.Words = "cors *" }, `cors "*": write an origin like https://app.example.com, lower case and nothing after the host`, "cors *"},
	} {
		bad := good
		c.bad(&bad)
		err := g.Load(bad)
		if err == nil {
			t.Errorf("%s was taken", name)
			continue
		}
		if at := lineOf(bad.Caddyfile(g.Addr, g.Admin), c.line); !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), at) {
			t.Errorf("%s: %v; want what says %q and %q", name, err, c.says, at)
		}
		arrived(t, v.Get("/"), "teammate")
		if err := g.Load(good); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
		arrived(t, v.Get("/"), "teammate")
	}
	sentTo(t, kit.Visit(t, g.URL).Login("client", kit.Password), "/")
}

// lineOf is how errors name the place where text stands in a Caddyfile.
func lineOf(caddyfile, text string) string {
	if text == "" {
		return ""
	}
	before, _, _ := strings.Cut(caddyfile, text)
	return fmt.Sprintf("at Caddyfile:%d", strings.Count(before, "\n")+1)
}
