package endtoend_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// tally counts answers by cause; a success counts as "in".
type tally struct {
	mu sync.Mutex
	of map[string]int
}

func (c *tally) add(a kit.Answer) {
	what := a.Cause()
	if a.Status == http.StatusSeeOther {
		what = "in"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[what]++
}

// longWaits keeps a slow machine from reaching the end of a wait, after which one
// more guess is compared, and rightly so.
const longWaits = `limits {
			user_network {
				delay 10m
			}
			user {
				delay 10m
			}
		}`

// together runs n tries at the same moment.
func together(n int, try func(i int) kit.Answer) map[string]int {
	var c tally
	var tries sync.WaitGroup
	for i := range n {
		tries.Go(func() { c.add(try(i)) })
	}
	tries.Wait()
	return c.of
}

// compared checks that so many of the guesses were compared, and that the others
// had to wait.
func compared(t *testing.T, of map[string]int, guesses, want int) {
	t.Helper()
	if of["wrong_password"] != want || of["too_many_attempts"] != guesses-want {
		t.Errorf("%d guesses gave %v; %d may be compared", guesses, of, want)
	}
}

// try posts a password without opening the page first, as a guesser does.
func try(t *testing.T, url, ip, address, password string) kit.Answer {
	t.Helper()
	return kit.Visit(t, url).From(ip).Post("/gateway/login", kit.Form(address, password), kit.Bare)
}

// guess is try until the gateway is not busy.
func guess(t *testing.T, url, ip, address, password string) kit.Answer {
	t.Helper()
	return kit.Patiently(func() kit.Answer { return try(t, url, ip, address, password) })
}

// manners in which one address can be written: they share one counter.
var manners = []string{"teammate@demo.test", "Teammate@Demo.Test", " teammate@demo.test ", "TEAMMATE@DEMO.TEST.", "teammate@DEMO.test"}

func TestParallelGuessesNeverExceedTheBudget(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, app := town(t, s, kit.Site{App: longWaits})
		nodes := []string{g.URL}
		if s.Name == "redis" {
			nodes = append(nodes, kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr, App: longWaits}).URL)
		}
		of := together(100, func(i int) kit.Answer {
			return guess(t, nodes[i%len(nodes)], "192.0.2.7", manners[i%4], "wrong")
		})
		compared(t, of, 100, 5)
		a := guess(t, nodes[len(nodes)-1], "192.0.2.7", "teammate@demo.test", kit.Password)
		refused(t, a, http.StatusTooManyRequests, "too_many_attempts")
		if a.Header.Get("Retry-After") == "" || a.Reference() == "" || !strings.Contains(a.Body, `name="password"`) {
			t.Errorf("who has to wait is not told how long, or has no form: %s", a)
		}
		// Somebody else behind the same address is not held up.
		if a := guess(t, g.URL, "192.0.2.7", "client@demo.test", kit.Password); a.Status != http.StatusSeeOther {
			t.Errorf("another user of the same network: %s", a)
		}
		// An address nobody has counts like a user.
		of = together(40, func(i int) kit.Answer { return guess(t, nodes[i%len(nodes)], "192.0.2.8", "nobody@demo.test", "wrong") })
		compared(t, of, 40, 5)
		// From many networks the user's own budget holds.
		of = together(60, func(i int) kit.Answer {
			return guess(t, nodes[i%len(nodes)], fmt.Sprintf("198.51.100.%d", i), "admin@demo.test", "wrong")
		})
		compared(t, of, 60, 20)
		command(t, g, "attempts", "clear", "teammate@demo.test")
		if a := guess(t, g.URL, "192.0.2.7", "teammate@demo.test", kit.Password); a.Status != http.StatusSeeOther {
			t.Errorf("after an operator cleared the failures: %s", a)
		}
	})
}

