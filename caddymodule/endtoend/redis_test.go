package endtoend_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// unavailable checks for an honest "in a moment" that leaves all cookies alone.
func unavailable(t *testing.T, a kit.Answer) {
	t.Helper()
	refused(t, a, http.StatusServiceUnavailable, "store_unavailable")
	if a.Header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %s", a)
	}
	if set := strings.Join(a.Header["Set-Cookie"], "\n"); strings.Contains(set, "gateway_session") {
		t.Errorf("a store that does not answer changes the session cookie: %s", set)
	}
}

// P31: a gateway starts without its Redis, says so, and recovers by itself.
func TestRedisDownAtStart(t *testing.T) {
	t.Parallel()
	for name, site := range map[string]kit.Site{"own secret": {NoSecret: true}, "given secret": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, app := kit.Redis(t).Town(), kit.NewApp(t)
			s.Redis.Stop()
			site.Store, site.Upstream, site.Words = s.Line, app.Addr, "public /open/*"
			g := kit.Start(t, site)
			v := kit.Visit(t, g.URL)
			v.SetCookie("gateway_session", "from-before")
			if a := v.Get("/gateway/health/ready", kit.Bare); a.Status != http.StatusServiceUnavailable && site.NoSecret {
				t.Errorf("a gateway that cannot know anybody is ready: %s", a)
			}
			unavailable(t, v.Post("/gateway/login", kit.Form("teammate@demo.test", kit.Password)))
			for _, path := range []string{"/", "/report"} {
				if a := v.Get(path); a.FromApp() || a.Status >= 500 && a.Cause() != "store_unavailable" {
					t.Errorf("%s: %s", path, a)
				}
			}
			if seen := app.Seen("/report"); len(seen) != 0 {
				t.Errorf("reached the app: %v", seen)
			}
			if site.NoSecret { // which is in Redis: without it nobody can be told apart
				if n := g.Metric(`login_gateway_refusals_total{cause="store_unavailable"}`); n != 3 {
					t.Errorf("%g of 3 refusals are counted", n)
				}
				kit.Eventually(t, "a line in the log for each refusal", func() bool {
					line := `"msg":"refused","cause":"store_unavailable","method":`
					return strings.Count(g.Output(), line+`"POST"`) == 1 && strings.Count(g.Output(), line+`"GET"`) == 2
				})
			}
			s.Redis.Restart()
			kit.Eventually(t, "logging in once Redis is there", func() bool {
				w := kit.Visit(t, g.URL)
				return w.Post("/gateway/login", kit.Form("teammate@demo.test", kit.Password), kit.Bare).Status == http.StatusSeeOther
			})
			arrived(t, kit.Visit(t, g.URL).Enter("teammate").Get("/"), "teammate")
			kit.Eventually(t, "readiness", func() bool {
				return v.Get("/gateway/health/ready?require=store", kit.Bare).Status == http.StatusOK
			})
		})
	}
}

// P21: while Redis is away those who are known go on, those who are not are told
// to wait, and nobody is logged out.
func TestRedisLostOnTheWay(t *testing.T) {
	t.Parallel()
	s, app := kit.Redis(t).Town(), kit.NewApp(t)
	one := kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr})
	two := kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr})
	known := kit.Visit(t, one.URL).Enter("teammate")
	arrived(t, known.Get("/"), "teammate")
	elsewhere := kit.Visit(t, two.URL)
	elsewhere.SetCookie("gateway_session", known.Cookie("gateway_session"))
	cookie := known.Cookie("gateway_session")

	s.Redis.Kill()
	before := operations(one)
	for range 50 {
		arrived(t, known.Get("/"), "teammate")
	}
	unavailable(t, elsewhere.Get("/"))
	unavailable(t, elsewhere.Get("/", kit.With("Sec-Fetch-Mode", "cors"), kit.With("Accept", "*/*")))
	unavailable(t, kit.Visit(t, one.URL).Login("client", kit.Password))
	unavailable(t, kit.Visit(t, one.URL).Login("nobody", "wrong"))
	unavailable(t, known.Post("/gateway/logout", nil))
	if r := one.Gateway("accounts", "list"); r.Exit == 0 || strings.Contains(r.Stdout, "demo") {
		t.Errorf("a list from a store that is away: exit %d\n%s", r.Exit, r.Stdout)
	}
	after := operations(one)
	for _, operation := range []string{"get", "update", "scan"} {
		if after[operation+" error"] <= before[operation+" error"] || after[operation+" ok"] != before[operation+" ok"] {
			t.Errorf("%s of a store that is away: %v, then %v", operation, before, after)
		}
	}
	refused(t, kit.Visit(t, one.URL).Get("/", kit.Bare), http.StatusUnauthorized, "not_logged_in")
	if a := kit.Visit(t, two.URL).Get("/gateway/login"); a.Status != http.StatusOK {
		t.Errorf("the login page without a store: %s", a)
	}
	if a := known.Get("/gateway/health/ready", kit.Bare); a.Status != http.StatusOK || !strings.Contains(a.Body, `"degraded"`) {
		t.Errorf("a node that serves those it knows: %s", a)
	}
	if a := known.Get("/gateway/health/ready?require=store", kit.Bare); a.Status != http.StatusServiceUnavailable {
		t.Errorf("a node without the store that is required: %s", a)
	}
	if known.Cookie("gateway_session") != cookie || elsewhere.Cookie("gateway_session") != cookie {
		t.Error("a cookie was changed")
	}

	s.Redis.Restart()
	kit.Eventually(t, "the session at the other node", func() bool { return elsewhere.Get("/").FromApp() })
	arrived(t, known.Get("/"), "teammate")
	kit.Eventually(t, "logging in again", func() bool {
		return kit.Visit(t, one.URL).Post("/gateway/login", kit.Form("client@demo.test", kit.Password), kit.Bare).Status == http.StatusSeeOther
	})
	kit.Eventually(t, "health", func() bool {
		return known.Get("/gateway/health/ready?require=store", kit.Bare).Status == http.StatusOK
	})
}

