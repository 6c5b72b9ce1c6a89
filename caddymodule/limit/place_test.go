package limit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestParallelGuessesNeverExceedTheBudget(t *testing.T) {
	onNodes(t, func(t *testing.T, _ *clock, nodes []*limit.Limiter) {
		placed, refused, most := crowd(t, nodes, 100,
			func(int) limit.Try { return victim },
			func(_ int, p *limit.Place) error { _, err := p.Failed(t.Context()); return err })
		if placed != 5 || refused != 95 || most > 5 {
			t.Errorf("%d guesses compared (%d at once), %d refused; want 5 and 95", placed, most, refused)
		}
	})
}

func TestParallelGuessesFromManyNetworksNeverExceedTheBudgetOfTheUser(t *testing.T) {
	onNodes(t, func(t *testing.T, _ *clock, nodes []*limit.Limiter) {
		placed, refused, _ := crowd(t, nodes, 100,
			func(i int) limit.Try {
				return limit.Try{Subject: "u:victim", Network: fmt.Sprintf("203.0.113.%d/32", i)}
			},
			func(_ int, p *limit.Place) error { _, err := p.Failed(t.Context()); return err })
		if placed != 20 || refused != 80 {
			t.Errorf("%d guesses compared, %d refused; want 20 and 80", placed, refused)
		}
	})
}

func TestAfterADelayOneGuessAtATime(t *testing.T) {
	onNodes(t, func(t *testing.T, c *clock, nodes []*limit.Limiter) {
		for range 5 {
			fail(t, nodes[0], victim)
		}
		c.push(minute / 2)
		placed, refused, most := crowd(t, nodes, 50,
			func(int) limit.Try { return victim },
			func(_ int, p *limit.Place) error { _, err := p.Failed(t.Context()); return err })
		if placed != 1 || refused != 49 || most != 1 {
			t.Errorf("%d guesses compared (%d at once), %d refused; want 1 and 49", placed, most, refused)
		}
	})
}

func TestThreeHundredOfOneOfficeLogInAtOnce(t *testing.T) {
	onNodes(t, func(t *testing.T, _ *clock, nodes []*limit.Limiter) {
		placed, refused, _ := crowd(t, nodes, 300,
			func(i int) limit.Try { return limit.Try{Subject: fmt.Sprint("u:", i), Network: office} },
			func(_ int, p *limit.Place) error { return p.Succeeded(t.Context()) })
		if placed != 300 || refused != 0 {
			t.Errorf("%d logged in, %d refused", placed, refused)
		}
	})
}

func TestTyposOfAnOfficeRefuseNobody(t *testing.T) {
	onNodes(t, func(t *testing.T, _ *clock, nodes []*limit.Limiter) {
		_, refused, _ := crowd(t, nodes, 300,
			func(i int) limit.Try { return limit.Try{Subject: fmt.Sprint("u:", i/2), Network: office} },
			func(i int, p *limit.Place) error {
				if i%4 == 0 {
					_, err := p.Failed(t.Context())
					return err
				}
				return p.Succeeded(t.Context())
			})
		if refused != 0 {
			t.Errorf("%d refused", refused)
		}
	})
}

func TestOneWhoIsRightTwentyTimesAtOnceIsNeverRefused(t *testing.T) {
	onNodes(t, func(t *testing.T, _ *clock, nodes []*limit.Limiter) {
		placed, refused, most := crowd(t, nodes, 20,
			func(int) limit.Try { return victim },
			func(_ int, p *limit.Place) error { return p.Succeeded(t.Context()) })
		if placed != 20 || refused != 0 || most > 5 {
			t.Errorf("%d logged in (%d at once), %d refused", placed, most, refused)
		}
	})
}

// hold takes n places of a try.
func hold(t *testing.T, l *limit.Limiter, try limit.Try, n int) []*limit.Place {
	t.Helper()
	places := make([]*limit.Place, n)
	for i := range places {
		var err error
		if places[i], err = l.Reserve(t.Context(), try); err != nil {
			t.Fatal(err)
		}
	}
	return places
}

