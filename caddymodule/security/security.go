package security

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Factors is what somebody's second step is managed with.
type Factors interface {
	Status(ctx context.Context, u *store.User, session string) (factor.Status, error)
	Begin(ctx context.Context, u *store.User, session string) error
	BeginCodes(ctx context.Context, u *store.User, session string) error
	Setup(ctx context.Context, u *store.User, session string) (factor.Setup, error)
	Confirm(ctx context.Context, u *store.User, session, code string) error
	Enable(tx store.Tx, u *store.User, session string) error
	Abandon(ctx context.Context, u *store.User) error
	Check(ctx context.Context, u *store.User, code string) (factor.Accepted, error)
	Forget(ctx context.Context, u *store.User, id string) error
}

// Pages shows what people see.
type Pages interface {
	Security(w http.ResponseWriter, r *http.Request, status int, v page.Security)
	SecondSetup(w http.ResponseWriter, r *http.Request, status int, v page.SecondSetup)
	Login(w http.ResponseWriter, r *http.Request, status int, v page.Login)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
	Text(locale, id string, args ...any) string
	Locale(r *http.Request, stored string) string
}

const (
	patience  = 20 * time.Second
	busyRetry = 5 * time.Second
	maxBody   = 16 << 10
)

// visit is one request of somebody who is logged in.
type visit struct {
	*http.Request
	w       http.ResponseWriter
	user    *store.User
	account *store.Account
	cookie  string // value of the session cookie
	session string // its public handle
	locale  string
}

// inside finds who is logged in and calls do, or answers the request. Own pages
// and app share an origin: a script of the app that asks for one of these pages is
// refused, so that it reads no seed and no recovery code.
func (e *Errand) inside(do func(v *visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Login-Gateway", "1")
		if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
		defer cancel()
		v := &visit{Request: r.WithContext(ctx), w: w}
		if r.Method == http.MethodPost && !readForm(w, v.Request) {
			e.Pages.Refusal(w, r, page.Refusal{Cause: cause.BadRequest})
			return
		}
		if e.enter(v) {
			do(v)
		}
	}
}

func (e *Errand) enter(v *visit) bool {
	v.cookie, _ = cookie.Find(v.Header, cookie.Name(cookie.Session, cookie.Secure(v.Request, e.HTTPS)), 0)
	f, err := e.Sessions.Check(v.Context(), v.cookie)
	switch {
	case err != nil:
		e.away(v, err)
		return false
	case f.Session == nil || !mayStay(f.Cause):
		e.outside(v, f.Cause)
		return false
	}
	v.account = f.Account
	v.user, err = e.Directory.User(v.Context(), f.User.Account, f.User.ID)
	if err != nil {
		e.away(v, err)
		return false
	}
	v.session, v.locale = f.Session.Handle, e.Pages.Locale(v.Request, v.user.Locale)
	from := visitor.Of(v.Request)
	v.Request = v.WithContext(audit.As(v.Context(), audit.Actor{
		Kind: audit.ByUser, ID: v.user.ID, Account: v.user.Account, Name: v.user.Email, Network: from.Network, Agent: from.Agent, Session: v.session,
	}))
	return true
}

// mayStay is true for people whose only fault is what they come here to mend.
func mayStay(c cause.Cause) bool { return c == cause.None || c == cause.SecondStepRequired }

func (e *Errand) outside(v *visit, c cause.Cause) {
	switch {
	case c != cause.NotLoggedIn && c != cause.SessionExpired && c != cause.SessionEnded:
		e.Pages.Refusal(v.w, v.Request, page.Refusal{Cause: c})
	case v.Method == http.MethodPost:
		e.Pages.Login(v.w, v.Request, cause.NotLoggedIn.Status(), page.Login{Cause: cause.NotLoggedIn})
	default:
		target.Redirect(v.w, target.With(e.Prefix+"/login", v.URL.Path))
	}
}

func (e *Errand) away(v *visit, err error) {
	e.Log.Error("the security page is not possible: the store does not answer", "error", err)
	e.Pages.Refusal(v.w, v.Request, page.Refusal{Cause: cause.StoreUnavailable, RetryAfter: busyRetry})
}

