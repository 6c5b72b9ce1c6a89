package manage

import (
	"context"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
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
	return nil, errNotYet
}

// Accounts returns up to n accounts with ids after the cursor.
func (m *Manager) Accounts(ctx context.Context, a Actor, after string, n int) ([]*store.Account, error) {
	return nil, errNotYet
}

// CreateAccount adds an account. ID, Name and State must be given.
func (m *Manager) CreateAccount(ctx context.Context, a Actor, account *store.Account) error {
	return errNotYet
}

// EditAccount changes plain fields.
func (m *Manager) EditAccount(ctx context.Context, a Actor, id string, e AccountEdit) (*store.Account, error) {
	return nil, errNotYet
}

// SetState sets state, reason and dates. It counts at the next request of everybody in it.
func (m *Manager) SetState(ctx context.Context, a Actor, id string, s State) (*store.Account, error) {
	return nil, errNotYet
}

// EndAccountSessions logs everybody of an account out.
func (m *Manager) EndAccountSessions(ctx context.Context, a Actor, id string) error { return errNotYet }

// LockedOutOn returns up to n accounts that are open now and, if nothing changes,
// will keep their users out on a day ("2026-12-31"): trials that end and arrears that begin to block.
// next is the cursor to go on with, empty at the end.
func (m *Manager) LockedOutOn(ctx context.Context, a Actor, day, cursor string, n int) (list []LockedOut, next string, err error) {
	return nil, "", errNotYet
}
