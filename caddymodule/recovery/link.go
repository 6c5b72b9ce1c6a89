package recovery

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Opened draws the password behind a mailed link and shows it, once. The caller
// has made sure that it is a POST of the person who was mailed.
func (e *Errand) Opened(w http.ResponseWriter, r *http.Request, token string, f *ticket.Found) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	noStore(w)
	password, err := e.Tickets.Reveal(ctx, token)
	if err != nil {
		e.sealed(w, r, f, err)
		return
	}
	to := target.Safe(f.Ticket.Target, e.Prefix)
	v := page.Keep{Password: password, Revealed: true, Action: target.With(e.Prefix+"/recover/revealed", to)}
	u, err := e.Directory.User(ctx, f.Account, f.User)
	if err != nil {
		// The password is drawn and good: it must be seen.
		e.Log.Warn("the address that belongs to a new password could not be read", "user", f.User, "error", err)
	} else {
		v.Email, v.Locale = u.Email, e.Pages.Locale(r, u.Locale)
	}
	e.Log.Info("a new password was shown behind a mailed link", "user", f.User, "account", f.Account)
	e.Pages.Keep(w, r, v)
}

// sealed answers where nothing can be shown.
func (e *Errand) sealed(w http.ResponseWriter, r *http.Request, f *ticket.Found, err error) {
	c := cause.LinkExpired
	var spent *ticket.Spent
	switch {
	case errors.As(err, &spent):
		c = spent.Cause
	case errors.Is(err, ticket.ErrNone):
	case errors.Is(err, passhash.ErrBusy):
		c = cause.Busy
	default:
		e.away(w, r, err)
		return
	}
	entry := e.entry(r, &wish{visitor: visitor.Of(r)}, c, time.Time{})
	entry.User, entry.Account = f.User, f.Account
	v := page.Refusal{Cause: c, Reference: e.Dispatcher.Note(r.Context(), entry), Links: []page.Link{
		{Word: "recover.again", URL: e.Prefix + "/recover"}, {Word: "link.login", URL: e.Prefix + "/login"},
	}}
	if c == cause.Busy {
		v.RetryAfter = busyRetry
	}
	e.Pages.Refusal(w, r, v)
}

// Again mails a fresh one to whom a mailed one was for.
func (e *Errand) Again(w http.ResponseWriter, r *http.Request, f *ticket.Found) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	u, err := e.Directory.User(ctx, f.Account, f.User)
	if err != nil {
		// Nobody's, or somebody who is gone: they type an address, as anybody can.
		noStore(w)
		target.Redirect(w, e.Prefix+"/recover")
		return
	}
	wish := &wish{
		canonical: u.Email, user: u, visitor: visitor.Of(r), target: target.Safe(f.Ticket.Target, e.Prefix),
		known: e.Dispatcher.KnownDevice(r, u.ID) != "",
	}
	if silent, ok := e.allow(ctx, w, r, wish); ok {
		e.send(ctx, w, r, wish, silent)
	}
}
