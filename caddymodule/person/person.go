// Package person knows everything that is kept about one user, wherever it lies:
// to hand it to them, and to erase it. What each record means belongs to the
// package that writes it; this one knows only where they are.
package person

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Store is where the records are.
type Store interface {
	store.Reader
	store.Updater
}

// Limits are the budgets of attempts. *limit.Limiter is one.
type Limits interface {
	Show(ctx context.Context, subject string) ([]limit.State, error)
	Clear(ctx context.Context, subject string) error
}

// Options of a Keeper.
type Options struct {
	Directory *directory.Directory
	Limits    Limits
	Audit     *audit.Log
}

// Keeper finds and erases what is kept about people.
type Keeper struct {
	Options
	store Store
}

// New returns a Keeper of what is kept in s.
func New(s Store, o Options) *Keeper { return &Keeper{Options: o, store: s} }

// File is everything that is kept about one person. It holds no secrets: of
// passwords and second steps only that they are there.
type File struct {
	User *User `json:"user"`
	// Addresses they have or had, as far as the audit log knows.
	Addresses []string         `json:"addresses"`
	LastLogin *store.LastLogin `json:"last_login,omitempty"`
	Sessions  []*store.Session `json:"sessions"`
	Attempts  []*store.Attempt `json:"attempts"`
	Delays    []limit.State    `json:"delays"`
	Mails     []*store.Mail    `json:"mails"`
	Tickets   []Ticket         `json:"mailed_links"`
	Factor    *SecondStep      `json:"second_step,omitempty"`
	// Identities are the accounts with providers that log them in.
	Identities []store.LinkedIdentity `json:"linked_identities,omitempty"`
	// Forms are those that wait for them to log in again; what they say is not known.
	Forms    []store.ParkedEntry `json:"parked_forms,omitempty"`
	Passkeys []Passkey           `json:"passkeys,omitempty"`
	Audit    []audit.Entry       `json:"audit"`
}

// User is a user without what opens anything.
type User struct {
	ID              string         `json:"id"`
	Account         string         `json:"account"`
	Email           string         `json:"email"`
	Name            string         `json:"name"`
	Type            string         `json:"type"`
	Locale          string         `json:"locale,omitempty"`
	Created         time.Time      `json:"created"`
	Block           *store.Block   `json:"block,omitempty"`
	Password        bool           `json:"password"`
	PasswordChanged time.Time      `json:"password_changed,omitzero"`
	SecondStep      bool           `json:"second_step"`
	Invited         *store.Invited `json:"invited,omitempty"`
	Moving          *store.Moving  `json:"moving,omitempty"`
}

// Ticket is what was mailed and can or could be used.
type Ticket struct {
	Purpose string    `json:"purpose"`
	Asked   time.Time `json:"asked"`
	Until   time.Time `json:"until"`
	State   string    `json:"state"`
	Network string    `json:"network,omitempty"`
	Agent   string    `json:"agent,omitempty"`
}

// SecondStep is what is known of a second step.
type SecondStep struct {
	Since   time.Time `json:"since,omitzero"`
	Codes   int       `json:"recovery_codes"`
	Devices []Device  `json:"trusted_devices,omitempty"`
}

// Device is a trusted device.
type Device struct {
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Agent   string    `json:"agent,omitempty"`
	Network string    `json:"network,omitempty"`
}

// pageful is how many records are read at once.
const pageful = 256

// Export returns everything about one user, or store.ErrNotFound. The audit log
// says that it was done, and by whom.
func (k *Keeper) Export(ctx context.Context, account, id string) (*File, error) {
	u, err := k.Directory.User(ctx, account, id)
	if err != nil {
		return nil, err
	}
	if err := k.Audit.Add(ctx, account, audit.Entry{Action: audit.UserExported, User: id, Email: u.Email}); err != nil {
		return nil, fmt.Errorf("exporting a person: %w", err)
	}
	f := &File{User: view(u)}
	f.Audit, err = k.entries(ctx, account, id)
	if err != nil {
		return nil, err
	}
	if f.Forms, err = k.forms(ctx, account, id); err != nil {
		return nil, fmt.Errorf("exporting a person: %w", err)
	}
	f.Addresses = addresses(f.Audit, u)
	for _, read := range []func(context.Context, string, string, *File) error{k.access, k.mails, k.tries} {
		if err := read(ctx, account, id, f); err != nil {
			return nil, fmt.Errorf("exporting a person: %w", err)
		}
	}
	return f, nil
}

func view(u *store.User) *User {
	email := u.Email
	if u.Display != "" {
		email = u.Display
	}
	return &User{
		ID: u.ID, Account: u.Account, Email: email, Name: u.Name, Type: u.Type, Locale: u.Locale, Created: u.Created, Block: u.Block,
		Password: u.Password != "", PasswordChanged: u.PasswordChanged, SecondStep: u.SecondStep, Invited: u.Invited, Moving: u.Moving,
	}
}

