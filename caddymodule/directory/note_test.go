package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/store"
)

// entries returns the log of an account, oldest first, after the number.
func (h *house) entries(t *testing.T, account string, after uint64) (all []audit.Entry) {
	t.Helper()
	l := audit.New(h.engine.Engine, audit.Options{Now: h.Now})
	p, err := l.List(t.Context(), account, audit.Query{N: 1000})
	must(t, err)
	slices.Reverse(p.Entries)
	for _, e := range p.Entries {
		if e.Seq > after {
			all = append(all, e)
		}
	}
	r, err := l.Verify(t.Context(), account)
	must(t, err)
	if !r.OK() {
		t.Errorf("%+v", r.Problems)
	}
	return all
}

// said are entries in few words.
func said(entries []audit.Entry) (all []string) {
	for _, e := range entries {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %v %v %s", e.Action, e.Before, e.After, e.Why)))
	}
	return all
}

// events returns what the feed tells, in few words.
func (h *house) events(t *testing.T) (all []string) {
	t.Helper()
	events, _, err := event.New(h.engine.Engine, event.Options{Now: h.Now}).After(t.Context(), "", "", 1000)
	must(t, err)
	for _, e := range events {
		all = append(all, fmt.Sprintf("%s %s/%s %s", e.Kind, e.Account, e.User, e.Action))
	}
	return all
}

var anna = audit.Actor{Kind: audit.ByUser, ID: "anna", Account: "acme", Name: "Anna", Network: "192.0.2.1"}

