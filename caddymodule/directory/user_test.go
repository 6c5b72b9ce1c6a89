package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestUserComesBackAsItWasMade(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		u := &store.User{Account: "acme", Email: " Zoe\u0308@B\u00fccher.Example ", Name: "Zoe\u0308 van 't Hof", Type: "teammate", Locale: "nl", Password: "$hash"}
		must(t, h.CreateUser(t.Context(), u))
		want := &store.User{
			ID: u.ID, Account: "acme", Email: "zo\u00eb@xn--bcher-kva.example", Display: "Zoe\u0308@B\u00fccher.Example",
			Name: "Zo\u00eb van 't Hof", Type: "teammate", Locale: "nl", Password: "$hash", Created: base,
		}
		for name, find := range map[string]func() (*store.User, error){
			"by id":            func() (*store.User, error) { return h.FindByID(t.Context(), u.ID) },
			"by account":       func() (*store.User, error) { return h.User(t.Context(), "acme", u.ID) },
			"by address":       func() (*store.User, error) { return h.FindByEmail(t.Context(), want.Email) },
			"by other writing": func() (*store.User, error) { return h.FindByEmail(t.Context(), "ZO\u00cb@B\u00dcCHER.example.") },
			"on another node":  func() (*store.User, error) { return h.second.FindByEmail(t.Context(), want.Email) },
		} {
			got, err := find()
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		if len(u.ID) != 16 {
			t.Errorf("id %q", u.ID)
		}
	})
}

func TestNobodyIsFound(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		_, err := h.FindByEmail(t.Context(), "nobody@demo.test")
		wantError(t, err, store.ErrNotFound)
		_, err = h.FindByEmail(t.Context(), "no address")
		wantError(t, err, directory.ErrInvalid)
		for _, id := range []string{"nobody", "", "\x00", "A", strings.Repeat("a", 10_000)} {
			_, err = h.FindByID(t.Context(), id)
			wantError(t, err, store.ErrNotFound)
			_, err = h.User(t.Context(), "acme", id)
			wantError(t, err, store.ErrNotFound)
			wantError(t, h.EndSessions(t.Context(), "acme", id), store.ErrNotFound)
			wantError(t, h.DeleteUser(t.Context(), "acme", id), store.ErrNotFound)
		}
	})
}

func TestUserIsRefused(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		valid := store.User{Account: "acme", Email: "jan@demo.test", Name: "Jan", Type: "client"}
		for name, c := range map[string]struct {
			change func(*store.User)
			field  string
		}{
			"no address":      {func(u *store.User) { u.Email = "jan" }, "email"},
			"no name":         {func(u *store.User) { u.Name = " \u200b" }, "name"},
			"NUL":             {func(u *store.User) { u.Name = "a\x00b" }, "name"},
			"line break":      {func(u *store.User) { u.Name = "a\r\nSet-Cookie: x" }, "name"},
			"escape":          {func(u *store.User) { u.Name = "\x1b[31mred" }, "name"},
			"turned round":    {func(u *store.User) { u.Name = "a\u202egpj.exe" }, "name"},
			"isolate":         {func(u *store.User) { u.Name = "a\u2066b" }, "name"},
			"not UTF-8":       {func(u *store.User) { u.Name = "a\xff" }, "name"},
			"2000 characters": {func(u *store.User) { u.Name = strings.Repeat("x", 2000) }, "name"},
			"a megabyte":      {func(u *store.User) { u.Name = strings.Repeat("x", 1<<20) }, "name"},
			"nothing to see":  {func(u *store.User) { u.Name = "\u0301\u0301" }, "name"},
			"no type":         {func(u *store.User) { u.Type = "" }, "type"},
			"unknown type":    {func(u *store.User) { u.Type = "wizard" }, "type"},
			"odd id":          {func(u *store.User) { u.ID = "a.b" }, "id"},
			"odd account":     {func(u *store.User) { u.Account = "A B" }, "account"},
			"odd language":    {func(u *store.User) { u.Locale = "Dutch" }, "locale"},
		} {
			u := valid
			c.change(&u)
			err := h.CreateUser(t.Context(), &u)
			var f *directory.FieldError
			if !errors.As(err, &f) || f.Field != c.field {
				t.Errorf("%s: got %v, want an error about %s", name, err, c.field)
			}
		}
		u := valid
		u.Account = "nobody"
		wantError(t, h.CreateUser(t.Context(), &u), store.ErrNotFound)
		u = valid // and nothing of all this took the address
		must(t, h.CreateUser(t.Context(), &u))
	})
}

func TestNamesThatArePeoplesNames(t *testing.T) {
	for _, name := range []string{"J", "Zo\u00eb van 't Hof", "\u00c7elik", "\u674e", "\u05d3\u05d5\u05d3", "<b>Bobby</b>", "O'Brien; DROP TABLE", "\U0001f468\u200d\U0001f469\u200d\U0001f467", strings.Repeat("\u00e9", 200)} {
		if got, err := directory.CleanName("  " + name + "\u00a0"); err != nil || got != name {
			t.Errorf("%q: got %q, %v", name, got, err)
		}
	}
}

