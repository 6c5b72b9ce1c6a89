package security

import (
	"context"

	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/store"
)

// hasKeys tells whether the person can prove who they are with a passkey here.
func (e *Errand) hasKeys(v *visit) bool {
	if !e.Party.Fits(v.Host) {
		return false
	}
	has, err := e.Keys.HasKeys(v.Context(), v.user)
	if err != nil {
		e.Log.Warn("whether somebody has passkeys cannot be read; they are asked for something else", "user", v.user.ID, "error", err)
	}
	return has
}

// proveByPasskey takes what a device answered, which checked who held it: that is
// both factors. It counts in the budget of codes.
func (e *Errand) proveByPasskey(v *visit, who proof.Person) error {
	return e.Prover.Step(v.Context(), who, func(ctx context.Context, u *store.User) error {
		return e.Keys.CheckKey(ctx, u, v.session, v.PostForm.Get(fieldPasskey))
	})
}
