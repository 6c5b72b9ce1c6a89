// Package secondfactor is the errand of the second step of a login: it shows the
// form, keeps to the limits, has the code compared, and goes back to the
// dispatcher. Without a login that waits, its page is as closed as any other.
package secondfactor

import (
	"context"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Method is how attempts and metrics call codes that were refused. A login that
// comes about is counted under its first step.
const Method = "second_step"

// Dispatcher goes on with the login.
type Dispatcher interface {
	Half(r *http.Request) string
	DropHalf(w http.ResponseWriter, r *http.Request)
	Completed(w http.ResponseWriter, r *http.Request, passed *factor.Passed, trust bool)
	Note(ctx context.Context, e attempt.Entry) (reference string)
	Unavailable(w http.ResponseWriter, r *http.Request, email string, remember bool, err error)
	Tell(ctx context.Context, u *store.User, kind, locale, reference string)
}

// Factors compares codes.
type Factors interface {
	Find(ctx context.Context, token string) (*factor.Half, error)
	Pass(ctx context.Context, token, code string) (*factor.Passed, error)
	PassKey(ctx context.Context, token, answer string) (*factor.Passed, error)
	AskStep(ctx context.Context, token string) (options string, err error)
	Means(ctx context.Context, u *store.User) (factor.Means, error)
	Cancel(ctx context.Context, token string) error
}

// Pages shows what people see.
type Pages interface {
	SecondStep(w http.ResponseWriter, r *http.Request, status int, v page.SecondStep)
	Login(w http.ResponseWriter, r *http.Request, status int, v page.Login)
	Locale(r *http.Request, stored string) string
}

// Options are what an Errand works with.
type Options struct {
	Prefix     string
	Dispatcher Dispatcher
	Factors    Factors
	Limits     *limit.Limiter
	Pages      Pages
	Log        *slog.Logger
	Now        func() time.Time
}

// Errand asks for the second step.
type Errand struct {
	Options
	warning sync.Mutex // held while somebody is told that their limit is reached
}

// New returns an Errand.
func New(o Options) *Errand {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Errand{Options: o}
}

// Mount adds the routes: "finish" and "cancel", and the page for both.
func (e *Errand) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+e.Prefix+"/second-step", e.show)
	mux.HandleFunc("POST "+e.Prefix+"/second-step", e.post)
	mux.HandleFunc("POST "+e.Prefix+"/second-step/cancel", e.cancel)
	mux.HandleFunc("GET "+e.Prefix+"/second-step/passkey", e.askKey)
}

const (
	patience  = 20 * time.Second
	busyRetry = 5 * time.Second
	maxBody   = 32 << 10 // a passkey's answer, each of its characters encoded
)

// find returns the login that waits in this browser, or answers the request.
func (e *Errand) find(w http.ResponseWriter, r *http.Request) (*factor.Half, bool) {
	h, err := e.Factors.Find(r.Context(), e.Dispatcher.Half(r))
	switch {
	case err == nil:
		return h, true
	case !errors.Is(err, factor.ErrNone):
		e.Dispatcher.Unavailable(w, r, "", false, err)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		w.Header().Set("Cache-Control", "no-store")
		target.Redirect(w, target.With(e.Prefix+"/login", target.Safe(r.URL.Query().Get(target.Param), e.Prefix)))
	default:
		e.over(w, r)
	}
	return nil, false
}

// over answers a code for which no login waits: it took too long, it was ended by a
// new password, or another one was begun. The login is right there.
func (e *Errand) over(w http.ResponseWriter, r *http.Request) {
	e.Dispatcher.DropHalf(w, r)
	e.Pages.Login(w, r, cause.NotLoggedIn.Status(), page.Login{Cause: cause.NotLoggedIn, Notice: "second.over"})
}

func (e *Errand) show(w http.ResponseWriter, r *http.Request) {
	h, ok := e.find(w, r)
	if !ok {
		return
	}
	e.page(w, r, http.StatusOK, h, page.SecondStep{})
}

func (e *Errand) page(w http.ResponseWriter, r *http.Request, status int, h *factor.Half, v page.SecondStep) {
	v.Name, v.Locale, v.Login = h.User.Name, e.Pages.Locale(r, h.User.Locale), h.Login.Handle
	if v.Target = r.URL.Query().Get(target.Param); v.Target == "" {
		v.Target = h.Login.Target
	}
	v.Target = target.Safe(v.Target, e.Prefix)
	has, err := e.Factors.Means(r.Context(), h.User)
	if err != nil {
		e.Log.Warn("whether somebody has an app or passkeys cannot be read; they are asked for a code", "user", h.User.ID, "error", err)
	}
	v.Keys, v.NoApp = has.Keys, err == nil && !has.App
	e.Pages.SecondStep(w, r, status, v)
}

func (e *Errand) cancel(w http.ResponseWriter, r *http.Request) {
	if err := e.Factors.Cancel(context.WithoutCancel(r.Context()), e.Dispatcher.Half(r)); err != nil {
		e.Dispatcher.Unavailable(w, r, "", false, err)
		return
	}
	e.Dispatcher.DropHalf(w, r)
	w.Header().Set("Cache-Control", "no-store")
	target.Redirect(w, target.With(e.Prefix+"/login", target.Safe(r.URL.Query().Get(target.Param), e.Prefix)))
}

