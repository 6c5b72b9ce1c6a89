package signin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Proof is what a step established about the person at the other end.
type Proof struct {
	User   *store.User
	Method string   // "password", "magic"
	Amr    []string // RFC 8176
	// Enough: it came from a provider of which the operator says that this login
	// there stands for our second step, too.
	Enough   bool
	Remember bool
	Known    bool // from a known device
	// Ticket is the mailed one this rests on; it is used when the login comes about.
	Ticket string
	// Target overrides that of the address.
	Target string

	// Only Completed sets these: no errand can say that there was a second step.
	second bool // passed, or not asked on this device
	trust  bool // this device is not to be asked
	few    bool // a recovery code was used, and few are left
	// asked: they have to switch a second step on, now or soon.
	asked bool
}

// retryAfter is what people are told to wait when the store does not answer.
const retryAfter = 5 * time.Second

// Proven takes a proof and answers the request: with a session, the next step, or
// the reason why not.
func (d *Dispatcher) Proven(w http.ResponseWriter, r *http.Request, p Proof) {
	r = r.WithContext(audit.As(r.Context(), themselves(r, p.User)))
	account, err := d.Directory.Account(r.Context(), p.User.Account)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		d.Unavailable(w, r, p.User.Email, p.Remember, err)
		return
	}
	p.second = p.second || p.Enough
	p.asked = account != nil && d.Rules.Asked(p.User, account)
	switch step, c := Next(p.User, account, d.Rules, d.Now()); {
	case step == Enter || step == SecondStep && p.second:
		d.enter(w, r, p)
	case step == SecondStep || p.User.SecondStep && !p.second && d.repairs(p.User, account, c):
		d.second(w, r, p, account)
	default:
		d.refuse(w, r, p, account, c)
	}
}

// themselves is u, as who does what follows from their proof.
func themselves(r *http.Request, u *store.User) audit.Actor {
	v := visitor.Of(r)
	return audit.Actor{
		Kind: audit.ByUser, ID: u.ID, Account: u.Account, Name: u.Name, Network: v.Network, Agent: v.Agent,
	}
}

func (d *Dispatcher) enter(w http.ResponseWriter, r *http.Request, p Proof) {
	begun := d.Now()
	settled, ok := d.settle(w, r, &p)
	if !ok {
		return
	}
	started, device, err := d.start(w, r, p)
	if errors.Is(err, session.ErrChanged) {
		d.Pages.Login(w, r, cause.SessionEnded.Status(), page.Login{Email: p.User.Email, Cause: cause.SessionEnded})
		return
	}
	if err != nil {
		d.Unavailable(w, r, p.User.Email, p.Remember, err)
		return
	}
	d.began(r, p, started.Handle)
	d.trust(r, p, device)
	d.keepLocale(r, p.User)
	e := d.entry(r, p, cause.None)
	e.Session = started.Handle
	reference := d.Note(r.Context(), e)
	if !p.Known && p.User.Locale != "" { // not their first login
		go d.tell(context.WithoutCancel(r.Context()), p.User, ticket.Telling{
			Kind: letter.NewDevice, Locale: d.Pages.Locale(r, p.User.Locale), Reference: reference, Since: begun,
		})
	}
	noStore(w)
	target.Redirect(w, d.destination(r, p, settled.Fresh))
}

// destination is where a login leads: what the person came for, unless something
// has to be done first.
func (d *Dispatcher) destination(r *http.Request, p Proof, fresh bool) string {
	to := p.Target
	if to == "" {
		to = r.URL.Query().Get(target.Param)
	}
	to = target.Safe(to, d.Prefix)
	if t, _ := d.Rules.TypeOf(p.User); !t.App {
		to = d.adminPath(to)
	}
	switch {
	case d.cookiesDoubtful(r):
		return target.With(d.Prefix+"/login", to, paramCheck, d.checkOf(r))
	case fresh || d.fresh(r, p.User):
		return target.With(d.Prefix+"/recover/keep", to)
	case p.few || p.asked:
		return target.With(d.Prefix+"/security", to)
	}
	return to
}

