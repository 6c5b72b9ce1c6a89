package limit_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/limit"
)

const (
	minute = time.Minute
	office = "192.0.2.1/32"
	home   = "198.51.100.7/32"
)

var victim = limit.Try{Subject: "u:victim", Network: office}

func TestDelaysDoubleUpToTheirCap(t *testing.T) {
	for name, test := range map[string]struct {
		try    func(i int) limit.Try
		free   int
		delays []time.Duration
	}{
		limit.UserNetwork: {
			func(int) limit.Try { return victim }, 5,
			[]time.Duration{minute / 2, minute, 2 * minute, 4 * minute, 8 * minute, 15 * minute, 15 * minute},
		},
		limit.User: {
			func(i int) limit.Try {
				return limit.Try{Subject: "u:victim", Network: fmt.Sprintf("203.0.113.%d/32", i)}
			}, 20,
			[]time.Duration{minute, 2 * minute, 4 * minute, 8 * minute, 15 * minute, 15 * minute},
		},
		limit.AllOfNetwork: {
			func(i int) limit.Try { return limit.Try{Subject: fmt.Sprint("x:", i), Network: office} }, 100,
			[]time.Duration{minute / 2, minute, 2 * minute, 4 * minute, 5 * minute, 5 * minute},
		},
		limit.Device: {
			func(int) limit.Try { return limit.Try{Subject: "u:victim", Network: office, Device: "d"} }, 10,
			[]time.Duration{minute / 2, minute, 2 * minute, 4 * minute, 5 * minute, 5 * minute},
		},
		limit.SecondStep: {
			func(int) limit.Try { return limit.Try{Subject: "u:victim", Network: office, SecondStep: true} }, 5,
			[]time.Duration{minute, 2 * minute, 4 * minute, 8 * minute, 15 * minute, 15 * minute},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, c := setup(t)
			for i := range test.free - 1 {
				if until := fail(t, l, test.try(i)); !until.IsZero() {
					t.Fatalf("failure %d of %d free ones: wait until %s", i+1, test.free, until)
				}
			}
			for i, delay := range test.delays {
				try := test.try(test.free + i)
				if until := fail(t, l, try); !until.Equal(c.now().Add(delay)) {
					t.Fatalf("delay %d: until %s, want %s", i, until, c.now().Add(delay))
				}
				c.push(delay - 1)
				r := refusal(t, l, test.try(test.free+i+1))
				if r == nil || r.Budget != name || !r.Until.Equal(c.now().Add(1)) {
					t.Fatalf("delay %d, just before it ends: %v", i, r)
				}
				c.push(1)
				if r := refusal(t, l, try); r != nil {
					t.Fatalf("delay %d, after it: %v", i, r)
				}
			}
		})
	}
}

func TestBudgetsForget(t *testing.T) {
	for name, test := range map[string]struct {
		try    limit.Try
		after  time.Duration
		budget int
	}{
		limit.UserNetwork: {victim, time.Hour, 5},
		limit.Device:      {limit.Try{Subject: "u:victim", Device: "d"}, time.Hour, 10},
	} {
		t.Run(name, func(t *testing.T) {
			l, c := setup(t)
			for range test.budget - 1 {
				fail(t, l, test.try)
			}
			c.push(test.after)
			for range test.budget - 1 {
				if until := fail(t, l, test.try); !until.IsZero() {
					t.Fatalf("not forgotten after %s", test.after)
				}
			}
			c.push(test.after - 1)
			if until := fail(t, l, test.try); until.IsZero() {
				t.Errorf("forgotten before %s", test.after)
			}
		})
	}
}

func TestTheUserBudgetForgetsAfterSixHours(t *testing.T) {
	for _, test := range []struct {
		pause   time.Duration
		refused bool
	}{{6*time.Hour - 1, true}, {6 * time.Hour, false}} {
		l, c := setup(t)
		from := func(i int) limit.Try {
			return limit.Try{Subject: "u:victim", Network: fmt.Sprintf("203.0.113.%d/32", i)}
		}
		for i := range 19 {
			fail(t, l, from(i))
		}
		c.push(test.pause)
		if until := fail(t, l, from(19)); until.IsZero() == test.refused {
			t.Errorf("after %s: wait until %v", test.pause, until)
		}
	}
}

