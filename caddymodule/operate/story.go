package operate

import (
	"cmp"
	"strconv"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/store"
)

// print tells a story to people, the answer first.
func (h *House) print(t *text, s *whyData) {
	if s.Attempt != nil {
		t.line("Attempt %s: %s", s.Attempt.Reference, came(s.Attempt))
		h.printAttempt(t, s.Attempt)
		t.line("")
	}
	h.printVerdict(t, s)
	h.printMails(t, s.Story)
	h.printFixes(t, s)
	if u := s.Subject.User; u != nil {
		t.line("User")
		h.describeUser(t, "  ", u, cause.Cause(s.User.Cause))
		for _, l := range s.Identities {
			t.pairs("  ", "linked", l.Provider+" "+l.Address, "linked since", h.clock(l.Linked), "last used", h.clock(l.LastUsed))
		}
		if s.Subject.Account != nil {
			t.line("Account")
			h.describeAccount(t, "  ", s.Subject.Account)
		}
	}
	if len(s.Attempts) > 0 {
		t.line("Latest attempts")
		t.table("  ", h.attemptRows(s.Attempts))
	} else if s.Subject.Address != "" {
		t.line("No attempts with this address are on record.")
	}
}

func (h *House) printAttempt(t *text, a *store.Attempt) {
	times := h.clock(a.Last)
	if a.Count > 1 {
		times = h.clock(a.First) + " to " + times + ", " + strconv.Itoa(a.Count) + " times"
	}
	t.pairs("  ", "time", times, "typed", a.Typed, "method", a.Method, "browser", browser(a), "network", a.Network,
		"language", a.Locale, "wait until", h.clock(a.RetryAt), "session", a.Session, "mail", a.Mail)
	if !a.Former.IsZero() {
		t.line("  The password that was typed was right until %s.", h.clock(a.Former))
	}
}

func (h *House) printVerdict(t *text, s *whyData) {
	switch {
	case s.Subject.Address == "":
		t.line("It is not known whose attempt it was: what was typed is no address, or many alike were counted together.")
	case s.User == nil:
		t.line("Nobody has the address %s.", s.Subject.Address)
		for _, address := range s.Suggestions {
			t.line("  Perhaps they mean %s", address)
		}
		if f := s.FormerOwner; f != nil {
			t.line("  It was the address of %s until %s. Now theirs is %s.", f.Name, h.clock(f.Until), f.Email)
		}
	case s.Now.CanLogIn && s.Now.HasToWait:
		t.line("%s can log in, but not everywhere at once:", s.User.Email)
	case s.Now.CanLogIn:
		t.line("%s can log in.", s.User.Email)
	default:
		t.line("%s cannot log in: %s", s.User.Email, cmp.Or(s.Now.Cause, s.Now.Because))
	}
	if !s.Now.Until.IsZero() {
		t.line("  This changes by itself at %s.", h.clock(s.Now.Until))
	}
	for _, b := range s.Budgets {
		if b.Waits() {
			t.line("  Has to wait %s (until %s): %s, %d failures.", left(b.Left()), h.clock(b.Until), whom(b), b.Failures)
		} else {
			t.line("  %d failures, %d are free: %s.", b.Failures, b.Free, whom(b))
		}
	}
}

func (h *House) printFixes(t *text, s *whyData) {
	for _, f := range s.Fixes {
		t.line("  %s", f.Sentence)
		if f.Command != "" {
			t.line("    %s", f.Command)
		}
	}
}
