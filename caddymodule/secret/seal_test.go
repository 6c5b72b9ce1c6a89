package secret_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
)

func TestASealedTextOpensInItsPlaceOnly(t *testing.T) {
	before, now := []byte("the one from before, 7f3Kq9xZ2mW4vB8n"), []byte("the one from now on, Q2w9Zt5Rk8yH3jL6")
	box := func(current []byte, old ...[]byte) *secret.Box {
		t.Helper()
		keys, err := secret.NewKeys(current, old...)
		if err != nil {
			t.Fatal(err)
		}
		b, err := keys.NewBox("mail")
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	sealed := box(before).Seal([]byte("geheim"), "here")
	if strings.Contains(sealed, "geheim") || sealed == box(before).Seal([]byte("geheim"), "here") {
		t.Error("sealing the same twice looks the same, or like the text")
	}
	if plain, err := box(now, before).Open(sealed, "here"); err != nil || string(plain) != "geheim" {
		t.Errorf("after the secret was changed: %q, %v", plain, err)
	}
	for what, open := range map[string]func() ([]byte, error){
		"elsewhere":         func() ([]byte, error) { return box(before).Open(sealed, "there") },
		"without the key":   func() ([]byte, error) { return box(now).Open(sealed, "here") },
		"cut short":         func() ([]byte, error) { return box(before).Open(sealed[:len(sealed)-4], "here") },
		"nothing":           func() ([]byte, error) { return box(before).Open("", "here") },
		"what is no base64": func() ([]byte, error) { return box(before).Open("<>", "here") },
	} {
		if plain, err := open(); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("%s: %q, %v", what, plain, err)
		}
	}
}

func TestTicketIDsBeginWithTheNewest(t *testing.T) {
	at := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	var ids []string
	for range 50 {
		id := secret.NewTicketID(at)
		if len(id) != secret.TicketID || slices.Contains(ids, id) {
			t.Fatalf("id %q", id)
		}
		ids = append([]string{id}, ids...)
		at = at.Add(37 * time.Minute)
	}
	if !slices.IsSorted(ids) {
		t.Errorf("not newest first: %q", ids)
	}
	if key := secret.NewTicketKey(); len(key) != secret.TicketKey || key == secret.NewTicketKey() {
		t.Errorf("key %q", key)
	}
}
