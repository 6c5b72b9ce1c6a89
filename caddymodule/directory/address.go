package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// The limits of RFC 5321, in bytes. Nothing longer than maxTyped is looked at.
const (
	maxLocal   = 64
	maxAddress = 254
	maxTyped   = 1024
)

// atext are the punctuation marks RFC 5322 allows left of the @ without quotes.
const atext = "!#$%&'*+-/=?^_`{|}~."

// Canonical returns the one form of an e-mail address under which it is looked
// up and claimed: without blanks around it, in NFC, lower case, the domain in
// ASCII (IDNA) without a dot at its end. Canonical of a canonical address is
// that address. Errors are *FieldError and say what is wrong.
//
// Compatibility forms (NFKC) are not folded left of the @, and letters that
// would turn into a plain ASCII one are refused: two mailboxes must never meet
// in one canonical address. Quoted local parts, address literals and domains of
// a single label are refused.
func Canonical(address string) (string, error) {
	trimmed, err := typed(address)
	if err != nil {
		return "", err
	}
	local, domain, ok := strings.Cut(trimmed, "@")
	switch {
	case !ok:
		return "", badAddress("it has no @", "write it as name@example.com")
	case strings.Contains(domain, "@"):
		return "", badAddress("it has more than one @", "write one address only")
	}
	if local, err = canonicalLocal(local); err != nil {
		return "", err
	}
	if domain, err = canonicalDomain(domain); err != nil {
		return "", err
	}
	if len(local)+1+len(domain) > maxAddress {
		return "", badAddress("it is longer than 254 bytes", "")
	}
	return local + "@" + domain, nil
}

// typed removes what people paste along with an address, and refuses what is
// none before any costly work is done on it.
func typed(address string) (string, error) {
	if len(address) > maxTyped {
		return "", badAddress("it is longer than 254 bytes", "")
	}
	if !utf8.ValidString(address) {
		return "", badAddress("it is not valid UTF-8", "")
	}
	trimmed := strings.TrimFunc(address, blank)
	if trimmed == "" {
		return "", badAddress("it is empty", "write it as name@example.com")
	}
	for _, r := range trimmed {
		switch {
		case unicode.IsControl(r):
			return "", badAddress("it holds a control character", "remove it")
		case blank(r):
			return "", badAddress("it holds a blank", "remove it")
		case r == '"':
			return "", badAddress("it holds a quotation mark", "write it without quotes")
		case !unicode.IsGraphic(r):
			return "", badAddress("it holds an invisible character", "type it by hand")
		}
	}
	return trimmed, nil
}

// blank is true for blanks and for the invisible marks that come with pasting.
func blank(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200b' || r == '\u2060' || r == '\ufeff'
}

func canonicalLocal(local string) (string, error) {
	switch {
	case local == "":
		return "", badAddress("there is nothing before the @", "write it as name@example.com")
	case lookAlike(local) || lookAlike(norm.NFC.String(local)):
		return "", badAddress("a letter before the @ only looks like a plain one", "type it by hand")
	}
	folded := fold(local)
	for _, r := range folded {
		if r < utf8.RuneSelf && !letterOrDigit(r) && !strings.ContainsRune(atext, r) {
			return "", badAddress("there is a character before the @ that no address has", "remove it")
		}
	}
	switch {
	case strings.HasPrefix(folded, "."), strings.HasSuffix(folded, "."), strings.Contains(folded, ".."):
		return "", badAddress("a dot before the @ is at the edge or doubled", "remove it")
	case len(folded) > maxLocal:
		return "", badAddress("the part before the @ is longer than 64 bytes", "")
	case fold(folded) != folded:
		return "", badAddress("a letter before the @ has no lower case of its own", "type it by hand")
	}
	return folded, nil
}

// fold is lower case in NFC. Lower case may leave NFC, so it is restored.
func fold(s string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(s)))
}

// lookAlike is true when a letter outside ASCII would be folded into ASCII: the
// Kelvin sign, the dotted capital I. Whoever holds such a mailbox must not be
// taken for the holder of the plain one.
func lookAlike(s string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf && fold(string(r))[0] < utf8.RuneSelf {
			return true
		}
	}
	return false
}

func letterOrDigit(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

func canonicalDomain(domain string) (string, error) {
	bad := func() (string, error) {
		return "", badAddress("the part after the @ is not a domain name", "write it as example.com")
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return bad()
	}
	ascii = strings.TrimSuffix(ascii, ".")
	labels := strings.Split(ascii, ".")
	if len(labels) < 2 {
		return "", badAddress("the domain has no dot", "write it in full, as example.com")
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 {
			return bad()
		}
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return bad() // an IP address
	}
	if again, err := idna.Lookup.ToASCII(ascii); err != nil || again != ascii {
		return bad()
	}
	return ascii, nil
}

func badAddress(problem, fix string) error { return invalid("email", problem, fix) }
