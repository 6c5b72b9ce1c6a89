package directory

import (
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// OwnPassword tells whether u has a password that they chose themselves, on the
// page for it. What support chose, or was brought along by an import, is none.
func OwnPassword(u *store.User) bool {
	return u.Password != "" && u.PasswordChosen && !u.PasswordOwn.IsZero() && u.PasswordOwn.Equal(u.PasswordChanged)
}

// unguarded takes an own password from u where their second step is off, whoever
// switched it off and in whatever way: one that people think of stands only beside
// a second step. They are mailed a new one, or ask for it.
func unguarded(u *store.User, now time.Time) {
	if OwnPassword(u) && !u.SecondStep {
		u.Password, u.PasswordChosen, u.PasswordChanged, u.PasswordOwn = "", false, now.UTC(), time.Time{}
	}
}
