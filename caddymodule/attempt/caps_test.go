package attempt_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/store"
)

// flood records n entries and returns how many references they got and the
// last record.
func flood(t *testing.T, r *attempt.Recorder, n int, entry func(i int) attempt.Entry) (references int, last *store.Attempt) {
	t.Helper()
	seen := make(map[string]bool)
	ref := ""
	for i := range n {
		ref = record(t, r, entry(i))
		seen[ref] = true
	}
	return len(seen), find(t, r, ref)
}

func TestAFloodFromOneNetworkIsCapped(t *testing.T) {
	onEngines(t, func(t *testing.T, k *kit) {
		r := k.recorder(t, attempt.Options{})
		guess := func(i int) attempt.Entry {
			e := stranger
			e.Typed, e.Agent, e.RetryAt = fmt.Sprintf("guess%d@example.com", i), agent, k.now()
			return e
		}
		n, a := flood(t, r, 500, guess)
		if n != 61 {
			t.Errorf("500 addresses have %d records, want 60 and one for the others", n)
		}
		if a.Count != 440 || a.Typed != "" || a.Network != office || a.Agent != "" || !a.RetryAt.IsZero() {
			t.Errorf("the record for the others: %+v", a)
		}
		// A user of the same network still has a story of their own.
		if own := find(t, r, record(t, r, wrong)); own.User != "jan" || own.Count != 1 {
			t.Errorf("an attempt of a user during the flood: %+v", own)
		}
		again := record(t, r, guess(3))
		if find(t, r, again).Typed != "guess3@example.com" {
			t.Error("a repeat of one recorded before the cap is not counted there")
		}
		other := guess(1000)
		other.Cause = cause.TooManyAttempts
		if record(t, r, other) == a.Reference {
			t.Error("two causes share a record")
		}
		k.push(59 * time.Minute)
		if late := record(t, r, guess(1001)); late != a.Reference {
			t.Error("the others of one hour have more than one record")
		}
		k.push(time.Minute)
		if n, a := flood(t, r, 61, guess); n != 61 || a.Count != 1 {
			t.Errorf("an hour later: %d records, last %+v", n, a)
		}
	})
}

func TestAFloodFromManyNetworksIsCapped(t *testing.T) {
	k := onBolt(t)
	r := k.recorder(t, attempt.Options{Caps: attempt.Caps{Strangers: 100}})
	n, a := flood(t, r, 1000, func(i int) attempt.Entry {
		e := stranger
		e.Typed, e.Network = fmt.Sprintf("guess%d@example.com", i), fmt.Sprintf("2001:db8:%x::/64", i)
		return e
	})
	if n != 101 {
		t.Errorf("1000 networks have %d records, want 100 and one for the others", n)
	}
	if a.Count != 900 || a.Typed != "" || a.Network != "" {
		t.Errorf("the record for the others: %+v", a)
	}
	if own := find(t, r, record(t, r, wrong)); own.User != "jan" {
		t.Errorf("an attempt of a user during the flood: %+v", own)
	}
}

func TestAFloodOnUsersIsCapped(t *testing.T) {
	k := onBolt(t)
	r := k.recorder(t, attempt.Options{Caps: attempt.Caps{Users: 100, Network: 5}})
	n, a := flood(t, r, 200, func(i int) attempt.Entry {
		e := wrong
		e.User = fmt.Sprint("user", i)
		return e
	})
	if n != 51 || a.User != "" || a.Typed != "" || a.Account != "" || a.Network != office {
		t.Errorf("one network: %d records, last %+v", n, a)
	}
	n, a = flood(t, r, 200, func(i int) attempt.Entry {
		e := wrong
		e.User, e.Network = fmt.Sprint("user", i), fmt.Sprintf("2001:db8:%x::/64", i)
		return e
	})
	if n != 51 || a.User != "" || a.Network != "" {
		t.Errorf("many networks: %d records, last %+v", n, a)
	}
}

func TestAFloodOnOneUserLeavesTheStoryReadable(t *testing.T) {
	k := onBolt(t)
	r := k.recorder(t, attempt.Options{})
	n, a := flood(t, r, 300, func(i int) attempt.Entry {
		e := wrong
		e.Network = fmt.Sprintf("2001:db8:%x::/64", i)
		return e
	})
	if n != 61 || a.User != "jan" || a.Network != "" || a.Count != 240 {
		t.Errorf("%d records, last %+v", n, a)
	}
	if all := of(t, r, "u:jan"); len(all) != 61 {
		t.Errorf("%d listed", len(all))
	}
}

func TestWhoProvedSomethingIsNeverCapped(t *testing.T) {
	k := onBolt(t)
	r := k.recorder(t, attempt.Options{Caps: attempt.Caps{Network: 1, Subject: 1, Strangers: 1, Users: 1}})
	flood(t, r, 20, func(i int) attempt.Entry {
		e := stranger
		e.Typed = fmt.Sprintf("guess%d@example.com", i)
		return e
	})
	for name, change := range map[string]func(*attempt.Entry){
		"a login":            func(e *attempt.Entry) { e.Cause = cause.None },
		"a blocked account":  func(e *attempt.Entry) { e.Cause = cause.AccountArrears },
		"on a known device":  func(e *attempt.Entry) { e.Known = true },
		"a half-done log-in": func(e *attempt.Entry) { e.Cause = cause.SecondStepRequired },
	} {
		n, a := flood(t, r, 20, func(i int) attempt.Entry {
			e := wrong
			e.User = fmt.Sprint(name, i)
			change(&e)
			return e
		})
		if n != 20 || a.User == "" || a.Network != office {
			t.Errorf("%s: %d records, last %+v", name, n, a)
		}
	}
}
