package tally_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/tally"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

var (
	login   = attempt.Entry{Method: "password", Typed: "jan@demo.test", User: "jan", Account: "acme", Network: "192.0.2.7/32"}
	wrong   = attempt.Entry{Cause: cause.WrongPassword, Method: "password", Typed: "jan@demo.test", User: "jan", Account: "acme", Network: "192.0.2.7/32"}
	unknown = attempt.Entry{Cause: cause.UnknownEmail, Method: "password", Typed: "x@demo.test", Network: "192.0.2.8/32"}
)

func counter(t *testing.T, c *testkit.Clock, s store.Engine) *tally.Counter {
	t.Helper()
	n := tally.New(s, tally.Options{Now: c.Now, FlushEvery: time.Hour})
	t.Cleanup(func() { _ = n.Close() })
	return n
}

func days(t *testing.T, n *tally.Counter, account string, many int) []tally.Day {
	t.Helper()
	all, err := n.Days(t.Context(), account, many)
	must(t, err)
	return all
}

func TestWhatHappenedIsCountedByDayAndAccount(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		one, two := counter(t, c, s), counter(t, c, s)
		one.Attempt(login)
		one.Attempt(wrong)
		two.Attempt(wrong)
		two.Attempt(unknown)
		asked := login
		asked.Asked = true
		two.Attempt(asked)
		refused := wrong
		refused.Method, refused.Cause = "session", cause.UserBlocked
		one.Attempt(refused)
		one.Mail("acme", "accepted", 250)
		one.Mail("acme", "rejected", 550)
		one.Mail("", "deferred", 99999)
		must(t, errors.Join(one.Flush(t.Context()), two.Flush(t.Context())))
		c.Push(24 * time.Hour)
		one.Attempt(login) // not written yet, and still told of by this node
		want := []tally.Day{
			{Day: "2026-10-19", Counts: map[string]int64{}},
			{Day: "2026-10-20", Counts: map[string]int64{
				"login.ok": 1, "login.refused": 2, "login.mail_asked": 1, "cause.wrong_password": 2, "cause.user_blocked": 1,
				"mail.accepted.250": 1, "mail.rejected.550": 1,
			}},
			{Day: "2026-10-21", Counts: map[string]int64{"login.ok": 1}},
		}
		if diff := cmp.Diff(want, days(t, one, "acme", 3)); diff != "" {
			t.Errorf("of the account (-want +got):\n%s", diff)
		}
		all := days(t, one, "", 2)[0].Counts
		if all["cause.unknown_email"] != 1 || all["login.refused"] != 3 || all["mail.deferred.0"] != 1 {
			t.Errorf("of everybody: %v", all)
		}
		if other := days(t, two, "other", 2); len(other[0].Counts)+len(other[1].Counts) != 0 {
			t.Errorf("an account in which nothing happened: %v", other)
		}
	})
}

func TestDaysEndWhereTheOperatorIs(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		n := counter(t, c, s)
		c.Push(10*time.Hour + 30*time.Minute) // 22:30 UTC is half past midnight in Amsterdam
		n.Attempt(login)
		if d := days(t, n, "acme", 1)[0]; d.Day != "2026-10-21" || d.Counts["login.ok"] != 1 {
			t.Errorf("%+v", d)
		}
		c.Push(5 * 24 * time.Hour) // over the change of the clock: each day is there once
		seen := map[string]bool{}
		for _, d := range days(t, n, "acme", 8) {
			if seen[d.Day] {
				t.Errorf("%s twice", d.Day)
			}
			seen[d.Day] = true
		}
	})
}

func TestCountersOutliveARestartButNotTheirTime(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		n := tally.New(s, tally.Options{Now: c.Now})
		n.Attempt(login)
		must(t, n.Close())
		n = counter(t, c, s)
		if d := days(t, n, "acme", 1)[0]; d.Counts["login.ok"] != 1 {
			t.Errorf("after a restart: %+v", d)
		}
		c.Push(401 * 24 * time.Hour)
		items, err := store.Tallies.Scan(t.Context(), s, store.TallyTag("acme"), "", "", 10)
		if err != nil || len(items) != 0 {
			t.Errorf("after 401 days: %v, %v", items, err)
		}
	})
}

