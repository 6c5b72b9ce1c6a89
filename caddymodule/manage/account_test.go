package manage_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestOnlySupportAndTheAppChangeAccounts(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		off := manage.State{State: directory.Suspended, Reason: "fraud"}
		for _, a := range []manage.Actor{w.as("acme", "superadmin"), key("acme", "accounts:read"), key("", "users:write")} {
			if _, err := w.SetState(ctx, a, "acme", off); !errors.Is(err, manage.ErrForbidden) {
				t.Errorf("%s: %v", a.Kind, err)
			}
			if _, err := w.SetState(ctx, a, "nowhere", off); why(err) != "not found" {
				t.Errorf("%s, nowhere: %v", a.Kind, err)
			}
		}
		for _, a := range []manage.Actor{w.as("acme", "superadmin"), key("acme")} {
			if _, err := w.SetState(ctx, a, "rival", off); why(err) != "not found" {
				t.Errorf("another's account: %v", err)
			}
			if _, err := w.Accounts(ctx, a, "", 10); !errors.Is(err, manage.ErrForbidden) {
				t.Errorf("the list of all: %v", err)
			}
		}
		for _, a := range []manage.Actor{w.support(), key(""), key("acme"), manage.Operator("op")} {
			account, err := w.SetState(ctx, a, "acme", manage.State{State: directory.Arrears, Reason: "two invoices", TrialUntil: "2020-01-01"})
			w.must(err)
			if account.UnpaidInvoices != 2 || account.TrialUntil != "" || w.Rules().Closed(account, w.Now()) != cause.AccountArrears {
				t.Errorf("account is %+v", account)
			}
			if account, err = w.SetState(ctx, a, "acme", manage.State{State: directory.Active}); err != nil || account.UnpaidInvoices != 0 {
				t.Errorf("account is %+v, %v", account, err)
			}
		}
		if _, err := w.SetState(ctx, w.support(), "acme", manage.State{State: "gone"}); !errors.Is(err, directory.ErrInvalid) {
			t.Errorf("an unknown state: %v", err)
		}
		if _, err := w.SetState(ctx, key(""), directory.StaffAccount, off); why(err) != "not found" {
			t.Errorf("the staff, with a key: %v", err)
		}
	})
}

func TestDomainsAreSetByPeopleAndAreTheAccountsOwn(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, domains := t.Context(), []string{" Acme.TEST ", "acme.test"}
		account, err := w.EditAccount(ctx, w.support(), "acme", manage.AccountEdit{Domains: &domains})
		w.must(err)
		if len(account.Domains) != 1 || account.Domains[0] != "acme.test" {
			t.Errorf("domains are %q", account.Domains)
		}
		for _, bad := range []string{"gmail.com", "GMail.com", "not a domain", "test", ""} {
			if _, err := w.EditAccount(ctx, w.support(), "acme", manage.AccountEdit{Domains: &[]string{bad}}); !errors.Is(err, directory.ErrInvalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		for _, a := range []manage.Actor{key(""), key("acme"), w.as("acme", "superadmin")} {
			if _, err := w.EditAccount(ctx, a, "acme", manage.AccountEdit{Domains: &domains}); !errors.Is(err, manage.ErrForbidden) {
				t.Errorf("%s: %v", a.Kind, err)
			}
		}
		if err := w.CreateAccount(ctx, key(""), &store.Account{ID: "new", Name: "New", State: "active", Domains: domains}); !errors.Is(err, manage.ErrForbidden) {
			t.Errorf("made with domains by a key: %v", err)
		}
		w.must(w.CreateAccount(ctx, key(""), &store.Account{ID: "new", Name: "New", State: "active", Epoch: 7}))
		if account, err := w.Account(ctx, w.support(), "new"); err != nil || account.Epoch != 0 {
			t.Errorf("made %+v, %v", account, err)
		}
	})
}

func TestAPreconditionIsLookedAtInTheStep(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		stale := errors.New("stale")
		ctx := manage.ProvidedAccount(t.Context(), func(a *store.Account) error {
			if a.State != directory.Trial {
				return stale
			}
			return nil
		})
		if _, err := w.SetState(ctx, w.support(), "acme", manage.State{State: directory.Cancelled}); !errors.Is(err, stale) {
			t.Errorf("account: %v", err)
		}
		ctx = manage.ProvidedUser(t.Context(), func(u *store.User) error {
			if u.Name != "Other" {
				return stale
			}
			return nil
		})
		if _, err := w.Block(ctx, w.support(), "acme", "acme-teammate", "", time.Time{}); !errors.Is(err, stale) {
			t.Errorf("user: %v", err)
		}
		if err := w.Delete(ctx, w.support(), "acme", "acme-teammate"); !errors.Is(err, stale) {
			t.Errorf("deleting: %v", err)
		}
		w.read("acme", "acme-teammate")
	})
}

func TestWhoIsLockedOutOnADay(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context() // it is 2027-03-01
		for id, a := range map[string]store.Account{
			"trial-in-time": {State: "trial", TrialUntil: "2027-03-10"},
			"trial-on-it":   {State: "trial", TrialUntil: "2027-03-09"},
			"trial-over":    {State: "trial", TrialUntil: "2027-02-01"},
			"arrears-then":  {State: "arrears", UnpaidInvoices: 2, BlocksFrom: "2027-03-10"},
			"arrears-later": {State: "arrears", UnpaidInvoices: 2, BlocksFrom: "2027-03-11"},
			"arrears-one":   {State: "arrears", UnpaidInvoices: 1, BlocksFrom: "2027-03-05"},
			"arrears-now":   {State: "arrears", UnpaidInvoices: 3},
			"gone":          {State: "cancelled"},
		} {
			a.ID, a.Name = id, id
			w.must(w.dir.CreateAccount(ctx, &a))
		}
		got := map[string]string{}
		for cursor := ""; ; {
			list, next, err := w.LockedOutOn(ctx, w.support(), "2027-03-10", cursor, 1)
			w.must(err)
			for _, l := range list {
				got[l.Account.ID] = string(l.Cause) + " " + l.From.UTC().Format(time.DateTime)
			}
			if cursor = next; next == "" {
				break
			}
		}
		want := map[string]string{
			"trial-on-it":  "account_trial_ended 2027-03-09 23:00:00", // days end in Amsterdam
			"arrears-then": "account_arrears 2027-03-09 23:00:00",
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if _, _, err := w.LockedOutOn(ctx, w.support(), "soon", "", 10); !errors.Is(err, directory.ErrInvalid) {
			t.Errorf("no day: %v", err)
		}
		for _, a := range []manage.Actor{w.as("acme", "superadmin"), key("acme")} {
			if _, _, err := w.LockedOutOn(ctx, a, "2027-03-10", "", 10); !errors.Is(err, manage.ErrForbidden) {
				t.Errorf("%s: %v", a.Kind, err)
			}
		}
	})
}
