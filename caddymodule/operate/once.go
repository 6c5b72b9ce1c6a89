package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Tickets say what somebody was mailed and can still use. *ticket.Book is one.
type Tickets interface {
	Live(ctx context.Context, owner outbox.Owner) (ticket.Live, error)
}

// formerOwner is who had an address that nobody has any more.
type formerOwner struct {
	User  string    `json:"user"`
	Email string    `json:"email"` // now
	Name  string    `json:"name"`
	Until time.Time `json:"until"`
}

// storyMails is how many mails a story tells of.
const storyMails = 3

// tellMails adds the mails of the attempts, newest first, and what can still be
// used of all that was mailed.
func (h *House) tellMails(ctx context.Context, s *story) error {
	attempts := s.Attempts
	if s.Attempt != nil {
		attempts = []*attemptView{s.Attempt}
	}
	for _, a := range attempts {
		if a.Mail == "" || h.Outbox == nil || len(s.Mails) == storyMails {
			continue
		}
		m, ref, err := h.Outbox.Mail(ctx, a.Mail)
		if errors.Is(err, store.ErrNotFound) {
			continue // silently not sent, or past its time
		}
		if err != nil {
			return err
		}
		s.Mails = append(s.Mails, viewMail(m, ref))
	}
	if s.subject.user == nil {
		return nil
	}
	live, err := h.live(ctx, s.subject.user)
	s.Mailed = live
	return err
}

// live returns what u can use of what was mailed, nil for nothing.
func (h *House) live(ctx context.Context, u *store.User) (*ticket.Live, error) {
	if h.Tickets == nil {
		return nil, nil //nolint:nilnil // nothing is mailed here
	}
	live, err := h.Tickets.Live(ctx, outbox.OfUser(u.Account, u.ID))
	if err != nil || live == (ticket.Live{}) {
		return nil, err
	}
	return &live, nil
}

// tellFormer adds who had an address that is nobody's now.
func (h *House) tellFormer(ctx context.Context, s *story) error {
	u, until, err := h.Directory.FormerOwner(ctx, s.subject.address)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	s.FormerOwner = &formerOwner{User: u.ID, Email: u.Email, Name: u.Name, Until: until}
	return nil
}

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
func (h *House) printMails(t *text, s *story) {
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

// mailFixes are the ways out of a mail that did not arrive.
func (h *House) mailFixes(s *story) (fixes []fix) {
	for _, m := range s.Mails {
		switch m.State {
		case outbox.Queued, outbox.Deferred:
			fixes = append(fixes, fix{
				Sentence: "A mail waits for its next try. To try now:", Command: h.program() + " mail retry " + quoted(m.ID),
			})
		case outbox.Rejected, outbox.Expired:
			fixes = append(fixes, fix{
				Sentence: "A mail did not arrive: see what the server said. Meanwhile, give them a new password.",
				Command:  h.program() + " users password " + quoted(m.To),
			})
		}
	}
	return fixes
}
