// Package password is the errand of logging in with address and password: it
// reads the form, keeps to the attempt limits, compares, and hands the proof to
// the dispatcher. Nothing a stranger can see, count or time tells a wrong password
// from an unknown address: both take the same steps with the same reads, writes
// and one hash.
package password

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Method is how attempts and metrics call this way of logging in.
const Method = "password"

// Dispatcher is told what was proved.
type Dispatcher interface {
	Proven(w http.ResponseWriter, r *http.Request, p signin.Proof)
	KnownDevice(r *http.Request, user string) string
	DeviceUsers(r *http.Request) []string
	Note(ctx context.Context, e attempt.Entry) (reference string)
	Unavailable(w http.ResponseWriter, r *http.Request, email string, remember bool, err error)
	Tell(ctx context.Context, u *store.User, kind, locale, reference string)
}

// Directory finds users.
type Directory interface {
	FindByEmail(ctx context.Context, address string) (*store.User, error)
	User(ctx context.Context, account, id string) (*store.User, error)
	UpdateUser(ctx context.Context, account, id string, fn func(*store.User) error) (*store.User, error)
	Former(ctx context.Context, account, id string) ([]store.FormerPassword, error)
}

// Tickets knows the passwords that were mailed and not used yet.
type Tickets interface {
	Pending(ctx context.Context, owner outbox.Owner, password string) (*ticket.Found, error)
}

// Attempts is told, later, that a wrong password had been right once.
type Attempts interface {
	WasRight(ctx context.Context, reference, user string, until time.Time) error
}

// Hasher compares passwords.
type Hasher interface {
	Full(p passhash.Place) bool
	Verify(ctx context.Context, encoded, password string, p passhash.Place) (passhash.Result, error)
	Hash(ctx context.Context, password string) (string, error)
}

// Pages shows the login form again.
type Pages interface {
	Login(w http.ResponseWriter, r *http.Request, status int, v page.Login)
	Locale(r *http.Request, stored string) string
}

// Options are what an Errand works with.
type Options struct {
	Prefix     string
	Dispatcher Dispatcher
	Directory  Directory
	Tickets    Tickets  // nil: nothing is mailed
	Attempts   Attempts // nil: former passwords are not looked for
	Limits     *limit.Limiter
	Hasher     Hasher
	Pages      Pages
	Log        *slog.Logger
	Now        func() time.Time
}

// Errand logs people in with a password.
type Errand struct {
	Options
	once    *once
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
	return &Errand{Options: o, once: &once{now: o.Now, left: onceBurst}}
}

// Mount adds the route of the form.
func (e *Errand) Mount(mux *http.ServeMux) { mux.HandleFunc("POST "+e.Prefix+"/login", e.login) }

// patience bounds how long one login may wait for others to finish. It is well
// below the time after which a reserved try lapses.
const patience = 20 * time.Second

// try is one login under way.
type try struct {
	form      form
	canonical string // of the typed address, empty where it is none
	user      *store.User
	password  string // what is compared: see asCompared
	device    string
	visitor   visitor.Visitor
	ctx       context.Context
}

func (e *Errand) login(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err != nil {
		e.refuse(w, r, &try{form: f, visitor: visitor.Of(r)}, cause.BadRequest, time.Time{})
		return
	}
	// Whoever hangs up after the comparison has still used up a try.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	t, err := e.identify(ctx, r, f)
	if err != nil {
		e.Dispatcher.Unavailable(w, r, f.email, f.remember, err)
		return
	}
	if t.canonical == "" {
		// No address at all: nobody's, as anybody can see. Nothing typed is kept,
		// since people type passwords into the wrong field.
		e.wrong(w, r, t, nil, time.Time{})
		return
	}
	if e.Hasher.Full(t.place()) {
		// Most of a flood ends here: what it costs is taken from those who work.
		e.refuse(w, r, t, cause.Busy, time.Time{})
		return
	}
	place, ok := e.reserve(w, r, t)
	if !ok {
		return
	}
	pending, err := e.pending(ctx, t)
	if err != nil {
		_ = place.Release(ctx)
		e.Dispatcher.Unavailable(w, r, f.email, f.remember, err)
		return
	}
	result, err := e.compare(r, t)
	switch {
	case errors.Is(err, passhash.ErrBusy) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		_ = place.Release(ctx)
		e.refuse(w, r, t, cause.Busy, time.Time{})
	case result.OK || t.user != nil && pending != nil && pending.Cause == cause.None:
		e.right(w, r, t, place, result, pending)
	default:
		until, err := place.Failed(ctx)
		if err != nil {
			e.Dispatcher.Unavailable(w, r, f.email, f.remember, err)
			return
		}
		e.wrong(w, r, t, pending, until)
	}
}

