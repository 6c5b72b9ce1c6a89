package directory_test

import (
	"errors"
	"testing"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// No name, type or state is taken for "it was like that before".
func TestNewRecordsAreLookedAtWhole(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, odd := range []string{"", "\x00", "\xff"} {
			err := h.CreateAccount(t.Context(), &store.Account{ID: "a", Name: odd, State: directory.Active})
			if !errors.Is(err, directory.ErrInvalid) {
				t.Errorf("account named %q: %v", odd, err)
			}
			err = h.CreateAccount(t.Context(), &store.Account{ID: "a", Name: "a", State: odd})
			if !errors.Is(err, directory.ErrInvalid) {
				t.Errorf("account in state %q: %v", odd, err)
			}
			err = h.CreateUser(t.Context(), &store.User{Account: "b", Email: "a@b.test", Name: odd, Type: "client"})
			if !errors.Is(err, directory.ErrInvalid) {
				t.Errorf("user named %q: %v", odd, err)
			}
			err = h.CreateUser(t.Context(), &store.User{Account: "b", Email: "a@b.test", Name: "a", Type: odd})
			if !errors.Is(err, directory.ErrInvalid) {
				t.Errorf("user of type %q: %v", odd, err)
			}
		}
	})
}
