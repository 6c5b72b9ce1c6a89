package operate

import (
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/store"
)

// accountView is an account as programs get it. Times are UTC.
type accountView struct {
	ID             string    `json:"id"`
	Name           string    `json:"name"`
	State          string    `json:"state"`
	Reason         string    `json:"reason,omitempty"`
	Since          time.Time `json:"since"`
	Created        time.Time `json:"created"`
	TrialUntil     string    `json:"trial_until,omitempty"`
	UnpaidInvoices int       `json:"unpaid_invoices,omitempty"`
	BlocksFrom     string    `json:"blocks_from,omitempty"`
	PayURL         string    `json:"pay_url,omitempty"`
	// Cause is why it keeps its users out right now; empty: it does not.
	Cause string `json:"cause,omitempty"`
}

func (h *House) viewAccount(a *store.Account) *accountView {
	if a == nil {
		return nil
	}
	return &accountView{
		ID: a.ID, Name: a.Name, State: a.State, Reason: a.Reason, Since: a.Since, Created: a.Created,
		TrialUntil: a.TrialUntil, UnpaidInvoices: a.UnpaidInvoices, BlocksFrom: a.BlocksFrom, PayURL: a.PayURL,
		Cause: string(h.Directory.Rules().Closed(a, h.now())),
	}
}

// userView is a user as programs get it: nothing that opens a door.
type userView struct {
	ID      string     `json:"id"`
	Account string     `json:"account"`
	Email   string     `json:"email"`
	Display string     `json:"display,omitempty"`
	Name    string     `json:"name"`
	Type    string     `json:"type"`
	Locale  string     `json:"locale,omitempty"`
	Created time.Time  `json:"created"`
	Block   *blockView `json:"block,omitempty"`
	// Password is "generated", "chosen" or "none".
	Password        string    `json:"password"`
	PasswordChanged time.Time `json:"password_changed,omitzero"`
	SecondStep      bool      `json:"second_step"`
	// Cause is why they may not be here right now; empty: they may.
	Cause string `json:"cause,omitempty"`
}

type blockView struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Why   string    `json:"why,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

func (h *House) viewUser(u *store.User, c cause.Cause) *userView {
	v := &userView{
		ID: u.ID, Account: u.Account, Email: u.Email, Display: u.Display, Name: u.Name, Type: u.Type, Locale: u.Locale,
		Created: u.Created, Password: passwordKind(u), PasswordChanged: u.PasswordChanged, SecondStep: u.SecondStep,
		Cause: string(c),
	}
	if u.Block != nil {
		b := blockView(*u.Block)
		v.Block = &b
	}
	return v
}

func passwordKind(u *store.User) string {
	switch {
	case u.Password == "":
		return "none"
	case u.PasswordChosen:
		return "chosen"
	}
	return "generated"
}