func TestEveryChangeOfAUserIsOnRecord(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		ctx := audit.As(t.Context(), anna)
		u := &store.User{ID: "jan", Account: "acme", Email: "Jan@demo.test", Name: "Jan", Type: "client", Password: "hash one"}
		must(t, h.CreateUser(ctx, u))
		change := func(fn func(*store.User)) {
			t.Helper()
			h.Push(time.Minute)
			_, err := h.UpdateUser(ctx, "acme", "jan", func(u *store.User) error {
				fn(u)
				return nil
			})
			must(t, err)
		}
		change(func(u *store.User) { u.Locale = "nl" })         // of a first login: nothing
		change(func(u *store.User) { u.Password = "rehashed" }) // other costs: nothing
		change(func(*store.User) {})
		change(func(u *store.User) { u.Locale = "en" })
		change(func(u *store.User) { u.Name, u.Type = "Jan P.", "teammate" })
		end := h.Now().Add(24 * time.Hour).UTC()
		change(func(u *store.User) { u.Block = &store.Block{By: "anna", At: h.Now(), Why: "on leave", Until: end} })
		change(func(u *store.User) { u.Block.Why = "left" })
		change(func(u *store.User) { u.Block = nil })
		change(func(u *store.User) {
			u.Password, u.PasswordChanged, u.PasswordChosen = "hash two", h.Now(), true
			u.SecondStep = true
			u.Epoch++
		})
		change(func(u *store.User) { u.Password, u.SecondStep = "", false })
		change(func(u *store.User) { u.Invited = &store.Invited{By: "anna", At: h.Now(), Until: end} })
		change(func(u *store.User) { u.Moving = &store.Moving{Email: "jj@demo.test", At: h.Now(), Until: end} })
		change(func(u *store.User) { u.Invited, u.Moving = nil, nil })
		must(t, h.EndSessions(ctx, "acme", "jan"))
		_, err := h.ChangeEmail(ctx, "acme", "jan", "jan.p@demo.test")
		must(t, err)
		must(t, h.DeleteUser(ctx, "acme", "jan"))
		got := h.entries(t, "acme", 1)
		until := end.Format(time.RFC3339)
		since := base.Add(6 * time.Minute).Format(time.RFC3339)
		want := []string{
			"user.created map[] map[email:Jan@demo.test name:Jan type:client]",
			"user.locale_changed map[locale:nl] map[locale:en]",
			"user.name_changed map[name:Jan] map[name:Jan P.]",
			"user.type_changed map[type:client] map[type:teammate]",
			"user.blocked map[] map[until:" + until + "] on leave",
			"user.blocked map[since:" + since + " until:" + until + " why:on leave] map[until:" + until + "] left",
			"user.unblocked map[since:" + since + " until:" + until + " why:left] map[]",
			"user.password_set map[] map[password:chosen]",
			"user.second_step_on map[] map[]",
			"user.sessions_ended map[] map[]",
			"user.password_removed map[] map[]",
			"user.second_step_off map[] map[]",
			"user.invited map[] map[until:" + until + "]",
			"user.email_change_asked map[email:Jan@demo.test] map[email:jj@demo.test]",
			"user.email_change_dropped map[email:jj@demo.test] map[]",
			"user.sessions_ended map[] map[]",
			"user.email_changed map[email:Jan@demo.test] map[email:jan.p@demo.test]",
			"user.deleted map[email:jan.p@demo.test name:Jan P. type:teammate] map[]",
		}
		if diff := cmp.Diff(want, said(got)); diff != "" {
			t.Error(diff)
		}
		for _, e := range got {
			if e.Actor != anna || e.User != "jan" || !strings.HasPrefix(strings.ToLower(e.Email), "jan") {
				t.Errorf("%+v", e)
			}
		}
		wantEvents := []string{
			"created acme/ account.created", "created acme/jan user.created", "changed acme/jan user.name_changed user.type_changed",
			"changed acme/jan user.blocked", "changed acme/jan user.blocked", "changed acme/jan user.unblocked",
			"changed acme/jan user.email_changed", "deleted acme/jan user.deleted",
		}
		if diff := cmp.Diff(wantEvents, h.events(t)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEveryChangeOfAnAccountIsOnRecord(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		change := func(fn func(*store.Account)) {
			t.Helper()
			_, err := h.UpdateAccount(t.Context(), "acme", func(a *store.Account) error {
				fn(a)
				return nil
			})
			must(t, err)
		}
		change(func(*store.Account) {})
		change(func(a *store.Account) { a.Name = "Acme BV" })
		change(func(a *store.Account) { a.State, a.UnpaidInvoices, a.Reason = "arrears", 2, "two invoices" })
		change(func(a *store.Account) { a.PayURL = "/pay" })
		change(func(a *store.Account) { a.Domains = append(a.Domains, "acme.test", "acme.example") })
		change(func(a *store.Account) { a.Domains[0] = "acme.nl" })
		must(t, h.EndAccountSessions(t.Context(), "acme"))
		want := []string{
			"account.created map[] map[name:Account acme state:active]",
			"account.name_changed map[name:Account acme] map[name:Acme BV]",
			"account.state_changed map[state:active] map[reason:two invoices state:arrears unpaid_invoices:2] two invoices",
			"account.changed map[] map[pay_url:/pay]",
			"account.changed map[] map[domains:acme.test acme.example]",
			"account.changed map[domains:acme.test acme.example] map[domains:acme.nl acme.example]",
			"account.sessions_ended map[] map[]",
		}
		got := h.entries(t, "acme", 0)
		if diff := cmp.Diff(want, said(got)); diff != "" {
			t.Error(diff)
		}
		if got[0].Actor.Kind != audit.ByGateway || got[0].User != "" {
			t.Errorf("%+v", got[0])
		}
		wantEvents := []string{
			"created acme/ account.created", "changed acme/ account.name_changed", "state acme/ account.state_changed",
			"changed acme/ account.changed", "changed acme/ account.changed", "changed acme/ account.changed",
		}
		if diff := cmp.Diff(wantEvents, h.events(t)); diff != "" {
			t.Error(diff)
		}
	})
}

// No secret, and nothing made of one, is in the log.
func TestNoSecretIsOnRecord(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		u := &store.User{ID: "jan", Account: "acme", Email: "jan@demo.test", Name: "Jan", Type: "client", Password: "s3cret-one"}
		must(t, h.CreateUser(t.Context(), u))
		_, err := h.UpdateUser(t.Context(), "acme", "jan", func(u *store.User) error {
			u.Password, u.PasswordChanged = "s3cret-two", h.Now()
			return nil
		})
		must(t, err)
		must(t, h.DeleteUser(t.Context(), "acme", "jan"))
		lines, err := h.engine.Scan(t.Context(), "a:acme", store.AuditLines.Kind, "", "", 100)
		must(t, err)
		for _, line := range lines {
			if strings.Contains(string(line.Value), "s3cret") {
				t.Errorf("%s", line.Value)
			}
		}
		if len(lines) != 4 {
			t.Errorf("%d lines", len(lines))
		}
	})
}

