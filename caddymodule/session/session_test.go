package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestASessionIsKnownOnEveryNode(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		value := k.start(false)
		for _, n := range k.nodes {
			f, err := n.Check(context.Background(), value)
			if err != nil || f.Cause != cause.None {
				t.Fatalf("%+v, %v", f, err)
			}
			want := [session.Values]string{
				session.ValueUser: k.user.ID, session.ValueEmail: "jan@example.test", session.ValueName: "Jan",
				session.ValueGroups: "superadmin", session.ValueAccount: "praktijk", session.ValueAccountState: "active",
				session.ValueSession: f.Session.Handle(), session.ValueAmr: "pwd", session.ValueAuthTime: "1803891600",
			}
			if diff := cmp.Diff(want, f.Told()); diff != "" {
				t.Error(diff)
			}
			if id, ok := f.Placeholder("http.auth.user.id"); !ok || id != k.user.ID {
				t.Errorf("placeholder: %v, %v", id, ok)
			}
			if _, ok := f.Placeholder("http.auth.user.password"); ok {
				t.Error("a placeholder that is none was answered")
			}
		}
	})
}

func TestAKnownSessionCostsTheStoreNothing(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		value := k.start(false)
		k.want(k.first(), value, cause.None, "first request")
		reads, writes := k.first().store.reads.Load(), k.first().store.writes.Load()
		for range 1000 {
			k.clock.push(10 * time.Millisecond)
			k.want(k.first(), value, cause.None, "request")
		}
		if r, w := k.first().store.reads.Load()-reads, k.first().store.writes.Load()-writes; r != 0 || w != 0 {
			t.Errorf("1000 requests made %d reads and %d writes", r, w)
		}
	})
}

func TestForgedCookiesDieWithoutTheStore(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		good := k.start(false)
		reads := k.first().store.reads.Load()
		raw, err := base64.URLEncoding.DecodeString(good)
		if err != nil {
			t.Fatal(err)
		}
		for i := range raw {
			forged := append([]byte(nil), raw...)
			forged[i] ^= 1
			k.want(k.first(), base64.URLEncoding.EncodeToString(forged), cause.NotLoggedIn, "a flipped bit")
		}
		for _, v := range []string{"", "x", good + "=", good[:len(good)-4], string(make([]byte, 5000)), "\x00\xff"} {
			k.want(k.first(), v, cause.NotLoggedIn, "nonsense")
		}
		if n := k.first().store.reads.Load() - reads; n != 0 {
			t.Errorf("forged cookies caused %d reads", n)
		}
		k.want(k.first(), good, cause.None, "the real one")
	})
}

func TestSecretsCanBeRotated(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		value := k.start(false)
		k.first().Configure(settings(rules(), keyTwo, keyOne))
		k.want(k.first(), value, cause.None, "signed with the old secret")
		k.want(k.last(), value, cause.None, "known to this node")
		k.last().Configure(settings(rules(), keyTwo))
		k.want(k.last(), value, cause.NotLoggedIn, "signed with a secret that is gone")
	})
}

func TestLogOutEndsItEverywhere(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		value, other := k.start(false), k.start(false)
		for _, n := range k.nodes {
			k.want(n, value, cause.None, "before")
			k.want(n, other, cause.None, "before")
		}
		if err := k.first().End(context.Background(), value); err != nil {
			t.Fatal(err)
		}
		k.want(k.first(), value, cause.SessionEnded, "after log-out, on the node that did it")
		k.soon(k.last(), value, cause.SessionEnded, "after log-out, on another node")
		k.want(k.last(), other, cause.None, "another session of the user")
		if err := k.first().dir.EndSessions(context.Background(), k.user.Account, k.user.ID); err != nil {
			t.Fatal(err)
		}
		k.want(k.first(), other, cause.SessionEnded, "after log-out of all")
		k.soon(k.last(), other, cause.SessionEnded, "after log-out of all, elsewhere")
		k.want(k.first(), k.start(false), cause.None, "a login after that")
		if err := k.first().End(context.Background(), "nonsense"); err != nil {
			t.Errorf("ending what is no session: %v", err)
		}
	})
}

