package console

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/roster"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
)

// Sessions finds who is logged in, and where.
type Sessions interface {
	Check(ctx context.Context, cookie string) (*session.Facts, error)
	RenewWith(ctx context.Context, cookie string, amr ...string) error
	Of(ctx context.Context, account, user string) ([]*store.Session, error)
}

// Directory finds users and accounts.
type Directory interface {
	User(ctx context.Context, account, id string) (*store.User, error)
	Account(ctx context.Context, id string) (*store.Account, error)
}

// Roster answers the overview of a team.
type Roster interface {
	Look(ctx context.Context, q roster.Query) (roster.Page, error)
}

// Stories tells why somebody can or cannot log in.
type Stories interface {
	OfUser(ctx context.Context, v story.Viewer, account, id string) (*story.Story, error)
	MailsOf(ctx context.Context, u *store.User, n int) ([]*story.Mail, error)
}

// Devices knows browsers.
type Devices interface {
	KnownDevice(r *http.Request, user string) string
}

// Audit keeps what support looked at.
type Audit interface {
	Add(ctx context.Context, account string, e audit.Entry) error
}

// Pages shows what people see.
type Pages interface {
	Admin(w http.ResponseWriter, r *http.Request, v page.Admin)
	Login(w http.ResponseWriter, r *http.Request, status int, v page.Login)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
	// ProofHint says what is the matter with a code or passkey, empty for nothing.
	ProofHint(locale string, p page.Prove) string
	NotFound(w http.ResponseWriter, r *http.Request, locale string)
	Locale(r *http.Request, stored string) string
	Text(locale, id string, args ...any) string
	When(locale string, at time.Time) string
	Day(locale string, at time.Time) string
}

// Options are what an Errand works with.
type Options struct {
	Prefix    string
	HTTPS     bool
	Rules     directory.Rules
	Location  *time.Location // where days begin and end
	Sessions  Sessions
	Directory Directory
	Manage    *manage.Manager
	Roster    Roster
	Stories   Stories
	Prover    Prover
	Devices   Devices
	Audit     Audit
	Pages     Pages
	Desk      Desk
	Log       *slog.Logger
	Now       func() time.Time
}

// Errand shows the admin path.
type Errand struct {
	Options
	routes    []Route
	importing atomic.Bool // one import at a time
}

// New returns an Errand.
func New(o Options) *Errand {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Location == nil {
		o.Location = directory.DefaultLocation()
	}
	return &Errand{Options: o, routes: Routes()}
}

// Mount adds the routes of the table. A route without a rule is a mistake of ours,
// and opens nothing: the gateway does not start.
func (e *Errand) Mount(mux *http.ServeMux) {
	for _, route := range e.routes {
		if err := route.check(); err != nil {
			panic(fmt.Sprintf("console: route %s %s: %v", route.Method, route.Path, err))
		}
		mux.Handle(route.Method+" "+e.root()+route.Path, e.enter(route))
	}
}

// root is where the admin path begins.
func (e *Errand) root() string { return e.Prefix + "/admin" }
