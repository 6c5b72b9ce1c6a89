package directory

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The longest texts, in characters.
const (
	maxName   = 200
	maxReason = 500
	maxURL    = 2000
)

// CleanName returns a name of a person or account as it is kept: without blanks
// around it, in NFC, 1 to 200 characters. Control characters and marks that
// turn the direction of text are refused, because names are shown in headers,
// logs, mails and terminals.
func CleanName(name string) (string, error) {
	clean, err := line("name", name, maxName)
	if err == nil && clean == "" {
		err = invalid("name", "it is empty", "give one")
	}
	return clean, err
}

// CleanReason returns a reason as it is kept: like a name, but it may be empty
// and up to 500 characters long.
func CleanReason(reason string) (string, error) { return line("reason", reason, maxReason) }

// line cleans one line of text people write for people to read.
func line(field, text string, longest int) (string, error) {
	if !utf8.ValidString(text) {
		return "", invalid(field, "it is not valid UTF-8", "")
	}
	for _, r := range text {
		if problem := unfit(r); problem != "" {
			return "", invalid(field, problem, "remove it")
		}
	}
	if len(text) <= longest*utf8.UTFMax*4 { // NFC of anything longer is too long anyhow
		text = norm.NFC.String(strings.TrimFunc(text, blank))
	}
	if utf8.RuneCountInString(text) > longest {
		return "", invalid(field, "it is longer than {n} characters", "shorten it", "n", longest)
	}
	if text != "" && strings.IndexFunc(text, visible) < 0 {
		return "", invalid(field, "it has no visible character", "")
	}
	return text, nil
}

func unfit(r rune) string {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return "it holds a control character or line break"
	case r == '\u061c', r == '\u200e', r == '\u200f', '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
		return "it holds a mark that turns the direction of text"
	}
	return ""
}

func visible(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.IsMark(r) }

var (
	idPattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	localePattern = regexp.MustCompile(`^([a-z]{2,3}(-[A-Z]{2})?)?$`)
)

func checkID(field, id string) error {
	if !idPattern.MatchString(id) {
		return invalid(field, "an id has 1 to 63 lower-case letters, digits and dashes, no dash first", "choose another")
	}
	return nil
}

// checkURL accepts a web address, or a path of the app itself.
func checkURL(field, text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	web := err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
	path := err == nil && u.Host == "" && u.Scheme == "" && strings.HasPrefix(text, "/") && !strings.ContainsAny(text, "\\\r\n\t")
	if len(text) > maxURL || !web && !path || strings.HasPrefix(text, "//") {
		return invalid(field, "it is not a web address", "write it as https://example.com/pay, or /pay for a path of the app")
	}
	return nil
}

func checkDay(field, day string) error {
	if _, ok := startOfDay(day, DefaultLocation()); !ok {
		return invalid(field, "it is not a day", "write it as 2026-12-31")
	}
	return nil
}
