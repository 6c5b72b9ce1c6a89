// Package invite is the errand behind links that somebody else had made for a
// person: an invitation, a link that an operator hands over, and the link that
// proves a new mailbox. The first two open a login and lead to a password to keep;
// the last one only moves the address. What the links are good for is kept by
// ticket, what they change is done by manage.
package invite

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Dispatcher decides what follows a proof, and keeps what happened.
type Dispatcher interface {
	Proven(w http.ResponseWriter, r *http.Request, p signin.Proof)
	KnownDevice(r *http.Request, user string) string
	Note(ctx context.Context, e attempt.Entry) (reference string)
}

// Manager does what the links are for. *manage.Manager is one.
type Manager interface {
	Come(ctx context.Context, f *ticket.Found) (*store.User, error)
	Prove(ctx context.Context, f *ticket.Found) (*store.User, error)
	Again(ctx context.Context, f *ticket.Found) error
}

// Pages shows what people see.
type Pages interface {
	MailedDone(w http.ResponseWriter, r *http.Request, v page.MailedDone)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
	Locale(r *http.Request, stored string) string
}

// Options are what an Errand works with.
type Options struct {
	Prefix     string
	Dispatcher Dispatcher
	Manager    Manager
	Pages      Pages
	Log        *slog.Logger
	Now        func() time.Time
}

// Errand answers for those links.
type Errand struct{ Options }

// New returns an Errand.
func New(o Options) *Errand {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Errand{o}
}

// busyRetry is what people are told to wait when a moment helps.
const busyRetry = 5 * time.Second

// Opened does what the link is for. The caller has made sure that it is a POST of
// the person it was made for.
func (e *Errand) Opened(w http.ResponseWriter, r *http.Request, _ string, f *ticket.Found) {
	w.Header().Set("Cache-Control", "no-store")
	if f.Ticket.Purpose == ticket.Address {
		e.prove(w, r, f)
		return
	}
	u, err := e.Manager.Come(r.Context(), f)
	if err != nil {
		e.refuse(w, r, f, err)
		return
	}
	// Used up by the dispatcher, right before the session: who may not come in, or
	// has a second step to take, has not used it.
	e.Dispatcher.Proven(w, r, signin.Proof{
		User: u, Method: f.Ticket.Purpose, Amr: []string{"otp"}, Ticket: f.Ticket.ID,
		Known: e.Dispatcher.KnownDevice(r, u.ID) != "",
	})
}

// prove moves the address. It logs nobody in.
func (e *Errand) prove(w http.ResponseWriter, r *http.Request, f *ticket.Found) {
	u, err := e.Manager.Prove(r.Context(), f)
	if err != nil {
		e.refuse(w, r, f, err)
		return
	}
	e.Log.Info("a new address was proved", "user", u.ID, "account", u.Account)
	e.Pages.MailedDone(w, r, page.MailedDone{Kind: "proved", Locale: e.Pages.Locale(r, u.Locale)})
}

// Again mails a fresh link to where the old one was mailed.
func (e *Errand) Again(w http.ResponseWriter, r *http.Request, f *ticket.Found) {
	w.Header().Set("Cache-Control", "no-store")
	if f.Ticket.Purpose == ticket.Entry {
		e.refuse(w, r, f, ticket.ErrNone) // only an operator makes one
		return
	}
	if err := e.Manager.Again(r.Context(), f); err != nil {
		e.refuse(w, r, f, err)
		return
	}
	e.Pages.MailedDone(w, r, page.MailedDone{Kind: "again", Locale: e.Pages.Locale(r, f.Ticket.Locale)})
}

// refuse says why not.
func (e *Errand) refuse(w http.ResponseWriter, r *http.Request, f *ticket.Found, err error) {
	v := page.Refusal{Cause: cause.LinkSuperseded, Locale: e.Pages.Locale(r, f.Ticket.Locale), Links: []page.Link{
		{Word: "link.login", URL: e.Prefix + "/login"}, {Word: "link.help", URL: e.Prefix + "/help"},
	}}
	var spent *ticket.Spent
	var many *outbox.TooMany
	switch {
	case errors.As(err, &spent):
		v.Cause = spent.Cause
	case errors.As(err, &many):
		v.Cause, v.RetryAfter = cause.TooManyMails, max(many.Until.Sub(e.Now()), time.Second)
	case errors.Is(err, directory.ErrTaken), errors.Is(err, ticket.ErrNone), errors.Is(err, store.ErrNotFound):
	default:
		e.Log.Error("what a mailed link is for could not be done", "purpose", f.Ticket.Purpose, "error", err)
		v.Cause, v.RetryAfter = cause.StoreUnavailable, busyRetry
	}
	from := visitor.Of(r)
	v.Reference = e.Dispatcher.Note(r.Context(), attempt.Entry{
		Cause: v.Cause, Method: f.Ticket.Purpose, Typed: f.Ticket.Typed, User: f.User, Account: f.Account,
		Network: from.Network, Agent: from.Agent, Locale: v.Locale, Known: e.Dispatcher.KnownDevice(r, f.User) != "",
	})
	e.Pages.Refusal(w, r, v)
}