func TestOneAddressOneUser(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		h.account(t, "other")
		first := h.user(t, "acme", "jan@demo.test")
		h.Push(time.Hour) // not a claim in the making any more
		for _, account := range []string{"acme", "other"} {
			u := &store.User{Account: account, Email: "JAN@demo.test", Name: "Other", Type: "client"}
			err := h.second.CreateUser(t.Context(), u)
			wantError(t, err, directory.ErrTaken)
			if strings.Contains(err.Error(), "acme") || strings.Contains(err.Error(), first.ID) {
				t.Errorf("the error tells who: %v", err)
			}
		}
		twin := &store.User{ID: first.ID, Account: "other", Email: "piet@demo.test", Name: "Twin", Type: "client"}
		wantError(t, h.CreateUser(t.Context(), twin), directory.ErrTaken)
		h.user(t, "other", "piet@demo.test") // the address was given back
		u, err := h.FindByEmail(t.Context(), "jan@demo.test")
		must(t, err)
		if u.ID != first.ID {
			t.Error("somebody else answers")
		}
	})
}

func TestFiftyAtOnceForOneAddress(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		errs := make([]error, 50)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				d := []*directory.Directory{h.Directory, h.second}[i%2]
				errs[i] = d.CreateUser(t.Context(), &store.User{Account: "acme", Email: "jan@demo.test", Name: "Jan", Type: "client"})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, directory.ErrTaken) {
				t.Errorf("lost with %v", err)
			}
		}
		if owners := h.owners(t, "acme", "jan@demo.test"); won != 1 || len(owners) != 1 {
			t.Errorf("%d won, %d users have the address", won, len(owners))
		}
		_, err := h.FindByEmail(t.Context(), "jan@demo.test")
		must(t, err)
	})
}

func TestUpdateUserKeepsWhatItMay(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		u := h.user(t, "acme", "jan@demo.test")
		got, err := h.UpdateUser(t.Context(), "acme", u.ID, func(u *store.User) error {
			u.ID, u.Account, u.Email, u.Display, u.Created = "x", "y", "z@demo.test", "Z", time.Time{}
			u.Name, u.Block = " New ", &store.Block{By: "boss", At: base, Why: "left", Until: base.Add(time.Hour)}
			return nil
		})
		must(t, err)
		want := *u
		want.Name, want.Block = "New", &store.Block{By: "boss", At: base, Why: "left", Until: base.Add(time.Hour)}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Error(diff)
		}
		for field, fn := range map[string]func(*store.User){
			"reason": func(u *store.User) { u.Block = &store.Block{Why: "a\nb"} },
			"by":     func(u *store.User) { u.Block = &store.Block{By: "a\x1b"} },
			"until":  func(u *store.User) { u.Block = &store.Block{At: base, Until: base} },
			"type":   func(u *store.User) { u.Type = "wizard" },
			"name":   func(u *store.User) { u.Name = "" },
			"locale": func(u *store.User) { u.Locale = "../nl" },
		} {
			_, err := h.UpdateUser(t.Context(), "acme", u.ID, func(u *store.User) error { fn(u); return nil })
			wantField(t, err, field)
		}
	})
}

// A type that was taken out of the configuration keeps its user out, but must
// not keep an admin from helping.
func TestOddUserCanBeMended(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		u := h.user(t, "acme", "jan@demo.test")
		must(t, h.engine.Update(t.Context(), "a:acme", func(tx store.Tx) error {
			odd := *u
			odd.Type, odd.Name = "wizard", "bad\x00name"
			return store.Users.Put(tx, u.ID, &odd, time.Time{})
		}))
		must(t, h.EndSessions(t.Context(), "acme", u.ID))
		_, err := h.UpdateUser(t.Context(), "acme", u.ID, func(u *store.User) error { u.Block = &store.Block{By: "x"}; return nil })
		must(t, err)
		got, err := h.UpdateUser(t.Context(), "acme", u.ID, func(u *store.User) error { u.Type = "client"; return nil })
		must(t, err)
		if got.Epoch != 1 || got.Type != "client" || got.Block == nil {
			t.Errorf("%+v", got)
		}
	})
}

func TestUsersAreListedPageByPage(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		h.account(t, "other")
		h.user(t, "other", "else@demo.test")
		for i := range 5 {
			must(t, h.CreateUser(t.Context(), &store.User{
				ID: fmt.Sprintf("u%d", i), Account: "acme", Email: fmt.Sprintf("u%d@demo.test", i), Name: "U", Type: "client",
			}))
		}
		var ids []string
		for after := ""; len(ids) < 10; {
			page, err := h.Users(t.Context(), "acme", after, 2)
			must(t, err)
			if len(page) == 0 {
				break
			}
			for _, u := range page {
				ids = append(ids, u.ID)
				after = u.ID
			}
		}
		if diff := cmp.Diff([]string{"u0", "u1", "u2", "u3", "u4"}, ids); diff != "" {
			t.Error(diff)
		}
		if none, err := h.Users(t.Context(), "nobody", "", 10); err != nil || len(none) != 0 {
			t.Errorf("users of no account: %v, %v", none, err)
		}
	})
}

func TestDeleteUserFreesWhatTheyHad(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.account(t, "acme")
		u := h.user(t, "acme", "jan@demo.test")
		must(t, h.DeleteUser(t.Context(), "acme", u.ID))
		_, err := h.FindByEmail(t.Context(), "jan@demo.test")
		wantError(t, err, store.ErrNotFound)
		must(t, h.CreateUser(t.Context(), &store.User{ID: u.ID, Account: "acme", Email: "jan@demo.test", Name: "Again", Type: "client"}))
		wantError(t, h.DeleteUser(t.Context(), "other", u.ID), store.ErrNotFound)
	})
}
