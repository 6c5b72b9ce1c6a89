package kit

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Password is what everybody of the town has. It stands nowhere else, so that a
// look into logs and stores finds every leak.
const Password = "Planted-Secret-9vXq"

// hashed is made once: argon2 takes its time on purpose.
var hashed = sync.OnceValues(func() (string, error) {
	return passhash.New(passhash.Options{}).Hash(context.Background(), Password)
})

// PayURL is where the superadmins of the town pay.
const PayURL = "https://pay.example/invoices"

// Accounts of the town, one in each state; the active one is "acme".
func accounts() []store.Account {
	day := func(days int) string { return time.Now().AddDate(0, 0, days).Format("2006-01-02") }
	return []store.Account{
		{ID: "acme", Name: "Acme Coaching", State: directory.Active},
		{ID: "trying", Name: "Trying", State: directory.Trial, TrialUntil: day(20)},
		{ID: "tried", Name: "Tried", State: directory.Trial, TrialUntil: day(-20), PayURL: PayURL},
		{ID: "owing", Name: "Owing", State: directory.Arrears, UnpaidInvoices: 3, PayURL: PayURL},
		{ID: "gone", Name: "Gone", State: directory.Cancelled},
		{ID: "stopped", Name: "Stopped", State: directory.Suspended, Reason: "abuse"},
	}
}

// people are the users of the town; the id of each is the local part of the
// address, with @demo.test behind it.
func people() []store.User {
	user := func(id, account, kind string) store.User {
		return store.User{ID: id, Account: account, Email: id + "@demo.test", Name: "Person " + id, Type: kind}
	}
	return []store.User{
		user("owner", "acme", "superadmin"), user("admin", "acme", "admin"),
		user("teammate", "acme", "teammate"), user("client", "acme", "client"),
		user("blocked", "acme", "teammate"), user("notype", "acme", "teammate"),
		user("trial", "trying", "superadmin"), user("trial-ended", "tried", "superadmin"),
		user("arrears", "owing", "superadmin"), user("owed", "owing", "teammate"),
		user("cancelled", "gone", "superadmin"), user("suspended", "stopped", "superadmin"),
		user("support", directory.StaffAccount, directory.SupportType),
	}
}

// Town fills the store with accounts in every state and users of every type, all
// with Password.
func (s *Store) Town() *Store {
	s.t.Helper()
	s.With(func(e store.Engine) {
		d := directory.New(e, directory.Options{})
		for _, a := range accounts() {
			must(s.t, d.CreateAccount(context.Background(), &a))
		}
		for _, u := range people() {
			add(s.t, d, u)
		}
		block(s.t, d, "acme", "blocked")
		alter(s.t, e, "acme", "notype", func(u *store.User) { u.Type = "" })
	})
	return s
}

// Crowd adds n users of acme, crowd0@demo.test and so on, to a town.
func (s *Store) Crowd(n int) *Store {
	s.t.Helper()
	s.With(func(e store.Engine) {
		d := directory.New(e, directory.Options{})
		for i := range n {
			id := fmt.Sprintf("crowd%d", i)
			add(s.t, d, store.User{ID: id, Account: "acme", Email: id + "@demo.test", Name: "Crowd", Type: "teammate"})
		}
	})
	return s
}

// Alter changes the record of a user past all rules, as a broken program would.
func (s *Store) Alter(account, user string, change func(*store.User)) *Store {
	s.t.Helper()
	s.With(func(e store.Engine) { alter(s.t, e, account, user, change) })
	return s
}

func add(t testing.TB, d *directory.Directory, u store.User) {
	t.Helper()
	encoded, err := hashed()
	must(t, err)
	u.Password, u.PasswordChanged = encoded, time.Now()
	must(t, d.CreateUser(context.Background(), &u))
}

func block(t testing.TB, d *directory.Directory, account, user string) {
	t.Helper()
	_, err := d.UpdateUser(context.Background(), account, user, func(u *store.User) error {
		u.Block = &store.Block{By: "owner", At: time.Now(), Why: "left"}
		return nil
	})
	must(t, err)
}

func alter(t testing.TB, e store.Engine, account, user string, change func(*store.User)) {
	t.Helper()
	must(t, e.Update(context.Background(), store.AccountTag(account), func(tx store.Tx) error {
		u, err := store.Users.Read(tx, user)
		if err != nil {
			return err
		}
		change(u)
		return store.Users.Put(tx, user, u, time.Time{})
	}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