func TestTheNetworkBudgetCountsTenMinutes(t *testing.T) {
	l, c := setup(t)
	stranger := 0
	wrong := func() time.Time {
		stranger++
		return fail(t, l, limit.Try{Subject: fmt.Sprint("x:", stranger), Network: office})
	}
	for range 99 {
		wrong()
	}
	c.push(10 * minute)
	for range 99 {
		if until := wrong(); !until.IsZero() {
			t.Fatal("failures older than the window count")
		}
	}
	if until := wrong(); until.IsZero() {
		t.Fatal("a hundred failures in the window are free")
	}
	c.push(20 * minute)
	if until := wrong(); !until.Equal(c.now().Add(minute)) {
		t.Errorf("once too many, the window ends the memory: until %s", until)
	}
	c.push(time.Hour)
	if until := wrong(); !until.IsZero() {
		t.Errorf("not forgotten after an hour: until %s", until)
	}
}

func TestTriesDuringADelayChangeNothing(t *testing.T) {
	c := newClock()
	f := &faulty{Engine: openBolt(t, c)}
	l := limit.New(f, limit.Config{}, c.now)
	for range 5 {
		fail(t, l, victim)
	}
	before, err := l.Show(t.Context(), victim.Subject)
	if err != nil {
		t.Fatal(err)
	}
	updates := f.updates.Load()
	for range 50 {
		if refusal(t, l, victim) == nil {
			t.Fatal("not refused")
		}
	}
	after, err := l.Show(t.Context(), victim.Subject)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("budgets changed (-before +after):\n%s", diff)
	}
	if n := f.updates.Load() - updates; n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestSuccessForgetsWhatItProves(t *testing.T) {
	l, c := setup(t)
	device := limit.Try{Subject: "u:victim", Network: office, Device: "d"}
	second := limit.Try{Subject: "u:victim", SecondStep: true}
	for _, try := range []limit.Try{victim, device, second} {
		for range 4 {
			fail(t, l, try)
		}
		succeed(t, l, try)
	}
	want := map[string]int{limit.User: 4}
	if diff := cmp.Diff(want, failures(t, l, victim.Subject)); diff != "" {
		t.Errorf("after success (-want +got):\n%s", diff)
	}
	if s, err := l.ShowNetwork(t.Context(), office); err != nil || len(s) != 1 || s[0].Failures != 4 {
		t.Errorf("network: %+v, %v", s, err)
	}
	c.push(24 * time.Hour)
	for range 4 {
		fail(t, l, second)
	}
	c.push(24 * time.Hour)
	if until := fail(t, l, second); until.IsZero() {
		t.Error("failed second steps are forgotten by time")
	}
}

// failures returns what counts for a subject, by budget.
func failures(t *testing.T, l *limit.Limiter, subject string) map[string]int {
	t.Helper()
	states, err := l.Show(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int)
	for _, s := range states {
		if s.UnderWay != 0 {
			t.Errorf("%s: %d tries under way", s.Budget, s.UnderWay)
		}
		got[s.Budget] += s.Failures
	}
	return got
}

func TestAKnownDeviceIsOutOfReach(t *testing.T) {
	l, c := setup(t)
	known := limit.Try{Subject: "u:victim", Network: home, Device: "d"}
	guesses := 0
	for i := range 1000 {
		p, err := l.Reserve(t.Context(), limit.Try{Subject: "u:victim", Network: fmt.Sprintf("2001:db8:%x::/64", i)})
		if r := (*limit.Refused)(nil); errors.As(err, &r) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		guesses++
		if _, err := p.Failed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i%100 == 0 {
			c.push(minute)
		}
	}
	if guesses > 30 {
		t.Errorf("the attacker compared %d passwords", guesses)
	}
	if refusal(t, l, limit.Try{Subject: "u:victim", Network: home}) == nil {
		t.Error("an unknown device is let through in the midst of the attack")
	}
	if r := refusal(t, l, known); r != nil {
		t.Errorf("the known device has to wait: %v", r)
	}
	succeed(t, l, known)
}