// P21: the machine of the master burns down. The replica takes over by itself: on both
// nodes people go on, all the time, and a little later everything is possible again,
// with what was known before.
func TestTheMasterOfRedisIsReplaced(t *testing.T) {
	t.Parallel()
	s, app := kit.RedisWithReplica(t).Town(), kit.NewApp(t)
	one := kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr, Level: "INFO"})
	two := kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr, Level: "INFO"})
	here, there := kit.Visit(t, one.URL).Enter("teammate"), kit.Visit(t, two.URL).Enter("client")
	elsewhere := kit.Visit(t, two.URL)
	elsewhere.SetCookie("gateway_session", here.Cookie("gateway_session"))
	for _, v := range []*kit.Visitor{here, elsewhere} {
		arrived(t, v.Get("/"), "teammate")
	}
	arrived(t, there.Get("/"), "client")
	conn := s.Redis.Client().Conn() // WAIT is about what was written on it, and before
	defer conn.Close()
	kit.Eventually(t, "the replica has all", func() bool {
		if err := conn.Set(t.Context(), "mark", "1", time.Minute).Err(); err != nil {
			return false
		}
		n, err := conn.Wait(t.Context(), 1, time.Second).Result()
		return err == nil && n == 1
	})

	var load sync.WaitGroup
	over := make(chan struct{})
	for user, v := range map[string]*kit.Visitor{"teammate": here, "client": there} {
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				if a := v.Get("/"); !a.FromApp() {
					t.Errorf("request %d of %s: %s", n, user, a)
					return
				}
			}
		})
	}
	s.Redis.Kill()
	for name, g := range map[string]*kit.Gateway{"one": one, "two": two} {
		kit.Eventually(t, "logging in again at node "+name, func() bool {
			return kit.Visit(t, g.URL).Post("/gateway/login", kit.Form("owner@demo.test", kit.Password), kit.Bare).Status == http.StatusSeeOther
		})
	}
	close(over)
	load.Wait()

	arrived(t, elsewhere.Get("/"), "teammate") // what was known before
	kit.Eventually(t, "logging out", func() bool { return here.Post("/gateway/logout", nil).Status == http.StatusSeeOther })
	kit.Eventually(t, "the other node knows of it", func() bool { return !elsewhere.Get("/").FromApp() })
	arrived(t, there.Get("/"), "client")
}

// However often a load balancer asks, the store is asked whether it works at most
// once a second.
func TestHealthIsGentleToTheStore(t *testing.T) {
	t.Parallel()
	s := kit.Redis(t)
	g, _ := town(t, s, kit.Site{})
	v, client := kit.Visit(t, g.URL), s.Redis.Client()
	if err := client.ConfigSet(t.Context(), "notify-keyspace-events", "K$").Err(); err != nil {
		t.Fatal(err)
	}
	writes := client.PSubscribe(t.Context(), "__keyspace@*__:*ping")
	defer writes.Close()
	if _, err := writes.Receive(t.Context()); err != nil { // from now on
		t.Fatal(err)
	}
	begun := time.Now()
	for range 50 {
		if a := v.Get("/gateway/health/ready?require=store", kit.Bare); a.Status != http.StatusOK {
			t.Fatal(a)
		}
	}
	most := 1 + int(time.Since(begun)/time.Second)
	client.Set(t.Context(), "the last ping", "", 0)
	next := func() string {
		told, err := writes.ReceiveTimeout(t.Context(), kit.Patience)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(told)
	}
	n := 0
	for !strings.Contains(next(), "the last ping") {
		n++
	}
	if n < 1 || n > most {
		t.Errorf("the store was asked %d times, at most %d wanted", n, most)
	}
}

// After stale_max nothing is served from memory, and still nobody is logged out.
func TestKnownSessionsAreServedForAWhileOnly(t *testing.T) {
	t.Parallel()
	s := kit.Redis(t)
	g, _ := town(t, s, kit.Site{App: "session {\n\t\t\tstale_max 2s\n\t\t}"})
	v := kit.Visit(t, g.URL).Enter("teammate")
	arrived(t, v.Get("/"), "teammate")
	s.Redis.Kill()
	var last kit.Answer
	kit.Eventually(t, "the end of what memory vouches for", func() bool {
		last = v.Get("/")
		return !last.FromApp()
	})
	unavailable(t, last)
	if a := v.Get("/gateway/health/ready", kit.Bare); a.Status != http.StatusServiceUnavailable {
		t.Errorf("a node that can serve nobody is ready: %s", a)
	}
	s.Redis.Restart()
	kit.Eventually(t, "the session again", func() bool { return v.Get("/").FromApp() })
}