// The client address is what trusted proxies say, and nothing else.
func TestOnlyTrustedProxiesNameTheClient(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{Trusted: "203.0.113.9/32", App: longWaits})
	for i := range 8 {
		a := guess(t, g.URL, fmt.Sprintf("192.0.2.%d", i), "teammate@demo.test", "wrong")
		want := http.StatusUnauthorized
		if i >= 5 {
			want = http.StatusTooManyRequests
		}
		if a.Status != want {
			t.Errorf("guess %d under an invented address: %s", i, a)
		}
	}
}

// What was counted is counted still after a stop, and after a crash.
func TestCountersOutliveRestarts(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{App: longWaits})
		for i, end := range []func(){func() { g.Stop() }, func() { g.Kill() }} {
			user := []string{"teammate@demo.test", "client@demo.test"}[i]
			for range 5 {
				refused(t, guess(t, g.URL, "192.0.2.7", user, "wrong"), http.StatusUnauthorized, "wrong_password")
			}
			end()
			g.Run()
			g.WaitLive()
			refused(t, guess(t, g.URL, "192.0.2.7", user, kit.Password), http.StatusTooManyRequests, "too_many_attempts")
		}
	})
}

// P19: whoever burns guesses on somebody does not keep them out of a browser they
// have used before, and a browser of the attacker's own buys nothing.
func TestAnAttackerDoesNotKeepTheOwnerOut(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{App: longWaits})
	known := kit.Visit(t, g.URL).From("192.0.2.50").Enter("teammate")
	known.Post("/gateway/logout", nil)
	attacker := kit.Visit(t, g.URL).From("192.0.2.66").Enter("client")

	const guesses, workers = 1000, 8
	var c tally
	var work sync.WaitGroup
	for w := range workers {
		work.Go(func() {
			for i := range guesses / workers {
				// Now under other addresses, now in the browser that is known for somebody
				// else, now on the owner's own network.
				switch i % 3 {
				case 0:
					c.add(guess(t, g.URL, fmt.Sprintf("203.0.113.%d", (w*31+i)%200), "teammate@demo.test", "wrong"))
				case 1:
					c.add(kit.Patiently(func() kit.Answer {
						return attacker.Post("/gateway/login", kit.Form("teammate@demo.test", "wrong"), kit.Bare)
					}))
				default:
					c.add(guess(t, g.URL, "192.0.2.50", "teammate@demo.test", "wrong"))
				}
			}
		})
	}
	work.Wait()
	compared(t, c.of, workers*(guesses/workers), 20)
	refused(t, guess(t, g.URL, "192.0.2.99", "teammate@demo.test", kit.Password), http.StatusTooManyRequests, "too_many_attempts")
	refused(t, known.Login("teammate", "wrong"), http.StatusUnauthorized, "wrong_password")
	sentTo(t, known.Login("teammate", kit.Password), "/")
	arrived(t, known.Get("/"), "teammate")
}

// P7: three hundred people of one office log in behind one address, a dozen at any
// moment, and one in ten mistypes first. Every answer counts: nobody is refused because
// of the others, or told to come back. That there is room for all of them at the same
// moment is proved of the queue and of the budgets, each by itself.
func TestAnOfficeLogsIn(t *testing.T) { // alone: hashing steps back for whatever else runs
	const people, atOnce = 300, 12
	for name, open := range map[string]func(testing.TB) *kit.Store{"bolt": kit.Bolt, "redis": kit.Redis} {
		t.Run(name, func(t *testing.T) {
			s, app := open(t), kit.NewApp(t)
			g := kit.Start(t, kit.Site{Store: s.Town().Crowd(people).Line, Upstream: app.Addr})
			var c tally
			together(atOnce, func(first int) (last kit.Answer) {
				for i := first; i < people; i += atOnce {
					address := fmt.Sprintf("crowd%d@demo.test", i)
					if i%10 == 0 {
						c.add(try(t, g.URL, "198.51.100.7", address, "mistyped"))
					}
					last = try(t, g.URL, "198.51.100.7", address, kit.Password)
					c.add(last)
				}
				return last
			})
			if c.of["in"] != people || c.of["wrong_password"] != people/10 || len(c.of) != 2 {
				t.Errorf("of %d people: %v", people, c.of)
			}
		})
	}
}
