package letter

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// Sample is a made-up letter of a kind with everything in it that it can have,
// for rehearsals, tests and "show me how it looks".
func Sample(kind, locale string, now time.Time) Letter {
	l := Letter{
		Kind: kind, Locale: locale, Name: "Anna de Wit", Asked: now,
		NotMe:  "https://login.example.com/gateway/m/2xy7kqmnabcdefghijknopqrstuvwxyz234567abcde",
		Device: "Firefox / Windows", Network: "203.0.113.7", Reference: "K7Q-4MD",
		LoginURL: "https://login.example.com/gateway/login",
	}
	const opens = "https://login.example.com/gateway/m/2xy7kqmabcdefghijknopqrstuvwxyz234567abcdef"
	switch kind {
	case Magic:
		l.Link, l.Until, l.Code, l.CodeUntil = opens, now.Add(30*time.Minute), "482139", now.Add(10*time.Minute)
	case ProofCode:
		l.Code, l.CodeUntil = "482139", now.Add(10*time.Minute)
	case NewPassword:
		l.Password, l.OneTime, l.Until = "hN7kPxW4mRt9Qb", true, now.Add(24*time.Hour)
	case RevealPassword:
		l.Link, l.Until = opens, now.Add(24*time.Hour)
	case Nobody:
		l.Name = ""
	case Secured:
		l.Password, l.OneTime, l.Until, l.NotMe = "hN7kPxW4mRt9Qb", true, now.Add(24*time.Hour), ""
	case PasswordChanged, SecondStepOff:
		l.By = "Ahmed Bakker"
	case IdentityLinked, IdentityUnlinked:
		l.Address = "Google (a•••@example.com)"
	case AddressChanged, AddressAsked:
		l.Address, l.By = "anna@new.example.com", "Ahmed Bakker"
	case AddressYours:
		l.Address, l.By = "anna@old.example.com", "Ahmed Bakker"
	case AddressToProve:
		l.Address, l.By, l.Link, l.Until = "anna@old.example.com", "Ahmed Bakker", opens, now.Add(24*time.Hour)
	case Invited:
		l.By, l.Link, l.Until = "Ahmed Bakker", opens, now.Add(7*24*time.Hour)
	}
	return l
}

// rehearse writes every kind in every language and looks whether what people
// need arrives in both parts.
func (r *Renderer) rehearse(s *set) error {
	for _, locale := range locales {
		for _, kind := range Kinds() {
			l := Sample(kind, locale, r.options.Now())
			out, err := r.write(s, l)
			if err != nil {
				return err
			}
			for what, text := range map[string]string{
				"the link": l.Link, "the code": l.Code, "the password": l.Password, `the link "this was not me"`: l.NotMe,
			} {
				if !strings.Contains(out.Text, text) || !strings.Contains(html.UnescapeString(out.HTML), text) {
					return fmt.Errorf("letter %q in %s: %s is missing", kind, locale, what)
				}
			}
		}
	}
	return nil
}
