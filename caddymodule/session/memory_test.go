package session_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
)

// remembering is a kit whose node has room for few sessions.
func remembering(t *testing.T, room int) *kit {
	c := newClock()
	e, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	k := newKit(t, c, e)
	k.room(room)
	return k
}

func (k *kit) room(n int) {
	set := settings(rules(), keyOne)
	set.CacheSize = n
	k.first().Configure(set)
}

// Whatever happens, and however little room there is, memory gives the answer that
// a process gives which has just started.
func TestMemoryAnswersLikeTheStore(t *testing.T) {
	t.Run("each user a number", func(t *testing.T) { answersLikeTheStore(t, remembering(t, 4)) })
	t.Run("many with the same", func(t *testing.T) {
		k := remembering(t, 4)
		k.first().Confuse()
		answersLikeTheStore(t, k)
	})
}

func answersLikeTheStore(t *testing.T, k *kit) {
	ctx := context.Background()
	users := []*store.User{k.user}
	for i := range 2 {
		u := &store.User{Account: k.user.Account, Email: fmt.Sprintf("u%d@example.test", i), Name: "U", Type: "teammate"}
		if err := k.first().dir.CreateUser(ctx, u); err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var cookies []string
	rapid.Check(t, func(rt *rapid.T) {
		user := func() *store.User { return rapid.SampledFrom(users).Draw(rt, "user") }
		change := func(fn func(*store.User)) {
			_, err := k.first().dir.UpdateUser(ctx, k.user.Account, user().ID, func(u *store.User) error { fn(u); return nil })
			must(err)
		}
		account := func(state string) {
			_, err := k.first().dir.UpdateAccount(ctx, k.user.Account, func(a *store.Account) error { a.State = state; return nil })
			must(err)
		}
		look := func(rt *rapid.T) {
			if len(cookies) == 0 {
				return
			}
			value := rapid.SampledFrom(cookies).Draw(rt, "cookie")
			got, err := k.first().Check(ctx, value)
			must(err)
			cold := session.New(k.first().store, k.first().dir, settings(rules(), keyOne), session.Options{Now: k.clock.now})
			defer cold.Close(ctx)
			want, err := cold.Check(ctx, value)
			must(err)
			if got.Cause != want.Cause || (got.Session == nil) != (want.Session == nil) {
				rt.Fatalf("memory says %q, the store %q", got.Cause, want.Cause)
			}
			if got.Session != nil && got.Told() != want.Told() {
				rt.Fatalf("memory tells %q, the store %q", got.Told(), want.Told())
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"": look,
			"log in": func(*rapid.T) {
				u, err := k.first().dir.User(ctx, k.user.Account, user().ID)
				must(err)
				s, err := k.first().Start(ctx, session.Login{User: u, Amr: []string{"pwd"}})
				must(err)
				cookies = append(cookies, s.Cookie)
			},
			"log out": func(rt *rapid.T) {
				if len(cookies) > 0 {
					must(k.first().End(ctx, rapid.SampledFrom(cookies).Draw(rt, "cookie")))
				}
			},
			"log out of all": func(*rapid.T) { must(k.first().dir.EndSessions(ctx, k.user.Account, user().ID)) },
			"block": func(*rapid.T) {
				change(func(u *store.User) { u.Block = &store.Block{By: "x", At: k.clock.now(), Why: "y"} })
			},
			"unblock": func(*rapid.T) { change(func(u *store.User) { u.Block = nil }) },
			"rename": func(rt *rapid.T) {
				change(func(u *store.User) { u.Name = rapid.StringMatching(`[A-Zé]{1,9}`).Draw(rt, "name") })
			},
			"suspend": func(*rapid.T) { account("suspended") },
			"open":    func(*rapid.T) { account("active") },
			"later":   func(*rapid.T) { k.clock.push(time.Second) },
			"reload":  func(rt *rapid.T) { k.room(rapid.IntRange(1, 6).Draw(rt, "room")) },
		})
	})
}

// A time that was never written down is long ago, not one to come.
func TestARecordThatNeverBeganIsOver(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		ctx, value, tag := context.Background(), k.start(false), store.AccountTag(k.user.Account)
		items, err := store.Sessions.Scan(ctx, k.first().store, tag, "", "", 10)
		if err != nil || len(items) != 1 {
			t.Fatalf("%d sessions, %v", len(items), err)
		}
		if err := k.first().store.Update(ctx, tag, func(tx store.Tx) error {
			items[0].Value.Created = time.Time{}
			return store.Sessions.Put(tx, items[0].ID, items[0].Value, time.Time{})
		}); err != nil {
			t.Fatal(err)
		}
		k.want(k.first(), value, cause.SessionExpired, "a record without a beginning")
	})
}

