package operate

import (
	"fmt"

	"github.com/cliendo/gateway/caddymodule/story"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Tickets say what somebody was mailed and can still use. *ticket.Book is one.
type Tickets = story.Tickets

// liveLines say in words what can still be used.
func (h *House) liveLines(live *ticket.Live) []string {
	var lines []string
	if live == nil {
		return nil
	}
	if live.Passwords > 0 {
		lines = append(lines, fmt.Sprintf("%d mailed, the last until %s; the old password works beside it", live.Passwords, h.clock(live.PasswordsUntil)))
	}
	if live.Logins > 0 {
		lines = append(lines, fmt.Sprintf("%d link or code to log in, the last until %s", live.Logins, h.clock(live.LoginsUntil)))
	}
	if !live.FreshUntil.IsZero() {
		lines = append(lines, "a fresh password is shown at each login until they store it, at most until "+h.clock(live.FreshUntil))
	}
	return lines
}

// printMails tells what became of the mails.
func (h *House) printMails(t *text, s *story.Story) {
	for _, line := range h.liveLines(s.Mailed) {
		t.line("  Waiting: %s.", line)
	}
	for _, m := range s.Mails {
		t.line("Mail %s of %s to %s: %s", m.Kind, h.clock(m.Created), m.To, m.State)
		for i, a := range m.Tries {
			t.line("  try %d at %s, %s: %s", i+1, h.clock(a.At), a.Server, said(a))
		}
	}
}
