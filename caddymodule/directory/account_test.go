package directory_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestAccountComesBackAsItWasMade(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		given := &store.Account{
			ID: "acme-2", Name: "  Acme \u00c7elik ", State: "arrears", UnpaidInvoices: 3, BlocksFrom: "2026-11-01",
			Reason: "three reminders", PayURL: "https://pay.example/acme",
		}
		must(t, h.CreateAccount(t.Context(), given))
		got, err := h.second.Account(t.Context(), "acme-2")
		must(t, err)
		want := &store.Account{
			ID: "acme-2", Name: "Acme \u00c7elik", State: "arrears", UnpaidInvoices: 3, BlocksFrom: "2026-11-01",
			Reason: "three reminders", PayURL: "https://pay.example/acme", Since: base, Created: base,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		wantError(t, h.CreateAccount(t.Context(), &store.Account{ID: "acme-2", Name: "Other", State: "active"}), directory.ErrTaken)
		_, err = h.Account(t.Context(), "nobody")
		wantError(t, err, store.ErrNotFound)
		_, err = h.Account(t.Context(), "\x00")
		wantError(t, err, store.ErrNotFound)
	})
}

func TestAccountsAreListedById(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, i := range []int{4, 0, 3, 1, 2} {
			h.account(t, fmt.Sprintf("a%d", i))
		}
		// What a crash between roll and account leaves is no account.
		h.engine.crashAt(1)
		for _, ghost := range []string{"a15", "a16", "a17"} {
			wantError(t, h.CreateAccount(t.Context(), &store.Account{ID: ghost, Name: "x", State: "active"}), errCrash)
			h.engine.crashAt(1)
		}
		h.engine.crashAt(-1)
		var ids []string
		for after := ""; ; {
			page, err := h.Accounts(t.Context(), after, 2)
			must(t, err)
			if len(page) == 0 {
				break
			}
			for _, a := range page {
				ids = append(ids, a.ID)
				after = a.ID
			}
		}
		if diff := cmp.Diff([]string{"a0", "a1", "a2", "a3", "a4"}, ids); diff != "" {
			t.Error(diff)
		}
		h.account(t, "a15") // and it can be made after all
	})
}

func TestUpdateAccount(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		h.Push(time.Hour)
		set := func(fn func(*store.Account)) (*store.Account, error) {
			return h.UpdateAccount(t.Context(), "acme", func(a *store.Account) error { fn(a); return nil })
		}
		a, err := set(func(a *store.Account) { a.Name, a.ID, a.Created = "New", "other", time.Time{} })
		must(t, err)
		if a.ID != "acme" || !a.Created.Equal(base) || !a.Since.Equal(base) || a.Name != "New" {
			t.Errorf("renamed: %+v", a)
		}
		a, err = set(func(a *store.Account) { a.State, a.TrialUntil = "trial", "2026-12-31" })
		must(t, err)
		if !a.Since.Equal(base.Add(time.Hour)) {
			t.Errorf("since %v does not follow the state", a.Since)
		}
		for field, fn := range map[string]func(*store.Account){
			"state":           func(a *store.Account) { a.State = "dreaming" },
			"trial_until":     func(a *store.Account) { a.TrialUntil = "31-12-2026" },
			"blocks_from":     func(a *store.Account) { a.BlocksFrom = "2026-02-30" },
			"unpaid_invoices": func(a *store.Account) { a.UnpaidInvoices = -1 },
			"pay_url":         func(a *store.Account) { a.PayURL = "javascript:alert(1)" },
			"name":            func(a *store.Account) { a.Name = "a\rb" },
			"reason":          func(a *store.Account) { a.Reason = "a\x00b" },
		} {
			_, err := set(fn)
			wantField(t, err, field)
			wantError(t, err, directory.ErrInvalid)
		}
		own := errors.New("changed my mind")
		_, err = h.UpdateAccount(t.Context(), "acme", func(a *store.Account) error { a.Name = "Lost"; return own })
		wantError(t, err, own)
		if got, _ := h.Account(t.Context(), "acme"); got.Name != "New" || got.State != "trial" {
			t.Errorf("refused changes were written: %+v", got)
		}
		_, err = h.UpdateAccount(t.Context(), "nobody", func(*store.Account) error { return nil })
		wantError(t, err, store.ErrNotFound)
	})
}

