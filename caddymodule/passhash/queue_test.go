package passhash_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/passhash"
)

// crowd waits in line for a Hasher whose only worker it holds.
type crowd struct {
	t       testing.TB
	h       *passhash.Hasher
	release func()      // of the place that is held
	served  chan *guest // in the order in which places came
	all     sync.WaitGroup
}

type guest struct {
	place   passhash.Place
	cancel  context.CancelFunc
	release func()
	err     chan error // of those that got no place
}

func newCrowd(t testing.TB, o passhash.Options) *crowd {
	o.Workers, o.Params = 1, cheap
	c := &crowd{t: t, h: passhash.New(o), served: make(chan *guest)}
	var err error
	if c.release, err = c.h.Hold(t.Context(), passhash.Place{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// join lets n guests queue up one after the other.
func (c *crowd) join(n int, p passhash.Place) []*guest {
	c.t.Helper()
	guests := make([]*guest, n)
	for i := range guests {
		_, before, _ := c.h.Stats()
		guests[i] = c.try(p)
		for waiting := before; waiting <= before; _, waiting, _ = c.h.Stats() {
			runtime.Gosched()
		}
	}
	return guests
}

// try lets one guest queue up, who may be turned away.
func (c *crowd) try(p passhash.Place) *guest {
	ctx, cancel := context.WithCancel(c.t.Context())
	g := &guest{place: p, cancel: cancel, err: make(chan error, 1)}
	c.all.Go(func() {
		defer cancel()
		release, err := c.h.Hold(ctx, p)
		if err != nil {
			g.err <- err
			return
		}
		g.release = release
		c.served <- g
	})
	return g
}

// next ends the hash under way and returns who is served then.
func (c *crowd) next() *guest {
	c.release()
	g := <-c.served
	c.release = g.release
	return g
}

// end serves all that still wait.
func (c *crowd) end() {
	for _, waiting, _ := c.h.Stats(); waiting > 0; _, waiting, _ = c.h.Stats() {
		c.next()
	}
	c.release()
	c.all.Wait()
	if running, waiting, _ := c.h.Stats(); running != 0 || waiting != 0 {
		c.t.Errorf("afterwards %d running, %d waiting", running, waiting)
	}
}

func TestOneNetworkCannotMakeOthersWait(t *testing.T) {
	c := newCrowd(t, passhash.Options{PerNetwork: 1000})
	defer c.end()
	c.join(1000, passhash.Place{Network: "attacker"})
	visitor := c.join(1, passhash.Place{Network: "visitor"})[0]
	if first, second := c.next(), c.next(); first != visitor && second != visitor {
		t.Errorf("served %v and %v before the visitor", first.place, second.place)
	}
}

func TestWithinANetworkTheFirstIsServedFirst(t *testing.T) {
	c := newCrowd(t, passhash.Options{})
	defer c.end()
	for i, g := range c.join(20, passhash.Place{Network: "office"}) {
		if c.next() != g {
			t.Fatalf("number %d was overtaken", i)
		}
	}
}

func TestReservedPlacesGoFirstButNeverAlone(t *testing.T) {
	c := newCrowd(t, passhash.Options{})
	defer c.end()
	for i := range 40 {
		c.join(1, passhash.Place{Network: fmt.Sprint("flood", i)})
	}
	c.join(40, passhash.Place{Network: "office", Reserved: true})
	if !c.next().place.Reserved {
		t.Error("the first place went to somebody unknown")
	}
	reserved := 1
	for range 19 {
		if c.next().place.Reserved {
			reserved++
		}
	}
	if reserved != 15 {
		t.Errorf("%d of 20 places were reserved, want three of four", reserved)
	}
}

func TestAFloodFromManyNetworksDoesNotShutKnownDevicesOut(t *testing.T) {
	c := newCrowd(t, passhash.Options{Queue: 200})
	defer c.end()
	for i := range 200 {
		c.join(1, passhash.Place{Network: fmt.Sprint("flood", i)})
	}
	if err := <-c.try(passhash.Place{Network: "one more"}).err; !errors.Is(err, passhash.ErrBusy) {
		t.Errorf("full queue: %v", err)
	}
	known := c.join(1, passhash.Place{Network: "home", Reserved: true})[0]
	if c.next() != known {
		t.Error("the known device was not served first")
	}
}

func TestReservedOnesThatDoNotFitWaitWithTheOthers(t *testing.T) {
	c := newCrowd(t, passhash.Options{Reserved: 2, Queue: 2})
	defer c.end()
	c.join(4, passhash.Place{Network: "office", Reserved: true})
	if err := <-c.try(passhash.Place{Network: "office", Reserved: true}).err; !errors.Is(err, passhash.ErrBusy) {
		t.Errorf("both lanes full: %v", err)
	}
}

func TestAFullQueueMakesRoomAtTheCostOfTheGreediest(t *testing.T) {
	c := newCrowd(t, passhash.Options{Queue: 10})
	defer c.end()
	greedy := c.join(8, passhash.Place{Network: "greedy"})
	c.join(2, passhash.Place{Network: "modest"})
	newcomer := c.try(passhash.Place{Network: "newcomer"})
	if err := <-greedy[7].err; !errors.Is(err, passhash.ErrBusy) {
		t.Errorf("last of the greedy ones: %v", err)
	}
	if err := <-c.try(passhash.Place{Network: "greedy"}).err; !errors.Is(err, passhash.ErrBusy) {
		t.Errorf("one more of the greedy ones: %v", err)
	}
	for range 3 {
		if c.next() == newcomer {
			return
		}
	}
	t.Error("the newcomer was not served in turn")
}

func TestOneNetworkMayWaitOnlySoLong(t *testing.T) {
	c := newCrowd(t, passhash.Options{PerNetwork: 3})
	defer c.end()
	c.join(3, passhash.Place{Network: "attacker"})
	if err := <-c.try(passhash.Place{Network: "attacker"}).err; !errors.Is(err, passhash.ErrBusy) {
		t.Errorf("fourth of a network: %v", err)
	}
	c.join(1, passhash.Place{Network: "visitor"})
}

func TestWhoHangsUpLeavesTheLine(t *testing.T) {
	c := newCrowd(t, passhash.Options{})
	defer c.end()
	guests := c.join(3, passhash.Place{Network: "office"})
	guests[1].cancel()
	if err := <-guests[1].err; !errors.Is(err, passhash.ErrBusy) || !errors.Is(err, context.Canceled) {
		t.Errorf("hung up: %v", err)
	}
	if c.next() != guests[0] || c.next() != guests[2] {
		t.Error("the others are not served in order")
	}
}

func TestAPlaceThatComesWhileHangingUpIsPassedOn(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap, Workers: 1})
	for range 2000 {
		release, err := h.Hold(t.Context(), passhash.Place{})
		if err != nil {
			t.Fatal("a place was lost")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var guest sync.WaitGroup
		guest.Go(func() {
			if release, err := h.Hold(ctx, passhash.Place{}); err == nil {
				release()
			}
		})
		for waiting := 0; waiting == 0; _, waiting, _ = h.Stats() {
			runtime.Gosched()
		}
		cancel() // wakes the guest, who is often later than the place
		release()
		guest.Wait()
		if running, waiting, _ := h.Stats(); running != 0 || waiting != 0 {
			t.Fatalf("afterwards %d running, %d waiting", running, waiting)
		}
	}
}

func TestNobodyWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := passhash.New(passhash.Options{Params: cheap, Workers: 1, MaxWait: 30 * time.Second})
		release, err := h.Hold(t.Context(), passhash.Place{})
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		begin := time.Now()
		if _, err := h.Verify(t.Context(), "", "w", passhash.Place{}); !errors.Is(err, passhash.ErrBusy) {
			t.Errorf("after the longest wait: %v", err)
		}
		if waited := time.Since(begin); waited != 30*time.Second {
			t.Errorf("waited %s", waited)
		}
	})
}

