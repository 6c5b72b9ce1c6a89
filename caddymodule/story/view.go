package story

import (
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Account is an account as others may read it. Times are UTC.
type Account struct {
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

// ViewAccount returns a as others may read it, nil for nil. c is why it keeps its
// users out.
func ViewAccount(a *store.Account, c cause.Cause) *Account {
	if a == nil {
		return nil
	}
	return &Account{
		ID: a.ID, Name: a.Name, State: a.State, Reason: a.Reason, Since: a.Since, Created: a.Created,
		TrialUntil: a.TrialUntil, UnpaidInvoices: a.UnpaidInvoices, BlocksFrom: a.BlocksFrom, PayURL: a.PayURL,
		Cause: string(c),
	}
}

// User is a user as others may read it: nothing that opens a door.
type User struct {
	ID      string    `json:"id"`
	Account string    `json:"account"`
	Email   string    `json:"email"`
	Display string    `json:"display,omitempty"`
	Name    string    `json:"name"`
	Type    string    `json:"type"`
	Locale  string    `json:"locale,omitempty"`
	Created time.Time `json:"created"`
	Block   *Block    `json:"block,omitempty"`
	// Password is "generated", "chosen" or "none".
	Password        string    `json:"password"`
	PasswordChanged time.Time `json:"password_changed,omitzero"`
	SecondStep      bool      `json:"second_step"`
	// Cause is why they may not be here right now; empty: they may.
	Cause string `json:"cause,omitempty"`
}

// Block is the withdrawal of a user's access.
type Block struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Why   string    `json:"why,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// ViewUser returns u as others may read it. c is why they may not be here.
func ViewUser(u *store.User, c cause.Cause) *User {
	v := &User{
		ID: u.ID, Account: u.Account, Email: u.Email, Display: u.Display, Name: u.Name, Type: u.Type, Locale: u.Locale,
		Created: u.Created, Password: PasswordKind(u), PasswordChanged: u.PasswordChanged, SecondStep: u.SecondStep,
		Cause: string(c),
	}
	if u.Block != nil {
		b := Block(*u.Block)
		v.Block = &b
	}
	return v
}

// PasswordKind is "none", "chosen" or "generated".
func PasswordKind(u *store.User) string {
	switch {
	case u.Password == "":
		return "none"
	case u.PasswordChosen:
		return "chosen"
	}
	return "generated"
}

// Mail is a mail as others may read it. What it said is nobody's business.
type Mail struct {
	ID      string             `json:"id"`
	Kind    string             `json:"kind"`
	To      string             `json:"to"`
	State   string             `json:"state"`
	Locale  string             `json:"locale"`
	Nobody  bool               `json:"nobody,omitempty"` // nobody has the address
	Created time.Time          `json:"created"`
	Expires time.Time          `json:"expires"`
	Due     time.Time          `json:"due,omitzero"`
	Tries   []store.MailAnswer `json:"tries"`
}

// ViewMail returns m as others may read it.
func ViewMail(m *store.Mail, ref store.MailRef) *Mail {
	return &Mail{
		ID: m.ID, Kind: m.Kind, To: m.To, State: m.State, Locale: m.Locale, Nobody: outbox.Nobody(ref),
		Created: m.Created, Expires: m.Expires, Due: m.Due, Tries: orEmpty(m.Tries),
	}
}

// Budget is a budget in which failures are counted.
type Budget struct {
	limit.State
	// LeftSeconds is how long it makes people wait; 0: it does not.
	LeftSeconds int `json:"left_seconds"`
}

// Waits is true when the budget makes people wait.
func (b Budget) Waits() bool { return b.LeftSeconds > 0 }

// Left is how long it makes people wait.
func (b Budget) Left() time.Duration { return time.Duration(b.LeftSeconds) * time.Second }

func (t *Teller) viewBudget(state limit.State) Budget {
	b := Budget{State: state}
	if wait := state.Until.Sub(t.Now()); wait > 0 {
		b.LeftSeconds = int((wait + time.Second - 1) / time.Second)
	}
	return b
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