func TestChangesCountAtTheNextRequest(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		ctx, value := context.Background(), k.start(false)
		user := func(fn func(*store.User)) {
			t.Helper()
			if _, err := k.first().dir.UpdateUser(ctx, k.user.Account, k.user.ID, func(u *store.User) error { fn(u); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		account := func(fn func(*store.Account)) {
			t.Helper()
			if _, err := k.first().dir.UpdateAccount(ctx, k.user.Account, func(a *store.Account) error { fn(a); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []struct {
			why  string
			do   func()
			want cause.Cause
		}{
			{"nothing yet", func() {}, cause.None},
			{"blocked", func() { user(func(u *store.User) { u.Block = &store.Block{By: "x", At: k.clock.now(), Why: "left"} }) }, cause.UserBlocked},
			{"blocked, arrears too", func() { account(func(a *store.Account) { a.State, a.UnpaidInvoices = "arrears", 2 }) }, cause.UserBlocked},
			{"unblocked, arrears still", func() { user(func(u *store.User) { u.Block = nil }) }, cause.AccountArrears},
			{"paid", func() { account(func(a *store.Account) { a.State, a.UnpaidInvoices = "active", 0 }) }, cause.None},
			{"suspended", func() { account(func(a *store.Account) { a.State = "suspended" }) }, cause.AccountSuspended},
			{"active", func() { account(func(a *store.Account) { a.State = "active" }) }, cause.None},
		} {
			step.do()
			k.want(k.first(), value, step.want, step.why)
			k.soon(k.last(), value, step.want, step.why+", on another node")
		}
		if err := k.first().dir.DeleteUser(ctx, k.user.Account, k.user.ID); err != nil {
			t.Fatal(err)
		}
		k.want(k.first(), value, cause.SessionEnded, "deleted")
	})
}

func TestOnlyTheSuperadminMayRepair(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		ctx, value := context.Background(), k.start(false)
		if _, err := k.first().dir.UpdateAccount(ctx, k.user.Account, func(a *store.Account) error { a.State = "cancelled"; return nil }); err != nil {
			t.Fatal(err)
		}
		f, err := k.first().Check(ctx, value)
		if err != nil || !f.Repair || f.Cause != cause.AccountCancelled {
			t.Fatalf("superadmin: %+v, %v", f, err)
		}
		if _, err := k.first().dir.UpdateUser(ctx, k.user.Account, k.user.ID, func(u *store.User) error { u.Type = "teammate"; return nil }); err != nil {
			t.Fatal(err)
		}
		if f, err = k.first().Check(ctx, value); err != nil || f.Repair || f.Cause != cause.AccountCancelled {
			t.Fatalf("teammate: %+v, %v", f, err)
		}
	})
}

func TestLimitsOfASession(t *testing.T) {
	const hour = time.Hour
	for name, c := range map[string]struct {
		remember bool
		pace     time.Duration // between requests
		last     time.Duration // the last moment at which it is still good
	}{
		"idle":               {false, 8*hour - time.Second, 0},
		"absolute":           {false, 7 * hour, 21 * hour},
		"remember, idle":     {true, 14*24*hour - time.Second, 0},
		"remember, absolute": {true, 13 * 24 * hour, 26 * 24 * hour},
	} {
		t.Run(name, func(t *testing.T) {
			onStores(t, func(t *testing.T, k *kit) {
				value := k.start(c.remember)
				for at := time.Duration(0); at < c.last; at += c.pace {
					k.clock.push(c.pace)
					k.want(k.first(), value, cause.None, "in use")
				}
				if c.last == 0 {
					k.clock.push(c.pace)
					k.want(k.first(), value, cause.None, "one second before")
					k.clock.push(c.pace + time.Second)
				} else {
					k.clock.push(c.pace)
				}
				k.want(k.first(), value, cause.SessionExpired, "after the limit")
				k.want(k.last(), value, cause.SessionExpired, "after the limit, elsewhere")
			})
		})
	}
}

func TestUseOnOneNodeKeepsASessionAliveOnAnother(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		value := k.start(false)
		k.want(k.last(), value, cause.None, "seen by both")
		for range 3 { // 21 hours in all, 7 of them idle at a time
			k.clock.push(7 * time.Hour)
			k.want(k.first(), value, cause.None, "in use here")
		}
		k.first().Flush(context.Background())
		k.want(k.last(), value, cause.None, "the other node asks before it calls it idle")
	})
}

