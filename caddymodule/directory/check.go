package directory

import (
	"slices"
	"strings"

	"github.com/cliendo/gateway/caddymodule/store"
)

// States lists the states of an account, in the order of the documentation.
func States() []string { return []string{Trial, Active, Arrears, Cancelled, Suspended} }

// What a new record differs from in every field that must be given.
var (
	noAccount = &store.Account{}
	noUser    = &store.User{}
)

// checkAccount cleans a, and refuses what is not acceptable. Only what differs
// from before is looked at: an odd record can still be changed elsewhere.
func (d *Directory) checkAccount(before, a *store.Account) (err error) {
	if before == noAccount || before.Name != a.Name {
		if a.Name, err = CleanName(a.Name); err != nil {
			return err
		}
	}
	if before.Reason != a.Reason {
		if a.Reason, err = CleanReason(a.Reason); err != nil {
			return err
		}
	}
	if before.PayURL != a.PayURL {
		if err := checkURL("pay_url", a.PayURL); err != nil {
			return err
		}
	}
	if !slices.Equal(before.Domains, a.Domains) {
		if a.Domains, err = cleanDomains(a.Domains); err != nil {
			return err
		}
	}
	return checkState(before, a)
}

func checkState(before, a *store.Account) error {
	if before == noAccount || before.State != a.State {
		if err := oneOf("state", a.State, States()); err != nil {
			return err
		}
		if a.ID == StaffAccount && a.State != Active {
			return invalid("state", "the state of the account of the staff keeps nobody out", "block its users one by one")
		}
	}
	if a.State == Trial && (before.State != a.State || before.TrialUntil != a.TrialUntil) {
		if err := checkDay("trial_until", a.TrialUntil); err != nil {
			return err
		}
	}
	if before.BlocksFrom != a.BlocksFrom && a.BlocksFrom != "" {
		if err := checkDay("blocks_from", a.BlocksFrom); err != nil {
			return err
		}
	}
	if before.SecondStep != a.SecondStep {
		if err := CheckSecondStep(a.SecondStep); err != nil {
			return err
		}
	}
	if a.UnpaidInvoices < 0 {
		return invalid("unpaid_invoices", "there cannot be fewer than none", "give 0 or more")
	}
	return nil
}

// checkUser does for users what checkAccount does for accounts.
func (d *Directory) checkUser(before, u *store.User) (err error) {
	if before == noUser || before.Name != u.Name {
		if u.Name, err = CleanName(u.Name); err != nil {
			return err
		}
	}
	if before == noUser || before.Type != u.Type {
		if err := d.checkType(u); err != nil {
			return err
		}
	}
	if before.Locale != u.Locale && !localePattern.MatchString(u.Locale) {
		return invalid("locale", "it is not a language", "write it as nl or en")
	}
	if u.Block != nil && (before.Block == nil || *before.Block != *u.Block) {
		return checkBlock(u.Block)
	}
	return nil
}

func (d *Directory) checkType(u *store.User) error {
	if _, ok := d.rules.TypeOf(u); !ok {
		return oneOf("type", u.Type, d.rules.TypeNames(u.Account))
	}
	return nil
}

func checkBlock(b *store.Block) (err error) {
	if b.Why, err = CleanReason(b.Why); err != nil {
		return err
	}
	if b.By, err = line("by", b.By, maxName); err != nil {
		return err
	}
	if !b.Until.IsZero() && !b.Until.After(b.At) {
		return invalid("until", "it is in the past", "give a moment to come, or none")
	}
	return nil
}

func oneOf(field, value string, allowed []string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return invalid(field, "there is no such {field} here", "take one of {words}", "field", field, "words", strings.Join(allowed, ", "))
}