// entries are the lines about a user, and those of what they did themselves.
func (k *Keeper) entries(ctx context.Context, account, id string) (all []audit.Entry, err error) {
	for _, q := range []audit.Query{{User: id}, {Actor: id}} {
		q.N = 1000
		for {
			p, err := k.Audit.List(ctx, account, q)
			if err != nil {
				return nil, err
			}
			for _, e := range p.Entries {
				if q.User != "" || e.User != id {
					all = append(all, e)
				}
			}
			if q.Before = p.Older; p.Older == "" {
				break
			}
		}
	}
	slices.SortFunc(all, func(a, b audit.Entry) int { return int(b.Seq) - int(a.Seq) }) //nolint:gosec // lines are counted in thousands
	return all, nil
}

// addresses are those a user has, is about to get, and had as far as the log
// knows.
func addresses(entries []audit.Entry, u *store.User) []string {
	var all []string
	add := func(address string) {
		if c, err := directory.Canonical(address); err == nil && !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	if u != nil {
		add(u.Email)
		if u.Moving != nil {
			add(u.Moving.Email)
		}
	}
	for _, e := range entries {
		if u == nil || e.User == u.ID {
			add(e.Email)
			add(e.Before["email"])
			add(e.After["email"])
		}
	}
	return all
}

// access reads how somebody logs in.
func (k *Keeper) access(ctx context.Context, account, id string, f *File) (err error) {
	tag := store.AccountTag(account)
	f.LastLogin, err = optional(store.Logins.Get(ctx, k.store, tag, id))
	if err != nil {
		return err
	}
	f.Sessions = []*store.Session{}
	err = scan(ctx, k.store, store.Sessions, tag, id+".", func(_ string, s *store.Session) error {
		f.Sessions = append(f.Sessions, s)
		return nil
	})
	if err != nil {
		return err
	}
	linked, err := optional(store.Identities.Get(ctx, k.store, tag, id))
	if err != nil {
		return err
	}
	if linked != nil {
		f.Identities = linked.Linked
	}
	if f.Passkeys, err = k.passkeys(ctx, tag, id); err != nil {
		return err
	}
	factor, err := optional(store.Factors.Get(ctx, k.store, tag, id))
	if err != nil || factor == nil {
		return err
	}
	f.Factor = &SecondStep{Since: factor.Since, Codes: len(factor.Codes)}
	for _, d := range factor.Devices {
		f.Factor.Devices = append(f.Factor.Devices, Device{d.Since, d.Until, d.Agent, d.Network})
	}
	return nil
}

// mails reads what was mailed. What a letter says stays sealed, and out.
func (k *Keeper) mails(ctx context.Context, account, id string, f *File) error {
	tag := store.AccountTag(account)
	f.Mails, f.Tickets = []*store.Mail{}, []Ticket{}
	err := scan(ctx, k.store, store.Mails, tag, id+".", func(_ string, m *store.Mail) error {
		m.Sealed = ""
		f.Mails = append(f.Mails, m)
		return nil
	})
	if err != nil {
		return err
	}
	book, err := optional(store.Books.Get(ctx, k.store, tag, id))
	if err != nil || book == nil {
		return err
	}
	for _, t := range book.Tickets {
		f.Tickets = append(f.Tickets, Ticket{t.Purpose, t.Asked, t.Until, t.State, t.Network, t.Agent})
	}
	return nil
}

// tries reads the attempts, and what makes somebody wait.
func (k *Keeper) tries(ctx context.Context, _, id string, f *File) error {
	f.Attempts, f.Delays = []*store.Attempt{}, []limit.State{}
	for _, subject := range subjects(id, f.Addresses) {
		states, err := k.Limits.Show(ctx, subject)
		if err != nil {
			return err
		}
		f.Delays = append(f.Delays, states...)
		err = scan(ctx, k.store, store.AttemptIndex, store.SubjectTag(subject), "", func(_ string, ref *store.AttemptRef) error {
			a, err := optional(store.Attempts.Get(ctx, k.store, store.AttemptTag(ref.Reference), ref.Reference))
			if a != nil {
				f.Attempts = append(f.Attempts, a)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// subjects are the names under which attempts and budgets of a person are kept.
func subjects(id string, addresses []string) []string {
	all := make([]string, 1, 1+len(addresses))
	all[0] = attempt.Subject(id, "")
	for _, a := range addresses {
		all = append(all, attempt.Subject("", a))
	}
	return all
}

// optional makes of what is not there a nil.
func optional[T any](v *T, err error) (*T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return v, err
}

// scan calls fn for the records of a listed kind whose ids begin with prefix.
func scan[T any](ctx context.Context, s Store, c store.Collection[T], tag, prefix string, fn func(id string, v *T) error) error {
	for after := ""; ; {
		items, err := c.Scan(ctx, s, tag, prefix, after, pageful)
		if err != nil {
			return err
		}
		for _, item := range items {
			if after = item.ID; strings.HasPrefix(item.ID, prefix) {
				if err := fn(item.ID, item.Value); err != nil {
					return err
				}
			}
		}
		if len(items) < pageful {
			return nil
		}
	}
}
