// Package blocklist says why a password that somebody chose is too easily guessed:
// it is a common one, is made of what everybody knows about its owner, or is too
// simple. It owns the lists and how they are compared; how long a password must be
// is decided elsewhere.
//
// The list of common passwords is that of Django, under its licence; see
// common.txt and LICENSE.django.
package blocklist

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

//go:embed common.txt
var common string

//go:embed dutch.txt
var dutch string

// Reasons.
const (
	Common  = "common"  // on the list, perhaps with digits behind it or letters dressed up
	Context = "context" // little more than a word that everybody knows about its owner
	Simple  = "simple"  // few characters over and over, or a row of the keyboard
)

var words = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool, 20_000)
	for _, list := range []string{common, dutch} {
		for line := range strings.Lines(list) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				m[line] = true
			}
		}
	}
	return m
})

// Size returns how many common passwords are known.
func Size() int { return len(words()) }

// shortest is how much must be left beside what everybody knows, in characters.
const shortest = 4

// dressing is how many digits and marks at the ends make no other password.
const dressing = 6

// Why returns why a password should not be taken, empty when nothing is known
// against it. context are words that everybody knows about its owner: names,
// addresses, the name of the product.
func Why(password string, context ...string) string {
	plain := strings.ToLower(norm.NFKC.String(password))
	for _, form := range forms(plain) {
		if words()[form] {
			return Common
		}
	}
	switch {
	case known(plain, context), known(undressed(plain), context):
		return Context
	case simple(plain):
		return Simple
	}
	return ""
}

// forms are the ways in which a common password is dressed up: with digits and
// marks at an end, and with letters written as what they look like.
func forms(plain string) []string {
	core := strings.TrimFunc(plain, notLetter)
	all := []string{plain, undressed(plain)}
	if utf8.RuneCountInString(core) >= shortest {
		// What was put at the ends must be little, or there is a password around it.
		if utf8.RuneCountInString(plain)-utf8.RuneCountInString(core) <= dressing {
			all = append(all, core, undressed(core), undressed(strings.TrimRightFunc(plain, notLetter)))
		}
	}
	return all
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

// undressed reads digits and marks as the letters that they stand for.
func undressed(s string) string {
	return strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b", "@", "a", "$", "s", "!", "i", "|", "l").Replace(s)
}

// known tells whether little is left of a password without the words of its context.
func known(plain string, context []string) bool {
	left, found := plain, false
	for _, word := range pieces(context) {
		if strings.Contains(left, word) {
			left, found = strings.ReplaceAll(left, word, ""), true
		}
	}
	return found && utf8.RuneCountInString(strings.Map(letterOrDigit, left)) < shortest
}

func letterOrDigit(r rune) rune {
	if unicode.IsLetter(r) {
		return r
	}
	return -1
}

// pieces are the words of a context, each as a whole and in parts, longest first
// as far as they are given so.
func pieces(context []string) (all []string) {
	for _, text := range context {
		text = strings.ToLower(norm.NFKC.String(text))
		joined := strings.Join(strings.FieldsFunc(text, notLetter), "")
		for _, word := range append([]string{text, joined}, strings.FieldsFunc(text, notLetter)...) {
			if utf8.RuneCountInString(word) >= 3 {
				all = append(all, word)
			}
		}
	}
	return all
}

// rows are what a hand finds without thinking.
var rows = []string{
	"abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "azertyuiop", "qsdfghjklm", "qwertzuiop",
	"1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn",
}

// simple tells whether there are hardly any different characters, or a row.
func simple(plain string) bool {
	different := map[rune]bool{}
	for _, r := range plain {
		different[r] = true
	}
	if len(different) < shortest {
		return true
	}
	core := strings.TrimFunc(plain, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, row := range rows {
		if len(core) >= shortest && (strings.Contains(row, core) || strings.Contains(reversed(row), core)) {
			return true
		}
	}
	return false
}

func reversed(s string) string {
	out := []byte(s)
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}
