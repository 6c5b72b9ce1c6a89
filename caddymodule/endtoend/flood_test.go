package endtoend_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// P32: a thousand logins at once cost the memory of a few hashes. Everybody is
// answered, with a reason; who is logged in goes on as if nothing were, and who is on
// a device that they have used before gets in.
func TestAThousandLoginsAtOnce(t *testing.T) { // alone: hashing steps back for whatever else runs
	const logins, workers, queue = 1000, 2, 100
	// Each worker has one hash, and one waits ahead; the collector lets as much again
	// lie about. A login that waits has a connection and a form.
	const most = (2*(workers+1)*(19<<20) + logins*(128<<10) + 256<<20) * kit.Weight
	s, app := kit.Bolt(t), kit.NewApp(t)
	g := kit.Start(t, kit.Site{
		Store: s.Town().Crowd(floodCrowd).Line, Upstream: app.Addr,
		App: fmt.Sprintf("limits {\nhash_workers %d\nhash_queue %d\n}", workers, queue),
	})
	in, known := kit.Visit(t, g.URL).Enter("owner"), kit.Visit(t, g.URL).Enter("teammate")
	known.Post("/gateway/logout", nil)

	memory := g.WatchMemory()
	full, over := make(chan struct{}), make(chan struct{})
	filled := sync.OnceFunc(func() { close(full) })
	var others sync.WaitGroup
	others.Go(func() {
		<-full
		of := together(8, func(int) kit.Answer {
			return known.Post("/gateway/login", kit.Form(kit.Address("teammate"), kit.Password))
		})
		if of["in"] != 8 {
			t.Errorf("8 times from a known device: %v", of)
		}
	})
	others.Go(func() {
		for {
			arrived(t, in.Get("/"), "owner")
			select {
			case <-over:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	of := together(logins, func(i int) kit.Answer {
		a := oneOfAFlood(t, g.URL, i)
		if a.Status == http.StatusServiceUnavailable {
			filled()
		}
		return a
	})
	close(over)
	filled()
	others.Wait()
	took := memory()
	t.Logf("a flood of %d logins took %d MiB: %v", logins, took>>20, of)
	if took == 0 || took > most {
		t.Errorf("%d MiB; it may take %d", took>>20, most>>20)
	}
	if of["in"] == 0 || of["wrong_password"] == 0 || of["busy"] == 0 {
		t.Error("it was no flood: it did not fill the queue, or nobody was served")
	}
}

// floodCrowd is how many people are meant by a flood.
const floodCrowd = 50

// oneOfAFlood comes from a network of its own: with the right password, a wrong one, an
// address that nobody has, or to guess that of the client.
func oneOfAFlood(t *testing.T, url string, i int) kit.Answer {
	t.Helper()
	address, password := fmt.Sprintf("crowd%d@demo.test", i/4%floodCrowd), kit.Password
	switch i % 4 {
	case 1:
		password = "wrong"
	case 2:
		address = fmt.Sprintf("nobody%d@demo.test", i)
	case 3:
		address, password = kit.Address("client"), fmt.Sprintf("guess %d", i)
	}
	a := try(t, url, fmt.Sprintf("203.0.%d.%d", i/250, i%250), address, password)
	want := map[string]int{
		"": http.StatusSeeOther, "wrong_password": http.StatusUnauthorized,
		"too_many_attempts": http.StatusTooManyRequests, "busy": http.StatusServiceUnavailable,
	}
	if a.Status != want[a.Cause()] || !a.Own() || a.Status > http.StatusUnauthorized && a.Header.Get("Retry-After") == "" {
		t.Errorf("try %d: %s, Retry-After %q", i, a, a.Header.Get("Retry-After"))
	}
	return a
}
