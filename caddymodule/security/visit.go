package security

import (
	"context"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

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
	proved  time.Time
	amr     []string // of the proof that came with this form
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
	case f.Session == nil || !e.admits(v, f):
		e.outside(v, f.Cause)
		return false
	}
	v.account = f.Account
	v.user, err = e.Directory.User(v.Context(), f.User.Account(), f.User.ID())
	if err != nil {
		e.away(v, err)
		return false
	}
	v.proved = f.AuthTime()
	v.session, v.locale = f.Session.Handle(), e.Pages.Locale(v.Request, v.user.Locale)
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
		target.Redirect(v.w, target.With(e.Prefix+"/login", e.back(v)))
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
	for _, f := range r.PostForm {
		if len(f) > 1 || len(f) == 1 && !utf8.ValidString(f[0]) {
			return false
		}
	}
	return true
}

// to is where the person was going, home for nowhere.
func (e *Errand) to(v *visit) string { return target.Safe(v.URL.Query().Get(target.Param), e.Prefix) }

// on leads to another of these pages, with where the person was going.
func (e *Errand) on(v *visit, path string, more ...string) { e.onTo(v, path, e.to(v), more...) }

// onTo is on for a request whose address does not say where they were going.
func (e *Errand) onTo(v *visit, path, to string, more ...string) {
	target.Redirect(v.w, target.With(e.Prefix+path, target.Safe(to, e.Prefix), more...))
}

// say words something for the person who is here.
func (e *Errand) say(v *visit, id string, args ...any) string {
	return e.Pages.Text(v.locale, id, args...)
}

// sub is what all of these pages share. A change that was made leads to the page
// with what was done in its address; results are those that the page has words for.
func (e *Errand) sub(v *visit, results map[string]bool, prove page.Prove) page.Sub {
	s := page.Sub{Target: e.to(v), Locale: v.locale, Prove: prove}
	if done := v.URL.Query().Get("done"); results[done] && v.Method != http.MethodPost {
		s.Done = done
	}
	return s
}

// note keeps a proof that was refused, under a reference.
func (e *Errand) note(v *visit, c cause.Cause, until time.Time) (reference string) {
	from := visitor.Of(v.Request)
	return e.Dispatcher.Note(v.Context(), attempt.Entry{
		Cause: c, Method: proof.Method, Typed: v.user.Email, User: v.user.ID, Account: v.user.Account, Network: from.Network,
		Agent: from.Agent, Locale: v.locale, RetryAt: until, Session: v.session,
		Known: e.Dispatcher.KnownDevice(v.Request, v.user.ID) != "",
	})
}
