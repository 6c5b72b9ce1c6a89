package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

func (k *kit) begin(t *testing.T, remember bool) *session.Started {
	t.Helper()
	u, err := k.nodes[0].dir.User(t.Context(), k.user.Account, k.user.ID)
	must(t, err)
	s, err := k.nodes[0].Start(t.Context(), session.Login{User: u, Method: "password", Amr: []string{"pwd"}, Remember: remember, Agent: "Firefox"})
	must(t, err)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (k *kit) handles(t *testing.T) (all []string) {
	t.Helper()
	list, err := k.nodes[len(k.nodes)-1].Of(t.Context(), k.user.Account, k.user.ID)
	must(t, err)
	for _, s := range list {
		all = append(all, s.Handle)
	}
	return all
}

func TestSessionsOfAUser(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		short := k.begin(t, false)
		k.clock.push(time.Minute)
		long := k.begin(t, true)
		if got := k.handles(t); len(got) != 2 || got[0] != long.Handle || got[1] != short.Handle {
			t.Errorf("%v", got)
		}
		k.clock.push(9 * time.Hour) // idle for too long, one of them
		if got := k.handles(t); len(got) != 1 || got[0] != long.Handle {
			t.Errorf("after nine hours: %v", got)
		}
		third := k.begin(t, false)
		must(t, k.nodes[0].End(t.Context(), third.Cookie))
		if got := k.handles(t); len(got) != 1 {
			t.Errorf("after one was ended: %v", got)
		}
		must(t, k.nodes[0].dir.EndSessions(t.Context(), k.user.Account, k.user.ID))
		if got := k.handles(t); len(got) != 0 {
			t.Errorf("after all were ended: %v", got)
		}
		if list, err := k.nodes[0].Of(t.Context(), k.user.Account, "nobody"); list != nil || err != nil {
			t.Errorf("of nobody: %v, %v", list, err)
		}
		if list, err := k.nodes[0].Of(t.Context(), "elsewhere", k.user.ID); list != nil || err != nil {
			t.Errorf("of another account: %v, %v", list, err)
		}
	})
}

// facts waits for a node to have heard of a change made on another.
func (k *kit) facts(t *testing.T, cookie string, until func(*session.Facts) bool) *session.Facts {
	t.Helper()
	for {
		f, err := k.nodes[0].Check(t.Context(), cookie)
		must(t, err)
		if until(f) {
			return f
		}
	}
}

func TestEndingOneSession(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		one, two := k.begin(t, false), k.begin(t, false)
		far := k.nodes[len(k.nodes)-1]
		k.facts(t, one.Cookie, func(f *session.Facts) bool { return f.Cause == cause.None })
		closed := make(chan struct{})
		k.nodes[0].Watch(one.Cookie, func() { close(closed) })
		for _, bad := range []struct{ account, user, handle string }{
			{k.user.Account, k.user.ID, "unknown"},
			{k.user.Account, k.user.ID, ""},
			{k.user.Account, "nobody", one.Handle},
			{"elsewhere", k.user.ID, one.Handle},
		} {
			if err := far.EndOne(t.Context(), bad.account, bad.user, bad.handle); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%v: %v", bad, err)
			}
		}
		must(t, far.EndOne(t.Context(), k.user.Account, k.user.ID, one.Handle))
		must(t, far.EndOne(t.Context(), k.user.Account, k.user.ID, one.Handle)) // again
		k.facts(t, one.Cookie, func(f *session.Facts) bool { return f.Cause == cause.SessionEnded })
		<-closed
		k.facts(t, two.Cookie, func(f *session.Facts) bool { return f.Cause == cause.None })
		if got := k.handles(t); len(got) != 1 || got[0] != two.Handle {
			t.Errorf("%v", got)
		}
	})
}

