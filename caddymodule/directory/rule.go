package directory

import (
	"maps"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Names with a meaning of their own.
const (
	// StaffAccount is the built-in account of the people of the SaaS itself. It is
	// made when it is first needed, and its state never keeps anybody out.
	StaffAccount = "staff"
	// SupportType is the type of everybody in StaffAccount and of nobody else.
	SupportType = "support"
	// SuperadminType is the type of the owner of an account.
	SuperadminType = "superadmin"
)

// The states of an account.
const (
	Trial     = "trial"
	Active    = "active"
	Arrears   = "arrears"
	Cancelled = "cancelled"
	Suspended = "suspended"
)

// DefaultArrearsBlocksAt is the number of unpaid invoices that blocks.
const DefaultArrearsBlocksAt = 2

// Type says what a kind of user may do.
type Type struct {
	Name string `json:"name"`
	// Login: may log in at all.
	Login bool `json:"login"`
	// Administer: may open the admin path for their own account.
	Administer bool `json:"administer,omitempty"`
	// App: may reach the app behind the gateway.
	App bool `json:"app,omitempty"`
	// SecondStep says who of them needs one: "optional" or empty, "required", or the
	// day from which it is.
	SecondStep string `json:"second_step,omitempty"`
}

// BuiltinTypes returns the types that exist without being declared. The map
// belongs to the caller.
func BuiltinTypes() map[string]Type {
	return map[string]Type{
		SuperadminType: {Name: SuperadminType, Login: true, Administer: true, App: true},
		"admin":        {Name: "admin", Login: true, Administer: true, App: true},
		"teammate":     {Name: "teammate", Login: true, App: true},
		"client":       {Name: "client", Login: true, App: true},
		SupportType:    {Name: SupportType, Login: true, Administer: true},
	}
}

// Rules decide who may be here. The zero value means the defaults.
type Rules struct {
	// Types by name; nil means BuiltinTypes.
	Types map[string]Type
	// ArrearsBlocksAt is the number of unpaid invoices from which arrears block;
	// zero or less means DefaultArrearsBlocksAt.
	ArrearsBlocksAt int
	// Location is where days begin and end; nil means Europe/Amsterdam.
	Location *time.Location
}

func (r Rules) withDefaults() Rules {
	if r.Types == nil {
		r.Types = builtin
	}
	if r.ArrearsBlocksAt <= 0 {
		r.ArrearsBlocksAt = DefaultArrearsBlocksAt
	}
	if r.Location == nil {
		r.Location = DefaultLocation()
	}
	return r
}

var builtin = BuiltinTypes()

// TypeOf returns the type of u, and false when it is unknown or not one that
// can live in the account of u.
func (r Rules) TypeOf(u *store.User) (Type, bool) {
	types := r.Types
	if types == nil {
		types = builtin
	}
	t, ok := types[u.Type]
	if !ok || (u.Type == SupportType) != (u.Account == StaffAccount) {
		return Type{}, false
	}
	return t, true
}

// May says why u, who belongs to a, may not be here at now; cause.None means
// welcome. It looks at the type first, then at the block, then at the account.
//
// What it does not understand keeps the door shut: no user, no type, an unknown
// one or one in the wrong account is TypeDenied; no account, another user's
// account or an unknown state is AccountSuspended, which support can lift; a
// trial without a readable last day has ended; arrears without a readable day
// block at once.
func (r Rules) May(u *store.User, a *store.Account, now time.Time) cause.Cause {
	if u == nil {
		return cause.TypeDenied
	}
	if t, ok := r.TypeOf(u); !ok || !t.Login {
		return cause.TypeDenied
	}
	if Blocked(u, now) {
		return cause.UserBlocked
	}
	if a != nil && a.ID != u.Account {
		return cause.AccountSuspended
	}
	return r.Closed(a, now)
}

// Blocked says whether the block of u, if any, is in force at now.
func Blocked(u *store.User, now time.Time) bool {
	return u.Block != nil && (u.Block.Until.IsZero() || now.Before(u.Block.Until))
}

// Closed says why the state of a keeps its users out at now, which is the last
// thing May looks at; cause.None means it does not.
func (r Rules) Closed(a *store.Account, now time.Time) cause.Cause {
	switch {
	case a == nil:
		return cause.AccountSuspended
	case a.ID == StaffAccount:
		return cause.None
	}
	switch a.State {
	case Active:
		return cause.None
	case Trial:
		if end, ok := r.TrialEnd(a); ok && now.Before(end) {
			return cause.None
		}
		return cause.AccountTrialEnded
	case Arrears:
		if from, blocks := r.arrearsFrom(a); !blocks || now.Before(from) {
			return cause.None
		}
		return cause.AccountArrears
	case Cancelled:
		return cause.AccountCancelled
	}
	return cause.AccountSuspended
}

// TrialEnd returns the first moment after the last day of the trial of a, and
// false when the account names no readable day.
func (r Rules) TrialEnd(a *store.Account) (time.Time, bool) {
	return endOfDay(a.TrialUntil, r.withDefaults().Location)
}

// arrearsFrom returns from when the arrears of a block, if they do at all.
func (r Rules) arrearsFrom(a *store.Account) (from time.Time, blocks bool) {
	r = r.withDefaults()
	if a.UnpaidInvoices < r.ArrearsBlocksAt {
		return time.Time{}, false
	}
	from, _ = startOfDay(a.BlocksFrom, r.Location)
	return from, true
}

// Steady returns until when the answer of May cannot change by the passing of
// time alone: for every t with now <= t < Steady, May is the same. Zero means
// it never changes by itself.
func (r Rules) Steady(u *store.User, a *store.Account, now time.Time) time.Time {
	switch r.May(u, a, now) {
	case cause.TypeDenied:
		return time.Time{}
	case cause.UserBlocked:
		return u.Block.Until
	default: // the account decides
	}
	return r.Turn(a, now)
}

// Turn returns when the state of a begins to keep its users out by the passing of
// time alone; zero where it does already, or never will.
func (r Rules) Turn(a *store.Account, now time.Time) time.Time {
	if a == nil || a.ID == StaffAccount {
		return time.Time{}
	}
	var turn time.Time
	switch a.State {
	case Trial:
		turn, _ = r.TrialEnd(a)
	case Arrears:
		turn, _ = r.arrearsFrom(a)
	}
	if !turn.After(now) {
		return time.Time{}
	}
	return turn
}

// TypeNames returns the declared types that may live in account, sorted.
func (r Rules) TypeNames(account string) []string {
	if account == StaffAccount {
		return []string{SupportType}
	}
	types := maps.Clone(r.withDefaults().Types)
	delete(types, SupportType)
	return sortedKeys(types)
}
