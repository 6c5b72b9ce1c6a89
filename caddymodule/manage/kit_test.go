package manage_test

import (
	"context"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

const origin = "https://app.example/gateway"

// sessions notes what was ended.
type sessions struct{ ended, kept []string }

// Named takes a handle for an id.
func (s *sessions) Named(_ context.Context, _, _, handle string) (string, error) { return handle, nil }

func (s *sessions) EndAllBut(_ store.Tx, u *store.User, id string) error {
	u.Epoch++
	s.kept = append(s.kept, id)
	return nil
}

func (s *sessions) EndOne(_ context.Context, account, user, handle string) error {
	s.ended = append(s.ended, account+"/"+user+"/"+handle)
	return nil
}

// world is a store with two teams and the staff in it.
type world struct {
	*testkit.Clock
	*manage.Manager
	t        *testing.T
	store    *testkit.Counted
	dir      *directory.Directory
	book     *ticket.Book
	post     *testkit.Post
	sessions *sessions
	limits   *limit.Limiter
	options  manage.Options
}

func build(t *testing.T, c *testkit.Clock, s store.Engine) *world {
	t.Helper()
	keys := testkit.Keys(t)
	box := testkit.Box(t, keys, "outbox")
	w := &world{Clock: c, t: t, store: &testkit.Counted{Engine: s}, sessions: &sessions{}}
	w.post = &testkit.Post{Outbox: outbox.New(w.store, outbox.Options{Box: box, Now: c.Now})}
	w.dir = directory.New(w.store, directory.Options{Now: c.Now})
	w.limits = limit.New(w.store, limit.Config{}, c.Now)
	w.book = ticket.New(w.store, ticket.Options{Box: box, Key: keys.Derive("tickets"), Hasher: &testkit.Hasher{}, Mails: w.post, Now: c.Now})
	w.options = manage.Options{
		Store: w.store, Directory: w.dir, Hasher: &testkit.Hasher{}, Limits: w.limits, Sessions: w.sessions,
		Audit: audit.New(w.store, audit.Options{Now: c.Now}), Tickets: w.book, Mails: w.post, Origin: origin, Brand: "Cliendo", Now: c.Now,
	}
	w.Manager = manage.New(w.options)
	for _, id := range []string{"acme", "rival"} {
		if err := w.dir.CreateAccount(t.Context(), &store.Account{ID: id, Name: id, State: directory.Active}); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"superadmin", "admin", "teammate"} {
			w.user(id, kind, kind)
		}
	}
	w.user(directory.StaffAccount, "desk", directory.SupportType)
	return w
}

// user adds somebody with the id account-name.
func (w *world) user(account, name, typ string) *store.User {
	w.t.Helper()
	u := &store.User{
		ID: account + "-" + name, Account: account, Email: name + "@" + account + ".test", Name: name, Type: typ, Locale: "nl",
		Password: "hash of old", PasswordChanged: w.Now(),
	}
	if err := w.dir.CreateUser(w.t.Context(), u); err != nil {
		w.t.Fatal(err)
	}
	return u
}

// as is somebody of an account as an actor.
func (w *world) as(account, name string) manage.Actor {
	return manage.OfUser(w.read(account, account+"-"+name), w.Rules())
}

func (w *world) support() manage.Actor { return w.as(directory.StaffAccount, "desk") }

func key(account string, scopes ...string) manage.Actor {
	if len(scopes) == 0 {
		scopes = apikey.Scopes()
	}
	return manage.OfKey(&store.APIKey{ID: "k", Name: "the app", Account: account, Scopes: scopes}, visitor.Visitor{})
}

func (w *world) read(account, id string) *store.User {
	w.t.Helper()
	u, err := w.dir.User(w.t.Context(), account, id)
	if err != nil {
		w.t.Fatalf("reading %s: %v", id, err)
	}
	return u
}

// set changes a user behind everybody's back.
func (w *world) set(account, id string, fn func(u *store.User)) {
	w.t.Helper()
	if _, err := w.dir.UpdateUser(w.t.Context(), account, id, func(u *store.User) error { fn(u); return nil }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func token(link string) string { return link[strings.LastIndexByte(link, '/')+1:] }

// onStores runs a test on both kinds of store.
func onStores(t *testing.T, test func(t *testing.T, w *world)) {
	testkit.OnEngines(t, testkit.Monday, func(t *testing.T, c *testkit.Clock, s store.Engine) { test(t, build(t, c, s)) })
}