// Whatever step a change dies at, what is and what is on record agree; and who
// follows the feed is told of all that is.
func TestDyingLeavesNoChangeWithoutItsEntry(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		steps := 7
		for step := range steps {
			id := fmt.Sprintf("jan%d", step)
			before := len(h.entries(t, "acme", 0))
			h.engine.crashAt(step)
			err := h.CreateUser(t.Context(), &store.User{ID: id, Account: "acme", Email: id + "@demo.test", Name: "Jan", Type: "client"})
			h.engine.crashAt(-1)
			_, found := h.User(t.Context(), "acme", id)
			if (err == nil) != (found == nil) || len(h.entries(t, "acme", 0))-before != count(found == nil) {
				t.Errorf("creating, step %d: %v, %v", step, err, found)
			}
			u := h.user(t, "acme", fmt.Sprintf("piet%d@demo.test", step))
			before = len(h.entries(t, "acme", 0))
			h.engine.crashAt(step)
			_, err = h.UpdateUser(t.Context(), "acme", u.ID, func(u *store.User) error {
				u.Name = "Piet"
				return nil
			})
			h.engine.crashAt(-1)
			now, readErr := h.User(t.Context(), "acme", u.ID)
			must(t, readErr)
			if (err == nil) != (now.Name == "Piet") || len(h.entries(t, "acme", 0))-before != count(now.Name == "Piet") {
				t.Errorf("changing, step %d: %v, %q", step, err, now.Name)
			}
			before = len(h.entries(t, "acme", 0))
			h.engine.crashAt(step)
			err = h.DeleteUser(t.Context(), "acme", u.ID)
			h.engine.crashAt(-1)
			_, found = h.User(t.Context(), "acme", u.ID)
			if (err == nil) != errors.Is(found, store.ErrNotFound) || len(h.entries(t, "acme", 0))-before != count(found != nil) {
				t.Errorf("deleting, step %d: %v, %v", step, err, found)
			}
			h.Push(2 * time.Minute)
		}
		// What is on record and in the feed is the same, or may be.
		told := strings.Join(h.events(t), "\n")
		for _, e := range h.entries(t, "acme", 1) {
			if !strings.Contains(told, "acme/"+e.User) {
				t.Errorf("%s of %s is not told", e.Action, e.User)
			}
		}
	})
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// A change that is not acceptable, or fails, is not on record.
func TestWhatDoesNotHappenIsNotOnRecord(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		u := h.user(t, "acme", "jan@demo.test")
		before := len(h.entries(t, "acme", 0))
		for name, do := range map[string]func() error{
			"an unknown type": func() error {
				_, err := h.UpdateUser(t.Context(), "acme", u.ID, func(u *store.User) error { u.Type = "king"; return nil })
				return err
			},
			"an address in use": func() error {
				other := h.user(t, "acme", "piet@demo.test")
				before += 1
				_, err := h.ChangeEmail(t.Context(), "acme", other.ID, "jan@demo.test")
				return err
			},
			"nobody": func() error { return h.DeleteUser(t.Context(), "acme", "nobody") },
			"an unknown state": func() error {
				_, err := h.UpdateAccount(t.Context(), "acme", func(a *store.Account) error { a.State = "gone"; return nil })
				return err
			},
			"the same id": func() error {
				return h.CreateUser(t.Context(), &store.User{ID: u.ID, Account: "acme", Email: "x@demo.test", Name: "X", Type: "client"})
			},
		} {
			if err := do(); err == nil {
				t.Errorf("%s: it was done", name)
			}
		}
		if after := h.entries(t, "acme", 0); len(after) != before {
			t.Errorf("%d entries, then %d: %q", before, len(after), said(after))
		}
	})
}

// Who writes a user outside of the directory has to announce what the app is
// told of, and is told so.
func TestSavingUnannounced(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		u := h.user(t, "acme", "jan@demo.test")
		save := func(tx store.Tx) error {
			now, err := store.Users.Read(tx, u.ID)
			if err != nil {
				return err
			}
			now.Name = "Other"
			return directory.SaveUser(t.Context(), tx, now, h.Now())
		}
		wantError(t, h.engine.Update(t.Context(), "a:acme", save), event.ErrUnannounced)
		now, err := h.User(t.Context(), "acme", u.ID)
		must(t, err)
		if now.Name != u.Name || len(h.entries(t, "acme", 2)) != 0 {
			t.Error("it was written")
		}
	})
}