func TestWhoIsUsedStaysInMemory(t *testing.T) {
	k := remembering(t, 50)
	busy := k.start(false)
	k.want(k.first(), busy, cause.None, "first")
	var others []string
	for range 200 {
		k.clock.push(time.Second)
		others = append(others, k.start(false))
		k.want(k.first(), others[len(others)-1], cause.None, "somebody new")
		reads := k.first().store.reads.Load()
		k.want(k.first(), busy, cause.None, "busy")
		if n := k.first().store.reads.Load() - reads; n != 0 {
			t.Fatalf("a session in use had to be read again, after %d others", len(others))
		}
	}
	if n := k.first().Cached(); n != 50 {
		t.Errorf("%d sessions in memory, want 50", n)
	}
	for _, value := range others {
		k.want(k.first(), value, cause.None, "who had to leave comes back")
	}
}

// Who logs in again and again takes no room from others.
func TestOneUserDoesNotFillMemory(t *testing.T) {
	k := remembering(t, 10_000)
	ctx, busy := context.Background(), k.start(false)
	var last string
	for range 400 {
		k.clock.push(time.Second)
		last = k.start(false)
		k.want(k.first(), last, cause.None, "somebody new")
		k.want(k.first(), busy, cause.None, "busy")
	}
	if n := k.first().Cached(); n != 256 {
		t.Errorf("%d sessions of one user in memory", n)
	}
	reads := k.first().store.reads.Load()
	k.want(k.first(), busy, cause.None, "busy")
	k.want(k.first(), last, cause.None, "the last")
	if n := k.first().store.reads.Load() - reads; n != 0 {
		t.Errorf("%d reads for sessions in use", n)
	}
	if err := k.first().dir.EndSessions(ctx, k.user.Account, k.user.ID); err != nil {
		t.Fatal(err)
	}
	k.want(k.first(), busy, cause.SessionEnded, "all ended")
}

// Whoever changes their password stays logged in, also with a request that is
// being looked at just then.
func TestTheSessionThatGoesOnIsNotTakenForOneThatEnded(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		ctx, value, n := context.Background(), k.start(false), k.first()
		rename := func(name string, also func(tx store.Tx, u *store.User) error) {
			if err := n.store.Engine.Update(ctx, store.AccountTag(k.user.Account), func(tx store.Tx) error {
				u, err := store.Users.Read(tx, k.user.ID)
				if err != nil {
					return err
				}
				if u.Name = name; also != nil {
					if err := also(tx, u); err != nil {
						return err
					}
				}
				tx.Announce(store.Users.Kind, u.ID)
				return store.Users.Put(tx, u.ID, u, time.Time{})
			}); err != nil {
				t.Fatal(err)
			}
		}
		k.want(n, value, cause.None, "before")
		rename("Another", nil)
		between := func() {
			rename("A third", func(tx store.Tx, u *store.User) error { return n.EndOthers(tx, u, value) })
		}
		n.store.after.Store(&between)
		k.want(n, value, cause.None, "all others were ended while this one was read")
		if n.store.after.Load() != nil {
			t.Error("the session was not read")
		}
	})
}

// One session that ends asks nothing of the user's others, which go on while the
// store is away.
func TestTheEndOfOneSessionIsNoMatterOfAnother(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		one, other := k.start(false), k.start(false)
		k.want(k.first(), one, cause.None, "one")
		k.want(k.first(), other, cause.None, "another")
		if err := k.first().End(context.Background(), one); err != nil {
			t.Fatal(err)
		}
		k.want(k.first(), one, cause.SessionEnded, "ended")
		k.first().store.take(k.clock)
		k.want(k.first(), other, cause.None, "another, the store away")
	})
}