// A flood of addresses that strangers make up leaves a few hundred records.
func TestMadeUpAddressesDoNotGrowIt(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		n := tally.New(s, tally.Options{Now: c.Now, FlushEvery: time.Hour, MaxDelays: 50, MaxStrangers: 20})
		t.Cleanup(func() { _ = n.Close() })
		for i := range 5000 {
			e := unknown
			e.Typed, e.Network = fmt.Sprintf("x%d@demo.test", i), fmt.Sprintf("192.0.%d.%d/32", i/250, i%250)
			e.RetryAt = c.Now().Add(time.Minute)
			n.Attempt(e)
			e.User, e.Account = fmt.Sprint("user", i), "acme"
			n.Attempt(e)
		}
		must(t, n.Flush(t.Context()))
		for account, want := range map[string]int{"": 70, "acme": 50} {
			items, err := store.Delays.Scan(t.Context(), s, store.TallyTag(account), "", "", 10_000)
			if err != nil || len(items) != want {
				t.Errorf("%q: %d delays on the list, %v", account, len(items), err)
			}
			tallies, err := store.Tallies.Scan(t.Context(), s, store.TallyTag(account), "", "", 10_000)
			if err != nil || len(tallies) != 1 || len(tallies[0].Value.Counts) > 5 {
				t.Errorf("%q: %d records, %v", account, len(tallies), err)
			}
		}
		c.Push(2 * time.Minute) // those are over: there is room again
		e := unknown
		e.RetryAt = c.Now().Add(time.Minute)
		n.Attempt(e)
		if all, err := n.Delays(t.Context(), "", 100); err != nil || len(all) != 1 || all[0].Address != e.Typed {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

func TestDelaysAreListedForTheirAccount(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		n := counter(t, c, s)
		e := wrong
		e.RetryAt = c.Now().Add(30 * time.Second)
		n.Attempt(e)
		e.RetryAt = c.Now().Add(time.Minute)
		n.Attempt(e)
		n.Attempt(login) // no wait, no entry
		all, err := n.Delays(t.Context(), "acme", 10)
		want := []store.Delay{{
			Subject: "u:jan", Network: "192.0.2.7/32", Account: "acme", User: "jan", Address: "jan@demo.test", Until: c.Now().Add(time.Minute),
		}}
		if diff := cmp.Diff(want, all); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if other, err := n.Delays(t.Context(), "other", 10); err != nil || len(other) != 0 {
			t.Errorf("another account: %v, %v", other, err)
		}
		c.Push(time.Minute)
		if over, err := n.Delays(t.Context(), "acme", 10); err != nil || len(over) != 0 {
			t.Errorf("over: %v, %v", over, err)
		}
	})
}

func TestNothingIsWrittenWhileCounting(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		w := &watched{Engine: s}
		n := tally.New(w, tally.Options{Now: c.Now, FlushEvery: time.Hour})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 1000 {
					n.Attempt(wrong)
				}
			})
		}
		wg.Wait()
		if w.updates.Load() != 0 {
			t.Errorf("%d writes while counting", w.updates.Load())
		}
		w.fail.Store(true)
		if err := n.Flush(t.Context()); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a store that fails: %v", err)
		}
		w.fail.Store(false)
		w.updates.Store(0)
		must(t, n.Close())
		if got := w.updates.Load(); got != 2 {
			t.Errorf("%d writes for 8000 attempts of one account, want one for it and one for all", got)
		}
		if d := days(t, counter(t, c, s), "acme", 1)[0]; d.Counts["login.refused"] != 8000 {
			t.Errorf("%+v", d)
		}
	})
}

// What comes in by itself is written by itself.
func TestCountersAreWrittenByThemselves(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		n := tally.New(s, tally.Options{Now: c.Now, FlushEvery: time.Millisecond})
		t.Cleanup(func() { _ = n.Close() })
		n.Attempt(login)
		for {
			_, err := store.Tallies.Get(t.Context(), s, store.TallyTag("acme"), "2026-10-20")
			if err == nil {
				return
			}
			if !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// watched counts writes, and fails them on demand.
type watched struct {
	store.Engine
	updates atomic.Int64
	fail    atomic.Bool
}

func (w *watched) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	w.updates.Add(1)
	if w.fail.Load() {
		return store.ErrConflict
	}
	return w.Engine.Update(ctx, tag, fn)
}