func TestReservationsAloneRefuseNobody(t *testing.T) {
	l, _ := setup(t)
	places := hold(t, l, victim, 5)
	if _, refused, err := l.Peek(t.Context(), victim); refused || err != nil {
		t.Fatalf("refused by reservations: %v", err)
	}
	next := make(chan *limit.Place)
	go func() {
		defer close(next)
		p, err := l.Reserve(t.Context(), victim)
		if err != nil {
			t.Errorf("waiting for a place: %v", err)
			return
		}
		next <- p
	}()
	if err := places[2].Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	places[2] = <-next
	for _, p := range places {
		if err := p.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if got := failures(t, l, victim.Subject); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestWhoWaitsTooLongIsToldSoAndLeavesNothing(t *testing.T) {
	l, _ := setup(t)
	places := hold(t, l, limit.Try{Subject: "u:victim", SecondStep: true}, 5)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := l.Reserve(ctx, limit.Try{Subject: "u:victim", SecondStep: true})
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, limit.ErrBusy) && !errors.Is(err, context.Canceled) {
		t.Errorf("hung up: %v", err)
	}
	for _, p := range places {
		if err := p.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if got := failures(t, l, "u:victim"); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestARefusalByTheNetworkGivesTheOtherPlacesBack(t *testing.T) {
	c := newClock()
	f := &faulty{Engine: openBolt(t, c)}
	l := limit.New(f, limit.Config{}, c.now)
	for i := range 99 {
		fail(t, l, limit.Try{Subject: fmt.Sprint("x:", i), Network: office})
	}
	last := hold(t, l, limit.Try{Subject: "x:last", Network: office}, 1)[0]
	// The last free failure happens between the look and the reservation.
	var once atomic.Bool
	f.fault = func(tag string) error {
		if tag == store.LimitTag("u:victim") && once.CompareAndSwap(false, true) {
			if _, err := last.Failed(context.Background()); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	_, err := l.Reserve(t.Context(), victim)
	if r := (*limit.Refused)(nil); !errors.As(err, &r) || r.Budget != limit.AllOfNetwork {
		t.Errorf("want a refusal by the network, got %v", err)
	}
	if got := failures(t, l, victim.Subject); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestAReservationOfACrashedNodeLapses(t *testing.T) {
	l, c := setup(t)
	hold(t, l, victim, 5) // and never an outcome
	c.push(limit.Lapse)
	for _, p := range hold(t, l, victim, 5) {
		if err := p.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAPlaceHasOneOutcome(t *testing.T) {
	l, _ := setup(t)
	p := hold(t, l, victim, 1)[0]
	for range 3 {
		if _, err := p.Failed(t.Context()); err != nil {
			t.Error(err)
		}
		if err := errors.Join(p.Succeeded(t.Context()), p.Release(t.Context())); err != nil {
			t.Error(err)
		}
	}
	if got := failures(t, l, victim.Subject); got[limit.UserNetwork] != 1 {
		t.Errorf("failures %v, want 1", got)
	}
}

func TestHangingUpSavesNoFailure(t *testing.T) {
	l, _ := setup(t)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		p, err := l.Reserve(ctx, victim)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := p.Failed(ctx); err != nil {
			t.Error(err)
		}
	}
	if refusal(t, l, victim) == nil {
		t.Error("failures of tries that were hung up do not count")
	}
}

func TestAStoreThatFailsIsNoRefusalAndNoPlace(t *testing.T) {
	for _, tag := range []string{store.LimitTag("u:victim"), store.LimitTag("n:" + office)} {
		c := newClock()
		f := &faulty{Engine: openBolt(t, c)}
		l := limit.New(f, limit.Config{}, c.now)
		var failing atomic.Bool
		failing.Store(true)
		f.fault = func(at string) error {
			if at == tag && failing.CompareAndSwap(true, false) {
				return store.ErrUnavailable
			}
			return nil
		}
		p, err := l.Reserve(t.Context(), victim)
		if p != nil || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, %v", tag, p, err)
		}
		if got := failures(t, l, victim.Subject); len(got) != 0 {
			t.Errorf("%s: left behind %v", tag, got)
		}
		for range 4 {
			fail(t, l, victim)
		}
		p = hold(t, l, victim, 1)[0]
		failing.Store(true)
		if _, err := p.Failed(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: outcome that cannot be written: %v", tag, err)
		}
	}
}

func TestRacesOfTheStoreAreRunAgain(t *testing.T) {
	c := newClock()
	f := &faulty{Engine: openBolt(t, c)}
	l := limit.New(f, limit.Config{}, c.now)
	var lost atomic.Int64
	f.fault = func(string) error {
		if lost.Add(1)%3 != 0 {
			return fmt.Errorf("updating: %w", store.ErrConflict)
		}
		return nil
	}
	for range 5 {
		fail(t, l, victim)
	}
	if err := l.Clear(t.Context(), victim.Subject); err != nil {
		t.Error(err)
	}
	if r := refusal(t, l, victim); r != nil {
		t.Error(r)
	}
}

func TestRefusedSaysWhatRefuses(t *testing.T) {
	err := error(&limit.Refused{Until: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC), Budget: limit.User})
	if got := err.Error(); !strings.Contains(got, "user") || !strings.Contains(got, "2027-01-02T03:04:05Z") {
		t.Error(got)
	}
}

// Places of a network are for those who are being compared: whoever waits for a
// crowded user's holds none of them meanwhile.
func TestWhoWaitsForAUserTakesNoPlaceOfTheNetwork(t *testing.T) {
	onNodes(t, func(t *testing.T, _ *clock, nodes []*limit.Limiter) {
		l := nodes[0]
		var held []*limit.Place
		for i := range 20 { // all places of the victim, from everywhere
			p, err := l.Reserve(t.Context(), limit.Try{Subject: "u:victim", Network: fmt.Sprintf("198.51.100.%d/32", i)})
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, p)
		}
		var waiting sync.WaitGroup
		for range 5 {
			waiting.Go(func() {
				p, err := l.Reserve(t.Context(), limit.Try{Subject: "u:victim", Network: office})
				if err != nil {
					t.Errorf("waiting for a place of the victim: %v", err)
					return
				}
				if err := p.Release(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(200 * time.Millisecond) // until they stand in line
		// The network has a hundred places, and all of them can be had.
		for i := range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			p, err := l.Reserve(ctx, limit.Try{Subject: fmt.Sprint("u:colleague", i), Network: office})
			cancel()
			if err != nil {
				t.Errorf("colleague %d: %v", i, err)
				break
			}
			held = append(held, p)
		}
		for _, p := range held {
			if err := p.Release(t.Context()); err != nil {
				t.Error(err)
			}
		}
		waiting.Wait()
	})
}