func TestPeekingDoesNotProlong(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		value := k.start(false)
		for range 8 {
			k.clock.push(time.Hour - time.Second)
			f, live, err := k.first().Peek(context.Background(), value)
			if err != nil || live == nil || f.Cause != cause.None {
				t.Fatalf("%+v, %v", f, err)
			}
		}
		k.clock.push(time.Minute)
		k.want(k.first(), value, cause.SessionExpired, "nobody used it for eight hours")
	})
}

func TestAStoreThatIsAwayLogsNobodyOut(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		known, unknown := k.start(false), k.start(false)
		n := k.first()
		k.want(n, known, cause.None, "before")
		n.store.take(k.clock)
		k.clock.push(14 * time.Minute)
		k.want(n, known, cause.None, "known, and the store away for 14 minutes")
		if f, err := n.Check(context.Background(), unknown); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("unknown: %+v, %v; want ErrUnavailable", f, err)
		}
		k.clock.push(2 * time.Minute)
		if f, err := n.Check(context.Background(), known); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("after 16 minutes: %+v, %v; want ErrUnavailable", f, err)
		}
		n.store.away.Store(false)
		k.soon(n, known, cause.None, "known, the store is back")
		k.soon(n, unknown, cause.None, "unknown, the store is back")
	})
}

func TestALoginIsNotOutrunByAPasswordChange(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		stale := *k.user
		if _, err := k.first().dir.UpdateUser(context.Background(), k.user.Account, k.user.ID, func(u *store.User) error {
			u.Password, u.Epoch = "another", u.Epoch+1
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := k.first().Start(context.Background(), session.Login{User: &stale}); !errors.Is(err, session.ErrChanged) {
			t.Errorf("a session began with a password that is not valid any more: %v", err)
		}
	})
}

func TestStreamsEndWithTheirSession(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		ctx := context.Background()
		for name, end := range map[string]func(value string) error{
			"log-out":        func(v string) error { return k.first().End(ctx, v) },
			"log-out of all": func(string) error { return k.first().dir.EndSessions(ctx, k.user.Account, k.user.ID) },
		} {
			value, other := k.start(false), k.start(false)
			k.want(k.last(), value, cause.None, name)
			var closed, othersClosed atomic.Int32
			mine := k.last().Watch(value, func() { closed.Add(1) })
			if name == "log-out" {
				defer k.last().Watch(other, func() { othersClosed.Add(1) }).Done()
			}
			if err := end(value); err != nil {
				t.Fatal(err)
			}
			k.eventually(name+" closes the stream", func() bool { return closed.Load() == 1 })
			if name == "log-out" && othersClosed.Load() != 0 {
				t.Error("the stream of another session was closed")
			}
			mine.Done()
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		set := settings(rules(), keyOne)
		set.CacheSize = 8 // so small that sessions are evicted all the time
		ctx := context.Background()
		for _, n := range k.nodes {
			n.Configure(set)
		}
		var values []string
		for range 24 {
			values = append(values, k.start(false))
		}
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 150 {
					f, err := k.nodes[i%len(k.nodes)].Check(ctx, values[(w*7+i)%len(values)])
					if err != nil || f.Cause != cause.None && f.Cause != cause.UserBlocked {
						t.Errorf("%+v, %v", f, err)
						return
					}
				}
			})
		}
		block := func(b *store.Block) {
			if _, err := k.first().dir.UpdateUser(ctx, k.user.Account, k.user.ID, func(u *store.User) error { u.Block = b; return nil }); err != nil {
				t.Error(err)
			}
		}
		for range 10 {
			block(&store.Block{By: "x", At: k.clock.now(), Why: "y"})
			k.want(k.first(), values[0], cause.UserBlocked, "blocked under load")
			block(nil)
			k.want(k.first(), values[1], cause.None, "unblocked under load")
		}
		wg.Wait()
		for _, v := range values {
			k.soon(k.last(), v, cause.None, "in the end")
		}
	})
}
