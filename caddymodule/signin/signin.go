// Package signin is the dispatcher of logins: after each step it looks at what is
// stored and decides which step is next, who is refused, and who gets a session.
// Steps (the errands) prove one thing each and come back here; they never call
// each other. It also shows the page that the first step starts from.
package signin

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Sessions starts, finds and ends sessions.
type Sessions interface {
	Start(ctx context.Context, in session.Login) (*session.Started, error)
	Check(ctx context.Context, cookie string) (*session.Facts, error)
	End(ctx context.Context, cookie string) error
}

// Directory is where users and accounts are.
type Directory interface {
	Account(ctx context.Context, id string) (*store.Account, error)
	UpdateUser(ctx context.Context, account, id string, fn func(*store.User) error) (*store.User, error)
}

// Pages shows what people see.
type Pages interface {
	Login(w http.ResponseWriter, r *http.Request, status int, v page.Login)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
	SecondStep(w http.ResponseWriter, r *http.Request, status int, v page.SecondStep)
	Locale(r *http.Request, stored string) string
}

// Attempts keeps what happened under a reference.
type Attempts interface {
	Record(ctx context.Context, e attempt.Entry) (reference string, err error)
}

// Tickets uses up what was mailed, when a login by it comes about.
type Tickets interface {
	Settle(ctx context.Context, u *store.User, id string) (ticket.Settled, error)
	Began(ctx context.Context, u *store.User, id, handle string) error
	// Fresh returns ticket.ErrNone for somebody who has no fresh password to store.
	Fresh(ctx context.Context, u *store.User) (password string, err error)
	Tell(ctx context.Context, u *store.User, what ticket.Telling) error
}

// Factors keeps logins that wait for their second step.
type Factors interface {
	Open(ctx context.Context, u *store.User, login *store.HalfLogin) (token string, err error)
	Trusted(ctx context.Context, u *store.User, device string) (bool, error)
	Trust(ctx context.Context, u *store.User, device factor.Device) error
	Means(ctx context.Context, u *store.User) (factor.Means, error)
}

// Metrics counts logins by method and outcome; the outcome is "ok" or a cause.
type Metrics interface {
	Login(method, outcome string)
	Refused(c cause.Cause)
	RedirectLoop()
}

// Options are what a Dispatcher works with.
type Options struct {
	Prefix    string // of our own pages
	HTTPS     bool   // the public URL is https, whoever ends TLS
	CanRepair bool   // the site has repair paths for the superadmin of a blocked account
	Rules     directory.Rules
	Device    *cookie.Sealed
	Flow      *cookie.Sealed
	Sessions  Sessions
	Directory Directory
	Pages     Pages
	Attempts  Attempts
	Tickets   Tickets // nil: nothing is mailed
	Factors   Factors // nil: who has a second step is refused
	// FormKey derives the key of parked forms from a session cookie; nil: none are parked.
	FormKey func(value string) (key string, ok bool)
	Origin  string // what links in mails begin with
	Metrics Metrics
	Log     *slog.Logger
	Now     func() time.Time
}

// Dispatcher decides what comes next in a login.
type Dispatcher struct{ Options }

// New returns a Dispatcher.
func New(o Options) *Dispatcher {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Dispatcher{o}
}

// Mount adds the routes of the login page.
func (d *Dispatcher) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+d.Prefix+"/login", d.show)
}

// Step is what the stored state of a login asks for next.
type Step string

// The steps there are.
const (
	Refuse     Step = "refuse"
	SecondStep Step = "second_step"
	Enter      Step = "enter"
)

// Next decides from stored state which step follows a proven first factor, and
// with which cause where it is a refusal. It is pure: the same for every way in.
func Next(u *store.User, a *store.Account, rules directory.Rules, now time.Time) (Step, cause.Cause) {
	if c := rules.May(u, a, now); c != cause.None {
		return Refuse, c
	}
	if u.SecondStep {
		return SecondStep, cause.SecondStepRequired
	}
	return Enter, cause.None
}
