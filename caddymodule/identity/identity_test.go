package identity_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

var ctx = audit.As(context.Background(), audit.Actor{Kind: audit.ByUser, ID: "jan"})

type house struct {
	*testing.T
	shift  atomic.Int64
	engine store.Engine
	dir    *directory.Directory
	book   *identity.Book
}

func (h *house) now() time.Time       { return time.Now().Add(time.Duration(h.shift.Load())) }
func (h *house) push(d time.Duration) { h.shift.Add(int64(d)) }

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func onStores(t *testing.T, test func(h *house)) {
	t.Helper()
	open := map[string]func(t *testing.T, o store.Options) (store.Engine, error){
		"bolt": func(t *testing.T, o store.Options) (store.Engine, error) {
			return boltstore.Open(filepath.Join(t.TempDir(), "store.db"), o)
		},
		"redis": func(t *testing.T, o store.Options) (store.Engine, error) {
			return redisstore.Open(redistest.Start(t).URL(), o)
		},
	}
	for name, open := range open {
		t.Run(name, func(t *testing.T) {
			h := &house{T: t}
			e, err := open(t, store.Options{Now: h.now})
			h.must(err)
			t.Cleanup(func() { _ = e.Close() })
			h.engine, h.book = e, identity.New(e, h.now)
			h.dir = directory.New(e, directory.Options{Rules: directory.Rules{Types: directory.BuiltinTypes()}, Now: h.now})
			h.must(h.dir.CreateAccount(ctx, &store.Account{ID: "praktijk", Name: "Praktijk", State: directory.Active}))
			test(h)
		})
	}
}

func (h *house) user(id, password string) *store.User {
	h.Helper()
	h.must(h.dir.CreateUser(ctx, &store.User{
		ID: id, Account: "praktijk", Email: id + "@example.test", Name: id, Type: "teammate", Password: password,
	}))
	u, err := h.dir.User(ctx, "praktijk", id)
	h.must(err)
	return u
}

// link writes as a page would: in an Update of the account.
func (h *house) link(u *store.User, n identity.Named) error {
	return h.book.Link(ctx, u, n, "handle", func(ctx context.Context, step identity.Step) error {
		return h.engine.Update(ctx, store.AccountTag(u.Account), func(tx store.Tx) error { return step(ctx, tx, u) })
	})
}

// left takes passwords and identities for all ways in that there are.
func left(_ store.Tx, u *store.User, linked int) (bool, error) {
	return u.Password != "" || linked > 0, nil
}

func (h *house) unlink(u *store.User, id string) error {
	err := h.engine.Update(ctx, store.AccountTag(u.Account), func(tx store.Tx) error {
		_, err := identity.Unlink(ctx, tx, u, id, left, h.now())
		return err
	})
	h.book.Tidy(ctx, u.Account, u.ID)
	return err
}

func (h *house) linked(u *store.User) []store.LinkedIdentity {
	h.Helper()
	list, err := h.book.List(ctx, u.Account, u.ID)
	h.must(err)
	return list
}

// leads checks whom an identity logs in; nil is nobody.
func (h *house) leads(n identity.Named, to *store.User) {
	h.Helper()
	u, l, err := h.book.Find(ctx, n)
	switch {
	case to == nil && !errors.Is(err, identity.ErrNone):
		h.Fatalf("%s leads to %v, %v", n.Subject, u, err)
	case to != nil && (err != nil || u.ID != to.ID || l.Subject != n.Subject || l.Issuer != n.Issuer):
		h.Fatalf("%s leads to %v (%+v), %v", n.Subject, u, l, err)
	}
}

func named(subject string) identity.Named {
	return identity.Named{Provider: "google", Issuer: "https://accounts.example", Subject: subject, Email: subject + "@gmail.example"}
}