// readForm refuses what another reader would read otherwise.
func readForm(w http.ResponseWriter, r *http.Request) bool {
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.ParseForm() != nil {
		return false
	}
	for _, name := range []string{"code", "trust", "login", fieldKey} {
		if v := r.PostForm[name]; len(v) > 1 || len(v) == 1 && !utf8.ValidString(v[0]) {
			return false
		}
	}
	return r.PostForm.Get("code") != "" || r.PostForm.Get(fieldKey) != ""
}

func (e *Errand) post(w http.ResponseWriter, r *http.Request) {
	// Whoever hangs up after the comparison has still used up a try.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	r = r.WithContext(ctx)
	good := readForm(w, r)
	h, ok := e.find(w, r)
	if !ok {
		return
	}
	if !good {
		e.refuse(w, r, h, cause.BadRequest, page.SecondStep{}, time.Time{})
		return
	}
	// The form of a login that another tab has replaced: its code is for another
	// login, perhaps of somebody else, and must not count as a wrong one there.
	if login := r.PostForm.Get("login"); login != "" && login != h.Login.Handle {
		e.Pages.Login(w, r, cause.NotLoggedIn.Status(), page.Login{Cause: cause.NotLoggedIn, Notice: "second.replaced"})
		return
	}
	place, ok := e.reserve(w, r, h)
	if !ok {
		return
	}
	e.compare(w, r, h, place)
}

// compare has the code looked at. place is given back in every case.
func (e *Errand) compare(w http.ResponseWriter, r *http.Request, h *factor.Half, place *limit.Place) {
	ctx := r.Context()
	passed, err := e.pass(r)
	var wrong *factor.Wrong
	var denied *factor.Denied
	switch {
	case err == nil:
		if err := place.Succeeded(ctx); err != nil {
			e.Log.Error("giving back the place of a right code failed", "error", err)
		}
		e.Dispatcher.Completed(w, r, passed, r.PostForm.Get("trust") != "")
	case errors.As(err, &wrong):
		until, err := place.Failed(ctx)
		if err != nil {
			e.Dispatcher.Unavailable(w, r, h.User.Email, h.Login.Remember, err)
			return
		}
		e.refuse(w, r, h, cause.SecondStepFailed, page.SecondStep{Reason: wrong.Reason, Off: wrong.Off}, until)
	case errors.As(err, &denied):
		until, err := place.Failed(ctx)
		if err != nil {
			e.Dispatcher.Unavailable(w, r, h.User.Email, h.Login.Remember, err)
			return
		}
		e.denied(w, r, h, denied, until)
	default:
		_ = place.Release(ctx)
		if errors.Is(err, factor.ErrNone) {
			e.over(w, r)
			return
		}
		e.Dispatcher.Unavailable(w, r, h.User.Email, h.Login.Remember, err)
	}
}

// reserve takes a place in the budget of codes, which is that of the user over all
// logins and networks, or answers the request.
func (e *Errand) reserve(w http.ResponseWriter, r *http.Request, h *factor.Half) (*limit.Place, bool) {
	place, err := e.Limits.Reserve(r.Context(), limit.Try{Subject: attempt.Subject(h.User.ID, ""), SecondStep: true})
	var refused *limit.Refused
	switch {
	case err == nil:
		return place, true
	case errors.As(err, &refused):
		e.refuse(w, r, h, cause.TooManyAttempts, page.SecondStep{}, refused.Until)
	case errors.Is(err, limit.ErrBusy), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.refuse(w, r, h, cause.Busy, page.SecondStep{RetryAfter: busyRetry}, time.Time{})
	default:
		e.Dispatcher.Unavailable(w, r, h.User.Email, h.Login.Remember, err)
	}
	return nil, false
}

// refuse shows the form again, with what is the matter.
func (e *Errand) refuse(w http.ResponseWriter, r *http.Request, h *factor.Half, c cause.Cause, v page.SecondStep, until time.Time) {
	from, locale := visitor.Of(r), e.Pages.Locale(r, h.User.Locale)
	v.Cause, v.Trust = c, r.PostForm.Get("trust") != ""
	v.Reference = e.Dispatcher.Note(r.Context(), attempt.Entry{
		Cause: c, Method: Method, Typed: h.User.Email, User: h.User.ID, Account: h.User.Account, Network: from.Network,
		Agent: from.Agent, Locale: locale, Known: h.Login.Known, RetryAt: until,
	})
	if wait := until.Sub(e.Now()); !until.IsZero() && wait > 0 {
		v.RetryAt, v.RetryAfter = until, wait
	}
	if c == cause.TooManyAttempts {
		e.warn(r, h.User, locale, v.Reference)
	}
	e.page(w, r, c.Status(), h, v)
}

// warn tells a user that somebody keeps guessing codes, and so has their password;
// one at a time, so that guesses do not become work.
func (e *Errand) warn(r *http.Request, u *store.User, locale, reference string) {
	if !e.warning.TryLock() {
		return
	}
	ctx := context.WithoutCancel(r.Context())
	go func() {
		defer e.warning.Unlock()
		e.Dispatcher.Tell(ctx, u, letter.LimitReached, locale, reference)
	}()
}
