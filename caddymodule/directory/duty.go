package directory

import (
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Words of an account, and of a configured type, for who needs a second step. Any
// other is the day ("2006-01-02") from which it is required.
const (
	SecondStepOptional = "optional"
	SecondStepRequired = "required"
)

// CheckSecondStep returns nil for one of these words, a day, or nothing.
func CheckSecondStep(word string) error {
	if word == "" || word == SecondStepOptional || word == SecondStepRequired || checkDay("second_step", word) == nil {
		return nil
	}
	return invalid("second_step", "neither optional, required nor a day", "write the day from which it is required like 2027-01-31")
}

// duty reads one of these words. What it does not understand requires.
func (r Rules) duty(word string) (required bool, from time.Time) {
	if word == "" || word == SecondStepOptional {
		return false, time.Time{}
	}
	from, _ = startOfDay(word, r.withDefaults().Location)
	return true, from
}

// Duty tells whether u has to have a second step, and from when; zero for always.
// The type or the account may require it: the earlier counts.
func (r Rules) Duty(u *store.User, a *store.Account) (required bool, from time.Time) {
	t, _ := r.TypeOf(u)
	required, from = r.duty(t.SecondStep)
	if a != nil {
		if also, day := r.duty(a.SecondStep); also && (!required || day.Before(from)) {
			required, from = true, day
		}
	}
	return required, from
}

// Owes tells whether u may go no further at now before their second step is on.
func (r Rules) Owes(u *store.User, a *store.Account, now time.Time) bool {
	if u.SecondStep {
		return false
	}
	required, from := r.Duty(u, a)
	return required && !now.Before(from)
}

// Asked tells whether u is to be asked to switch a second step on: because they
// owe it, or will.
func (r Rules) Asked(u *store.User, a *store.Account) bool {
	required, _ := r.Duty(u, a)
	return required && !u.SecondStep
}