// right hands the proof over. The password in force counts before a mailed one:
// it leaves those alone.
func (e *Errand) right(w http.ResponseWriter, r *http.Request, t *try, place *limit.Place, result passhash.Result, pending *ticket.Found) {
	// Beside the session that begins: a store that groups its writes does both at
	// once.
	var settling sync.WaitGroup
	defer settling.Wait()
	settling.Go(func() {
		if err := place.Succeeded(t.ctx); err != nil {
			e.Log.Error("giving back the place of a right try failed", "error", err)
		}
	})
	p := signin.Proof{
		User: t.user, Method: Method, Amr: []string{"pwd"}, Remember: t.form.remember, Known: t.device != "",
	}
	if !result.OK {
		p.Ticket = pending.Ticket.ID
	}
	e.Dispatcher.Proven(w, r, p)
	if result.Outdated {
		go e.rehash(t.user, t.password)
	}
}

// identify finds out whose address was typed. Where it is nobody's, the store is
// asked as often as if it were somebody's.
func (e *Errand) identify(ctx context.Context, r *http.Request, f form) (*try, error) {
	t := &try{form: f, visitor: visitor.Of(r), ctx: ctx}
	canonical, err := directory.Canonical(f.email)
	if err != nil {
		return t, nil
	}
	t.canonical, t.password = canonical, asCompared(nil, f.password)
	u, err := e.Directory.FindByEmail(ctx, canonical)
	if errors.Is(err, store.ErrNotFound) {
		_, err = e.Directory.User(ctx, "nobody", "nobody")
		if err == nil || errors.Is(err, store.ErrNotFound) {
			return t, nil
		}
	}
	if err != nil {
		return nil, err
	}
	t.user, t.password = u, asCompared(u, f.password)
	t.device = e.Dispatcher.KnownDevice(r, u.ID)
	return t, nil
}

// subject is under whom the try counts: unknown addresses are counted like users.
func (t *try) subject() string {
	if t.user != nil {
		return attempt.Subject(t.user.ID, "")
	}
	return attempt.Subject("", t.canonical)
}

// place is where the try waits for its comparison.
func (t *try) place() passhash.Place {
	return passhash.Place{Network: t.visitor.Network, Reserved: t.device != ""}
}

// owner is whose mails may hold the password.
func (t *try) owner() outbox.Owner {
	if t.user != nil {
		return outbox.OfUser(t.user.Account, t.user.ID)
	}
	return outbox.OfNobody(t.subject())
}

// pending returns the mail that what was typed came with, nil for none. It is
// asked for at every try and before the comparison, so that nothing tells when
// there is one.
func (e *Errand) pending(ctx context.Context, t *try) (*ticket.Found, error) {
	if e.Tickets == nil {
		return nil, nil
	}
	found, err := e.Tickets.Pending(ctx, t.owner(), asCompared(nil, t.form.password))
	if errors.Is(err, ticket.ErrNone) {
		return nil, nil
	}
	return found, err
}

// asCompared is what a typed password is compared as. A generated one has no
// blanks, so those around it were pasted along; a chosen one may have them.
func asCompared(u *store.User, typed string) string {
	if u != nil && u.PasswordChosen {
		return typed
	}
	return strings.TrimFunc(typed, blank)
}

// blank is true for what is no letter of a password and comes along when text is
// copied out of a mail.
func blank(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// reserve takes a place in the budgets, or answers the request.
func (e *Errand) reserve(w http.ResponseWriter, r *http.Request, t *try) (*limit.Place, bool) {
	place, err := e.Limits.Reserve(t.ctx, limit.Try{Subject: t.subject(), Network: t.visitor.Network, Device: t.device})
	var refused *limit.Refused
	switch {
	case err == nil:
		return place, true
	case errors.As(err, &refused):
		e.refuse(w, r, t, cause.TooManyAttempts, refused.Until)
	case errors.Is(err, limit.ErrBusy), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.refuse(w, r, t, cause.Busy, time.Time{})
	default:
		e.Dispatcher.Unavailable(w, r, t.form.email, t.form.remember, err)
	}
	return nil, false
}

func (e *Errand) compare(r *http.Request, t *try) (passhash.Result, error) {
	encoded := ""
	if t.user != nil {
		encoded = t.user.Password
	}
	// A visitor who hangs up while waiting leaves the queue; one who hangs up
	// during the comparison has it counted, because the result is there then.
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	res, err := e.Hasher.Verify(ctx, encoded, t.password, t.place())
	if errors.Is(err, passhash.ErrUnknownScheme) {
		e.Log.Error("the password hash of a user cannot be read; give them a new password", "user", t.user.ID, "error", err)
		return passhash.Result{}, nil
	}
	return res, err
}

func (e *Errand) rehash(u *store.User, password string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	encoded, err := e.Hasher.Hash(ctx, password)
	if err == nil {
		_, err = e.Directory.UpdateUser(ctx, u.Account, u.ID, func(now *store.User) error {
			if now.Password == u.Password {
				now.Password = encoded
			}
			return nil
		})
	}
	if err != nil {
		e.Log.Warn("renewing an outdated password hash failed; tried again at the next login", "error", err)
	}
}
