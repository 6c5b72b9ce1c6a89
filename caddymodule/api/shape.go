package api

import (
	"reflect"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
)

var problemType = reflect.TypeFor[Problem]()

// Account is an account as programs see it.
type Account struct {
	ID             string    `json:"id"`
	Name           string    `json:"name"`
	State          string    `json:"state" enum:"trial,active,arrears,cancelled,suspended"`
	Reason         string    `json:"reason,omitempty" doc:"of the state"`
	Since          time.Time `json:"since" doc:"of the state"`
	Created        time.Time `json:"created"`
	TrialUntil     string    `json:"trial_until,omitempty" doc:"last day of a trial, as 2026-12-31"`
	UnpaidInvoices int       `json:"unpaid_invoices,omitempty" doc:"of an account in arrears"`
	BlocksFrom     string    `json:"blocks_from,omitempty" doc:"day from which arrears block, as 2026-12-31; without it they block at once"`
	PayURL         string    `json:"pay_url,omitempty" doc:"where the superadmin pays or subscribes"`
	Cause          string    `json:"cause,omitempty" doc:"why its users are kept out right now; absent: they are not"`
}

func (r *Room) account(a *store.Account) Account {
	return Account{
		ID: a.ID, Name: a.Name, State: a.State, Reason: a.Reason, Since: a.Since, Created: a.Created,
		TrialUntil: a.TrialUntil, UnpaidInvoices: a.UnpaidInvoices, BlocksFrom: a.BlocksFrom, PayURL: a.PayURL,
		Cause: string(r.Directory.Rules().Closed(a, r.Now())),
	}
}

// User is a user as programs see them: never a hash.
type User struct {
	ID              string    `json:"id"`
	Account         string    `json:"account"`
	Email           string    `json:"email" doc:"canonical form; it is who this is"`
	Display         string    `json:"display,omitempty" doc:"the address as it was given, where that differs"`
	Name            string    `json:"name"`
	Type            string    `json:"type"`
	Locale          string    `json:"locale,omitempty"`
	Created         time.Time `json:"created"`
	Password        string    `json:"password" enum:"none,generated,chosen" doc:"which kind they have; never the password"`
	PasswordChanged time.Time `json:"password_changed,omitzero"`
	SecondStep      bool      `json:"second_step"`
	Block           *Block    `json:"block,omitempty"`
	Invited         time.Time `json:"invited,omitzero" doc:"since when an invitation waits for them"`
	CanLogIn        bool      `json:"can_log_in" doc:"with the right password, right now"`
	Cause           string    `json:"cause,omitempty" doc:"why they cannot"`
}

// Block is the withdrawal of somebody's access.
type Block struct {
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Why   string    `json:"why,omitempty"`
	Until time.Time `json:"until,omitzero" doc:"absent: until it is lifted"`
}

// user shows u, who is in a; a is nil where it does not exist.
func (r *Room) user(u *store.User, a *store.Account) User {
	c := r.Directory.Rules().May(u, a, r.Now())
	v := User{
		ID: u.ID, Account: u.Account, Email: u.Email, Display: u.Display, Name: u.Name, Type: u.Type, Locale: u.Locale,
		Created: u.Created, Password: story.PasswordKind(u), PasswordChanged: u.PasswordChanged, SecondStep: u.SecondStep,
		CanLogIn: c == cause.None && u.Password != "", Cause: string(c),
	}
	if u.Block != nil {
		v.Block = &Block{By: u.Block.By, At: u.Block.At, Why: u.Block.Why, Until: u.Block.Until}
	}
	if u.Invited != nil {
		v.Invited = u.Invited.At
	}
	return v
}
