package magic

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// asked is the mail that this tab waits for: named in its address, else the last
// one this browser asked for.
func (e *Errand) asked(r *http.Request) string {
	if id := r.URL.Query().Get(paramAsk); id != "" {
		return id
	}
	return e.Dispatcher.LastAsked(r)
}

// show answers the form, or the page that waits for a mail.
func (e *Errand) show(w http.ResponseWriter, r *http.Request) {
	browser := e.Dispatcher.Browser(w, r)
	id := r.URL.Query().Get(paramAsk)
	if id == "" {
		e.Pages.Magic(w, r, http.StatusOK, page.Magic{})
		return
	}
	f, err := e.Tickets.Waiting(r.Context(), id, browser)
	if err != nil {
		e.lost(w, r, err)
		return
	}
	if f.Cause != cause.None {
		e.over(w, r, f, "")
		return
	}
	e.Pages.MagicSent(w, r, http.StatusOK, e.view(r, id, f))
}

// view is what the tab shows. It comes from the ticket and not from the person,
// so that it is the same for an address that nobody has.
func (e *Errand) view(r *http.Request, id string, f *ticket.Found) page.MagicSent {
	t := &f.Ticket
	next, err := e.Quota.Next(r.Context(), outbox.Request{Subject: attempt.Subject(f.User, f.Ticket.Typed), Network: visitor.Of(r).Network})
	if err != nil {
		e.Log.Warn("the waiting page does not say when another mail may be asked for", "error", err)
		next = time.Time{}
	}
	return page.MagicSent{
		NextMail: next,
		Ask:      id, Match: t.Match, Agent: t.Agent, Network: t.Network, Asked: t.Asked, CodeUntil: t.CodeUntil, Until: t.Until,
		Code: f.CodeOpen,
	}
}

// lost answers a tab whose mail is not there, or was asked for elsewhere.
func (e *Errand) lost(w http.ResponseWriter, r *http.Request, err error) {
	var spent *ticket.Spent
	c := cause.LinkExpired
	switch {
	case errors.As(err, &spent):
		c = spent.Cause
	case !errors.Is(err, ticket.ErrNone):
		e.unavailable(w, r, err)
		return
	}
	v := visitor.Of(r)
	reference := e.Dispatcher.Note(r.Context(), attempt.Entry{
		Cause: c, Method: Method, Network: v.Network, Agent: v.Agent, Locale: e.Pages.Locale(r, ""),
	})
	if c == cause.OtherBrowser {
		e.Pages.Magic(w, r, c.Status(), page.Magic{Cause: c, Reference: reference})
		return
	}
	e.Pages.MailedOver(w, r, page.MailedOver{Cause: c, Reference: reference})
}

// over answers a tab whose mail is of no use any more. One that was used may have
// logged this very browser in: there is a way on.
func (e *Errand) over(w http.ResponseWriter, r *http.Request, f *ticket.Found, reference string) {
	if reference == "" && f.Cause != cause.LinkUsed { // which let somebody in, most likely here
		from := visitor.Of(r)
		reference = e.Dispatcher.Note(r.Context(), attempt.Entry{
			Cause: f.Cause, Method: Method, Typed: f.Ticket.Typed, User: f.User, Account: f.Account, Network: from.Network,
			Agent: from.Agent, Locale: e.Pages.Locale(r, ""), Known: e.Dispatcher.KnownDevice(r, f.User) != "",
		})
	}
	v := page.MailedOver{Cause: f.Cause, Reference: reference}
	if f.Cause == cause.LinkUsed {
		v.Target = f.Ticket.Target
	}
	e.Pages.MailedOver(w, r, v)
}

// state tells the script of the waiting tab whether to go on waiting.
func (e *Errand) state(w http.ResponseWriter, r *http.Request) {
	state := "waiting"
	f, err := e.Tickets.Waiting(r.Context(), r.URL.Query().Get(paramAsk), e.Dispatcher.Browser(w, r))
	var spent *ticket.Spent
	status := http.StatusOK
	switch {
	case errors.Is(err, ticket.ErrNone) || errors.As(err, &spent):
		state = "over"
	case err != nil:
		state, status = "unavailable", http.StatusServiceUnavailable
	case f.Cause != cause.None:
		state = "over"
	case !f.Ticket.Approved.IsZero():
		state = "approved"
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Login-Gateway", "1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"state": state})
}

// look lets the tab in when somebody who holds the mail said so.
func (e *Errand) look(w http.ResponseWriter, r *http.Request) {
	id := e.asked(r)
	f, err := e.Tickets.Waiting(r.Context(), id, e.Dispatcher.Browser(w, r))
	switch {
	case err != nil:
		e.lost(w, r, err)
	case f.Cause != cause.None:
		e.over(w, r, f, "")
	case f.Ticket.Approved.IsZero():
		v := e.view(r, id, f)
		v.NotYet = true
		e.Pages.MagicSent(w, r, http.StatusOK, v)
	default:
		e.in(w, r, f)
	}
}