// readForm refuses what another reader would read otherwise.
func readForm(w http.ResponseWriter, r *http.Request) bool {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		if media, _, err := mime.ParseMediaType(ct); err != nil || media != "application/x-www-form-urlencoded" {
			return false
		}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.ParseForm() != nil {
		return false
	}
	for _, name := range []string{"password", "code", "stored", "device"} {
		if f := r.PostForm[name]; len(f) > 1 || len(f) == 1 && !utf8.ValidString(f[0]) {
			return false
		}
	}
	return true
}

// to is where the person was going, home for nowhere.
func (e *Errand) to(v *visit) string { return target.Safe(v.URL.Query().Get(target.Param), e.Prefix) }

// on leads to another of these pages, with where the person was going.
func (e *Errand) on(v *visit, path string, more ...string) {
	target.Redirect(v.w, target.With(e.Prefix+path, e.to(v), more...))
}

// The results that the page can be opened with.
var results = map[string]bool{"on": true, "off": true, "codes": true, "forgotten": true, "cancelled": true}

func (e *Errand) overview(v *visit) {
	p := page.Security{}
	if done := v.URL.Query().Get("done"); results[done] {
		p.Done = done
	}
	e.show(v, http.StatusOK, p)
}

// show writes the page with all there is, and what is the matter in p.
func (e *Errand) show(v *visit, status int, p page.Security) {
	s, err := e.Factors.Status(v.Context(), v.user, v.session)
	if err != nil {
		e.away(v, err)
		return
	}
	p.Name, p.Locale, p.Target = v.user.Name, v.locale, e.to(v)
	p.On, p.Since, p.CodesLeft, p.Setup = s.On, s.Since, s.CodesLeft, s.Setup
	p.HasPassword = v.user.Password != ""
	if required, from := e.Rules.Duty(v.user, v.account); required {
		if p.Required = true; from.After(e.Now()) {
			p.By = from
		}
	}
	here := e.Dispatcher.KnownDevice(v.Request, v.user.ID)
	for _, d := range s.Devices {
		p.Devices = append(p.Devices, page.TrustedDevice{
			ID: d.ID, Agent: d.Agent, Network: d.Network, Since: d.Since, Until: d.Until, Here: d.ID == here,
		})
	}
	e.Pages.Security(v.w, v.Request, status, p)
}

func (e *Errand) forget(v *visit) {
	id := v.PostForm.Get("device")
	if id == "" {
		e.show(v, cause.BadRequest.Status(), page.Security{Cause: cause.BadRequest})
		return
	}
	if id == "all" {
		id = ""
	}
	if err := e.Factors.Forget(v.Context(), v.user, id); err != nil {
		e.away(v, err)
		return
	}
	e.on(v, "/security", "done", "forgotten")
}

// note keeps a proof that was refused, under a reference.
func (e *Errand) note(v *visit, c cause.Cause, until time.Time) (reference string) {
	from := visitor.Of(v.Request)
	return e.Dispatcher.Note(v.Context(), attempt.Entry{
		Cause: c, Method: Method, Typed: v.user.Email, User: v.user.ID, Account: v.user.Account, Network: from.Network,
		Agent: from.Agent, Locale: v.locale, RetryAt: until, Session: v.session,
		Known: e.Dispatcher.KnownDevice(v.Request, v.user.ID) != "",
	})
}

// gone tells whether a change found the session or the set-up over.
func gone(err error) bool { return errors.Is(err, factor.ErrNone) || errors.Is(err, store.ErrNotFound) }

// Checker tells whether a session is good.
type Checker interface {
	Check(ctx context.Context, cookie string) (*session.Facts, error)
	EndOthers(tx store.Tx, u *store.User, value string, amr ...string) error
}

// fileName is that of the recovery codes on the person's own disk.
func (e *Errand) fileName(v *visit) string {
	return "attachment; filename=\"" + url.PathEscape(e.Pages.Text(v.locale, "setup.file")) + ".txt\""
}
