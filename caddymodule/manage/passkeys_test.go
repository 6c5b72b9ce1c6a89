package manage_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/factor/softkey"
	"github.com/cliendo/gateway/caddymodule/keyring"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// passkeys knows those of everybody.
func (w *world) passkeys() *factor.Factors {
	w.t.Helper()
	party, err := factor.NewParty("app.example", "Test", "https://app.example")
	w.must(err)
	return factor.New(w.store, factor.Options{Issuer: "Test", Now: w.Now, Party: party})
}

// addKey gives somebody of acme a passkey on a device of theirs.
func (w *world) addKey(f *factor.Factors, id, name string) *softkey.Device {
	w.t.Helper()
	ctx, u, d := w.t.Context(), w.read("acme", id), &softkey.Device{Origin: "https://app.example"}
	asked, err := f.AskNew(ctx, u, "s1")
	w.must(err)
	answer, err := d.Create(asked)
	w.must(err)
	made, err := f.MakeKey(u, "s1", answer)
	w.must(err)
	w.must(w.store.Update(ctx, store.AccountTag("acme"), func(tx store.Tx) error {
		return second(f.AddKey(ctx, tx, u, made, name, ""))
	}))
	return d
}

// names are the passkeys that somebody has, and opens whether a device logs in.
func (w *world) names(f *factor.Factors, id string) string {
	w.t.Helper()
	keys, err := f.Keys(w.t.Context(), w.read("acme", id))
	w.must(err)
	var all []string
	for _, k := range keys {
		all = append(all, k.Name)
	}
	return strings.Join(all, ", ")
}

func (w *world) opens(f *factor.Factors, d *softkey.Device) bool {
	w.t.Helper()
	asked, err := f.AskLogin("a browser")
	w.must(err)
	answer, err := d.Get(asked)
	w.must(err)
	_, err = f.Login(w.t.Context(), "a browser", answer)
	return err == nil
}

func (w *world) lines(action audit.Action) (n int) {
	w.t.Helper()
	page, err := audit.New(w.store, audit.Options{Now: w.Now}).List(w.t.Context(), "acme", audit.Query{N: 100, User: jan})
	w.must(err)
	for _, e := range page.Entries {
		if e.Action == action {
			n++
		}
	}
	return n
}

// Whoever got in where they should not be, and added a passkey, does not come back
// by it.
func TestANewPasswordFromSomebodyElseEndsPasskeys(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, f, given := t.Context(), w.passkeys(), 0
		for name, give := range map[string]func() error{
			"admin":   func() error { return second(w.NewPassword(ctx, w.as("acme", "admin"), "acme", jan)) },
			"support": func() error { return second(w.ChosenPassword(ctx, w.support(), "acme", jan, "Eddydebeste")) },
			"program": func() error { return second(w.NewPassword(ctx, key(""), "acme", jan)) },
			"command": func() error { return second(w.NewPassword(ctx, manage.Operator("op"), "acme", jan)) },
		} {
			d := w.addKey(f, jan, name)
			if !w.opens(f, d) {
				t.Fatalf("%s: the passkey opens nothing before", name)
			}
			w.Push(time.Minute)
			w.must(give())
			if w.opens(f, d) || w.names(f, jan) != "" {
				t.Errorf("after a password by %s: %q is left", name, w.names(f, jan))
			}
			if given++; w.lines(audit.PasskeyRemoved) != given {
				t.Errorf("after a password by %s the log tells of %d", name, w.lines(audit.PasskeyRemoved))
			}
		}

		// A change of their own leaves them, and so does that of a colleague.
		d := w.addKey(f, jan, "mine")
		w.Push(time.Minute)
		w.must(second(w.dir.UpdateUser(w.self(), "acme", jan, func(u *store.User) error {
			u.Password, u.PasswordChanged = "hash of own", w.Now()
			return nil
		})))
		w.must(second(w.NewPassword(ctx, w.as("acme", "superadmin"), "acme", "acme-admin")))
		if !w.opens(f, d) {
			t.Error("after a password of their own it opens nothing")
		}
	})
}

// takesBack has the world end passkeys at "this was not me", as the product does, and
// do more after it.
func (w *world) takesBack(more ...manage.Undo) {
	o := w.options
	o.Undo = append([]manage.Undo{func(ctx context.Context, tx store.Tx, u *store.User, since time.Time) (string, error) {
		ended, err := keyring.EndSince(ctx, tx, u, since, w.Now())
		if ended == 0 {
			return "", err
		}
		return ticket.UndonePasskeys, err
	}}, more...)
	w.Manager = manage.New(o)
}

// "This was not me" takes back the passkeys that were added since that login began,
// and leaves those from before: they are the owner's.
func TestThisWasNotMeEndsPasskeysAddedSince(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		f := w.passkeys()
		w.takesBack()
		mine := w.addKey(f, jan, "mine")
		w.Push(time.Hour)
		device := w.told(letter.NewDevice, w.Now())
		w.Push(time.Hour)
		theirs := w.addKey(f, jan, "theirs")
		found, _ := w.notMe(device)
		if !has(found.Undone, ticket.UndonePasskeys) {
			t.Errorf("said to be undone: %v", found.Undone)
		}
		if w.names(f, jan) != "mine" || w.opens(f, theirs) || !w.opens(f, mine) {
			t.Errorf("left: %q", w.names(f, jan))
		}
		if n := w.lines(audit.PasskeyRemoved); n != 1 {
			t.Errorf("the log tells of %d", n)
		}
	})
}

// A passkey ends in the step of what ends it, or not at all.
func TestNotMeThatFailsLeavesThePasskeys(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		f := w.passkeys()
		device := w.told(letter.NewDevice, w.Now())
		w.addKey(f, jan, "theirs")
		w.takesBack(func(context.Context, store.Tx, *store.User, time.Time) (string, error) { return "", context.Canceled })
		if _, err := (manage.Links{Book: w.book, Manager: w.Manager}).Revoke(t.Context(), token(device)); !errors.Is(err, context.Canceled) {
			t.Fatalf("a hook that fails: %v", err)
		}
		if w.names(f, jan) != "theirs" || w.lines(audit.PasskeyRemoved) != 0 {
			t.Errorf("left: %q", w.names(f, jan))
		}
	})
}