// code compares what was typed in the tab that asked.
func (e *Errand) code(w http.ResponseWriter, r *http.Request) {
	id, browser := e.asked(r), e.Dispatcher.Browser(w, r)
	f, err := e.Tickets.TryCode(r.Context(), id, browser, r.PostForm.Get("code"))
	if err == nil {
		e.in(w, r, f)
		return
	}
	var spent *ticket.Spent
	var wait *ticket.Wait
	c, until := cause.None, time.Time{}
	switch {
	case errors.Is(err, ticket.ErrWrong):
		c = cause.WrongPassword
	case errors.Is(err, ticket.ErrDead):
		c = cause.TooManyAttempts
	case errors.As(err, &wait):
		c, until = cause.TooManyAttempts, wait.Until
	case errors.As(err, &spent) && spent.Cause == cause.LinkExpired:
		c = cause.LinkExpired
	}
	if f, found := e.Tickets.Waiting(r.Context(), id, browser); c != cause.None && found == nil {
		e.wrong(w, r, id, f, c, until)
		return
	}
	e.lost(w, r, err)
}

// wrong shows the waiting page again, with what is the matter.
func (e *Errand) wrong(w http.ResponseWriter, r *http.Request, id string, f *ticket.Found, c cause.Cause, until time.Time) {
	from := visitor.Of(r)
	entry := attempt.Entry{
		Cause: c, Method: Method, Typed: f.Ticket.Typed, User: f.User, Account: f.Account, Network: from.Network, Agent: from.Agent,
		Locale: e.Pages.Locale(r, ""), RetryAt: until, Known: e.Dispatcher.KnownDevice(r, f.User) != "",
	}
	if c == cause.WrongPassword && f.User == "" {
		entry.Cause = cause.UnknownEmail
	}
	reference := e.Dispatcher.Note(r.Context(), entry)
	if f.Cause != cause.None {
		e.over(w, r, f, reference)
		return
	}
	v := e.view(r, id, f)
	v.Cause, v.Reference = c, reference
	if wait := until.Sub(e.Now()); !until.IsZero() && wait > 0 {
		v.RetryAt, v.RetryAfter = until, wait
	}
	e.Pages.MagicSent(w, r, c.Status(), v)
}

// person is whose ticket it is, or answers the request.
func (e *Errand) person(w http.ResponseWriter, r *http.Request, f *ticket.Found) (*store.User, bool) {
	u, err := e.Directory.User(r.Context(), f.Account, f.User)
	switch {
	case err == nil:
		return u, true
	case errors.Is(err, store.ErrNotFound):
		e.lost(w, r, ticket.ErrNone)
	default:
		e.unavailable(w, r, err)
	}
	return nil, false
}

// in hands the proof on. Whoever holds the mail is past guessing: their delay ends.
func (e *Errand) in(w http.ResponseWriter, r *http.Request, f *ticket.Found) {
	u, ok := e.person(w, r, f)
	if !ok {
		return
	}
	if err := e.Limits.Proved(r.Context(), attempt.Subject(u.ID, "")); err != nil {
		e.Log.Warn("ending the delay of a user failed", "user", u.ID, "error", err)
	}
	to := f.Ticket.Target
	if to == "" {
		to = target.Home
	}
	e.Dispatcher.Proven(w, r, signin.Proof{
		User: u, Method: Method, Amr: []string{"otp"}, Remember: f.Ticket.Remember, Ticket: f.Ticket.ID, Target: to,
		Known: e.Dispatcher.KnownDevice(r, u.ID) != "",
	})
}

// Opened logs in, here, whoever holds the link and showed that it is theirs.
func (e *Errand) Opened(w http.ResponseWriter, r *http.Request, _ string, f *ticket.Found) {
	e.in(w, r, f)
}

// Again mails a fresh link to the address that the old one was mailed to.
func (e *Errand) Again(w http.ResponseWriter, r *http.Request, f *ticket.Found) {
	u, ok := e.person(w, r, f)
	if !ok {
		return
	}
	q := r.URL.Query()
	if f.Ticket.Target != "" && f.Ticket.Target != target.Home {
		q.Set(target.Param, f.Ticket.Target)
	}
	form := map[string][]string{"email": {u.Email}}
	if f.Ticket.Remember {
		form["remember"] = []string{"1"}
	}
	again := r.Clone(r.Context())
	again.URL.RawQuery, again.PostForm = q.Encode(), form
	e.ask(w, again)
}
