package federated

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// callback takes the answer of a provider. Whoever has no flow of this browser for
// this provider, or had it answered, is refused before the provider is asked: a
// stranger who sends somebody a callback of their own logs nobody in.
func (e *Errand) callback(w http.ResponseWriter, r *http.Request) {
	p := e.byName[r.PathValue("name")]
	if p == nil {
		e.Pages.NotFound(w, r, "")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Login-Gateway", "1")
	// Whoever hangs up has still used the flow up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	r = r.WithContext(ctx)
	state, browser := r.URL.Query().Get("state"), e.Dispatcher.Visited(r)
	f, err := e.Flows.Resume(state, browser)
	if err != nil || f.Provider != p.Name() {
		e.failed(w, r, p, identity.Flow{}, identity.ErrFlow)
		return
	}
	place, ok := e.reserve(w, r, p, f, browser)
	if !ok {
		return
	}
	id, err := e.answer(r, p, state, f)
	e.settle(ctx, place, err)
	if err != nil {
		e.failed(w, r, p, f, err)
		return
	}
	n := identity.Named{Provider: p.Name(), Issuer: id.Issuer, Subject: id.Subject, Email: id.Email}
	if f.Links() {
		e.Linker.LinkArrived(w, r, f, n)
		return
	}
	e.arrived(w, r, p, f, n, p.Enough(id))
}

// answer uses the flow up, and asks the provider who it is.
func (e *Errand) answer(r *http.Request, p Provider, state string, f identity.Flow) (*provider.Identity, error) {
	if err := e.Flows.Use(r.Context(), state, f); err != nil {
		return nil, err
	}
	if !p.Ready() {
		return nil, &provider.UnavailableError{Provider: p.Name(), Reason: provider.ReasonAway, Err: errors.New("it is known not to work")}
	}
	return p.Finish(r.Context(), r.URL.Query(), f.Ask(state, identity.Callback(r, e.Origin, e.Prefix, e.HTTPS, p.Name()), ""))
}

// reserve takes a place in the budgets of the browser and its network, or answers
// the request: nobody uses us to hammer a provider.
func (e *Errand) reserve(w http.ResponseWriter, r *http.Request, p Provider, f identity.Flow, browser string) (*limit.Place, bool) {
	try := limit.Try{Subject: "b:" + secret.Digest(browser), Network: visitor.Of(r).Network}
	place, err := e.Limits.Reserve(r.Context(), try)
	var refused *limit.Refused
	switch {
	case err == nil:
		return place, true
	case errors.As(err, &refused):
		e.wait(w, r, p, cause.TooManyAttempts, refused.Until)
	case errors.Is(err, limit.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		e.wait(w, r, p, cause.Busy, time.Time{})
	default:
		e.Dispatcher.Unavailable(w, r, "", f.Remember, err)
	}
	return nil, false
}

// busyRetry is what people are told to wait when there is more work than fits.
const busyRetry = 5 * time.Second

func (e *Errand) wait(w http.ResponseWriter, r *http.Request, p Provider, c cause.Cause, until time.Time) {
	v := page.Refusal{Cause: c, RetryAfter: busyRetry}
	entry := e.entry(r, p, c, "")
	if entry.RetryAt = until; !until.IsZero() {
		v.RetryAfter = time.Until(until)
	}
	v.Reference = e.Dispatcher.Note(r.Context(), entry)
	e.Pages.Refusal(w, r, v)
}

// settle counts answers that nobody but a stranger brings, and gives the place back
// for all others: colleagues who pick the wrong account make nobody wait.
func (e *Errand) settle(ctx context.Context, place *limit.Place, err error) {
	var refused *provider.RefusedError
	var failed error
	switch {
	case errors.Is(err, identity.ErrFlow), errors.As(err, &refused) && forged[refused.Reason]:
		_, failed = place.Failed(ctx)
	case err != nil:
		failed = place.Release(ctx)
	default:
		failed = place.Succeeded(ctx)
	}
	if failed != nil {
		e.Log.Error("counting the answer of a provider failed", "error", failed)
	}
}

// forged are reasons that do not happen to people who come back from a provider.
var forged = map[provider.Reason]bool{
	provider.ReasonState: true, provider.ReasonIssuer: true, provider.ReasonCode: true, provider.ReasonToken: true, provider.ReasonAnswer: true,
}

// arrived goes on with somebody of whom the provider said who they are.
func (e *Errand) arrived(w http.ResponseWriter, r *http.Request, p Provider, f identity.Flow, n identity.Named, enough bool) {
	u, linked, err := e.Identities.Find(r.Context(), n)
	if errors.Is(err, identity.ErrNone) {
		e.unlinked(w, r, p, f, n)
		return
	}
	if err != nil {
		e.Dispatcher.Unavailable(w, r, "", f.Remember, err)
		return
	}
	if err := e.Identities.Used(r.Context(), u, linked.ID, n.Email); err != nil {
		e.Log.Warn("noting that an identity was used failed", "user", u.ID, "error", err)
	}
	proof := signin.Proof{
		User: u, Method: p.Name(), Amr: []string{"fed"}, Remember: f.Remember, Target: f.Target,
		Known: e.Dispatcher.KnownDevice(r, u.ID) != "", Enough: enough,
	}
	if enough {
		proof.Amr = append(proof.Amr, "mfa")
	}
	e.Dispatcher.Proven(w, r, proof)
}

// unlinked tells somebody that their identity logs nobody in, and keeps it for their
// browser: once they have logged in another way they are asked whether to link it.
// It is the same for an address that somebody here has and for one that nobody has.
func (e *Errand) unlinked(w http.ResponseWriter, r *http.Request, p Provider, f identity.Flow, n identity.Named) {
	if err := e.Flows.Keep(context.WithoutCancel(r.Context()), n, e.Dispatcher.Browser(w, r)); err != nil {
		e.Dispatcher.Unavailable(w, r, "", f.Remember, err)
		return
	}
	confirm := target.With(e.Prefix+"/security/identities/confirm", f.Target)
	e.Pages.Federated(w, r, page.Federated{
		Cause: cause.IdentityNotLinked, Reference: e.Dispatcher.Note(r.Context(), e.entry(r, p, cause.IdentityNotLinked, n.Email)),
		Provider: Shown(p), Address: identity.Masked(n.Email), Target: f.Target, Login: target.With(e.Prefix+"/login", confirm),
	})
}

// failed answers what came to nothing.
func (e *Errand) failed(w http.ResponseWriter, r *http.Request, p Provider, f identity.Flow, err error) {
	v := page.Federated{Provider: Shown(p), Target: f.Target, Linking: f.Links(), Cause: cause.IdentityRefused}
	email, why := "", "wrong_state"
	var refused *provider.RefusedError
	var away *provider.UnavailableError
	switch {
	case errors.As(err, &refused):
		v.Reason, why = string(refused.Reason), string(refused.Reason)
		if refused.Identity != nil {
			email = refused.Identity.Email
			v.Address = identity.Masked(email)
		}
	case errors.As(err, &away):
		v.Cause, why = cause.ProviderUnavailable, string(away.Reason)
	case errors.Is(err, identity.ErrFlow):
		if e.Dispatcher.Visited(r) == "" {
			v.Reason = "no_cookie"
		}
	default:
		e.Dispatcher.Unavailable(w, r, "", f.Remember, err)
		return
	}
	v.Reference = e.Dispatcher.Note(r.Context(), e.entry(r, p, v.Cause, email))
	e.Log.Info("a provider let nobody in", "provider", p.Name(), "reason", why, "reference", v.Reference, "error", err)
	e.Pages.Federated(w, r, v)
}

// entry is what is recorded. The address is what the provider says it is: it is
// there for whoever helps, and says of nobody here that it was them.
func (e *Errand) entry(r *http.Request, p Provider, c cause.Cause, email string) attempt.Entry {
	from := visitor.Of(r)
	entry := attempt.Entry{
		Cause: c, Method: p.Name(), Network: from.Network, Agent: from.Agent, Locale: e.Pages.Locale(r, ""),
		DeviceUsers: e.Dispatcher.DeviceUsers(r),
	}
	if canonical, err := directory.Canonical(email); err == nil {
		entry.Typed = canonical
	}
	return entry
}
