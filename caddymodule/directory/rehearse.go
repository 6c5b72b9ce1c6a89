package directory

import "github.com/cliendo/gateway/caddymodule/store"

// CheckUser does to u what would be done before it is written, and writes
// nothing: names are cleaned, the address becomes canonical. before is the user
// as they are, nil for a new one.
func (d *Directory) CheckUser(before, u *store.User) error {
	if before == nil {
		return wrap("checking user", d.prepare(u))
	}
	return wrap("checking user", d.checkUser(before, u))
}

// CheckAccount does for accounts what CheckUser does for users.
func (d *Directory) CheckAccount(before, a *store.Account) error {
	if before == nil {
		if err := checkID("account", a.ID); err != nil {
			return wrap("checking account", err)
		}
		if a.ID == StaffAccount {
			return wrap("checking account", invalid("account", "staff is the built-in account", "choose another id"))
		}
		before = noAccount
	}
	return wrap("checking account", d.checkAccount(before, a))
}
