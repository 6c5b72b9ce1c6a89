package directory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

func TestFormerPasswordsAreRemembered(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		u := h.user(t, h.account(t, "acme").ID, "jan@demo.test")
		set := func(hash string, changed bool) {
			t.Helper()
			h.Push(time.Hour)
			_, err := h.UpdateUser(t.Context(), u.Account, u.ID, func(u *store.User) error {
				u.Password = hash
				if changed {
					u.PasswordChanged = h.Now()
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, hash := range []string{"one", "two", "three", "four", "five"} {
			set(hash, true)
		}
		set("five with other costs", false)
		got, err := h.Former(t.Context(), u.Account, u.ID)
		if err != nil || len(got) != 3 || got[0].Hash != "four" || got[2].Hash != "two" {
			t.Fatalf("%+v, %v", got, err)
		}
		if want := h.Now().Add(-time.Hour).UTC(); !got[0].Until.Equal(want) {
			t.Errorf("until %v, want %v", got[0].Until, want)
		}
		h.Push(401 * 24 * time.Hour)
		if got, err := h.Former(t.Context(), u.Account, u.ID); err != nil || len(got) != 0 {
			t.Errorf("after 401 days: %+v, %v", got, err)
		}
		set("six", true)
		if err := h.DeleteUser(t.Context(), u.Account, u.ID); err != nil {
			t.Fatal(err)
		}
		if got, err := h.Former(t.Context(), u.Account, u.ID); err != nil || len(got) != 0 {
			t.Errorf("of somebody deleted: %+v, %v", got, err)
		}
	})
}

func TestFormerAddressesAreRemembered(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		u := h.user(t, h.account(t, "acme").ID, "jan@demo.test")
		move := func(to string) {
			t.Helper()
			h.Push(time.Hour)
			if _, err := h.ChangeEmail(t.Context(), u.Account, u.ID, to); err != nil {
				t.Fatal(err)
			}
		}
		move("new@demo.test")
		got, until, err := h.FormerOwner(t.Context(), "JAN@demo.test")
		if err != nil || got.ID != u.ID || !until.Equal(h.Now()) {
			t.Fatalf("%+v, %v, %v", got, until, err)
		}
		if _, _, err := h.FormerOwner(t.Context(), "new@demo.test"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of an address in use: %v", err)
		}
		h.user(t, "acme", "jan@demo.test") // somebody else may have it
		move("third@demo.test")
		move("new@demo.test")
		if _, _, err := h.FormerOwner(t.Context(), "new@demo.test"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of an address that is theirs again: %v", err)
		}
		h.Push(401 * 24 * time.Hour)
		if _, _, err := h.FormerOwner(t.Context(), "jan@demo.test"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after 401 days: %v", err)
		}
	})
}
