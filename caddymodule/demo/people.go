// Package demo is what the demonstration consists of besides the gateway: people
// in every state there is, and a small app that shows what the gateway told it.
// It owns no server and no configuration; the roof puts it together.
package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Directory is where the people of the demo are put.
type Directory interface {
	CreateAccount(ctx context.Context, a *store.Account) error
	UpdateAccount(ctx context.Context, id string, fn func(*store.Account) error) (*store.Account, error)
	CreateUser(ctx context.Context, u *store.User) error
	FindByEmail(ctx context.Context, address string) (*store.User, error)
}

// Hasher hashes their passwords.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
}

// Factors gives one of them a second step.
type Factors interface {
	Enrol(ctx context.Context, u *store.User) (factor.Setup, error)
}

// Person is somebody of the demo.
type Person struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Type     string `json:"type"`
	Account  string `json:"account"`
	// Expect says what happens when they log in.
	Expect string `json:"expect"`
	// Key makes the codes of their second step, and Recovery are codes that stand in
	// for them; empty for those who have none.
	Key      string   `json:"key,omitempty"`
	Recovery []string `json:"recovery,omitempty"`
}

const (
	domain  = "@demo.test"
	twoStep = "twostep"
)

// person is one line of the cast.
type person struct {
	login, name, account, typ, expect string
	change                            func(*store.User)
}

func accounts(now time.Time) []store.Account {
	day := func(d int) string { return now.AddDate(0, 0, d).Format(time.DateOnly) }
	return []store.Account{
		{ID: "praktijk-de-linde", Name: "Praktijk De Linde", State: directory.Active, Reason: "automatische incasso"},
		{ID: "coach-op-proef", Name: "Coach op proef", State: directory.Trial, TrialUntil: day(14), PayURL: "/billing/subscribe"},
		{ID: "proef-voorbij", Name: "Proef voorbij", State: directory.Trial, TrialUntil: day(-3), PayURL: "/billing/subscribe"},
		{
			ID: "achterstand", Name: "Praktijk Achterstand", State: directory.Arrears, UnpaidInvoices: 3,
			BlocksFrom: day(-2), Reason: "drie facturen open", PayURL: "/billing/pay",
		},
		{ID: "opgezegd", Name: "Opgezegd", State: directory.Cancelled, Reason: "opgezegd door de klant", PayURL: "/billing/subscribe"},
		{ID: "stilgezet", Name: "Stilgezet", State: directory.Suspended, Reason: "misbruik gemeld"},
	}
}

func cast(now time.Time) []person {
	const main = "praktijk-de-linde"
	return []person{
		{"owner", "Olga van 't Hof", main, directory.SuperadminType, "the app, as account owner", nil},
		{"admin", "Ahmed Bakker", main, "admin", "the app, as team admin", nil},
		{"teammate", "Tess de Vries", main, "teammate", "the app", nil},
		{"client", "Zoë Çelik", main, "client", "the app", nil},
		{twoStep, "Twan Visser", main, "teammate", "a code of the key below, then the app", nil},
		{"trial", "Tim Proef", "coach-op-proef", directory.SuperadminType, "the app, trial running", nil},
		{"trial-ended", "Tineke Smit", "proef-voorbij", directory.SuperadminType, "refused: trial ended", nil},
		{"arrears", "Arie de Jong", "achterstand", directory.SuperadminType, "refused: invoices unpaid", nil},
		{"cancelled", "Carla Mulder", "opgezegd", directory.SuperadminType, "refused: account cancelled", nil},
		{"suspended", "Sander Bos", "stilgezet", directory.SuperadminType, "refused: account suspended", nil},
		{"blocked", "Bram Peters", main, "teammate", "refused: blocked by an admin", func(u *store.User) {
			u.Block = &store.Block{By: "admin" + domain, At: now, Why: "uit dienst"}
		}},
		{"notype", "Nina Dijk", main, "teammate", "refused: user type not right", func(u *store.User) { u.Type = "vrijwilliger" }},
		{"support", "Saskia van Support", directory.StaffAccount, directory.SupportType, "the admin path", nil},
	}
}

// Seed puts the people of the demo into the directory; those who are there
// already get their state and a password anew. With a password everybody gets
// that one, else each a generated one.
func Seed(ctx context.Context, s store.Updater, d Directory, h Hasher, f Factors, password string, now time.Time) ([]Person, error) {
	for _, a := range accounts(now) {
		if err := putAccount(ctx, d, a); err != nil {
			return nil, fmt.Errorf("demo account %s: %w", a.ID, err)
		}
	}
	var people []Person
	for _, p := range cast(now) {
		chosen := password
		if chosen == "" {
			chosen = secret.Password()
		}
		encoded, err := h.Hash(ctx, chosen)
		if err != nil {
			return nil, fmt.Errorf("demo user %s: %w", p.login, err)
		}
		u, err := putUser(ctx, s, d, p, encoded, now)
		if err != nil {
			return nil, fmt.Errorf("demo user %s: %w", p.login, err)
		}
		who := Person{Email: p.login + domain, Password: chosen, Type: p.typ, Account: p.account, Expect: p.expect}
		if p.login == twoStep {
			enrolled, err := f.Enrol(ctx, u)
			if err != nil {
				return nil, fmt.Errorf("demo user %s: %w", p.login, err)
			}
			who.Key, who.Recovery = enrolled.Seed, enrolled.Codes
		}
		people = append(people, who)
	}
	return people, nil
}

func putAccount(ctx context.Context, d Directory, a store.Account) error {
	err := d.CreateAccount(ctx, &a)
	if errors.Is(err, directory.ErrTaken) {
		_, err = d.UpdateAccount(ctx, a.ID, func(have *store.Account) error {
			a.Created, a.Epoch = have.Created, have.Epoch
			*have = a
			return nil
		})
	}
	return err
}

func putUser(ctx context.Context, s store.Updater, d Directory, p person, encoded string, now time.Time) (*store.User, error) {
	u, err := d.FindByEmail(ctx, p.login+domain)
	if errors.Is(err, store.ErrNotFound) {
		u = &store.User{Account: p.account, Email: p.login + domain, Name: p.name, Type: p.typ}
		err = d.CreateUser(ctx, u)
	}
	if err != nil {
		return nil, err
	}
	// Past the directory, which would refuse the wrong type that somebody has to have.
	return u, s.Update(ctx, store.AccountTag(u.Account), func(tx store.Tx) error {
		u, err := store.Users.Read(tx, u.ID)
		if err != nil {
			return err
		}
		u.Name, u.Type, u.Block, u.SecondStep = p.name, p.typ, nil, false
		u.Password, u.PasswordChosen, u.PasswordChanged = encoded, false, now
		if p.change != nil {
			p.change(u)
		}
		tx.Announce(store.Users.Kind, u.ID)
		return store.Users.Put(tx, u.ID, u, time.Time{})
	})
}
