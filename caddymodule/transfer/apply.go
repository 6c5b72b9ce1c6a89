package transfer

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
)

// plan is an account of the file, or one that its users need. Whoever has seen
// done closed may read the rest.
type plan struct {
	line    int // 0: not in the file
	done    chan struct{}
	account *store.Account // nil: there is none
	err     error          // of the store
}

// load reads an account that has no line of its own.
func (p *plan) load(ctx context.Context, im *importer, id string) {
	defer close(p.done)
	a, err := im.Directory.Account(ctx, id)
	switch {
	case err == nil:
		p.keep(a)
	case id == directory.StaffAccount && errors.Is(err, store.ErrNotFound):
		p.keep(&store.Account{ID: id, State: directory.Active}) // made with its first user
	case !errors.Is(err, store.ErrNotFound):
		p.err = err
	}
}

// keep remembers what the rule asks about an account.
func (p *plan) keep(a *store.Account) {
	p.account = &store.Account{
		ID: a.ID, State: a.State, TrialUntil: a.TrialUntil, UnpaidInvoices: a.UnpaidInvoices, BlocksFrom: a.BlocksFrom,
	}
}

// make writes the account of a line.
func (p *plan) make(ctx context.Context, im *importer, r row) result {
	defer close(p.done)
	id := r.text(colAccount)
	existing, err := im.Directory.Account(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		p.err = err
		return result{fatal: err}
	}
	if existing != nil {
		p.keep(existing)
	}
	a, o, err := im.account(ctx, r, existing)
	if err != nil {
		return result{fatal: err}
	}
	p.keep(a)
	return result{outcome: o}
}

func (im *importer) account(ctx context.Context, r row, existing *store.Account) (*store.Account, outcome, error) {
	a := &store.Account{ID: r.text(colAccount)}
	if existing != nil {
		copied := *existing
		a = &copied
		if im.NewOnly {
			return a, unchanged, nil
		}
	}
	rules := im.Directory.Rules()
	if err := r.fillAccount(a, rules); err != nil {
		return nil, 0, err
	}
	if err := im.Directory.CheckAccount(existing, a); err != nil {
		return nil, 0, err
	}
	switch {
	case existing == nil && im.DryRun:
		return a, created, nil
	case existing == nil:
		return a, created, im.Directory.CreateAccount(ctx, a)
	case reflect.DeepEqual(a, existing):
		return a, unchanged, nil
	case im.DryRun:
		return a, changed, nil
	}
	_, err := im.Directory.UpdateAccount(ctx, a.ID, func(now *store.Account) error { return r.fillAccount(now, rules) })
	return a, changed, err
}

// user writes the user of a line, once their account is there.
func (im *importer) user(ctx context.Context, r row, p *plan) result {
	select {
	case <-p.done:
	case <-ctx.Done():
		return result{fatal: ctx.Err()}
	}
	switch {
	case p.err != nil:
		return result{fatal: p.err}
	case p.account == nil && p.line > 0:
		return result{fatal: r.bad(colAccount, "line {line} about this account was not taken", "mend that line first", "line", p.line)}
	case p.account == nil:
		return result{fatal: r.bad(colAccount, "there is no such account", "add a line for it above its users, like account,{account}", "account", r.text(colAccount))}
	case r.text(colAccount) == directory.StaffAccount && !im.Staff:
		return result{fatal: r.bad(colAccount, "staff is the account of the support desk, who may see everything", "add them with support add, or import with --staff")}
	}
	existing, err := im.find(ctx, r)
	if err != nil {
		return result{fatal: err}
	}
	u, o, err := im.write(ctx, r, existing)
	if err != nil {
		return result{fatal: err}
	}
	return result{outcome: o, cause: im.Directory.Rules().May(u, p.account, im.Now()), password: u.Password != ""}
}

// find returns who a line is about, nil for somebody new.
func (im *importer) find(ctx context.Context, r row) (*store.User, error) {
	byEmail, err := found(im.Directory.FindByEmail(ctx, r.text(colEmail)))
	if err != nil {
		return nil, err
	}
	id, account := r.text(colID), r.text(colAccount)
	if byEmail != nil && byEmail.Account != account {
		return nil, r.bad(colEmail, "it belongs to a user of account {account}", "an address belongs to one person in one account", "account", byEmail.Account)
	}
	if id == "" || byEmail != nil && byEmail.ID == id {
		return byEmail, nil
	}
	if byEmail != nil {
		return nil, r.bad(colEmail, "it belongs to the user with the id {id}", "write that id, or another address", "id", byEmail.ID)
	}
	byID, err := found(im.Directory.FindByID(ctx, id))
	if err != nil || byID == nil {
		return nil, err
	}
	if byID.Account != account {
		return nil, r.bad(colID, "it belongs to a user of account {account}", "users stay in their account", "account", byID.Account)
	}
	return byID, nil
}

// found takes "not there" for an answer.
func found(u *store.User, err error) (*store.User, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // nobody
	}
	return u, err
}

func (im *importer) write(ctx context.Context, r row, existing *store.User) (*store.User, outcome, error) {
	if existing == nil {
		u, err := r.newUser(im.By, im.Now())
		switch {
		case err != nil:
		case im.DryRun:
			err = im.Directory.CheckUser(nil, u)
		default:
			err = im.Directory.CreateUser(ctx, u)
		}
		return u, created, err
	}
	if im.NewOnly {
		return existing, unchanged, nil
	}
	return im.update(ctx, r, existing)
}

// update brings somebody who is there in line with the file.
func (im *importer) update(ctx context.Context, r row, existing *store.User) (*store.User, outcome, error) {
	now := im.Now()
	change := func(u *store.User) error {
		if err := r.fillUser(u, im.By, now); err != nil {
			return err
		}
		return r.updatePassword(u)
	}
	u := *existing
	if err := change(&u); err != nil {
		return nil, 0, err
	}
	if err := im.Directory.CheckUser(existing, &u); err != nil {
		return nil, 0, err
	}
	canonical, err := directory.Canonical(r.text(colEmail))
	if err != nil {
		return nil, 0, err
	}
	moved := canonical != existing.Email
	switch {
	case !moved && reflect.DeepEqual(u, *existing):
		return existing, unchanged, nil
	case im.DryRun:
		return &u, changed, nil
	case moved:
		_, err = im.Directory.ChangeUser(ctx, u.Account, u.ID, r.text(colEmail), change)
	default:
		_, err = im.Directory.UpdateUser(ctx, u.Account, u.ID, change)
	}
	return &u, changed, err
}

// updatePassword takes the hash of the file only as long as nobody logged in with
// this gateway: from then on the hash is ours, and the file is out of date.
func (r row) updatePassword(u *store.User) error {
	fresh := *u
	if err := r.fillPassword(&fresh); err != nil {
		return err
	}
	if fresh.Password == "" || fresh.Password == u.Password {
		return nil
	}
	scheme, err := passhash.Scheme(u.Password)
	if u.Password != "" && err == nil && strings.HasPrefix(scheme, "argon2id") {
		return nil
	}
	u.Password, u.PasswordChosen = fresh.Password, fresh.PasswordChosen
	u.PasswordChanged = fresh.PasswordChanged
	return nil
}
