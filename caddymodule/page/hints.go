package page

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The hints that Hints can give; each is a word id.
const (
	hintEmailEmpty    = "hint.email_empty"
	hintEmailShape    = "hint.email_shape"
	hintMailDomain    = "hint.mail_domain"
	hintPasswordEmpty = "hint.password_empty"
	hintBlankAtBegin  = "hint.blank_at_begin"
	hintBlankAtEnd    = "hint.blank_at_end"
	hintCapsLock      = "hint.caps_lock"
)

// Hints says what may be wrong with a typed address and password, from nothing
// but what was typed: it must give the same answer whether or not the address
// exists. suggestion is the mail domain that was probably meant, or empty.
func Hints(email, password string) (ids []string, suggestion string) {
	ids, suggestion = emailHints(email)
	return append(ids, passwordHints(password)...), suggestion
}

func emailHints(email string) (ids []string, suggestion string) {
	email = strings.TrimSpace(email)
	if email == "" {
		return []string{hintEmailEmpty}, ""
	}
	at := strings.LastIndexByte(email, '@')
	if at <= 0 || !strings.Contains(email[at+1:], ".") && !strings.EqualFold(email[at+1:], "localhost") {
		ids = append(ids, hintEmailShape)
	}
	if at > 0 {
		suggestion = LikelyDomain(email[at+1:])
	}
	if suggestion != "" {
		return []string{hintMailDomain}, suggestion
	}
	return ids, ""
}

func passwordHints(password string) (ids []string) {
	if password == "" {
		return []string{hintPasswordEmpty}
	}
	first, _ := utf8.DecodeRuneInString(password)
	last, _ := utf8.DecodeLastRuneInString(password)
	if unicode.IsSpace(first) {
		ids = append(ids, hintBlankAtBegin)
	}
	if unicode.IsSpace(last) {
		ids = append(ids, hintBlankAtEnd)
	}
	if looksLikeCapsLock(password) {
		ids = append(ids, hintCapsLock)
	}
	return ids
}

// looksLikeCapsLock is true for at least three capitals and no small letter.
func looksLikeCapsLock(password string) bool {
	capitals := 0
	for _, r := range password {
		if unicode.IsLower(r) {
			return false
		}
		if unicode.IsUpper(r) {
			capitals++
		}
	}
	return capitals >= 3
}
