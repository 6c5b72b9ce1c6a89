package manage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/person"
	"github.com/cliendo/gateway/caddymodule/store"
)

func (w *world) link(u *store.User, n identity.Named) *identity.Book {
	w.t.Helper()
	book := identity.New(w.store, w.Now)
	w.must(book.Link(w.t.Context(), u, n, "", func(ctx context.Context, step identity.Step) error {
		return w.store.Update(ctx, store.AccountTag(u.Account), func(tx store.Tx) error { return step(ctx, tx, u) })
	}))
	return book
}

// Whoever got in where they should not be, and linked an account of their own, does
// not come back by it.
func TestANewPasswordFromSomebodyElseIsTheOnlyWayIn(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, theirs := t.Context(), identity.Named{Provider: "google", Issuer: "https://accounts.example", Subject: "attacker"}
		book := w.link(w.read("acme", "acme-teammate"), theirs)
		for name, give := range map[string]func() error{
			"admin": func() error { return second(w.NewPassword(ctx, w.as("acme", "admin"), "acme", "acme-teammate")) },
			"support": func() error {
				return second(w.ChosenPassword(ctx, w.support(), "acme", "acme-teammate", "Eddydebeste"))
			},
			"program": func() error { return second(w.NewPassword(ctx, key(""), "acme", "acme-teammate")) },
			"command": func() error {
				return second(w.NewPassword(ctx, manage.Operator("op"), "acme", "acme-teammate"))
			},
		} {
			w.link(w.read("acme", "acme-teammate"), theirs)
			w.Push(time.Minute)
			w.must(give())
			if _, _, err := book.Find(ctx, theirs); !errors.Is(err, identity.ErrNone) {
				t.Errorf("after a password by %s: %v", name, err)
			}
		}
		page, err := audit.New(w.store, audit.Options{Now: w.Now}).List(ctx, "acme", audit.Query{N: 100, User: "acme-teammate"})
		w.must(err)
		said := 0
		for _, e := range page.Entries {
			if e.Action == audit.UserIdentityUnlinked {
				said++
			}
		}
		if said != 4 {
			t.Errorf("the log tells of it %d times", said)
		}

		// A change of their own leaves it.
		w.link(w.read("acme", "acme-teammate"), theirs)
		w.Push(time.Minute)
		themselves := audit.As(ctx, audit.Actor{Kind: audit.ByUser, ID: "acme-teammate", Account: "acme"})
		w.must(second(w.dir.UpdateUser(themselves, "acme", "acme-teammate", func(u *store.User) error {
			u.Password, u.PasswordChanged = "hash of own", w.Now()
			return nil
		})))
		if _, _, err := book.Find(ctx, theirs); err != nil {
			t.Errorf("after a password of their own: %v", err)
		}
	})
}

// What is linked goes with the person, claims included; and it is in their file.
func TestLinkedIdentitiesAreExportedAndErased(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, n := t.Context(), identity.Named{Provider: "google", Issuer: "https://accounts.example", Subject: "mine", Email: "t@gmail.example"}
		w.link(w.read("acme", "acme-teammate"), n)
		log := audit.New(w.store, audit.Options{Now: w.Now})
		people := person.New(w.store, person.Options{Directory: w.dir, Limits: w.limits, Audit: log})
		f, err := people.Export(ctx, "acme", "acme-teammate")
		w.must(err)
		if len(f.Identities) != 1 || f.Identities[0].Email != "t@gmail.example" {
			t.Errorf("exported: %+v", f.Identities)
		}
		w.must(second(people.Erase(ctx, "acme", "acme-teammate")))
		if _, err := store.Identities.Get(ctx, w.store, store.AccountTag("acme"), "acme-teammate"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a record is left: %v", err)
		}
		if _, err := store.Claims.Get(ctx, w.store, store.IdentityTag(n.Digest()), ""); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a claim is left: %v", err)
		}
		w.link(w.read("rival", "rival-teammate"), n) // free at once
	})
}

// Forms that wait for somebody are in their file, and go with them; those of others
// stay.
func TestParkedFormsAreExportedAndErased(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, until := t.Context(), w.Now().Add(time.Minute)
		list := &store.ParkedList{}
		for id, user := range map[string]string{"a": "acme-teammate", "b": "acme-superadmin"} {
			list.Forms = append(list.Forms, store.ParkedEntry{ID: id, Account: "acme", User: user, Size: 7, Until: until})
			w.must(w.store.Update(ctx, store.FormTag(id), func(tx store.Tx) error {
				return store.ParkedForms.Put(tx, id, &store.ParkedForm{Account: "acme", User: user, Until: until}, until)
			}))
		}
		w.must(w.store.Update(ctx, store.ParkedTag, func(tx store.Tx) error { return store.ParkedLists.Put(tx, "", list, until) }))
		log := audit.New(w.store, audit.Options{Now: w.Now})
		people := person.New(w.store, person.Options{Directory: w.dir, Limits: w.limits, Audit: log})
		f, err := people.Export(ctx, "acme", "acme-teammate")
		w.must(err)
		if len(f.Forms) != 1 || f.Forms[0].ID != "a" {
			t.Errorf("exported: %+v", f.Forms)
		}
		w.must(second(people.Erase(ctx, "acme", "acme-teammate")))
		if _, err := store.ParkedForms.Get(ctx, w.store, store.FormTag("a"), "a"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a form is left: %v", err)
		}
		if _, err := store.ParkedForms.Get(ctx, w.store, store.FormTag("b"), "b"); err != nil {
			t.Errorf("that of another: %v", err)
		}
		left, err := store.ParkedLists.Get(ctx, w.store, store.ParkedTag, "")
		if err != nil || len(left.Forms) != 1 || left.Forms[0].ID != "b" {
			t.Errorf("the list: %+v, %v", left, err)
		}
	})
}