func TestADeviceCountsForOneUserOnly(t *testing.T) {
	l, _ := setup(t)
	shared := func(subject string) limit.Try { return limit.Try{Subject: subject, Network: office, Device: "shared"} }
	for range 10 {
		fail(t, l, shared("u:first"))
	}
	if refusal(t, l, shared("u:first")) == nil {
		t.Error("the device has no budget")
	}
	if r := refusal(t, l, shared("u:second")); r != nil {
		t.Errorf("the other user of the computer has to wait: %v", r)
	}
	if r := refusal(t, l, limit.Try{Subject: "u:first", Network: office, Device: "other"}); r != nil {
		t.Errorf("the other device of the user has to wait: %v", r)
	}
	if r := refusal(t, l, limit.Try{Subject: "u:first", Network: office}); r != nil {
		t.Errorf("the device counted for unknown ones: %v", r)
	}
}

func TestPrivateNetworksHaveNoBudgetOfTheirOwn(t *testing.T) {
	c := newClock()
	config := limit.Config{Exempt: func(network string) bool { return network == "203.0.113.9/32" }}
	l := limit.New(openBolt(t, c), config, c.now)
	for network, counted := range map[string]bool{
		"":                 false,
		"10.1.2.3/32":      false,
		"127.0.0.1/32":     false,
		"192.168.1.1/32":   false,
		"169.254.1.1/32":   false,
		"::1/128":          false,
		"fd00:1::/64":      false,
		"fe80::/64":        false,
		"203.0.113.9/32":   false,
		"198.51.100.9/32":  true,
		"2001:db8::/64":    true,
		"not a network":    false,
		"100.64.0.1/32":    true,
		"::ffff:10.0.0.1/": false,
	} {
		fail(t, l, limit.Try{Subject: "u:" + network, Network: network})
		states, err := l.ShowNetwork(t.Context(), network)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(states) > 0; got != counted {
			t.Errorf("%q counted: %v", network, got)
		}
		if got := failures(t, l, "u:"+network); got[limit.UserNetwork] != 1 {
			t.Errorf("%q: user and network %v", network, got)
		}
	}
}

func TestBudgetsOutliveARestart(t *testing.T) {
	c, path := newClock(), filepath.Join(t.TempDir(), "store.db")
	first := openFile(t, c, path)
	l := limit.New(first, limit.Config{}, c.now)
	for range 5 {
		fail(t, l, victim)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	l = limit.New(openFile(t, c, path), limit.Config{}, c.now)
	if refusal(t, l, victim) == nil {
		t.Error("a restart gives new guesses")
	}
}

func TestAClockSetBackLocksNobodyOut(t *testing.T) {
	l, c := setup(t)
	for range 5 {
		fail(t, l, victim)
	}
	left, err := l.Reserve(t.Context(), limit.Try{Subject: "u:other", Network: home})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = left.Release(context.Background()) })
	c.push(-365 * 24 * time.Hour)
	if r := refusal(t, l, victim); r != nil {
		t.Errorf("waiting for the clock to catch up: %v", r)
	}
	if until := fail(t, l, victim); !until.Equal(c.now().Add(minute)) {
		t.Errorf("the failures are gone: next delay until %s", until)
	}
	if states, err := l.Show(t.Context(), "u:other"); err != nil || len(states) != 0 {
		t.Errorf("a reservation of the future counts: %+v, %v", states, err)
	}
}

// What one node counts, the others know; what one clears is cleared for all.
func TestBudgetsAreOneOverAllNodes(t *testing.T) {
	onNodes(t, func(t *testing.T, c *clock, nodes []*limit.Limiter) {
		last := nodes[len(nodes)-1]
		for range 5 {
			fail(t, nodes[0], victim)
		}
		if r := refusal(t, last, victim); r == nil || !r.Until.Equal(c.now().Add(minute/2)) {
			t.Errorf("after five failures: %v", r)
		}
		if got := failures(t, last, victim.Subject); got[limit.UserNetwork] != 5 || got[limit.User] != 5 {
			t.Errorf("shown: %v", got)
		}
		if err := last.Clear(t.Context(), victim.Subject); err != nil {
			t.Fatal(err)
		}
		if r := refusal(t, nodes[0], victim); r != nil {
			t.Errorf("after clearing: %v", r)
		}
		for range 5 {
			fail(t, nodes[0], victim)
		}
		c.push(6 * time.Hour)
		if got := failures(t, last, victim.Subject); len(got) != 0 {
			t.Errorf("after six hours: %v", got)
		}
	})
}
