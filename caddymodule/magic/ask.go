package magic

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// maxBody is more than any form of ours takes.
const maxBody = 16 << 10

// post sorts out which of the three forms was sent.
func (e *Errand) post(w http.ResponseWriter, r *http.Request) {
	if !readForm(w, r) {
		e.badForm(w, r, "")
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	r = r.WithContext(ctx)
	switch {
	case r.PostForm.Has("email"):
		e.ask(w, r)
	case r.PostForm.Has("code"):
		e.code(w, r)
	case r.PostForm.Has("go"):
		e.look(w, r)
	default:
		e.badForm(w, r, "")
	}
}

// readForm refuses what another reader would read otherwise: fields that occur
// twice, or are no text.
func readForm(w http.ResponseWriter, r *http.Request) bool {
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.ParseForm() != nil {
		return false
	}
	for _, name := range []string{"email", "code", "go", "remember"} {
		if v := r.PostForm[name]; len(v) > 1 || len(v) == 1 && !utf8.ValidString(v[0]) {
			return false
		}
	}
	return true
}

func ticked(r *http.Request) bool {
	v := r.PostForm.Get("remember")
	return v != "" && v != "0" && v != "off" && v != "false"
}

// wish is one request for a mail.
type wish struct {
	typed, canonical string
	user             *store.User
	subject          string
	owner            outbox.Owner
	entry            attempt.Entry
}

// ask mails a link and a code, or answers exactly as if it did.
func (e *Errand) ask(w http.ResponseWriter, r *http.Request) {
	o, err := e.wish(r, r.PostForm.Get("email"))
	if errors.Is(err, directory.ErrInvalid) {
		e.badForm(w, r, o.typed)
		return
	}
	if err == nil {
		err = e.Quota.Allow(r.Context(), outbox.Request{Subject: o.subject, Network: o.entry.Network, Known: o.user != nil})
	}
	var many *outbox.TooMany
	silent := errors.Is(err, outbox.ErrPool)
	switch {
	case errors.As(err, &many):
		e.tooMany(w, r, o, many)
		return
	case err != nil && !silent:
		e.unavailable(w, r, err)
		return
	}
	o.entry.Asked = true
	reference := e.Dispatcher.Note(r.Context(), o.entry)
	asked, err := e.Tickets.Ask(r.Context(), e.mail(w, r, o, reference, silent))
	if err != nil {
		e.unavailable(w, r, err)
		return
	}
	if e.Attempts != nil {
		if err := e.Attempts.Mailed(r.Context(), reference, asked.ID); err != nil {
			e.Log.Warn("noting which mail an attempt asked for failed", "error", err)
		}
	}
	e.Dispatcher.Asked(w, r, asked.ID)
	w.Header().Set("Cache-Control", "no-store")
	target.Redirect(w, e.waitingAt(r, asked.ID))
}

// mail says what is to be mailed.
func (e *Errand) mail(w http.ResponseWriter, r *http.Request, o *wish, reference string, silent bool) ticket.Ask {
	return ticket.Ask{
		Owner: o.owner, User: o.user, To: o.canonical, Purpose: ticket.Magic,
		Locale: o.entry.Locale, Reference: reference, Browser: e.Dispatcher.Browser(w, r),
		Target: target.Safe(r.URL.Query().Get(target.Param), e.Prefix), Remember: ticked(r),
		Device: o.entry.Agent, Network: o.entry.Network, Origin: e.Origin, Silent: silent,
	}
}

// wish finds out whose address was typed. Where it is nobody's, the store is
// asked as often as if it were somebody's.
func (e *Errand) wish(r *http.Request, typed string) (*wish, error) {
	o := &wish{typed: typed}
	canonical, err := directory.Canonical(typed)
	if err != nil {
		return o, err
	}
	v := visitor.Of(r)
	o.canonical, o.subject = canonical, attempt.Subject("", canonical)
	o.owner = outbox.OfNobody(o.subject)
	o.entry = attempt.Entry{Method: Method, Typed: canonical, Network: v.Network, Agent: v.Agent, Locale: e.Pages.Locale(r, "")}
	o.entry.DeviceUsers = e.Dispatcher.DeviceUsers(r)
	u, err := e.Directory.FindByEmail(r.Context(), canonical)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if _, err := e.Directory.User(r.Context(), "nobody", "nobody"); err != nil && !errors.Is(err, store.ErrNotFound) {
			return o, err
		}
		return o, nil
	case err != nil:
		return o, err
	}
	o.user, o.owner, o.subject = u, outbox.OfUser(u.Account, u.ID), attempt.Subject(u.ID, "")
	o.entry.User, o.entry.Account = u.ID, u.Account
	o.entry.Known = e.Dispatcher.KnownDevice(r, u.ID) != ""
	return o, nil
}

// waitingAt is the page of the tab that asked, with all that was in the address.
func (e *Errand) waitingAt(r *http.Request, id string) string {
	q := url.Values{paramAsk: {id}}
	for _, key := range []string{target.Param, "lang", "ui_locales"} {
		if v := r.URL.Query().Get(key); v != "" && len(v) <= 4096 {
			q.Set(key, v)
		}
	}
	return e.Prefix + "/magic?" + q.Encode()
}

// badForm answers what is no address. Nothing typed is kept, since people type
// passwords into the wrong field.
func (e *Errand) badForm(w http.ResponseWriter, r *http.Request, typed string) {
	e.Dispatcher.Browser(w, r)
	v := visitor.Of(r)
	reference := e.Dispatcher.Note(r.Context(), attempt.Entry{
		Cause: cause.BadRequest, Method: Method, Network: v.Network, Agent: v.Agent, Locale: e.Pages.Locale(r, ""),
	})
	hint := "hint.email_shape"
	if typed == "" {
		hint = "hint.email_empty"
	}
	e.Pages.Magic(w, r, cause.BadRequest.Status(), page.Magic{
		Email: typed, Remember: ticked(r), Cause: cause.BadRequest, Reference: reference, Hints: []string{hint},
	})
}

// tooMany says when the next mail can be asked for: the same to everybody.
func (e *Errand) tooMany(w http.ResponseWriter, r *http.Request, o *wish, many *outbox.TooMany) {
	o.entry.Cause, o.entry.Asked, o.entry.RetryAt = cause.TooManyMails, true, many.Until
	reference := e.Dispatcher.Note(r.Context(), o.entry)
	e.Dispatcher.Browser(w, r)
	e.Pages.Magic(w, r, cause.TooManyMails.Status(), page.Magic{
		Email: o.typed, Remember: ticked(r), Cause: cause.TooManyMails, Reference: reference, Sent: many.Sent,
		RetryAt: many.Until, RetryAfter: max(many.Until.Sub(e.Now()), time.Second),
	})
}

// unavailable tells that nobody can be mailed this moment; nothing is half-done.
func (e *Errand) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	e.Log.Error("logging in by mail is not possible", "error", err)
	v := visitor.Of(r)
	reference := e.Dispatcher.Note(r.Context(), attempt.Entry{
		Cause: cause.StoreUnavailable, Method: Method, Network: v.Network, Agent: v.Agent, Locale: e.Pages.Locale(r, ""),
	})
	e.Pages.Refusal(w, r, page.Refusal{Cause: cause.StoreUnavailable, Reference: reference, RetryAfter: busyRetry})
}