func TestUsersWithTheSameNumberLeaveNothingBehind(t *testing.T) {
	k := remembering(t, 5)
	k.first().Confuse()
	ctx := context.Background()
	var values []string
	for i := range 20 {
		u := &store.User{Account: k.user.Account, Email: fmt.Sprintf("u%d@example.test", i), Name: "U", Type: "teammate"}
		if err := k.first().dir.CreateUser(ctx, u); err != nil {
			t.Fatal(err)
		}
		s, err := k.first().Start(ctx, session.Login{User: u, Amr: []string{"pwd"}})
		if err != nil {
			t.Fatal(err)
		}
		f, err := k.first().Check(ctx, s.Cookie)
		if err != nil || f.User.ID() != u.ID || f.User.Email() != u.Email {
			t.Fatalf("%+v, %v; want %s", f, err, u.Email)
		}
		values = append(values, s.Cookie)
		if s, u, _ := k.first().Kept(); s != min(i+1, 5) || u != s {
			t.Fatalf("%d sessions of %d users", s, u)
		}
	}
	for _, value := range values {
		if err := k.first().End(ctx, value); err != nil {
			t.Fatal(err)
		}
		k.want(k.first(), value, cause.SessionEnded, "ended")
	}
	if s, u, a := k.first().Kept(); s+u+a+k.first().Chained() != 0 {
		t.Errorf("%d sessions, %d users, %d accounts are still in memory", s, u, a)
	}
}

// What a broken record holds reaches the app as far as it can be told.
func TestAPersonWithAMarkInTheirName(t *testing.T) {
	p := session.NewPerson(&store.User{ID: "jan", Account: "a", Email: "j\x00an@example.test", Name: "Zo\x00ë"})
	f := &session.Facts{User: p, Verdict: &session.Verdict{Account: &store.Account{}}, Session: session.NewRecord(&store.Session{Handle: "h"})}
	told := f.Told()
	got := []string{p.ID(), p.Email(), p.Name(), told[session.ValueEmail], told[session.ValueName]}
	if want := []string{"jan", "jan@example.test", "Zoë", "jan@example.test", "Zo%C3%AB"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatIsOverLeavesNothingBehind(t *testing.T) {
	k := remembering(t, 1000)
	ctx := context.Background()
	var values []string
	for range 250 { // the table grows on the way
		values = append(values, k.start(false))
		k.want(k.first(), values[len(values)-1], cause.None, "begun")
	}
	if s, u, a := k.first().Kept(); s != 250 || u != 1 || a != 1 || k.first().Chained() != 249 {
		t.Fatalf("%d sessions, %d users, %d accounts", s, u, a)
	}
	for _, value := range values[:150] {
		if err := k.first().End(ctx, value); err != nil {
			t.Fatal(err)
		}
		k.want(k.first(), value, cause.SessionEnded, "ended")
	}
	for _, value := range values[150:] {
		k.want(k.first(), value, cause.None, "another")
	}
	k.room(20)
	if s, u, a := k.first().Kept(); s != 20 || u != 1 || a != 1 {
		t.Fatalf("%d sessions, %d users, %d accounts after there was less room", s, u, a)
	}
	if err := k.first().dir.EndSessions(ctx, k.user.Account, k.user.ID); err != nil {
		t.Fatal(err)
	}
	for _, value := range values {
		k.want(k.first(), value, cause.SessionEnded, "all ended")
	}
	if s, u, a := k.first().Kept(); s+u+a+k.first().Chained() != 0 {
		t.Errorf("%d sessions, %d users, %d accounts are still in memory", s, u, a)
	}
}

func TestNewRulesCountAtOnceAndTheStoreIsNotAsked(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		value := k.start(false)
		if _, err := k.first().dir.UpdateAccount(context.Background(), k.user.Account, func(a *store.Account) error {
			a.State, a.UnpaidInvoices = "arrears", 2
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		k.want(k.first(), value, cause.AccountArrears, "two invoices")
		k.first().store.take(k.clock)
		lenient := rules()
		lenient.ArrearsBlocksAt = 3
		k.first().Configure(settings(lenient, keyOne))
		k.want(k.first(), value, cause.None, "two invoices, three block")
		k.first().Configure(settings(rules(), keyOne))
		k.want(k.first(), value, cause.AccountArrears, "two block again")
	})
}
