package recovery

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// patience bounds how long asking may take.
const patience = 20 * time.Second

// busyRetry is what people are told to wait when a moment helps.
const busyRetry = 5 * time.Second

// Query parameters of the page after asking, besides the target.
const (
	paramMail      = "m"
	paramReference = "ref"
	paramLanguage  = "lang"
)

// wish is one wish for a mail.
type wish struct {
	typed     string // as typed
	canonical string
	user      *store.User // nil: nobody has the address
	visitor   visitor.Visitor
	known     bool   // from a known device
	target    string // where to go after the login
}

func (e *Errand) show(w http.ResponseWriter, r *http.Request) {
	e.Dispatcher.Browser(w, r)
	e.Pages.Recover(w, r, http.StatusOK, page.Recover{Link: e.Mode == ticket.Link})
}

func (e *Errand) ask(w http.ResponseWriter, r *http.Request) {
	typed, err := readAddress(w, r)
	wish := &wish{typed: typed, visitor: visitor.Of(r), target: e.target(r)}
	if err == nil {
		wish.canonical, err = directory.Canonical(typed)
	}
	if err != nil {
		// No address at all: nobody's, as anybody can see. Nothing of it is kept.
		e.refuse(w, r, wish, cause.BadRequest, page.Recover{})
		return
	}
	// Whoever hangs up has asked all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	if err := e.identify(ctx, r, wish); err != nil {
		e.unavailable(w, r, wish, err)
		return
	}
	silent, ok := e.allow(ctx, w, r, wish)
	if !ok {
		return
	}
	e.send(ctx, w, r, wish, silent)
}

// identify finds out whose address was typed, after as many reads for nobody.
func (e *Errand) identify(ctx context.Context, r *http.Request, wish *wish) error {
	u, err := e.Directory.FindByEmail(ctx, wish.canonical)
	if errors.Is(err, store.ErrNotFound) {
		_, err = e.Directory.User(ctx, "nobody", "nobody")
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	}
	if err != nil {
		return err
	}
	wish.user, wish.known = u, e.Dispatcher.KnownDevice(r, u.ID) != ""
	return nil
}

func (wish *wish) subject() string {
	if wish.user != nil {
		return attempt.Subject(wish.user.ID, "")
	}
	return attempt.Subject("", wish.canonical)
}

func (wish *wish) owner() outbox.Owner {
	if wish.user != nil {
		return outbox.OfUser(wish.user.Account, wish.user.ID)
	}
	return outbox.OfNobody(wish.subject())
}

// allow takes a place in the quotas, or answers the request. silent: nothing may
// be sent, and nobody is told.
func (e *Errand) allow(ctx context.Context, w http.ResponseWriter, r *http.Request, wish *wish) (silent, ok bool) {
	err := e.Quota.Allow(ctx, outbox.Request{Subject: wish.subject(), Network: wish.visitor.Network, Known: wish.user != nil})
	var many *outbox.TooMany
	switch {
	case err == nil:
		return false, true
	case errors.Is(err, outbox.ErrPool):
		return true, true
	case errors.As(err, &many):
		e.refuse(w, r, wish, cause.TooManyMails, page.Recover{
			Sent: many.Sent, RetryAt: many.Until, RetryAfter: max(many.Until.Sub(e.Now()), time.Second),
		})
	default:
		e.unavailable(w, r, wish, err)
	}
	return false, false
}

// send has the mail written, and leads to a page that can be loaded again.
func (e *Errand) send(ctx context.Context, w http.ResponseWriter, r *http.Request, wish *wish, silent bool) {
	entry := e.entry(r, wish, cause.None, time.Time{})
	entry.Asked = true
	reference := e.Dispatcher.Note(ctx, entry)
	asked, err := e.Tickets.Ask(ctx, ticket.Ask{
		Owner: wish.owner(), User: wish.user, To: wish.canonical, Silent: silent,
		Purpose: ticket.Password, Mode: e.Mode, Locale: entry.Locale, Reference: reference,
		Browser: e.Dispatcher.Browser(w, r), Target: wish.target,
		Device: wish.visitor.Agent, Network: wish.visitor.Network, Origin: e.Origin,
	})
	switch {
	case errors.Is(err, passhash.ErrBusy):
		e.refuse(w, r, wish, cause.Busy, page.Recover{RetryAfter: busyRetry})
		return
	case err != nil:
		e.unavailable(w, r, wish, err)
		return
	}
	if err := e.Attempts.Mailed(ctx, reference, asked.ID); err != nil {
		e.Log.Warn("the attempt does not say which mail was asked for", "reference", reference, "error", err)
	}
	more := []string{paramMail, asked.ID, paramReference, reference}
	if language := r.URL.Query().Get(paramLanguage); language != "" {
		more = append(more, paramLanguage, language)
	}
	noStore(w)
	target.Redirect(w, target.With(e.Prefix+"/recover/sent", wish.target, more...))
}

// refuse shows the form again and says why.
func (e *Errand) refuse(w http.ResponseWriter, r *http.Request, wish *wish, c cause.Cause, v page.Recover) {
	v.Email, v.Cause, v.Link = wish.typed, c, e.Mode == ticket.Link
	if c == cause.BadRequest {
		v.Hints, v.Suggestion = page.Hints(wish.typed, "x")
	}
	entry := e.entry(r, wish, c, v.RetryAt)
	entry.Asked = true
	v.Reference = e.Dispatcher.Note(r.Context(), entry)
	e.Pages.Recover(w, r, c.Status(), v)
}

func (e *Errand) unavailable(w http.ResponseWriter, r *http.Request, wish *wish, err error) {
	e.Log.Error("asking for a new password is not possible: the store does not answer", "error", err)
	c := cause.StoreUnavailable
	e.Pages.Recover(w, r, c.Status(), page.Recover{
		Email: wish.typed, Cause: c, RetryAfter: busyRetry, Link: e.Mode == ticket.Link,
	})
}

func (e *Errand) entry(r *http.Request, wish *wish, c cause.Cause, until time.Time) attempt.Entry {
	entry := attempt.Entry{
		Cause: c, Method: Method, Typed: wish.canonical, Network: wish.visitor.Network, Agent: wish.visitor.Agent,
		Locale: e.Pages.Locale(r, ""), Known: wish.known, RetryAt: until,
	}
	if wish.user != nil {
		entry.User, entry.Account = wish.user.ID, wish.user.Account
	} else {
		entry.DeviceUsers = e.Dispatcher.DeviceUsers(r)
	}
	return entry
}

// sent says where to look. Loading it again asks for nothing.
func (e *Errand) sent(w http.ResponseWriter, r *http.Request) {
	v := page.RecoverSent{Link: e.Mode == ticket.Link}
	v.Reference, _ = secret.ParseReference(r.URL.Query().Get(paramReference))
	found, err := e.Tickets.Waiting(r.Context(), r.URL.Query().Get(paramMail), e.Dispatcher.Browser(w, r))
	if err == nil && found.Ticket.Purpose == ticket.Password {
		v.Until = found.Ticket.Until
		next, err := e.Quota.Next(r.Context(), outbox.Request{Subject: attempt.Subject(found.User, found.Ticket.Typed), Network: visitor.Of(r).Network})
		if err != nil {
			e.Log.Warn("the page does not say when another mail may be asked for", "error", err)
			next = time.Time{}
		}
		v.NextMail = next
	}
	e.Pages.RecoverSent(w, r, v)
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Login-Gateway", "1")
}
