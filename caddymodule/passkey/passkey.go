// Package passkey is the errand of logging in with a passkey: it hands out what a
// browser asks a device for, keeps to the limits, has the answer checked, and goes
// back to the dispatcher. What a passkey is, and when it counts, is the business of
// package factor.
package passkey

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Dispatcher goes on with the login.
type Dispatcher interface {
	Browser(w http.ResponseWriter, r *http.Request) string
	Visited(r *http.Request) string
	KnownDevice(r *http.Request, user string) string
	ProvenByPasskey(w http.ResponseWriter, r *http.Request, v *factor.Verified, remember bool)
	Note(ctx context.Context, e attempt.Entry) (reference string)
	Unavailable(w http.ResponseWriter, r *http.Request, email string, remember bool, err error)
	Tell(ctx context.Context, u *store.User, kind, locale, reference string)
}

// Factors checks passkeys.
type Factors interface {
	AskLogin(browser string) (options string, err error)
	AskAction(ctx context.Context, u *store.User, session string) (options string, err error)
	Login(ctx context.Context, browser, answer string) (*factor.Verified, error)
}

// Sessions tells whether a session is good.
type Sessions interface {
	Check(ctx context.Context, cookie string) (*session.Facts, error)
}

// Pages shows what people see.
type Pages interface {
	Login(w http.ResponseWriter, r *http.Request, status int, v page.Login)
	Locale(r *http.Request, stored string) string
}

// Options are what an Errand works with.
type Options struct {
	Prefix     string
	HTTPS      bool
	Dispatcher Dispatcher
	Factors    Factors
	Sessions   Sessions
	Limits     *limit.Limiter
	Pages      Pages
	// Fits tells whether pages at a host can use passkeys.
	Fits func(host string) bool
	Log  *slog.Logger
	Now  func() time.Time
}

// Errand logs people in with passkeys.
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

// Mount adds the routes.
func (e *Errand) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+e.Prefix+"/passkey/options", e.ask)
	mux.HandleFunc("GET "+e.Prefix+"/passkey/proof", e.askProof)
	mux.HandleFunc("POST "+e.Prefix+"/passkey/login", e.login)
}

const (
	patience  = 20 * time.Second
	busyRetry = 5 * time.Second
	// maxBody leaves room for each character of an answer to be encoded.
	maxBody = 3*factor.MaxPosted + 1<<10
)

// ask answers the script of the login page with what a browser asks a device for.
// It costs no record, and is good in this browser only.
func (e *Errand) ask(w http.ResponseWriter, r *http.Request) {
	if !e.Fits(r.Host) {
		options(w, "", factor.ErrNoPasskeys, e.Log)
		return
	}
	text, err := e.Factors.AskLogin(e.Dispatcher.Browser(w, r))
	options(w, text, err, e.Log)
}

// askProof does so for somebody who is logged in and is to prove who they are,
// inside an action: also for the superadmin of a blocked account, whose repair paths
// may ask for it, and who may have no second step but keys.
func (e *Errand) askProof(w http.ResponseWriter, r *http.Request) {
	value, _ := cookie.Find(r.Header, cookie.Name(cookie.Session, cookie.Secure(r, e.HTTPS)), 0)
	f, err := e.Sessions.Check(r.Context(), value)
	switch {
	case err != nil:
		options(w, "", err, e.Log)
	case f.Session == nil || f.Cause != cause.None && f.Cause != cause.SecondStepRequired && !f.Repair || !e.Fits(r.Host):
		options(w, "", factor.ErrNoPasskeys, e.Log)
	default:
		u := &store.User{ID: f.User.ID(), Account: f.User.Account()}
		text, err := e.Factors.AskAction(r.Context(), u, f.Session.Handle())
		options(w, text, err, e.Log)
	}
}

func options(w http.ResponseWriter, text string, err error, log *slog.Logger) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "application/json")
	switch {
	case errors.Is(err, factor.ErrNoPasskeys):
		w.WriteHeader(http.StatusNotFound)
		text = "{}"
	case err != nil:
		log.Error("asking for a passkey is not possible: the store does not answer", "error", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		text = "{}"
	}
	_, _ = w.Write([]byte(text)) //nolint:gosec // JSON of our own making, sent as such and not sniffed
}

