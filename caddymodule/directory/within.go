package directory

import (
	"context"

	"github.com/cliendo/gateway/caddymodule/store"
)

// SaveIn writes a user inside an Update of their account, for whoever changes
// something else in the same step. before is the user as it was read there. The
// checks are those of UpdateUser; the address is not for it to change.
func (d *Directory) SaveIn(ctx context.Context, tx store.Tx, before, u *store.User) error {
	u.ID, u.Account, u.Created = before.ID, before.Account, before.Created
	u.Email, u.Display = before.Email, before.Display
	if err := d.checkUser(before, u); err != nil {
		return err
	}
	return SaveUser(ctx, tx, u, d.now())
}
