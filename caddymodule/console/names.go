package console

import (
	"strings"
	"unicode/utf8"
)

// maxShown is how much of a name a page shows. The directory takes fewer, but what
// was imported or is old may be longer.
const maxShown = 120

// shown is a text of people as it is shown by itself: without marks that turn the
// direction of what follows, and not without end.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\u061c', r == '\u200e', r == '\u200f', '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if utf8.RuneCountInString(text) > maxShown {
		text = string([]rune(text)[:maxShown]) + "\u2026"
	}
	return text
}

// within is a text of people inside a sentence of ours: isolated, so that one from
// right to left leaves the sentence alone.
func within(text string) string { return "\u2068" + shown(text) + "\u2069" }
