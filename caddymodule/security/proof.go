package security

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Method is how attempts and metrics call proofs inside an action.
const Method = "proof"

// Hasher compares passwords.
type Hasher interface {
	Verify(ctx context.Context, encoded, password string, p passhash.Place) (passhash.Result, error)
}

// prove asks for the password, and for a code where a second step is on, inside
// the action: a session alone, on a computer that was left open or ridden by a
// script of the app, changes nothing here. It keeps to the limits of a login. On
// false the request was answered, with the form named by what open again.
func (e *Errand) prove(v *visit, what string) bool {
	if v.user.Password == "" {
		e.refuse(v, what, cause.WrongPassword, page.Security{}, time.Time{})
		return false
	}
	if !e.provePassword(v, what) {
		return false
	}
	return !v.user.SecondStep || e.proveCode(v, what)
}

func (e *Errand) provePassword(v *visit, what string) bool {
	from, device := visitor.Of(v.Request), e.Dispatcher.KnownDevice(v.Request, v.user.ID)
	place, ok := e.reserve(v, what, limit.Try{Subject: attempt.Subject(v.user.ID, ""), Network: from.Network, Device: device})
	if !ok {
		return false
	}
	res, err := e.Hasher.Verify(v.Context(), v.user.Password, asCompared(v.user, v.PostForm.Get("password")),
		passhash.Place{Network: from.Network, Reserved: true})
	switch {
	case err != nil:
		_ = place.Release(v.Context())
		e.refuse(v, what, cause.Busy, page.Security{RetryAfter: busyRetry}, time.Time{})
	case !res.OK:
		e.failed(v, what, place, cause.WrongPassword, page.Security{})
	default:
		e.settle(v, place)
		return true
	}
	return false
}

// asCompared leaves out what comes along when a generated password is pasted.
func asCompared(u *store.User, typed string) string {
	if u.PasswordChosen {
		return typed
	}
	return strings.TrimFunc(typed, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

func (e *Errand) proveCode(v *visit, what string) bool {
	place, ok := e.reserve(v, what, limit.Try{Subject: attempt.Subject(v.user.ID, ""), SecondStep: true})
	if !ok {
		return false
	}
	_, err := e.Factors.Check(v.Context(), v.user, v.PostForm.Get("code"))
	var wrong *factor.Wrong
	switch {
	case err == nil:
		e.settle(v, place)
		return true
	case errors.As(err, &wrong):
		e.failed(v, what, place, cause.SecondStepFailed, page.Security{Reason: wrong.Reason, Off: wrong.Off})
	case gone(err): // switched off a moment ago
		_ = place.Release(v.Context())
		e.on(v, "/security")
	default:
		_ = place.Release(v.Context())
		e.away(v, err)
	}
	return false
}

func (e *Errand) settle(v *visit, place *limit.Place) {
	if err := place.Succeeded(v.Context()); err != nil {
		e.Log.Error("giving back the place of a right proof failed", "error", err)
	}
}

// failed counts a wrong proof before it is answered.
func (e *Errand) failed(v *visit, what string, place *limit.Place, c cause.Cause, p page.Security) {
	until, err := place.Failed(v.Context())
	if err != nil {
		e.away(v, err)
		return
	}
	e.refuse(v, what, c, p, until)
}

// reserve takes a place in the budgets, or answers the request.
func (e *Errand) reserve(v *visit, what string, t limit.Try) (*limit.Place, bool) {
	place, err := e.Limits.Reserve(v.Context(), t)
	var refused *limit.Refused
	switch {
	case err == nil:
		return place, true
	case errors.As(err, &refused):
		e.refuse(v, what, cause.TooManyAttempts, page.Security{}, refused.Until)
	case errors.Is(err, limit.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		e.refuse(v, what, cause.Busy, page.Security{RetryAfter: busyRetry}, time.Time{})
	default:
		e.away(v, err)
	}
	return nil, false
}

func (e *Errand) refuse(v *visit, what string, c cause.Cause, p page.Security, until time.Time) {
	p.Form, p.Cause, p.Reference = what, c, e.note(v, c, until)
	if wait := until.Sub(e.Now()); !until.IsZero() && wait > 0 {
		p.RetryAt, p.RetryAfter = until, wait
	}
	if what == formConfirm {
		e.setup(v, c.Status(), page.SecondSetup{
			Cause: c, Reference: p.Reference, Reason: p.Reason, Off: p.Off, RetryAfter: p.RetryAfter, RetryAt: p.RetryAt,
		})
		return
	}
	e.show(v, c.Status(), p)
}
