package factor_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/factor/softkey"
	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	browser = "the browser of jan"
	session = "the session of jan"
)

func phone() *softkey.Device { return &softkey.Device{Origin: "https://login.praktijk.test"} }

// have is a value that could be had.
func have[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// account runs fn in an Update of the account.
func (w *world) account(fn func(ctx context.Context, tx store.Tx) error) error {
	ctx := audit.As(w.t.Context(), audit.Actor{Kind: audit.ByUser, ID: "jan", Account: "acme"})
	return w.store.Update(ctx, store.AccountTag("acme"), func(tx store.Tx) error { return fn(ctx, tx) })
}

// add has a device make a passkey for u, and adds it.
func (w *world) add(u *store.User, d *softkey.Device, name string) (factor.Key, error) {
	w.t.Helper()
	asked := have(w.near.AskNew(w.t.Context(), u, session))(w.t)
	text := have(d.Create(asked))(w.t)
	return w.register(u, text, name)
}

func (w *world) register(u *store.User, text, name string) (k factor.Key, err error) {
	w.t.Helper()
	made, err := w.far.MakeKey(u, session, text)
	if err != nil {
		return k, err
	}
	err = w.account(func(ctx context.Context, tx store.Tx) error {
		k, err = w.far.AddKey(ctx, tx, u, made, name, "Chrome / Android")
		return err
	})
	return k, err
}

func (w *world) added(u *store.User, d *softkey.Device, name string) factor.Key {
	w.t.Helper()
	return have(w.add(u, d, name))(w.t)
}

// answer is what a device says to a login in jan's browser.
func (w *world) answer(d *softkey.Device) string {
	w.t.Helper()
	return have(d.Get(have(w.near.AskLogin(browser))(w.t)))(w.t)
}

// reason is why a passkey was denied, in a word.
func reason(err error) string {
	var denied *factor.Denied
	if errors.As(err, &denied) {
		return denied.Reason
	}
	return why(err)
}

// enter is what becomes of an answer in jan's browser.
func (w *world) enter(text string) string {
	w.t.Helper()
	v, err := w.far.Login(w.t.Context(), browser, text)
	if err == nil {
		return v.User().ID
	}
	return reason(err)
}

func (w *world) lines(action audit.Action) (n int) {
	w.t.Helper()
	items, err := store.AuditLines.Scan(w.t.Context(), w.store, store.AccountTag("acme"), "", "", 200)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, i := range items {
		if i.Value.Action == action {
			n++
		}
	}
	return n
}

func (w *world) list(user string) *store.PasskeyList {
	w.t.Helper()
	list, err := store.Passkeys.Get(w.t.Context(), w.store, store.AccountTag("acme"), user)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}