// start begins the session and sets the cookies. The session this browser had
// before is over: a login never takes over an older one. device is the digest of
// the known device that the browser is from now on.
func (d *Dispatcher) start(w http.ResponseWriter, r *http.Request, p Proof) (started *session.Started, device string, err error) {
	v := visitor.Of(r)
	ctx, secure := context.WithoutCancel(r.Context()), cookie.Secure(r, d.HTTPS)
	started, err = d.Sessions.Start(ctx, session.Login{
		User: p.User, Method: p.Method, Amr: p.Amr, Remember: p.Remember, Agent: v.Agent, Network: v.Network, Site: v.Site,
		Scope: secure.Domain,
	})
	if err != nil {
		return nil, "", err
	}
	if old, ok := cookie.Find(r.Header, cookie.Name(cookie.Session, secure), 0); ok {
		if err := d.Sessions.End(ctx, old); err != nil {
			d.Log.Warn("ending the session this browser had before failed", "error", err)
		}
	}
	http.SetCookie(w, cookie.New(cookie.Session, started.Cookie, secure, started.MaxAge))
	d.take(w, r, p.User)
	return started, d.remember(w, r, p.User.ID, p.Method), nil
}

// repairs tells whether u gets a session although the account is blocked.
func (d *Dispatcher) repairs(u *store.User, a *store.Account, c cause.Cause) bool {
	return d.CanRepair && a != nil && u.Type == directory.SuperadminType && c.OfAccount()
}

// refuse tells somebody who is known why they may not be here. The superadmin of
// a blocked account also gets a session, which opens the repair paths only.
func (d *Dispatcher) refuse(w http.ResponseWriter, r *http.Request, p Proof, a *store.Account, c cause.Cause) {
	reference := d.Note(r.Context(), d.entry(r, p, c))
	owner := p.User.Type == directory.SuperadminType && a != nil
	v := page.Refusal{
		Cause: c, Reference: reference, Name: p.User.Name, Superadmin: owner,
		Locale: d.Pages.Locale(r, p.User.Locale),
	}
	if owner && c.OfAccount() {
		v.Links = page.PayLinks(c, a.PayURL)
		if d.CanRepair && (p.second || !p.User.SecondStep) {
			if _, _, err := d.start(w, r, p); err != nil {
				d.Log.Error("starting a session for the repair paths failed", "error", err)
			}
		}
	}
	d.Pages.Refusal(w, r, v)
}

func (d *Dispatcher) entry(r *http.Request, p Proof, c cause.Cause) attempt.Entry {
	v := visitor.Of(r)
	return attempt.Entry{
		Cause: c, Method: p.Method, Typed: p.User.Email, User: p.User.ID, Account: p.User.Account,
		Network: v.Network, Agent: v.Agent, Locale: d.Pages.Locale(r, p.User.Locale), Known: p.Known,
	}
}

// Note records, counts and logs one outcome, and returns its reference. A store
// that does not take it costs the reference, not the answer.
func (d *Dispatcher) Note(ctx context.Context, e attempt.Entry) (reference string) {
	reference, err := d.Attempts.Record(context.WithoutCancel(ctx), e)
	if err != nil {
		d.Log.Error("recording an attempt failed", "error", err)
	}
	outcome := "ok"
	switch {
	case e.Cause != cause.None:
		outcome = string(e.Cause)
		d.Metrics.Refused(e.Cause)
	case e.Asked:
		outcome = "mail_asked"
	}
	d.Metrics.Login(e.Method, outcome)
	d.Log.Info("login", slog.String("outcome", outcome), slog.String("method", e.Method),
		slog.String("reference", reference), slog.String("user", e.User), slog.String("account", e.Account),
		slog.String("network", e.Network), slog.Bool("known_device", e.Known))
	return reference
}

// Unavailable tells that nobody can log in this moment; what was typed stays.
func (d *Dispatcher) Unavailable(w http.ResponseWriter, r *http.Request, email string, remember bool, err error) {
	d.Log.Error("login not possible: the store does not answer", "error", err)
	d.Metrics.Refused(cause.StoreUnavailable)
	d.Pages.Login(w, r, cause.StoreUnavailable.Status(), page.Login{
		Email: email, Remember: remember, Cause: cause.StoreUnavailable, RetryAfter: retryAfter,
	})
}

// keepLocale stores the language of the first login for mails and later pages.
func (d *Dispatcher) keepLocale(r *http.Request, u *store.User) {
	if u.Locale != "" {
		return
	}
	locale := d.Pages.Locale(r, "")
	_, err := d.Directory.UpdateUser(context.WithoutCancel(r.Context()), u.Account, u.ID, func(u *store.User) error {
		if u.Locale == "" {
			u.Locale = locale
		}
		return nil
	})
	if err != nil {
		d.Log.Warn("storing the language of a user failed", "error", err)
	}
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Login-Gateway", "1")
}
