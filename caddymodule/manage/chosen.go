package manage

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cliendo/gateway/caddymodule/blocklist"
	"github.com/cliendo/gateway/caddymodule/chosen"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/secret"
)

// The shortest and longest part of a password that somebody chooses for another,
// in characters. Three more follow.
const (
	chosenShortest = 6
	chosenLongest  = 100
)

// ChosenPassword is NewPassword with a password that begins with what was chosen,
// which must not be a common one, and ends with two random digits and a capital.
func (m *Manager) ChosenPassword(ctx context.Context, a Actor, account, id, part string) (password string, err error) {
	u, err := m.look(ctx, a, ChosenPassword, account, id)
	if err != nil {
		return "", m.plain("setting a password", err)
	}
	owner, err := m.o.Directory.Account(ctx, account)
	if err != nil {
		return "", m.plain("setting a password", err)
	}
	if err := checkChosen(part, chosen.Context(m.o.Brand, u, owner)...); err != nil {
		return "", err
	}
	if m.o.Forbidden != nil {
		switch found, err := m.o.Forbidden.Has(part); {
		case err != nil:
			return "", m.plain("setting a password", err)
		case found:
			return "", &directory.FieldError{Field: "password", Problem: "it is on the operator's list of forbidden passwords", Fix: "choose something that only you two think of"}
		}
	}
	password = part + secret.Tail()
	if err := m.setPassword(ctx, a, ChosenPassword, account, id, password, true); err != nil {
		return "", err
	}
	return password, nil
}

// checkChosen says what is wrong with what was chosen, without repeating it.
func checkChosen(part string, context ...string) error {
	no := func(problem, fix string) error {
		return &directory.FieldError{Field: "password", Problem: problem, Fix: fix}
	}
	n := utf8.RuneCountInString(part)
	switch {
	case !utf8.ValidString(part), strings.ContainsFunc(part, unseen):
		return no("it holds a character that nobody can see", "type it by hand")
	case part != strings.TrimSpace(part):
		return no("it begins or ends with a blank", "remove it")
	case n < chosenShortest:
		return no("it is shorter than 6 characters", "make it longer")
	case n > chosenLongest:
		return no("it is longer than 100 characters", "shorten it")
	}
	switch blocklist.Why(part, context...) {
	case blocklist.Common:
		return no("it is a password that many people use", "choose something that only you two think of")
	case blocklist.Context:
		return no("it is made of names that everybody knows", "add words of your own")
	case blocklist.Simple:
		return no("it is too simple", "use more different characters")
	}
	return nil
}

func unseen(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) || unicode.IsSpace(r) && r != ' ' }
