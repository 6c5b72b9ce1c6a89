package roster_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/roster"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

var (
	noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	acme = &store.Account{ID: "acme", Name: "Acme", State: directory.Active}
)

// onStores runs a test on both kinds of store.
func onStores(t *testing.T, test func(t *testing.T, s store.Engine)) {
	options := store.Options{Now: func() time.Time { return noon }}
	t.Run("bolt", func(t *testing.T) {
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), options)
		test(t, opened(t, s, err))
	})
	t.Run("redis", func(t *testing.T) {
		s, err := redisstore.Open(redistest.Start(t).URL(), options)
		test(t, opened(t, s, err))
	})
}

func opened(t *testing.T, s store.Engine, err error) store.Engine {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newRoster(t *testing.T, s store.Engine, o roster.Options) *roster.Roster {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	r := roster.New(s, o)
	t.Cleanup(r.Close)
	return r
}

// put writes users in one step, as an import does, and announces them.
func put(t testing.TB, s store.Engine, users ...*store.User) {
	t.Helper()
	err := s.Update(context.Background(), store.AccountTag("acme"), func(tx store.Tx) error {
		for _, u := range users {
			u.Account = "acme"
			tx.Announce(store.Users.Kind, u.ID)
			if err := store.Users.Put(tx, u.ID, u, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func drop(t *testing.T, s store.Engine, id string) {
	t.Helper()
	err := s.Update(t.Context(), store.AccountTag("acme"), func(tx store.Tx) error {
		tx.Announce(store.Users.Kind, id)
		return store.Users.Delete(tx, id)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func look(t testing.TB, r *roster.Roster, q roster.Query) roster.Page {
	t.Helper()
	q.Account, q.Rules = acme, directory.Rules{}
	p, err := r.Look(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ids(p roster.Page) (all []string) {
	for _, row := range p.Rows {
		all = append(all, row.ID)
	}
	return all
}

// What changes in the store is there at the next look: new, changed and gone users,
// and the last login of those on the page.
func TestItIsKeptUp(t *testing.T) {
	onStores(t, func(t *testing.T, s store.Engine) {
		r := newRoster(t, s, roster.Options{})
		if p := look(t, r, roster.Query{}); p.Total != 0 || len(p.Rows) != 0 {
			t.Fatalf("an empty team: %+v", p)
		}
		put(t, s, &store.User{ID: "a", Name: "Zoë Çelik", Email: "z@x.test", Type: "teammate", Password: "x"},
			&store.User{ID: "b", Name: "Anna", Email: "a@x.test", Type: "teammate", Password: "x"})
		if p := look(t, r, roster.Query{}); !slices.Equal(ids(p), []string{"b", "a"}) || p.Counts[roster.CanLogIn] != 2 {
			t.Fatalf("two came: %+v", p)
		}
		put(t, s, &store.User{ID: "b", Name: "Zz", Email: "a@x.test", Type: "teammate", Block: &store.Block{At: noon}})
		p := look(t, r, roster.Query{})
		if !slices.Equal(ids(p), []string{"a", "b"}) || p.Rows[1].Cause != cause.UserBlocked || p.Rows[1].Block == nil {
			t.Fatalf("renamed and blocked: %+v", p)
		}
		if p := look(t, r, roster.Query{Search: "celik zoe"}); !slices.Equal(ids(p), []string{"a"}) || p.Matching != 1 || p.Total != 2 {
			t.Errorf("searched: %+v", p)
		}
		if p := look(t, r, roster.Query{Filter: string(cause.UserBlocked)}); !slices.Equal(ids(p), []string{"b"}) {
			t.Errorf("filtered: %+v", p)
		}
		err := s.Update(t.Context(), store.AccountTag("acme"), func(tx store.Tx) error {
			return store.Logins.Put(tx, "a", &store.LastLogin{At: noon, Method: "password"}, time.Time{})
		})
		if err != nil {
			t.Fatal(err)
		}
		if p := look(t, r, roster.Query{}); !p.Rows[0].Last.Equal(noon) || !p.Rows[1].Last.IsZero() {
			t.Errorf("last logins: %+v", p.Rows)
		}
		drop(t, s, "a")
		if p := look(t, r, roster.Query{}); !slices.Equal(ids(p), []string{"b"}) || p.Total != 1 {
			t.Errorf("one is gone: %+v", p)
		}
	})
}

// Page by page, forward and back, in every order, one meets everybody once: the
// same as sorting all of them.
func TestPagesMeetEverybodyOnce(t *testing.T) {
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{Now: func() time.Time { return noon }})
	opened(t, s, err)
	var users []*store.User
	for i := range 137 {
		users = append(users, &store.User{
			ID: fmt.Sprintf("u%03d", (i*59)%137), Name: fmt.Sprintf("Name %d", i%11), Email: fmt.Sprintf("e%03d@x.test", (i*31)%137),
			Type: []string{"teammate", "client", "admin"}[i%3],
		})
	}
	put(t, s, users...)
	r := newRoster(t, s, roster.Options{})
	rapid.Check(t, func(rt *rapid.T) {
		q := roster.Query{
			Order:      rapid.SampledFrom([]string{"", roster.ByName, roster.ByEmail, roster.ByType, roster.ByLast}).Draw(rt, "order"),
			Descending: rapid.Bool().Draw(rt, "down"), Limit: rapid.IntRange(1, 60).Draw(rt, "limit"),
			Search: rapid.SampledFrom([]string{"", "name 1", "e0"}).Draw(rt, "search"),
		}
		all := q
		all.Limit = 500
		want := ids(look(t, r, all))
		var got []string
		var last roster.Page
		for p := look(t, r, q); ; p = look(t, r, q) {
			got, last = append(got, ids(p)...), p
			if p.After == "" {
				break
			}
			q.After = p.After
		}
		if !slices.Equal(got, want) || len(want) != last.Matching {
			rt.Fatalf("forward: %v\nwant %v", got, want)
		}
		back := ids(last)
		for p := last; p.Before != ""; {
			q.After, q.Before = "", p.Before
			p = look(t, r, q)
			back = append(ids(p), back...)
		}
		if !slices.Equal(back, want) {
			rt.Fatalf("back: %v\nwant %v", back, want)
		}
	})
}

// A cursor of somebody's making shows a page, and nothing else.
func TestStrangeCursors(t *testing.T) {
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{})
	opened(t, s, err)
	put(t, s, &store.User{ID: "a", Name: "A", Type: "teammate"})
	r := newRoster(t, s, roster.Options{})
	for _, c := range []string{"x", "eyJv", strings.Repeat("A", 5000), "e30", "bnVsbA"} {
		if p := look(t, r, roster.Query{After: c}); len(p.Rows) != 1 {
			t.Errorf("after %.20q: %+v", c, p)
		}
		if p := look(t, r, roster.Query{Before: c, Order: "nonsense", Limit: -4}); len(p.Rows) != 1 {
			t.Errorf("before %.20q: %+v", c, p)
		}
	}
}

// Lists that nobody looks at go, and all together stay within bounds.
func TestListsAreDropped(t *testing.T) {
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{})
	opened(t, s, err)
	now := noon
	r := newRoster(t, s, roster.Options{Now: func() time.Time { return now }, Idle: time.Minute, Most: 3})
	put(t, s, &store.User{ID: "a", Name: "A"}, &store.User{ID: "b", Name: "B"})
	look(t, r, roster.Query{})
	if r.Kept() != 2 {
		t.Fatalf("%d in memory", r.Kept())
	}
	now = now.Add(2 * time.Minute)
	other := &store.Account{ID: "other", State: directory.Active}
	if _, err := r.Look(t.Context(), roster.Query{Account: other}); err != nil || r.Kept() != 0 {
		t.Errorf("%d in memory after two minutes: %v", r.Kept(), err)
	}
}

// Many look while an import goes on; nobody sees half a list, and in the end all is
// there.
func TestLooksDuringChanges(t *testing.T) {
	onStores(t, func(t *testing.T, s store.Engine) {
		r := newRoster(t, s, roster.Options{})
		look(t, r, roster.Query{})
		done := make(chan struct{})
		for range 4 {
			go func() {
				for {
					select {
					case <-done:
						return
					default:
						_, _ = r.Look(context.Background(), roster.Query{Account: acme})
					}
				}
			}()
		}
		for batch := range 15 {
			var users []*store.User
			for i := range 100 {
				users = append(users, &store.User{ID: fmt.Sprintf("u%02d%03d", batch, i), Name: fmt.Sprint(i), Type: "teammate"})
			}
			put(t, s, users...)
		}
		close(done)
		if p := look(t, r, roster.Query{}); p.Total != 1500 {
			t.Errorf("%d users, want 1500", p.Total)
		}
	})
}

// BenchmarkLook measures an account of 100,000 users: the first look, and later ones.
func BenchmarkLook(b *testing.B) {
	for _, kind := range []string{"bolt", "redis"} {
		b.Run(kind, func(b *testing.B) {
			var s store.Engine
			var err error
			if kind == "bolt" {
				s, err = boltstore.Open(filepath.Join(b.TempDir(), "store.db"), store.Options{})
			} else {
				s, err = redisstore.Open(redistest.Start(b).URL(), store.Options{})
			}
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			for batch := range 200 {
				var users []*store.User
				for i := range 500 {
					n := batch*500 + i
					users = append(users, &store.User{
						ID: fmt.Sprintf("user%06d", n*7919%100_000), Name: fmt.Sprintf("Person %d de Vries", n*31%100_000),
						Email: fmt.Sprintf("person%d@example.test", n), Type: "teammate", Password: strings.Repeat("x", 97),
					})
				}
				put(b, s, users...)
			}
			b.Run("first", func(b *testing.B) {
				for range b.N {
					r := roster.New(s, roster.Options{})
					look(b, r, roster.Query{})
					r.Close()
				}
			})
			r := roster.New(s, roster.Options{})
			defer r.Close()
			look(b, r, roster.Query{})
			for name, q := range map[string]roster.Query{
				"page": {}, "search": {Search: "vries 99"}, "last": {Order: roster.ByLast, Descending: true}, "type": {Order: roster.ByType},
			} {
				b.Run(name, func(b *testing.B) {
					for range b.N {
						look(b, r, q)
					}
				})
			}
		})
	}
}
