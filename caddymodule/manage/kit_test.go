package manage_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

const origin = "https://app.example/gateway"

// clock stands still until it is pushed.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) push(d time.Duration) { c.at.Add(int64(d)) }

// post is an outbox whose letters can be read.
type post struct {
	*outbox.Outbox
	mu    sync.Mutex
	mails []outbox.Draft
}

func (p *post) Send(ctx context.Context, d outbox.Draft, with func(store.Tx) error) error {
	return p.SendAll(ctx, []outbox.Draft{d}, with)
}

func (p *post) SendAll(ctx context.Context, drafts []outbox.Draft, with func(store.Tx) error) error {
	if err := p.Outbox.SendAll(ctx, drafts, with); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = append(p.mails, drafts...)
	return nil
}

// take returns the mails since the last time.
func (p *post) take() []outbox.Draft {
	p.mu.Lock()
	defer p.mu.Unlock()
	mails := p.mails
	p.mails = nil
	return mails
}

// hasher is quick.
type hasher struct{}

func (hasher) Hash(_ context.Context, password string) (string, error) {
	return "hash of " + password, nil
}

// sessions notes what was ended.
type sessions struct{ ended []string }

func (s *sessions) EndOne(_ context.Context, account, user, handle string) error {
	s.ended = append(s.ended, account+"/"+user+"/"+handle)
	return nil
}

// counted counts what is asked of a store.
type counted struct {
	store.Engine
	reads, writes atomic.Int64
}

func (s *counted) Get(ctx context.Context, key store.Key) ([]byte, error) {
	s.reads.Add(1)
	return s.Engine.Get(ctx, key)
}

func (s *counted) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	s.writes.Add(1)
	return s.Engine.Update(ctx, tag, fn)
}

// world is a store with two teams and the staff in it.
type world struct {
	*clock
	*manage.Manager
	t        *testing.T
	store    *counted
	dir      *directory.Directory
	book     *ticket.Book
	post     *post
	sessions *sessions
	limits   *limit.Limiter
	options  manage.Options
}

func build(t *testing.T, c *clock, s store.Engine) *world {
	t.Helper()
	keys, err := secret.NewKeys([]byte(secret.Token()))
	if err != nil {
		t.Fatal(err)
	}
	box, err := keys.NewBox("outbox")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{clock: c, t: t, store: &counted{Engine: s}, sessions: &sessions{}}
	w.post = &post{Outbox: outbox.New(w.store, outbox.Options{Box: box, Now: c.now})}
	w.dir = directory.New(w.store, directory.Options{Now: c.now})
	w.limits = limit.New(w.store, limit.Config{}, c.now)
	w.book = ticket.New(w.store, ticket.Options{Box: box, Key: keys.Derive("tickets"), Hasher: hasher{}, Mails: w.post, Now: c.now})
	w.options = manage.Options{
		Store: w.store, Directory: w.dir, Hasher: hasher{}, Limits: w.limits, Sessions: w.sessions,
		Audit: audit.New(w.store, audit.Options{Now: c.now}), Tickets: w.book, Mails: w.post, Origin: origin, Brand: "Cliendo", Now: c.now,
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
		Password: "hash of old", PasswordChanged: w.now(),
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
	t.Run("bolt", func(t *testing.T) {
		c := newClock()
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		test(t, build(t, c, s))
	})
	t.Run("redis", func(t *testing.T) {
		c := newClock()
		s, err := redisstore.Open(redistest.Start(t).URL(), store.Options{Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		test(t, build(t, c, s))
	})
}
