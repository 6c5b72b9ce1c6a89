package outbox

import (
	"fmt"
	"io"
	netmail "net/mail"
	"strings"
	"unicode"

	"github.com/wneessen/go-mail"
)

// WriteTo writes the message as it travels: our headers and no others, then the
// text, and the HTML as its alternative.
func (m Message) WriteTo(w io.Writer) (int64, error) {
	for _, address := range []string{m.From, m.To} {
		if err := CheckAddress(address); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrRejected, err)
		}
	}
	out := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	out.SetAddrHeaderFromMailAddress(mail.HeaderFrom, &netmail.Address{Name: oneLine(m.FromName), Address: m.From})
	out.SetAddrHeaderFromMailAddress(mail.HeaderTo, &netmail.Address{Address: m.To})
	out.Subject(oneLine(m.Subject))
	out.SetDateWithValue(m.Date)
	out.SetMessageIDWithValue(oneLine(m.MessageID))
	// So that no holiday notice comes back (RFC 3834; the second is Exchange's).
	out.SetGenHeader("Auto-Submitted", "auto-generated")
	out.SetGenHeader("X-Auto-Response-Suppress", "All")
	if m.Locale != "" {
		out.SetGenHeader("Content-Language", oneLine(m.Locale))
	}
	out.SetBodyString(mail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		out.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	n, err := out.WriteTo(w)
	if err != nil {
		return n, fmt.Errorf("writing a mail: %w", err)
	}
	return n, nil
}

// CheckAddress refuses what is not exactly one bare address.
func CheckAddress(address string) error {
	local, domain, found := strings.Cut(address, "@")
	if !found || local == "" || domain == "" || strings.Contains(domain, "@") ||
		strings.ContainsFunc(address, notInAddress) {
		return fmt.Errorf("%.80q is not one mail address", address)
	}
	return nil
}

// notInAddress tells which characters could make one address two, or a header.
func notInAddress(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar ||
		strings.ContainsRune(`,;:<>()[]"\`, r)
}

// oneLine keeps a text from becoming a header of its own.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text))
}
