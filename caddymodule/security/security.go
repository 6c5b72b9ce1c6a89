// Package security is the errand of what a user sees and manages about their own
// access: their second step, the devices that are not asked for it, and how long
// the session lasts. What changes something asks for a proof inside the action.
package security

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Checker tells whether a session is good.
type Checker interface {
	Check(ctx context.Context, cookie string) (*session.Facts, error)
	EndOthers(tx store.Tx, u *store.User, value string, amr ...string) error
	RenewWith(ctx context.Context, value string, amr ...string) error
}

// Pages shows what people see.
type Pages interface {
	Security(w http.ResponseWriter, r *http.Request, status int, v page.Security)
	SecondSecurity(w http.ResponseWriter, r *http.Request, status int, v page.SecondSecurity)
	Again(w http.ResponseWriter, r *http.Request, status int, v page.Sub)
	PasswordSecurity(w http.ResponseWriter, r *http.Request, status int, v page.PasswordSecurity)
	SessionsSecurity(w http.ResponseWriter, r *http.Request, status int, v page.SessionsSecurity)
	ActivitySecurity(w http.ResponseWriter, r *http.Request, status int, v page.ActivitySecurity)
	EmailSecurity(w http.ResponseWriter, r *http.Request, status int, v page.EmailSecurity)
	PasskeyPages
	SecondSetup(w http.ResponseWriter, r *http.Request, status int, v page.SecondSetup)
	Login(w http.ResponseWriter, r *http.Request, status int, v page.Login)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
	Window(w http.ResponseWriter, r *http.Request, locale string)
	Text(locale, id string, args ...any) string
	Locale(r *http.Request, stored string) string
	Day(locale string, at time.Time) string
}

// Sessions looks at sessions; Peek does so without using one.
type Sessions interface {
	Checker
	Peek(ctx context.Context, cookie string) (*session.Facts, *session.Live, error)
}

// Directory finds who is logged in.
type Directory interface {
	User(ctx context.Context, account, id string) (*store.User, error)
}

// Dispatcher knows devices, and keeps what was refused.
type Dispatcher interface {
	KnownDevice(r *http.Request, user string) string
	Note(ctx context.Context, e attempt.Entry) (reference string)
}

// Options are what an Errand works with.
type Options struct {
	Prefix     string
	Origin     string // what links in mails begin with
	HTTPS      bool
	Sessions   Sessions
	Directory  Directory
	Rules      directory.Rules
	Dispatcher Dispatcher
	Factors    Factors
	Prover     Prover
	Hasher     Hasher
	Choosing   Choosing
	Keys       Keys
	Party      *factor.Party // who passkeys are made for; nil: there are none
	Store      store.Updater
	Tickets    Tickets // nil: nobody is told by mail
	Mails      Mails   // likewise
	Live       Live
	Places     Places // nil: nobody knows where a network is
	Recent     Recent
	Mover      Mover // nil: nobody changes their own address
	Pages      Pages
	Log        *slog.Logger
	Now        func() time.Time

	Linking       *Linking // nil: there are no linked accounts
	IdentityPages IdentityPages
}

// Errand shows and changes one's own access.
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

// Mount adds the routes. Asking for the session does not prolong it.
func (e *Errand) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+e.Prefix+"/session", e.left)
	e.mountProve(mux)
	mux.HandleFunc("POST "+e.Prefix+"/session", e.prolong)
	mux.HandleFunc("GET "+e.Prefix+"/session/in", e.window)
	for _, part := range []routes{
		{"GET ": e.hub},
		e.secondRoutes(),
		e.passwordRoutes(),
		e.sessionRoutes(),
		e.activityRoutes(),
		e.emailRoutes(),
		e.identityRoutes(),
		e.passkeyRoutes(),
	} {
		for route, do := range part {
			method, path, _ := strings.Cut(route, " ")
			mux.HandleFunc(method+" "+e.Prefix+"/security"+path, e.inside(do))
		}
	}
}

// routes are those of one part, by method and path below the page.
type routes map[string]func(*visit)
