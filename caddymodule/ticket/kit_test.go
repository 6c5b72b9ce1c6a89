package ticket_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// post keeps letters, and writes what an outbox would.
type post struct {
	store *testkit.Counted
	mu    sync.Mutex
	mails []outbox.Draft
	down  bool
}

func (p *post) Send(ctx context.Context, d outbox.Draft, with func(store.Tx) error) error {
	if p.down {
		return store.ErrUnavailable
	}
	err := p.store.Update(ctx, store.OutboxTag, func(tx store.Tx) error {
		return store.MailRefs.Put(tx, d.ID, &store.MailRef{Tag: d.Owner.Tag, Owner: d.Owner.Name, At: d.Letter.Asked}, time.Time{})
	})
	if err == nil {
		err = p.store.Update(ctx, d.Owner.Tag, with)
	}
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.mails = append(p.mails, d)
	}
	return err
}

func (p *post) last() outbox.Draft { return p.mails[len(p.mails)-1] }

// world is one store with a book on it, for each node.
type world struct {
	*testkit.Clock
	t     *testing.T
	store *testkit.Counted
	post  *post
	hash  *testkit.Hasher
	dir   *directory.Directory
	book  *ticket.Book
	other *ticket.Book // of another node, or the same
	jan   *store.User
}

const origin = "https://app.example/gateway"

func settle(t *testing.T, c *testkit.Clock, engines ...store.Engine) *world {
	t.Helper()
	w := &world{Clock: c, t: t, store: &testkit.Counted{Engine: engines[0]}, hash: &testkit.Hasher{}}
	w.post = &post{store: w.store}
	keys := testkit.Keys(t)
	box := testkit.Box(t, keys, "fresh")
	open := func(s store.Engine, p *post) *ticket.Book {
		return ticket.New(s, ticket.Options{Box: box, Key: keys.Derive("tickets"), Hasher: w.hash, Mails: p, Now: c.Now})
	}
	w.book = open(w.store, w.post)
	w.other = w.book
	if len(engines) > 1 {
		far := &testkit.Counted{Engine: engines[1]}
		w.other = open(far, &post{store: far})
	}
	w.dir = directory.New(w.store, directory.Options{Now: c.Now})
	if err := w.dir.CreateAccount(t.Context(), &store.Account{ID: "acme", Name: "Acme", State: directory.Active}); err != nil {
		t.Fatal(err)
	}
	w.jan = w.user("jan")
	return w
}

func (w *world) user(name string) *store.User {
	w.t.Helper()
	u := &store.User{ID: name, Account: "acme", Email: name + "@acme.test", Name: name, Type: "teammate", Locale: "nl", Password: "old"}
	if err := w.dir.CreateUser(w.t.Context(), u); err != nil {
		w.t.Fatal(err)
	}
	return u
}

// onNodes runs a test on each engine, and on two nodes.
func onNodes(t *testing.T, test func(w *world)) {
	testkit.OnNodes(t, testkit.Monday, func(t *testing.T, c *testkit.Clock, nodes ...store.Engine) { test(settle(t, c, nodes...)) })
}

// ask asks for a mail and returns what the tab and the mail hold.
func (w *world) ask(u *store.User, purpose, mode string) (ticket.Asked, outbox.Draft) {
	w.t.Helper()
	a := ticket.Ask{
		Purpose: purpose, Mode: mode, User: u, Browser: "browser", Target: "/clients", Locale: "en", Origin: origin,
		Device: "Firefox / Linux", Network: "192.0.2.1/32",
	}
	if u == nil {
		a.To, a.Owner = "nobody@else.test", outbox.OfNobody(attempt.Subject("", "nobody@else.test"))
	} else {
		a.To, a.Owner = "typed@else.test", outbox.OfUser(u.Account, u.ID)
	}
	asked, err := w.book.Ask(w.t.Context(), a)
	if err != nil {
		w.t.Fatal(err)
	}
	return asked, w.post.last()
}

func token(link string) string { return link[strings.LastIndex(link, "/")+1:] }

func (w *world) reread() *store.User {
	w.t.Helper()
	u, err := w.dir.User(w.t.Context(), "acme", "jan")
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// spent returns the cause of a *ticket.Spent, or the error in words.
func spent(err error) string {
	var s *ticket.Spent
	if errors.As(err, &s) {
		return string(s.Cause)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