// An odd record in the store must not keep anybody from mending the rest of it.
func TestOddAccountCanBeMended(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		odd := &store.Account{ID: "odd", Name: "bad\x00name", State: "dreaming", BlocksFrom: "soon"}
		must(t, h.engine.Update(t.Context(), store.AccountTag("odd"), func(tx store.Tx) error {
			return store.Accounts.Put(tx, "odd", odd, time.Time{})
		}))
		must(t, h.EndAccountSessions(t.Context(), "odd"))
		a, err := h.UpdateAccount(t.Context(), "odd", func(a *store.Account) error { a.State = "active"; return nil })
		must(t, err)
		if a.Epoch != 1 || a.State != "active" {
			t.Errorf("%+v", a)
		}
	})
}

func TestAccountIsRefused(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, id := range []string{"", "-a", "A", "a b", "a/b", "a.b", "staff", "\u00e9", "a\x00", "averyveryveryveryveryveryveryveryveryveryveryveryveryverylongid-x64"} {
			wantField(t, h.CreateAccount(t.Context(), &store.Account{ID: id, Name: "x", State: "active"}), "account")
		}
		wantField(t, h.CreateAccount(t.Context(), &store.Account{ID: "a", State: "active"}), "name")
		wantField(t, h.CreateAccount(t.Context(), &store.Account{ID: "a", Name: "x"}), "state")
		wantField(t, h.CreateAccount(t.Context(), &store.Account{ID: "a", Name: "x", State: "trial"}), "trial_until")
		if accounts, err := h.Accounts(t.Context(), "", 10); err != nil || len(accounts) != 0 {
			t.Errorf("left behind: %v, %v", accounts, err)
		}
	})
}

func TestStaffIsMadeWhenNeeded(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		_, err := h.Account(t.Context(), directory.StaffAccount)
		wantError(t, err, store.ErrNotFound)
		for i := range 2 {
			u := &store.User{Account: "staff", Email: fmt.Sprintf("desk%d@demo.test", i), Name: "Desk", Type: "support"}
			must(t, h.CreateUser(t.Context(), u))
			a, err := h.Account(t.Context(), "staff")
			must(t, err)
			if c := h.Rules().May(u, a, h.Now()); c != "" {
				t.Errorf("support may not be here: %s", c)
			}
		}
		_, err = h.UpdateAccount(t.Context(), "staff", func(a *store.Account) error { a.State = "cancelled"; return nil })
		wantField(t, err, "state")
		h.account(t, "acme")
		for account, userType := range map[string]string{"staff": "client", "acme": "support"} {
			wantField(t, h.CreateUser(t.Context(), &store.User{Account: account, Email: "x@demo.test", Name: "X", Type: userType}), "type")
		}
	})
}

func TestChangesAreAnnounced(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		u := &store.User{Account: "acme", Email: "jan@demo.test", Name: "Jan", Type: "client"}
		ofAccount := store.Change{Tag: "a:acme", Kind: "account", ID: "acme"}
		ofUser := func() store.Change { return store.Change{Tag: "a:acme", Kind: "user", ID: u.ID} }
		nothing := func(*store.User) error { return nil }
		for _, step := range []struct {
			name string
			do   func() error
			want func() store.Change
		}{
			{"create account", func() error {
				return h.CreateAccount(t.Context(), &store.Account{ID: "acme", Name: "A", State: "active"})
			}, func() store.Change { return ofAccount }},
			{"change account", func() error {
				_, err := h.UpdateAccount(t.Context(), "acme", func(*store.Account) error { return nil })
				return err
			}, func() store.Change { return ofAccount }},
			{"end account sessions", func() error { return h.EndAccountSessions(t.Context(), "acme") }, func() store.Change { return ofAccount }},
			{"create user", func() error { return h.CreateUser(t.Context(), u) }, ofUser},
			{"change user", func() error { _, err := h.UpdateUser(t.Context(), "acme", u.ID, nothing); return err }, ofUser},
			{"end sessions", func() error { return h.EndSessions(t.Context(), "acme", u.ID) }, ofUser},
			{"change e-mail", func() error { _, err := h.ChangeEmail(t.Context(), "acme", u.ID, "piet@demo.test"); return err }, ofUser},
			{"delete user", func() error { return h.DeleteUser(t.Context(), "acme", u.ID) }, ofUser},
		} {
			var err error
			got := h.watched(func() { err = step.do() })
			must(t, err)
			if diff := cmp.Diff([]store.Change{step.want()}, got); diff != "" {
				t.Errorf("%s: %s", step.name, diff)
			}
		}
	})
}