func TestAnIdentityLeadsToWhomItIsLinked(t *testing.T) {
	onStores(t, func(h *house) {
		jan, piet := h.user("jan", "x"), h.user("piet", "x")
		h.leads(named("a"), nil)
		h.must(h.link(jan, named("a")))
		h.must(h.link(jan, named("a"))) // once more is no error, and no second one
		h.must(h.link(jan, named("b")))
		h.leads(named("a"), jan)
		if got := h.linked(jan); len(got) != 2 || got[0].ID == got[1].ID || got[0].Provider != "google" || got[0].Session != "handle" {
			t.Fatalf("linked: %+v", got)
		}
		if err := h.link(piet, named("a")); !errors.Is(err, identity.ErrTaken) {
			t.Errorf("linked to somebody else: %v", err)
		}
		h.must(h.book.Used(ctx, jan, h.linked(jan)[0].ID, "new@gmail.example"))
		if got := h.linked(jan)[0]; got.LastUsed.IsZero() || got.Email != "new@gmail.example" {
			t.Errorf("used: %+v", got)
		}

		h.must(h.unlink(jan, h.linked(jan)[0].ID))
		h.leads(named("a"), nil)
		h.leads(named("b"), jan)
		if err := h.unlink(jan, "nothing"); !errors.Is(err, identity.ErrNone) {
			t.Errorf("unlinking nothing: %v", err)
		}
		h.must(h.link(piet, named("a"))) // free at once
		h.leads(named("a"), piet)
	})
}

// The same subject of another issuer is somebody else, however the two texts meet.
func TestIssuerAndSubjectTogetherAreTheKey(t *testing.T) {
	onStores(t, func(h *house) {
		jan := h.user("jan", "x")
		mine := identity.Named{Provider: "microsoft", Issuer: "https://login.example/tenant-1", Subject: "23"}
		h.must(h.link(jan, mine))
		h.leads(mine, jan)
		h.leads(identity.Named{Provider: "microsoft", Issuer: "https://login.example/tenant-2", Subject: "23"}, nil)
		h.leads(identity.Named{Provider: "microsoft", Issuer: "https://login.example/tenant-12", Subject: "3"}, nil)
		h.leads(identity.Named{Provider: "microsoft", Issuer: "https://login.example/tenant-", Subject: "123"}, nil)
		same := mine
		same.Provider, same.Email = "renamed", "other@example.test" // neither is part of the key
		h.leads(same, jan)
	})
}

