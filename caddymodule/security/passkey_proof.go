package security

import (
	"context"

	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/store"
)

// means is what the person has for a second step here. Where it cannot be read they
// are asked for a code.
func (e *Errand) means(v *visit) factor.Means {
	has, err := e.Keys.Means(v.Context(), v.user)
	if err != nil {
		e.Log.Warn("whether somebody has an app or passkeys cannot be read; they are asked for a code", "user", v.user.ID, "error", err)
		return factor.Means{App: true}
	}
	has.Keys = has.Keys && e.Party.Fits(v.Host)
	return has
}

// proveByPasskey takes what a device answered. One that checked who held it is both
// factors. Any other is the second one, and wants the first in the same form. It
// counts in the budget of codes.
func (e *Errand) proveByPasskey(v *visit, who proof.Person, p page.Prove) error {
	both := false
	err := e.Prover.Step(v.Context(), who, func(ctx context.Context, u *store.User) (err error) {
		both, err = e.Keys.CheckKey(ctx, u, v.session, v.PostForm.Get(fieldPasskey))
		return err
	})
	switch {
	case err != nil || both:
		return err
	case p.Mailed && e.Prover.Mails():
		return e.Prover.Code(v.Context(), who, v.PostForm.Get(fieldMailed))
	case v.PostForm.Get(fieldPassword) == "" || v.user.Password == "":
		return &factor.Denied{Reason: factor.Alone, User: v.user}
	}
	return e.Prover.Password(v.Context(), who, v.PostForm.Get(fieldPassword))
}
