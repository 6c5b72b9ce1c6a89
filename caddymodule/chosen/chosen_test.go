package chosen_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/blocklist"
	"github.com/cliendo/gateway/caddymodule/chosen"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

type list struct {
	word string
	err  error
}

func (l list) Has(password string) (bool, error) { return password == l.word, l.err }

var (
	anna    = &store.User{ID: "u1", Account: "de-linde", Name: "Anna Bergsma", Email: "anna.bergsma@praktijkdelinde.nl"}
	account = &store.Account{ID: "de-linde", Name: "Praktijk De Linde"}
	rules   = chosen.Rules{Brand: "Cliendo", Forbidden: list{word: "op de lijst van hier"}}
)

func TestWhatMayBeChosen(t *testing.T) {
	long := "Dit is 128 tekens lang. "
	for password, want := range map[string]string{
		"":                                chosen.Short,
		"Kq7Wm3t":                         chosen.Short,
		"éèêëïöü":                         chosen.Short,
		strings.Repeat(long, 6)[:129]:     chosen.Long,
		strings.Repeat(long, 6)[:128]:     "",
		"welkom01":                        blocklist.Common,
		"Wachtwoord1!":                    blocklist.Common,
		"annabergsma":                     blocklist.Context,
		"Cliendo2024":                     blocklist.Context,
		"praktijkdelinde":                 blocklist.Context,
		"anna.bergsma@praktijkdelinde.nl": blocklist.Context,
		"aaaaaaaaaaaa":                    blocklist.Simple,
		"op de lijst van hier":            chosen.Leaked,
		"fiets koe zonnebloem water":      "",
		"  blanks at both ends  ":         "",
		"\U0001F600\U0001F601\U0001F602\U0001F603\U0001F604\U0001F605\U0001F606\U0001F607": "",
		"tab\tand\nline and \x00": "",
		secret.Password():         "",
	} {
		got, err := rules.Why(password, anna, account)
		if err != nil || got != want {
			t.Errorf("%q: %q, want %q (%v)", password, got, want, err)
		}
		if got != "" && !slices.Contains(chosen.Reasons(), got) {
			t.Errorf("%q is no reason", got)
		}
	}
}

// Where the list cannot be read nobody says that a password is fine.
func TestAListThatCannotBeRead(t *testing.T) {
	no := errors.New("no disk")
	if _, err := (chosen.Rules{Forbidden: list{err: no}}).Why("fiets koe zonnebloem", anna, nil); !errors.Is(err, no) {
		t.Error(err)
	}
	if why, err := (chosen.Rules{}).Why("fiets koe zonnebloem", anna, nil); err != nil || why != "" {
		t.Error(why, err)
	}
}
