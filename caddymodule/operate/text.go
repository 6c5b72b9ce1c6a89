package operate

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// text is what people read, line by line. Everything that goes in is made safe.
type text struct{ b strings.Builder }

func (t *text) String() string { return t.b.String() }

// line adds a line; its arguments may be hostile, its format is ours.
func (t *text) line(format string, args ...any) {
	t.b.WriteString(safe(fmt.Sprintf(format, args...)) + "\n")
}

// table adds rows of equal length below a head, in columns.
func (t *text) table(indent string, rows [][]string) {
	w := tabwriter.NewWriter(&t.b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if row[i] = short(safe(cell)); row[i] == "" {
				row[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(w, indent+strings.Join(row, "\t")) // a Builder never fails
	}
	_ = w.Flush()
}

// pairs adds names and values, one a line, leaving out what is empty.
func (t *text) pairs(indent string, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(&t.b, "%s%-10s %s\n", indent, pairs[i]+":", safe(pairs[i+1]))
		}
	}
}

// safe shows what a terminal would act on, or not show, as an escape: what
// comes from the store or the command line must not move the cursor, colour the
// screen or turn the direction of text.
func safe(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsGraphic(r) && r != unicode.ReplacementChar {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// maxCell keeps a long name from tearing a table apart, in characters.
const maxCell = 60

func short(s string) string {
	if r := []rune(s); len(r) > maxCell {
		return string(r[:maxCell-3]) + "..."
	}
	return s
}

// clock writes a time as the operator's clock shows it; empty for none.
func (h *House) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(h.Directory.Rules().Location).Format("2006-01-02 15:04:05 MST")
}

// left writes how long it is until t, in words.
func left(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Round(time.Second)/time.Second))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute)/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Round(time.Hour)/time.Hour))
	}
	return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
}

// quoted writes an argument so that a shell takes it as one word and nothing
// else: addresses may hold $, backticks and quotes.
func quoted(arg string) string {
	plain := func(r rune) bool {
		return r >= 0x80 || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("@.-_+:/=", r)
	}
	if arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !plain(r) }) < 0 {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