// login takes what the device answered, as a form like any other.
func (e *Errand) login(w http.ResponseWriter, r *http.Request) {
	// Whoever hangs up after the comparison has still used up a try.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	r = r.WithContext(ctx)
	answer, remember, ok := readForm(w, r)
	if !ok {
		e.refuse(w, r, &factor.Denied{Reason: factor.Malformed}, cause.BadRequest, time.Time{})
		return
	}
	place, ok := e.reserve(w, r, answer)
	if !ok {
		return
	}
	v, err := e.Factors.Login(ctx, e.Dispatcher.Visited(r), answer)
	var denied *factor.Denied
	switch {
	case err == nil:
		if err := place.Succeeded(ctx); err != nil {
			e.Log.Error("giving back the place of a right passkey failed", "error", err)
		}
		e.Dispatcher.ProvenByPasskey(w, r, v, remember)
	case errors.As(err, &denied):
		until, err := place.Failed(ctx)
		if err != nil {
			e.Dispatcher.Unavailable(w, r, "", remember, err)
			return
		}
		e.refuse(w, r, denied, cause.PasskeyRefused, until)
	default:
		_ = place.Release(ctx)
		e.Dispatcher.Unavailable(w, r, "", remember, err)
	}
}

// readForm refuses what another reader would read otherwise.
func readForm(w http.ResponseWriter, r *http.Request) (answer string, remember, ok bool) {
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return "", false, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.ParseForm() != nil {
		return "", false, false
	}
	for _, name := range []string{"passkey", "remember"} {
		if v := r.PostForm[name]; len(v) > 1 || len(v) == 1 && !utf8.ValidString(v[0]) {
			return "", false, false
		}
	}
	answer = r.PostForm.Get("passkey")
	return answer, r.PostForm.Get("remember") != "", answer != "" && len(answer) <= factor.MaxPosted
}

// reserve takes a place in the budget of this key, or answers the request. It is one
// of its own: nobody guesses a passkey, so wrong passwords do not shut it out, and
// what is counted here shuts no password out. The network counts as ever.
func (e *Errand) reserve(w http.ResponseWriter, r *http.Request, answer string) (*limit.Place, bool) {
	from := visitor.Of(r)
	place, err := e.Limits.Reserve(r.Context(), limit.Try{Subject: subject(answer), Network: from.Network})
	var refused *limit.Refused
	switch {
	case err == nil:
		return place, true
	case errors.As(err, &refused):
		e.refuse(w, r, &factor.Denied{}, cause.TooManyAttempts, refused.Until)
	case errors.Is(err, limit.ErrBusy), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.refuse(w, r, &factor.Denied{}, cause.Busy, e.Now().Add(busyRetry))
	default:
		e.Dispatcher.Unavailable(w, r, "", false, err)
	}
	return nil, false
}

// subject is whose budget an answer counts in: that of the key it claims to be of.
func subject(answer string) string {
	var claimed struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal([]byte(answer), &claimed) // what cannot be read has the key ""
	return attempt.Subject("", "passkey "+claimed.ID)
}

// refuse shows the login page, where every other way in is, with what is the matter.
func (e *Errand) refuse(w http.ResponseWriter, r *http.Request, d *factor.Denied, c cause.Cause, until time.Time) {
	from, entry := visitor.Of(r), attempt.Entry{Cause: c, Method: signin.MethodPasskey, RetryAt: until}
	v := page.Login{Cause: c, Remember: r.PostForm.Get("remember") != ""}
	locale := e.Pages.Locale(r, "")
	if u := d.User; u != nil {
		entry.Typed, entry.User, entry.Account = u.Email, u.ID, u.Account
		entry.Known = e.Dispatcher.KnownDevice(r, u.ID) != ""
	}
	entry.Network, entry.Agent, entry.Locale = from.Network, from.Agent, locale
	e.Log.Info("a passkey was refused", "reason", d.Reason, "error", d.Cause)
	v.Reference = e.Dispatcher.Note(r.Context(), entry)
	if id := page.PasskeyHint(d.Reason); id != "" && c == cause.PasskeyRefused {
		v.Hints = []string{id}
	}
	if wait := until.Sub(e.Now()); !until.IsZero() && wait > 0 {
		v.RetryAt, v.RetryAfter = until, wait
	}
	e.Pages.Login(w, r, c.Status(), v)
	if d.Reason == factor.Copied {
		go e.Dispatcher.Tell(context.WithoutCancel(r.Context()), d.User, letter.PasskeyCopied, locale, v.Reference)
	}
}
