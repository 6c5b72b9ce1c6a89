package directory

import (
	"context"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/keyring"
	"github.com/cliendo/gateway/caddymodule/store"
)

// givenByOther is true when somebody else gave the user another password: the admin
// of their team, support, an operator, a program.
func givenByOther(ctx context.Context, before, after *store.User) bool {
	if after.Password == "" || before.Password == after.Password || before.PasswordChanged.Equal(after.PasswordChanged) {
		return false
	}
	switch who := audit.Who(ctx); who.Kind {
	case audit.ByGateway:
		return false
	case audit.ByUser:
		return who.ID != after.ID
	}
	return true
}

// endOtherWays leaves exactly one way in, the new password: it is given to get
// somebody out who should not be in, and what that one added must not let them in
// again.
func endOtherWays(ctx context.Context, tx store.Tx, u *store.User, now time.Time) error {
	if _, err := identity.EndAll(ctx, tx, u, now); err != nil {
		return err
	}
	return keyring.End(ctx, tx, u, now)
}