func TestRenewing(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		began := k.clock.now()
		s := k.begin(t, false)
		f := k.facts(t, s.Cookie, func(*session.Facts) bool { return true })
		if !f.AuthTime().Equal(began) {
			t.Errorf("proved at %v, want %v", f.AuthTime(), began)
		}
		k.clock.push(time.Hour)
		far := k.nodes[len(k.nodes)-1]
		must(t, far.RenewWith(t.Context(), s.Cookie))
		f = k.facts(t, s.Cookie, func(f *session.Facts) bool { return f.AuthTime().Equal(k.clock.now()) })
		if told := f.Told()[session.ValueAuthTime]; told != "1803895200" {
			t.Errorf("the app is told %s", told)
		}
		for _, bad := range []string{"", "forged"} {
			if err := far.RenewWith(t.Context(), bad); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		limited := k.begin(t, false)
		k.clock.push(25 * time.Hour)
		if err := far.RenewWith(t.Context(), limited.Cookie); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("one that reached its limit: %v", err)
		}
		s = k.begin(t, false)
		// One that is over is not brought back.
		ended := k.begin(t, false)
		must(t, far.End(t.Context(), ended.Cookie))
		if err := far.RenewWith(t.Context(), ended.Cookie); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("one that was ended: %v", err)
		}
		must(t, k.nodes[0].dir.EndSessions(t.Context(), k.user.Account, k.user.ID))
		if err := far.RenewWith(t.Context(), s.Cookie); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("one of an older epoch: %v", err)
		}
		if got := (&session.Facts{}).AuthTime(); !got.IsZero() {
			t.Errorf("no session was proved at %v", got)
		}
	})
}

// The last login of a user is known, at the cost of no write of its own.
func TestTheLastLoginIsKnown(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		k.begin(t, false)
		k.clock.push(time.Hour)
		before := k.nodes[0].store.writes.Load()
		k.begin(t, false)
		if writes := k.nodes[0].store.writes.Load() - before; writes != 1 {
			t.Errorf("a session takes %d writes", writes)
		}
		read := func() (*store.LastLogin, error) {
			return store.Logins.Get(context.Background(), k.nodes[0].store, store.AccountTag(k.user.Account), k.user.ID)
		}
		last, err := read()
		must(t, err)
		if !last.At.Equal(k.clock.now()) || last.Method != "password" {
			t.Errorf("%+v", last)
		}
		must(t, k.nodes[0].dir.DeleteUser(t.Context(), k.user.Account, k.user.ID))
		if _, err := read(); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of somebody deleted: %v", err)
		}
	})
}

// A change that is confirmed in another browser ends all sessions but the one in
// which it was asked for; one that is over or somebody else's is not brought back.
func TestEndingAllButOne(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		far := k.nodes[len(k.nodes)-1]
		end := func(id string) {
			must(t, far.store.Update(t.Context(), store.AccountTag(k.user.Account), func(tx store.Tx) error {
				u, err := store.Users.Read(tx, k.user.ID)
				if err != nil {
					return err
				}
				if err := far.EndAllBut(tx, u, id); err != nil {
					return err
				}
				return directory.SaveUser(t.Context(), tx, u, k.clock.now())
			}))
		}
		one, two := k.begin(t, false), k.begin(t, true)
		id, err := far.Named(t.Context(), k.user.Account, k.user.ID, one.Handle)
		must(t, err)
		end(id)
		k.facts(t, two.Cookie, func(f *session.Facts) bool { return f.Cause == cause.SessionEnded })
		k.facts(t, one.Cookie, func(f *session.Facts) bool { return f.Cause == cause.None })
		dead, err := far.Named(t.Context(), k.user.Account, k.user.ID, two.Handle)
		must(t, err)
		for _, id := range []string{dead, "jan.nothing", ""} {
			end(id)
			if got := k.handles(t); len(got) != 0 {
				t.Errorf("%q brought back %v", id, got)
			}
		}
	})
}

// Who ended a session by its name is in the audit log, once.
func TestEndingASessionIsWrittenDown(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		one, node := k.begin(t, false), k.nodes[0]
		ctx := audit.As(t.Context(), audit.Actor{Kind: audit.ByUser, ID: k.user.ID, Account: k.user.Account})
		for range 2 {
			must(t, node.EndOne(ctx, k.user.Account, k.user.ID, one.Handle))
		}
		page, err := audit.New(node.store, audit.Options{Now: k.clock.now}).List(ctx, k.user.Account, audit.Query{Action: audit.UserSessionEnded})
		must(t, err)
		if len(page.Entries) != 1 || page.Entries[0].User != k.user.ID || page.Entries[0].Actor.ID != k.user.ID || page.Entries[0].Email == "" {
			t.Errorf("%+v", page.Entries)
		}
	})
}
