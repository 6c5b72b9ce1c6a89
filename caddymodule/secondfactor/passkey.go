package secondfactor

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
)

// fieldKey holds what a browser says of a passkey or security key, in place of a
// code.
const fieldKey = "passkey"

// askKey answers the script of the page with what a browser asks a key for. It is
// part of finishing: without a login that waits there is nothing.
func (e *Errand) askKey(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	options, err := e.Factors.AskStep(r.Context(), e.Dispatcher.Half(r))
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(options)) //nolint:gosec // JSON of our own making, sent as such and not sniffed
	case errors.Is(err, factor.ErrNone), errors.Is(err, factor.ErrNoPasskeys):
		w.WriteHeader(http.StatusNotFound)
	default:
		e.Log.Error("asking for a passkey is not possible: the store does not answer", "error", err)
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// pass compares what was posted: the answer of a key, or a code.
func (e *Errand) pass(r *http.Request) (*factor.Passed, error) {
	half := e.Dispatcher.Half(r)
	if answer := r.PostForm.Get(fieldKey); answer != "" {
		return e.Factors.PassKey(r.Context(), half, answer)
	}
	return e.Factors.Pass(r.Context(), half, r.PostForm.Get("code"))
}

// denied answers a key that was not accepted.
func (e *Errand) denied(w http.ResponseWriter, r *http.Request, h *factor.Half, d *factor.Denied, until time.Time) {
	e.Log.Info("a passkey was refused at the second step", "user", h.User.ID, "reason", d.Reason, "error", d.Cause)
	e.refuse(w, r, h, cause.PasskeyRefused, page.SecondStep{Reason: d.Reason}, until)
	if d.Reason == factor.Copied {
		ctx, locale := context.WithoutCancel(r.Context()), e.Pages.Locale(r, h.User.Locale)
		go e.Dispatcher.Tell(ctx, h.User, letter.PasskeyCopied, locale, "")
	}
}