func TestOfManyWhoLinkOneIdentityOneWins(t *testing.T) {
	onStores(t, func(h *house) {
		users := make([]*store.User, 12)
		for i := range users {
			users[i] = h.user(fmt.Sprintf("u%d", i), "x")
		}
		var wg sync.WaitGroup
		var won, lost atomic.Int32
		for _, u := range users {
			wg.Go(func() {
				switch err := h.link(u, named("a")); {
				case err == nil:
					won.Add(1)
				case errors.Is(err, identity.ErrTaken):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		holders := 0
		for _, u := range users {
			holders += len(h.linked(u))
		}
		if won.Load() != 1 || int(lost.Load()) != len(users)-1 || holders != 1 {
			t.Errorf("%d won, %d lost, %d have it", won.Load(), lost.Load(), holders)
		}
	})
}

// A crash between claim and identity: nobody is locked out of linking for longer
// than a minute, and nobody gets in by half a link.
func TestAClaimWithoutItsIdentityIsMended(t *testing.T) {
	onStores(t, func(h *house) {
		jan, piet := h.user("jan", "x"), h.user("piet", "x")
		crash := errors.New("power cut")
		err := h.book.Link(ctx, jan, named("a"), "", func(context.Context, identity.Step) error { return crash })
		if !errors.Is(err, crash) {
			t.Fatal(err)
		}
		h.leads(named("a"), nil)
		if err := h.link(piet, named("a")); !errors.Is(err, identity.ErrTaken) {
			t.Errorf("taken from somebody who may be at work: %v", err)
		}
		h.push(2 * time.Minute)
		h.must(h.link(piet, named("a")))
		h.leads(named("a"), piet)
		if err := h.link(jan, named("a")); !errors.Is(err, identity.ErrTaken) {
			t.Errorf("the first one got it back: %v", err)
		}
	})
}

// Who comes so late that another may have taken the claim writes nothing.
func TestALinkThatTookTooLongIsNotWritten(t *testing.T) {
	onStores(t, func(h *house) {
		jan := h.user("jan", "x")
		err := h.book.Link(ctx, jan, named("a"), "", func(ctx context.Context, step identity.Step) error {
			h.push(50 * time.Second)
			return h.engine.Update(ctx, store.AccountTag("praktijk"), func(tx store.Tx) error { return step(ctx, tx, jan) })
		})
		if !errors.Is(err, context.DeadlineExceeded) || len(h.linked(jan)) != 0 {
			t.Errorf("%v, linked %v", err, h.linked(jan))
		}
	})
}

func TestTheLastWayInStays(t *testing.T) {
	onStores(t, func(h *house) {
		none := h.user("none", "")
		h.must(h.link(none, named("a")))
		if err := h.unlink(none, h.linked(none)[0].ID); !errors.Is(err, identity.ErrLastWay) {
			t.Fatalf("the last way in: %v", err)
		}
		h.leads(named("a"), none)
		failing, id := errors.New("no"), h.linked(none)[0].ID
		err := h.engine.Update(ctx, store.AccountTag("praktijk"), func(tx store.Tx) error {
			_, err := identity.Unlink(ctx, tx, none, id, func(store.Tx, *store.User, int) (bool, error) { return true, failing }, h.now())
			return err
		})
		if !errors.Is(err, failing) {
			t.Fatalf("the other ways in cannot be read: %v", err)
		}
		h.leads(named("a"), none)
		h.must(h.link(none, named("b")))
		h.must(h.unlink(none, h.linked(none)[0].ID))
		h.leads(named("a"), nil)
		h.leads(named("b"), none)

		jan := h.user("jan", "x")
		h.must(h.link(jan, named("c")))
		h.must(h.unlink(jan, h.linked(jan)[0].ID)) // the password is left
		if len(h.linked(jan)) != 0 {
			t.Errorf("left: %+v", h.linked(jan))
		}
	})
}

func TestWhatWasLinkedSinceAMomentEnds(t *testing.T) {
	onStores(t, func(h *house) {
		jan := h.user("jan", "x")
		h.must(h.link(jan, named("mine")))
		h.push(time.Hour)
		since := h.now().UTC()
		h.must(h.link(jan, named("theirs")))
		h.must(h.engine.Update(ctx, store.AccountTag("praktijk"), func(tx store.Tx) error {
			ended, err := identity.EndSince(ctx, tx, jan, since, h.now())
			if err == nil && (len(ended) != 1 || ended[0].Subject != "theirs") {
				t.Errorf("ended: %+v", ended)
			}
			return err
		}))
		h.leads(named("theirs"), nil)
		h.leads(named("mine"), jan)
		h.must(h.engine.Update(ctx, store.AccountTag("praktijk"), func(tx store.Tx) error {
			_, err := identity.EndAll(ctx, tx, jan, h.now())
			return err
		}))
		h.leads(named("mine"), nil)
		h.book.Tidy(ctx, "praktijk", "jan")
		if _, err := store.Identities.Get(ctx, h.engine, store.AccountTag("praktijk"), "jan"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a record is left: %v", err)
		}
		if _, err := store.Claims.Get(ctx, h.engine, store.IdentityTag(named("mine").Digest()), ""); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a claim is left: %v", err)
		}
	})
}

func TestNobodyLinksWithoutEnd(t *testing.T) {
	onStores(t, func(h *house) {
		jan := h.user("jan", "x")
		for i := range identity.Most {
			h.must(h.link(jan, named(fmt.Sprint(i))))
		}
		if err := h.link(jan, named("more")); !errors.Is(err, identity.ErrMany) {
			t.Fatalf("one more: %v", err)
		}
		h.must(h.link(h.user("piet", "x"), named("more"))) // nothing is left of the try
	})
}

// The log says who, what and with whom, and never the key of the identity.
func TestTheAuditLogTellsOfBothEnds(t *testing.T) {
	onStores(t, func(h *house) {
		jan := h.user("jan", "x")
		h.must(h.link(jan, named("secret-subject")))
		h.must(h.unlink(jan, h.linked(jan)[0].ID))
		p, err := audit.New(h.engine, audit.Options{}).List(ctx, "praktijk", audit.Query{User: "jan", N: 10})
		h.must(err)
		var got []string
		for _, e := range p.Entries {
			got = append(got, fmt.Sprintf("%v %v %v %v", e.Action, e.Before, e.After, e.Actor.ID))
		}
		want := []string{
			"user.identity_unlinked map[email:s•••@gmail.example provider:google] map[] jan",
			"user.identity_linked map[] map[email:s•••@gmail.example provider:google] jan",
		}
		if len(got) < 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("lines: %q", got)
		}
	})
}

func TestMasked(t *testing.T) {
	for address, want := range map[string]string{
		"jan.jansen@gmail.com": "j•••@gmail.com", "é@x.nl": "é•••@x.nl", "a@b@c.nl": "a•••@c.nl", "": "", "@x.nl": "", "nothing": "",
	} {
		if got := identity.Masked(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}
