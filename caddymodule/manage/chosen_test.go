package manage_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
)

func TestSupportChoosesAPasswordWithATail(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		password, err := w.ChosenPassword(ctx, w.support(), "acme", "acme-teammate", "Eddydebeste")
		w.must(err)
		u := w.read("acme", "acme-teammate")
		if !regexp.MustCompile(`^Eddydebeste[0-9]{2}[A-Z]$`).MatchString(password) || u.Password != "hash of "+password || !u.PasswordChosen || u.Epoch != 1 {
			t.Errorf("%q, %+v", password, u)
		}
		if mails := w.post.Take(); len(mails) != 1 || mails[0].Letter.Kind != letter.PasswordChanged || mails[0].Letter.Password != "" {
			t.Errorf("mailed %+v", mails)
		}
		for _, bad := range []string{
			"", "kort", "Welkom01", "wachtwoord", "Cliendo1", "acme2026", "teammate1", "aaaaaaaa", " Eddydebeste", "Eddydebeste\n",
			"Eddy\u202edebeste", "\xff\xfe\xfd\xfc\xfb\xfa", strings.Repeat("Eddydebeste", 10),
		} {
			if got, err := w.ChosenPassword(ctx, w.support(), "acme", "acme-teammate", bad); !errors.Is(err, directory.ErrInvalid) || got != "" ||
				bad != "" && strings.Contains(err.Error(), bad) {
				t.Errorf("%q: %q, %v", bad, got, err)
			}
		}
		if w.read("acme", "acme-teammate").Password != u.Password {
			t.Error("a refused password was set")
		}
		for _, a := range []manage.Actor{w.as("acme", "superadmin"), key(""), key("acme")} {
			if _, err := w.ChosenPassword(ctx, a, "acme", "acme-teammate", "Eddydebeste"); !errors.Is(err, manage.ErrForbidden) {
				t.Errorf("%s chose: %v", a.Kind, err)
			}
		}
	})
}

func TestSupportKeepsToTheListOfTheOperator(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		w.options.Forbidden = forbidden{"Eddydebeste": true}
		m := manage.New(w.options)
		if got, err := m.ChosenPassword(t.Context(), w.support(), "acme", "acme-teammate", "Eddydebeste"); !errors.Is(err, directory.ErrInvalid) || got != "" {
			t.Errorf("%q, %v", got, err)
		}
		_, err := m.ChosenPassword(t.Context(), w.support(), "acme", "acme-teammate", "Eddydegoede")
		w.must(err)
	})
}

type forbidden map[string]bool

func (f forbidden) Has(password string) (bool, error) { return f[password], nil }
