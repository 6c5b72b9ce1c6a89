package factor

import "github.com/cliendo/gateway/caddymodule/store"

// Off forgets the whole second step of u, who is to be saved after it, in an
// Update of their account's tag.
func Off(tx store.Tx, u *store.User) error {
	u.SecondStep = false
	return store.Factors.Delete(tx, u.ID)
}
