package password

import (
	"context"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// busyRetry is what people are told to wait when too much is going on.
const busyRetry = 5 * time.Second

// wrong answers a password that does not fit. until is when the next try will be
// looked at, zero for at once.
//
// That a mailed password is of no use any more may be said: who has it was mailed.
func (e *Errand) wrong(w http.ResponseWriter, r *http.Request, t *try, pending *ticket.Found, until time.Time) {
	c := cause.WrongPassword
	switch {
	case t.user == nil:
		c = cause.UnknownEmail
	case pending != nil:
		c = cause.PasswordPendingExpired
	}
	hints, suggestion := page.Hints(t.form.email, t.form.password)
	v := e.view(r, t, c, until)
	if c == cause.PasswordPendingExpired {
		hints = nil // what was typed is not what is the matter
	} else if t.canonical != "" {
		e.askOnce(t, v.Reference)
	}
	v.Hints, v.Suggestion = hints, suggestion
	e.Pages.Login(w, r, c.Status(), v)
}

// refuse answers a try that was not looked at.
func (e *Errand) refuse(w http.ResponseWriter, r *http.Request, t *try, c cause.Cause, until time.Time) {
	v := e.view(r, t, c, until)
	if c == cause.Busy {
		v.RetryAfter = busyRetry
	}
	if c == cause.TooManyAttempts && t.user != nil {
		e.warn(r, t.user, v.Reference)
	}
	e.Pages.Login(w, r, c.Status(), v)
}

// warn tells a user that somebody keeps guessing, one at a time: how many guess
// must not become how much is done about it.
func (e *Errand) warn(r *http.Request, u *store.User, reference string) {
	if !e.warning.TryLock() {
		return
	}
	ctx, locale := context.WithoutCancel(r.Context()), e.Pages.Locale(r, u.Locale)
	go func() {
		defer e.warning.Unlock()
		e.Dispatcher.Tell(ctx, u, letter.LimitReached, locale, reference)
	}()
}

func (e *Errand) view(r *http.Request, t *try, c cause.Cause, until time.Time) page.Login {
	entry := attempt.Entry{
		Cause: c, Method: Method, Typed: t.canonical, Network: t.visitor.Network, Agent: t.visitor.Agent,
		Locale: e.Pages.Locale(r, ""), Known: t.device != "", RetryAt: until,
	}
	if t.user != nil {
		entry.User, entry.Account = t.user.ID, t.user.Account
	} else {
		entry.DeviceUsers = e.Dispatcher.DeviceUsers(r)
	}
	v := page.Login{
		Email: t.form.email, Remember: t.form.remember, Cause: c.Public(),
		Reference: e.Dispatcher.Note(r.Context(), entry),
	}
	if wait := until.Sub(e.Now()); !until.IsZero() && wait > 0 {
		v.RetryAt, v.RetryAfter = until, wait
	}
	return v
}
