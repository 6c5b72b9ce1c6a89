package story

import (
	"slices"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Fix is a way out. Who shows it has the words and the button for its code.
type Fix struct {
	Code Code `json:"code"`
	// Cause is what it is a way out of, where it is one of a cause.
	Cause string `json:"cause,omitempty"`
	// Mail is the id of a mail, and To where it went.
	Mail string `json:"mail,omitempty"`
	To   string `json:"to,omitempty"`
	// Network and Address say whose failures are to be forgotten.
	Network string `json:"network,omitempty"`
	Address string `json:"address,omitempty"`
}

// Code says what is to be done.
type Code string

// The codes.
const (
	// Explain: there is nothing to do but to say what is the matter.
	Explain Code = "explain"
	// NewPassword: type it again with the password shown, or get a new one.
	NewPassword Code = "new_password"
	// FindAddress: find out which address they use, or add them.
	FindAddress Code = "find_address"
	// ClearDelays: forget the failures that make them wait.
	ClearDelays Code = "clear_delays"
	// SecondStepOff: switch the second step off.
	SecondStepOff Code = "second_step_off"
	// OpenAccount: change the state of the account.
	OpenAccount Code = "open_account"
	// Unblock: lift the block.
	Unblock Code = "unblock"
	// SetType: give them a type that may log in.
	SetType Code = "set_type"
	// MailRetry: try a mail again at once.
	MailRetry Code = "mail_retry"
	// MailFailed: a mail did not arrive: another way, or another address.
	MailFailed Code = "mail_failed"
	// NoPassword: they have none; give them one.
	NoPassword Code = "no_password"
)

// codes has what is to be done about a cause; what is missing is only explained.
var codes = map[cause.Cause]Code{
	cause.WrongPassword:          NewPassword,
	cause.PasswordPendingExpired: NewPassword,
	cause.TooManyMails:           NewPassword,
	cause.UnknownEmail:           FindAddress,
	cause.TooManyAttempts:        ClearDelays,
	cause.SecondStepRequired:     SecondStepOff,
	cause.AccountTrialEnded:      OpenAccount,
	cause.AccountArrears:         OpenAccount,
	cause.AccountCancelled:       OpenAccount,
	cause.AccountSuspended:       OpenAccount,
	cause.UserBlocked:            Unblock,
	cause.TypeDenied:             SetType,
	cause.Forbidden:              SetType,
}

// FixOf returns the way out of a cause.
func FixOf(c cause.Cause) Fix {
	code, ok := codes[c]
	if !ok {
		code = Explain
	}
	return Fix{Code: code, Cause: string(c)}
}

// fixes lists the ways out: of what is the matter now first, then of what the
// attempt met, then of what the latest failed attempt met.
func fixes(s *Story) []Fix {
	all := []Fix{}
	add := func(c cause.Cause) {
		if c != cause.None && !slices.ContainsFunc(all, func(f Fix) bool { return f.Cause == string(c) }) {
			f := FixOf(c)
			f.Address = s.Subject.Address
			all = append(all, f)
		}
	}
	add(cause.Cause(s.Now.Cause))
	if s.User != nil && s.User.Password == "none" {
		all = append(all, Fix{Code: NoPassword, Address: s.Subject.Address})
	}
	if s.Now.HasToWait {
		all = append(all, waiting(s))
	}
	all = append(all, mailFixes(s)...)
	if s.Attempt != nil {
		add(toMend(s.Attempt, s.User))
		return all
	}
	for _, a := range s.Attempts {
		if a.Cause == "" && !a.Asked {
			break // what went wrong before the last login is settled
		}
		if c := toMend(a, s.User); c != cause.None && c != cause.TooManyAttempts {
			add(c)
			break
		}
	}
	return all
}

// waiting says what has to be cleared: the address, the network, or both.
func waiting(s *Story) Fix {
	f := FixOf(cause.TooManyAttempts)
	for _, b := range s.Budgets {
		switch {
		case b.Waits() && b.Budget == limit.AllOfNetwork:
			f.Network = b.Network
		case b.Waits():
			f.Address = s.Subject.Address
		}
	}
	return f
}

// toMend returns the cause of an attempt unless the verdict of now answers it:
// an address that is somebody's by now is not unknown any more.
func toMend(a *store.Attempt, u *User) cause.Cause {
	c := cause.Cause(a.Cause)
	if past(c) || (u != nil && c == cause.UnknownEmail) {
		return cause.None
	}
	return c
}

// past is true for causes that the verdict of now answers anew.
func past(c cause.Cause) bool {
	switch c {
	case cause.AccountTrialEnded, cause.AccountArrears, cause.AccountCancelled, cause.AccountSuspended,
		cause.UserBlocked, cause.TypeDenied:
		return true
	default:
		return false
	}
}

// mailFixes are the ways out of mails that did not arrive.
func mailFixes(s *Story) (all []Fix) {
	for _, m := range s.Mails {
		switch m.State {
		case outbox.Queued, outbox.Deferred:
			all = append(all, Fix{Code: MailRetry, Mail: m.ID, To: m.To})
		case outbox.Rejected, outbox.Expired:
			all = append(all, Fix{Code: MailFailed, Mail: m.ID, To: m.To})
		}
	}
	return all
}