// neverStarted is a process for tests that compute nothing.
func neverStarted(int) *exec.Cmd { panic("started") }

// Whatever comes and goes in whatever order: there are never more hashes than
// workers, nobody is forgotten, and no place is lost.
func TestNoPlaceIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		workers := rapid.IntRange(1, 4).Draw(rt, "workers")
		guests := rapid.SliceOfN(rapid.IntRange(0, 15), 0, 60).Draw(rt, "guests")
		o := passhash.Options{Params: cheap, Workers: workers, Queue: 8, Reserved: 4, PerNetwork: 3}
		most := int64(workers)
		if rapid.Bool().Draw(rt, "process") {
			o.Process = neverStarted
			most++ // one goes ahead
		}
		h := passhash.New(o)
		var wg sync.WaitGroup
		var placed atomic.Int64
		for _, g := range guests {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if g&8 != 0 {
					go cancel() // at any moment
				}
				release, err := h.Hold(ctx, passhash.Place{Network: fmt.Sprint(g & 3), Reserved: g&4 != 0})
				if err != nil {
					return
				}
				if n := placed.Add(1); n > most {
					t.Errorf("%d have a place, %d may", n, most)
				}
				if running, _, _ := h.Stats(); running > workers {
					t.Errorf("%d running with %d workers", running, workers)
				}
				runtime.Gosched()
				placed.Add(-1)
				release()
			})
		}
		wg.Wait()
		if running, waiting, _ := h.Stats(); running != 0 || waiting != 0 {
			rt.Fatalf("afterwards %d running, %d waiting", running, waiting)
		}
	})
}

// Who asks before whether there is room is told what trying would show.
func TestFullSaysWhatTryingShows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := passhash.Options{Params: cheap, Workers: 1, Queue: 4, Reserved: 2, PerNetwork: 3}
		process := rapid.Bool().Draw(rt, "process")
		if process {
			o.Process = neverStarted
		}
		h := passhash.New(o)
		if h.Full(passhash.Place{}) {
			rt.Fatal("full, and nobody is there")
		}
		if _, err := h.Hold(t.Context(), passhash.Place{}); err != nil {
			rt.Fatal(err)
		}
		if process {
			// The place ahead is for logins.
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_, err := h.Hold(ctx, passhash.Place{Low: true})
			cancel()
			if !errors.Is(err, passhash.ErrBusy) {
				rt.Fatalf("what nobody waits for goes ahead: %v", err)
			}
			if _, err := h.Hold(t.Context(), passhash.Place{}); err != nil {
				rt.Fatal(err)
			}
		}
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 15), 0, 40).Draw(rt, "guests") {
			p := passhash.Place{Network: fmt.Sprint(n & 3), Reserved: n&4 != 0, Low: n&8 != 0}
			if full, joined := h.Full(p), h.Join(p); full == joined {
				rt.Fatalf("%+v: full %t, joined %t", p, full, joined)
			}
		}
	})
}
