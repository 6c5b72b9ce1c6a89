package signin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// settle uses the ticket of a proof up, or answers the request. It comes after
// every question and before the session: of fifty who come at once with one
// ticket, one gets a session.
func (d *Dispatcher) settle(w http.ResponseWriter, r *http.Request, p *Proof) (s ticket.Settled, ok bool) {
	if p.Ticket == "" || d.Tickets == nil {
		return s, true
	}
	s, err := d.Tickets.Settle(context.WithoutCancel(r.Context()), p.User, p.Ticket)
	if err == nil {
		p.User = s.User
		return s, true
	}
	c := cause.LinkExpired
	var spent *ticket.Spent
	switch {
	case errors.As(err, &spent):
		c = spent.Cause
	case !errors.Is(err, ticket.ErrNone):
		d.Unavailable(w, r, p.User.Email, p.Remember, err)
		return s, false
	}
	reference := d.Note(r.Context(), d.entry(r, *p, c))
	d.Pages.Refusal(w, r, page.Refusal{Cause: c, Reference: reference, Locale: d.Pages.Locale(r, p.User.Locale)})
	return s, false
}

// began ties the session to its ticket, so that "this was not me" can end it.
func (d *Dispatcher) began(r *http.Request, p Proof, handle string) {
	if p.Ticket == "" || d.Tickets == nil {
		return
	}
	if err := d.Tickets.Began(context.WithoutCancel(r.Context()), p.User, p.Ticket, handle); err != nil {
		d.Log.Error("remembering which session a mailed link began failed", "user", p.User.ID, "error", err)
	}
}

// fresh tells whether u still has to store the password that a mailed one was
// exchanged for. Nobody is kept from their work because this cannot be read.
func (d *Dispatcher) fresh(r *http.Request, u *store.User) bool {
	if d.Tickets == nil {
		return false
	}
	_, err := d.Tickets.Fresh(r.Context(), u)
	if err != nil && !errors.Is(err, ticket.ErrNone) {
		d.Log.Warn("reading whether a fresh password waits failed", "user", u.ID, "error", err)
	}
	return err == nil
}

// tellWithin bounds how long a mail to somebody who is not waiting may take to be
// written.
const tellWithin = time.Minute

// Tell mails u what somebody did in their name. It is no part of the answer, in
// which nobody may see whether there was a mail.
func (d *Dispatcher) Tell(ctx context.Context, u *store.User, kind, locale, reference string) {
	d.tell(ctx, u, ticket.Telling{Kind: kind, Locale: locale, Reference: reference})
}

func (d *Dispatcher) tell(ctx context.Context, u *store.User, what ticket.Telling) {
	if d.Tickets == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	what.Origin = d.Origin
	if err := d.Tickets.Tell(ctx, u, what); err != nil {
		d.Log.Warn("telling a user by mail failed", "user", u.ID, "letter", what.Kind, "error", err)
	}
}

// Browser names the browser a request comes from: the id in the flow cookie,
// which is set where it is absent. It is no secret to that browser and unknown
// to all others.
func (d *Dispatcher) Browser(w http.ResponseWriter, r *http.Request) string {
	f := d.flowNow(w, r)
	if f.Browser == "" {
		f.Browser = d.setFlow(w, r, f)
	}
	return f.Browser
}

// Asked remembers which mail this browser asked for last, so that its code can be
// typed without any other field.
func (d *Dispatcher) Asked(w http.ResponseWriter, r *http.Request, id string) {
	f := d.flowNow(w, r)
	f.Asked = id
	d.setFlow(w, r, f)
}

// LastAsked returns the mail that this browser asked for last, if any.
func (d *Dispatcher) LastAsked(r *http.Request) string { return d.flow(r).Asked }

// Recognised tells whether somebody has logged in with this browser before.
func (d *Dispatcher) Recognised(r *http.Request) bool { return d.device(r).id != "" }

// Visited names the browser a request comes from, empty where it brought no flow
// cookie. Unlike Browser it sets none.
func (d *Dispatcher) Visited(r *http.Request) string { return d.flow(r).Browser }
