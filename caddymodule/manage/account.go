package manage

import (
	"context"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// AccountEdit are the plain fields of an account; nil leaves one as it is.
type AccountEdit struct {
	Name, PayURL *string
	// Domains are mail domains that are known to be the account's own. Keys may not
	// set them.
	Domains *[]string
}

// State is what decides whether an account is open.
type State struct {
	State, Reason string
	TrialUntil    string // 2026-12-31, of a trial
	// UnpaidInvoices of arrears; 0: as many as block. BlocksFrom is the day from which they do.
	UnpaidInvoices int
	BlocksFrom     string
}

// LockedOut is an account that keeps its users out on a day on which it does not today.
type LockedOut struct {
	Account *store.Account
	Cause   cause.Cause
	From    time.Time // when it begins
}

// Account returns one account. That support looked is in its audit log.
func (m *Manager) Account(ctx context.Context, a Actor, id string) (*store.Account, error) {
	account, err := m.account(ctx, a, LookAccount, id)
	if err == nil {
		err = m.looked(ctx, a, id, audit.Entry{Action: audit.LookedAccount})
	}
	if err != nil {
		return nil, m.plain("reading account", err)
	}
	return account, nil
}

// account reads an account for whoever may do this to it.
func (m *Manager) account(ctx context.Context, a Actor, what Action, id string) (*store.Account, error) {
	if !a.sees(id) {
		return nil, store.ErrNotFound
	}
	account, err := m.o.Directory.Account(ctx, id)
	if err != nil {
		return nil, err
	}
	return account, m.May(a, what, id, nil)
}

// Accounts returns up to n accounts with ids after the cursor.
func (m *Manager) Accounts(ctx context.Context, a Actor, after string, n int) ([]*store.Account, error) {
	if err := m.May(a, LookAccounts, "", nil); err != nil {
		return nil, err
	}
	accounts, err := m.o.Directory.Accounts(ctx, after, n)
	return accounts, m.plain("listing accounts", err)
}

// CreateAccount adds an account. ID, Name and State must be given.
func (m *Manager) CreateAccount(ctx context.Context, a Actor, account *store.Account) error {
	if err := m.May(a, CreateAccount, account.ID, nil); err != nil {
		return err
	}
	account.Epoch = 0
	if len(account.Domains) > 0 && a.Kind == audit.ByKey {
		return &Forbidden{CreateAccount, WhyNotYours}
	}
	m.tidy(account)
	return m.plain("creating account", m.o.Directory.CreateAccount(a.with(ctx), account))
}

// change makes a change of an account.
func (m *Manager) change(ctx context.Context, a Actor, what Action, id string, fn func(*store.Account) error) (*store.Account, error) {
	if _, err := m.account(ctx, a, what, id); err != nil {
		return nil, m.plain("changing account", err)
	}
	account, err := m.o.Directory.UpdateAccount(a.with(ctx), id, func(account *store.Account) error {
		if err := provided(ctx, account); err != nil {
			return err
		}
		if err := fn(account); err != nil {
			return err
		}
		m.tidy(account)
		return nil
	})
	return account, m.plain("changing account", err)
}

// EditAccount changes plain fields.
func (m *Manager) EditAccount(ctx context.Context, a Actor, id string, e AccountEdit) (*store.Account, error) {
	return m.change(ctx, a, EditAccount, id, func(account *store.Account) error { return e.onto(a, account) })
}

func (e AccountEdit) onto(a Actor, account *store.Account) error {
	if e.Domains != nil && a.Kind == audit.ByKey {
		return &Forbidden{EditAccount, WhyNotYours}
	}
	if e.Name != nil {
		account.Name = *e.Name
	}
	if e.PayURL != nil {
		account.PayURL = *e.PayURL
	}
	if e.Domains != nil {
		account.Domains = *e.Domains
	}
	return nil
}

// SetState sets state, reason and dates. It counts at the next request of everybody in it.
func (m *Manager) SetState(ctx context.Context, a Actor, id string, s State) (*store.Account, error) {
	return m.change(ctx, a, SetState, id, func(account *store.Account) error {
		s.onto(account)
		return nil
	})
}

func (s State) onto(account *store.Account) {
	account.State, account.Reason = s.State, s.Reason
	account.TrialUntil, account.UnpaidInvoices, account.BlocksFrom = s.TrialUntil, s.UnpaidInvoices, s.BlocksFrom
}

// PatchAccount changes plain fields and the state in one step: both or neither. The
// state is what state makes of the account as it is in that step.
func (m *Manager) PatchAccount(
	ctx context.Context, a Actor, id string, e AccountEdit, state func(*store.Account) (State, error),
) (*store.Account, error) {
	if _, err := m.account(ctx, a, SetState, id); err != nil {
		return nil, m.plain("changing account", err)
	}
	return m.change(ctx, a, EditAccount, id, func(account *store.Account) error {
		s, err := state(account)
		if err != nil {
			return err
		}
		s.onto(account)
		return e.onto(a, account)
	})
}

// tidy keeps of trial and arrears only what belongs to the state.
func (m *Manager) tidy(account *store.Account) {
	if account.State != directory.Trial {
		account.TrialUntil = ""
	}
	if account.State != directory.Arrears {
		account.UnpaidInvoices, account.BlocksFrom = 0, ""
	} else if account.UnpaidInvoices == 0 {
		account.UnpaidInvoices = m.Rules().ArrearsBlocksAt
	}
}

// EndAccountSessions logs everybody of an account out.
func (m *Manager) EndAccountSessions(ctx context.Context, a Actor, id string) error {
	_, err := m.change(ctx, a, EndAccountSessions, id, func(account *store.Account) error {
		account.Epoch++
		return nil
	})
	return err
}

// mostLooked bounds the accounts that one call looks at.
const mostLooked = 2000

// LockedOutOn returns up to n accounts that are open now and, if nothing changes,
// will keep their users out before the end of a day ("2026-12-31"): trials that
// end and arrears that begin to block. next is the cursor to go on with, empty at
// the end; a list may be short, or empty, although there are more.
func (m *Manager) LockedOutOn(ctx context.Context, a Actor, day, cursor string, n int) (list []LockedOut, next string, err error) {
	if err := m.May(a, LookLockedOut, "", nil); err != nil {
		return nil, "", err
	}
	rules, now := m.Rules(), m.o.Now()
	end, ok := rules.EndOfDay(day)
	if !ok {
		return nil, "", &directory.FieldError{Field: "day", Problem: "it is not a day", Fix: "write it as 2026-12-31"}
	}
	last := end.Add(-time.Nanosecond)
	for looked := 0; looked < mostLooked && len(list) < n; looked += pageful {
		accounts, err := m.o.Directory.Accounts(ctx, cursor, pageful)
		if err != nil {
			return nil, "", m.plain("listing accounts", err)
		}
		for _, account := range accounts {
			if len(list) == n {
				return list, cursor, nil
			}
			cursor = account.ID
			if c := rules.Closed(account, last); c != cause.None && rules.Closed(account, now) == cause.None {
				list = append(list, LockedOut{Account: account, Cause: c, From: rules.Turn(account, now)})
			}
		}
		if len(accounts) < pageful {
			return list, "", nil
		}
	}
	return list, cursor, nil
}
