package endtoend_test

import (
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// lastLogin checks that somebody logged in last between these moments.
func lastLogin(t *testing.T, g *kit.Gateway, earliest, latest time.Time) {
	t.Helper()
	least := time.Since(latest).Seconds()
	age := g.Metric("login_gateway_last_login_age_seconds")
	if most := time.Since(earliest).Seconds(); age < least || age > most {
		t.Errorf("the last login was %g s ago, not between %g and %g", age, least, most)
	}
}

// A session is in memory from its first request on, until one finds that it ended.
func TestMetricsTellSessionsAndTheStore(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		sessions := func(want float64) {
			t.Helper()
			if n := g.Metric("login_gateway_sessions_active"); n != want {
				t.Errorf("%g sessions in memory, want %g", n, want)
			}
		}
		sessions(0)
		before := operations(g)
		one, two := kit.Visit(t, g.URL).Enter("teammate"), kit.Visit(t, g.URL).Enter("client")
		arrived(t, one.Get("/"), "teammate")
		arrived(t, two.Get("/"), "client")
		sessions(2)
		cookie := one.Cookie("gateway_session")
		one.Get("/gateway/security/sessions") // which lists them
		one.Post("/gateway/logout", nil)
		one.SetCookie("gateway_session", cookie)
		one.Get("/")
		arrived(t, two.Get("/"), "client")
		sessions(1)
		after := operations(g)
		for _, operation := range []string{"get", "scan", "update"} {
			if after[operation+" ok"] <= before[operation+" ok"] || after[operation+" error"] != 0 {
				t.Errorf("%s of a store that is well: %v, then %v", operation, before, after)
			}
		}
		fileSize(t, g, s)
	})
}

// operations are how often the store was asked for what, and what came of it.
func operations(g *kit.Gateway) map[string]float64 {
	n := map[string]float64{}
	for _, operation := range []string{"get", "scan", "update"} {
		for _, result := range []string{"ok", "error"} {
			n[operation+" "+result] = g.Metric(`login_gateway_store_seconds_count{operation="` + operation + `",result="` + result + `"}`)
		}
	}
	return n
}

// fileSize compares what is told of the file with the file. A small one is doubled
// when it is full.
func fileSize(t *testing.T, g *kit.Gateway, s *kit.Store) {
	t.Helper()
	length := func() float64 {
		if s.Path == "" {
			return 0
		}
		info, err := os.Stat(s.Path)
		if err != nil {
			t.Fatal(err)
		}
		return float64(info.Size())
	}
	half := length() / 2
	if told := g.Metric("login_gateway_store_bytes"); told < half || told > length() || s.Path != "" && told == 0 {
		t.Errorf("the file has %g bytes, not from %g to %g", told, half, length())
	}
}

// Where one password is hashed at a time, the others of three wait.
func TestMetricsTellWhoWaitsForAHash(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{App: "limits {\nhash_workers 1\nargon2 {\ntime 10\n}\n}"})
	load := func(running, waiting float64) func() bool {
		return func() bool {
			return g.Metric("login_gateway_hash_running") == running && g.Metric("login_gateway_hash_waiting") == waiting
		}
	}
	if !load(0, 0)() {
		t.Error("somebody waits before anybody came")
	}
	var all sync.WaitGroup
	for _, user := range []string{"teammate", "client", "owner"} {
		v := kit.Visit(t, g.URL)
		all.Go(func() {
			if a := v.Post("/gateway/login", kit.Form(kit.Address(user), kit.Password)); a.Status != http.StatusSeeOther {
				t.Errorf("%s: %s", user, a)
			}
		})
	}
	kit.Eventually(t, "one is served and two wait", load(1, 2))
	all.Wait()
	kit.Eventually(t, "nobody waits", load(0, 0))
}
