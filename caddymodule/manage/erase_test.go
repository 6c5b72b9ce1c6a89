package manage_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/person"
	"github.com/cliendo/gateway/caddymodule/store"
)

type eraser struct{ *person.Keeper }

func (e eraser) Erase(ctx context.Context, u *store.User) error {
	_, err := e.Keeper.Erase(ctx, u.Account, u.ID)
	return err
}

func TestErasingLeavesNothingOfAPerson(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, o := t.Context(), w.options
		log := audit.New(w.store, audit.Options{Now: w.Now})
		o.Eraser = eraser{person.New(w.store, person.Options{Directory: w.dir, Limits: w.limits, Audit: log})}
		m := manage.New(o)
		w.must(second(w.MailLogin(ctx, w.support(), "acme", "acme-teammate")))
		for _, a := range []manage.Actor{w.as("acme", "superadmin"), key("")} {
			if err := m.Erase(ctx, a, "acme", "acme-teammate"); !errors.Is(err, manage.ErrForbidden) {
				t.Errorf("erased by %s: %v", a.Kind, err)
			}
		}
		if err := m.Erase(ctx, w.support(), "acme", "acme-superadmin"); why(err) != manage.WhyLast {
			t.Errorf("the last superadmin: %v", err)
		}
		w.must(m.Erase(ctx, w.support(), "acme", "acme-teammate"))
		if _, err := w.dir.User(ctx, "acme", "acme-teammate"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("still there: %v", err)
		}
		page, err := log.List(ctx, "acme", audit.Query{N: 50, User: "acme-teammate"})
		w.must(err)
		for _, e := range page.Entries {
			if e.Email != "" {
				t.Errorf("the log knows the address: %+v", e)
			}
		}
		if len(page.Entries) == 0 {
			t.Error("the log forgot that it was done")
		}
	})
}
