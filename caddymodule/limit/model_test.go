package limit_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/limit"
)

// model says what the documentation says, for one try after the other: it keeps
// the moments of all failures and counts anew each time.
type model struct {
	clock *clock
	fails map[string][]time.Time // by budget and whom it is for
}

// counters are the budgets a try counts in.
func (m *model) counters(t limit.Try) map[string]limit.Budget {
	d := limit.Defaults()
	switch {
	case t.SecondStep:
		return map[string]limit.Budget{"second " + t.Subject: d.SecondStep}
	case t.Device != "":
		return map[string]limit.Budget{"device " + t.Subject + t.Device: d.Device}
	}
	return map[string]limit.Budget{
		"from " + t.Subject + t.Network: d.UserNetwork,
		"user " + t.Subject:             d.User,
		"network " + t.Network:          d.Network,
	}
}

// until is when a counter lets the next try through.
func (m *model) until(name string, b limit.Budget) time.Time {
	var n int
	var first, last, until time.Time
	for _, at := range append(m.fails[name], m.clock.now()) {
		switch {
		case n == 0:
		case b.Forget > 0 && at.Sub(last) >= b.Forget,
			b.Window > 0 && n < b.Free && at.Sub(first) >= b.Window:
			n = 0
		}
		if n == 0 {
			first, until = at, time.Time{}
		}
		n++
		last = at
		if at.Before(until) {
			return until // only the question itself can come during a delay
		}
		if n >= b.Free {
			until = at.Add(min(b.MaxDelay, b.Delay<<min(n-b.Free, 20)))
		}
	}
	return time.Time{}
}

func (m *model) refused(t limit.Try) (until time.Time) {
	for name, b := range m.counters(t) {
		if u := m.until(name, b); u.After(until) {
			until = u
		}
	}
	return until
}

func (m *model) outcome(t limit.Try, right bool) {
	for name, b := range m.counters(t) {
		switch {
		case !right:
			m.fails[name] = append(m.fails[name], m.clock.now())
		case b.ResetOnSuccess:
			delete(m.fails, name)
		}
	}
}

func TestBudgetsDoWhatTheirDescriptionSays(t *testing.T) {
	c := newClock()
	l := limit.New(openBolt(t, c), limit.Config{}, c.now)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := &model{clock: c, fails: make(map[string][]time.Time)}
		tries := rapid.Custom(func(rt *rapid.T) limit.Try {
			return limit.Try{
				Subject:    fmt.Sprint("u:", run, rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "subject")),
				Network:    fmt.Sprintf("2001:db8:%x:%d::/64", run, rapid.IntRange(1, 3).Draw(rt, "network")),
				Device:     rapid.SampledFrom([]string{"", "", "", "d"}).Draw(rt, "device"),
				SecondStep: rapid.IntRange(0, 7).Draw(rt, "step") == 0,
			}
		})
		rt.Repeat(map[string]func(*rapid.T){
			"guess": func(rt *rapid.T) {
				try := tries.Draw(rt, "try")
				right := rapid.IntRange(0, 9).Draw(rt, "right") == 0
				for range rapid.IntRange(1, 6).Draw(rt, "times") {
					guess(rt, l, m, try, right)
				}
			},
			"wait": func(rt *rapid.T) {
				c.push(time.Duration(rapid.SampledFrom([]int{1, 29, 30, 61, 300, 601, 900, 3600, 6 * 3600}).Draw(rt, "seconds")) * time.Second)
			},
			"wait just long enough": func(rt *rapid.T) {
				if until := m.refused(tries.Draw(rt, "try")); !until.IsZero() {
					c.push(until.Sub(c.now()) - time.Duration(rapid.IntRange(0, 1).Draw(rt, "less")))
				}
			},
			"clear": func(rt *rapid.T) {
				try := tries.Draw(rt, "try")
				if err := l.Clear(t.Context(), try.Subject); err != nil {
					rt.Fatal(err)
				}
				for name := range m.fails {
					if name[:8] != "network " && containsSubject(name, try.Subject) {
						delete(m.fails, name)
					}
				}
			},
		})
	})
}

func containsSubject(name, subject string) bool {
	for i := range name {
		if len(name)-i >= len(subject) && name[i:i+len(subject)] == subject {
			return true
		}
	}
	return false
}

// guess makes one try on both sides and compares.
func guess(rt *rapid.T, l *limit.Limiter, m *model, try limit.Try, right bool) {
	want := m.refused(try)
	p, err := l.Reserve(rt.Context(), try)
	if r := (*limit.Refused)(nil); errors.As(err, &r) {
		if !r.Until.Equal(want) {
			rt.Fatalf("%+v refused until %s, want %v", try, r.Until, want)
		}
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	if !want.IsZero() {
		rt.Fatalf("%+v let through, want refused until %s", try, want)
	}
	m.outcome(try, right)
	if right {
		if err := p.Succeeded(rt.Context()); err != nil {
			rt.Fatal(err)
		}
		return
	}
	until, err := p.Failed(rt.Context())
	if next := m.refused(try); err != nil || !until.Equal(next) {
		rt.Fatalf("after a failure: wait until %v, %v; want %v", until, err, next)
	}
}
