package security

import (
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/target"
)

// waiting is the account with a provider that this browser showed before its owner
// logged in another way.
func (e *Errand) waiting(v *visit) (identity.Pending, bool, error) {
	return e.Linking.Flows.Kept(v.Context(), e.Linking.Browsers.Visited(v.Request))
}

// dropPending has it wait no longer.
func (e *Errand) dropPending(v *visit) error {
	return e.Linking.Flows.Drop(v.Context(), e.Linking.Browsers.Visited(v.Request))
}

// settlePending is dropPending after it came to something, so that nothing can be
// made of it any more: where it fails, it lapses by itself.
func (e *Errand) settlePending(v *visit) {
	if err := e.dropPending(v); err != nil {
		e.Log.Warn("an account with a provider still waits to be linked", "user", v.user.ID, "error", err)
	}
}

// proves tells whether the login of this session came after the account was shown,
// and not long ago: then it is the proof that the link asks for.
func (e *Errand) proves(v *visit, p identity.Pending) bool {
	return !v.proved.Before(p.At.Truncate(time.Second)) && e.Now().Sub(v.proved) < freshFor
}

// arrived asks whether the account is to be linked. Looking has no effect.
func (e *Errand) arrived(v *visit) {
	p, ok, err := e.waiting(v)
	switch {
	case err != nil:
		e.away(v, err)
	case !ok:
		target.Redirect(v.w, e.to(v))
	default:
		e.showArrived(p)(v, http.StatusOK, e.asked(v))
	}
}

func (e *Errand) showArrived(p identity.Pending) show {
	return func(v *visit, status int, prove page.Prove) {
		e.IdentityPages.Arrived(v.w, v.Request, status, page.Arrived{
			Sub: e.sub(v, nil, prove), Provider: e.shown(p.Provider), Address: identity.Masked(p.Email), Email: v.user.Email, Fresh: e.proves(v, p),
		})
	}
}

// confirmArrived links it, after the login that was made for it or another proof.
func (e *Errand) confirmArrived(v *visit) {
	p, ok, err := e.waiting(v)
	if err != nil {
		e.away(v, err)
		return
	}
	if !ok {
		e.on(v, pathIdentities)
		return
	}
	if !e.proves(v, p) && !e.prove(v, "confirm", e.showArrived(p)) {
		return
	}
	e.linkNow(v, p.Named, func(string) {
		e.settlePending(v)
		target.Redirect(v.w, e.to(v))
	})
}

func (e *Errand) dismiss(v *visit) {
	if err := e.dropPending(v); err != nil {
		e.away(v, err)
		return
	}
	target.Redirect(v.w, e.to(v))
}
