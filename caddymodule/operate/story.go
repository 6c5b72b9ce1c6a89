package operate

import (
	"cmp"
	"strconv"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/store"
)

// print tells a story to people, the answer first.
func (h *House) print(t *text, s *story) {
	if s.Attempt != nil {
		t.line("Attempt %s: %s", s.Attempt.Reference, came(s.Attempt))
		h.printAttempt(t, s.Attempt)
		t.line("")
	}
	h.printVerdict(t, s)
	h.printMails(t, s)
	h.printFixes(t, s)
	if u := s.subject.user; u != nil {
		t.line("User")
		h.describeUser(t, "  ", u, cause.Cause(s.User.Cause))
		if s.account != nil {
			t.line("Account")
			h.describeAccount(t, "  ", s.account)
		}
	}
	if len(s.Attempts) > 0 {
		t.line("Latest attempts")
		t.table("  ", h.attemptRows(s.Attempts))
	} else if s.subject.address != "" {
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

func (h *House) printVerdict(t *text, s *story) {
	switch {
	case s.subject.address == "":
		t.line("It is not known whose attempt it was: what was typed is no address, or many alike were counted together.")
	case s.User == nil:
		t.line("Nobody has the address %s.", s.subject.address)
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
		if b.waits() {
			t.line("  Has to wait %s (until %s): %s, %d failures.", left(b.left()), h.clock(b.Until), b.whom(), b.Failures)
		} else {
			t.line("  %d failures, %d are free: %s.", b.Failures, b.Free, b.whom())
		}
	}
}

func (h *House) printFixes(t *text, s *story) {
	for _, f := range s.Fixes {
		t.line("  %s", f.Sentence)
		if f.Command != "" {
			t.line("    %s", f.Command)
		}
	}
}
