package limit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestClearLetsTheNextTryThrough(t *testing.T) {
	l, _ := setup(t)
	for i := range 300 { // more than one page of records
		p, err := l.Reserve(t.Context(), limit.Try{Subject: "u:victim", Device: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Failed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		fail(t, l, victim)
	}
	under, err := l.Reserve(t.Context(), limit.Try{Subject: "u:victim", Network: home})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Clear(t.Context(), "u:victim"); err != nil {
		t.Fatal(err)
	}
	states, err := l.Show(t.Context(), "u:victim")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if s.Failures != 0 || s.UnderWay != 1 {
			t.Errorf("left after clearing: %+v", s)
		}
	}
	if len(states) != 2 {
		t.Errorf("the try under way lost its place: %+v", states)
	}
	if r := refusal(t, l, victim); r != nil {
		t.Error(r)
	}
	if err := under.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestClearNetwork(t *testing.T) {
	l, _ := setup(t)
	for i := range 100 {
		fail(t, l, limit.Try{Subject: fmt.Sprint("x:", i), Network: office})
	}
	if refusal(t, l, limit.Try{Subject: "u:other", Network: office}) == nil {
		t.Fatal("not refused")
	}
	if err := l.ClearNetwork(t.Context(), office); err != nil {
		t.Fatal(err)
	}
	if r := refusal(t, l, limit.Try{Subject: "u:other", Network: office}); r != nil {
		t.Error(r)
	}
}

func TestShowTellsTheStory(t *testing.T) {
	l, c := setup(t)
	for range 5 {
		fail(t, l, victim)
	}
	got, err := l.Show(t.Context(), victim.Subject)
	if err != nil {
		t.Fatal(err)
	}
	now := c.now()
	want := []limit.State{
		{Budget: limit.UserNetwork, Network: office, Failures: 5, Free: 5, Last: now, Until: now.Add(minute / 2), Forgets: now.Add(time.Hour)},
		{Budget: limit.User, Failures: 5, Free: 20, Last: now, Forgets: now.Add(6 * time.Hour)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestStrangeSubjectsAreRefused(t *testing.T) {
	l, _ := setup(t)
	long := strings.Repeat("x", 600)
	for _, try := range []limit.Try{{}, {Network: office}, {Subject: long}, {Subject: "u:1", Network: long}, {Subject: "u:1", Device: long}} {
		if _, err := l.Reserve(t.Context(), try); !errors.Is(err, store.ErrKey) {
			t.Errorf("Reserve %.40v: %v", try, err)
		}
		if _, _, err := l.Peek(t.Context(), try); !errors.Is(err, store.ErrKey) {
			t.Errorf("Peek %.40v: %v", try, err)
		}
	}
}

func TestConfigsThatCannotBeMeantAreNamed(t *testing.T) {
	if err := (limit.Config{}).Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	good := limit.Defaults().Device
	for name, change := range map[string]func(*limit.Budget){
		"free 0":         func(b *limit.Budget) { b.Free = 0 },
		"delay 0s":       func(b *limit.Budget) { b.Delay = 0 },
		"max_delay 1s":   func(b *limit.Budget) { b.MaxDelay = time.Second },
		"at most a day":  func(b *limit.Budget) { b.MaxDelay, b.Forget = 25*time.Hour, 0 },
		"window -1ns":    func(b *limit.Budget) { b.Window = -1 },
		"forget 1s":      func(b *limit.Budget) { b.Forget = time.Second },
		"device free -1": func(b *limit.Budget) { b.Free = -1 },
	} {
		bad := good
		change(&bad)
		if err := (limit.Config{Device: bad}).Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A record that nobody can read keeps its user out. What helps everybody helps here: the
// failures are cleared by support, or by a login with a mailed link.
func TestWhatCannotBeReadIsCleared(t *testing.T) {
	c := newClock()
	e := openBolt(t, c)
	l := limit.New(e, limit.Config{}, c.now)
	const network, subject = "198.51.100.9/32", "u:jan"
	for name, clear := range map[string]func() error{
		"by support": func() error { return errors.Join(l.Clear(t.Context(), subject), l.ClearNetwork(t.Context(), network)) },
		"by a link":  func() error { return errors.Join(l.Proved(t.Context(), subject), l.ClearNetwork(t.Context(), network)) },
	} {
		fail(t, l, limit.Try{Subject: subject, Network: network})
		for _, tag := range []string{store.LimitTag(subject), store.LimitTag("n:" + network)} {
			entries, err := e.Scan(t.Context(), tag, store.Budgets.Kind, "", "", 100)
			if err != nil || len(entries) == 0 {
				t.Fatalf("%s: %d budgets, %v", tag, len(entries), err)
			}
			err = e.Update(t.Context(), tag, func(tx store.Tx) error {
				for _, entry := range entries {
					if err := tx.Put(store.Budgets.Kind, entry.ID, []byte("1{"), time.Time{}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		var refused *limit.Refused
		if _, err := l.Reserve(t.Context(), limit.Try{Subject: subject, Network: network}); err == nil || errors.As(err, &refused) {
			t.Fatalf("%s: what cannot be read is taken for a budget: %v", name, err)
		}
		if err := clear(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		place, err := l.Reserve(t.Context(), limit.Try{Subject: subject, Network: network})
		if err != nil {
			t.Fatalf("%s: after it: %v", name, err)
		}
		if err := place.Succeeded(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
