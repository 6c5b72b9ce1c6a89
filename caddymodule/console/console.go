package console

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Sessions finds who is logged in.
type Sessions interface {
	Check(ctx context.Context, cookie string) (*session.Facts, error)
}

// Directory finds users and accounts.
type Directory interface {
	User(ctx context.Context, account, id string) (*store.User, error)
	Account(ctx context.Context, id string) (*store.Account, error)
}

// Pages shows what people see.
type Pages interface {
	Admin(w http.ResponseWriter, r *http.Request, v page.Admin)
	Login(w http.ResponseWriter, r *http.Request, status int, v page.Login)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
	NotFound(w http.ResponseWriter, r *http.Request, locale string)
	Locale(r *http.Request, stored string) string
	Text(locale, id string, args ...any) string
}

// Options are what an Errand works with.
type Options struct {
	Prefix    string
	HTTPS     bool
	Rules     directory.Rules
	Sessions  Sessions
	Directory Directory
	Pages     Pages
	Log       *slog.Logger
	Now       func() time.Time
}

// Errand shows the admin path.
type Errand struct {
	Options
	routes []Route
}

// New returns an Errand.
func New(o Options) *Errand {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Errand{o, Routes()}
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
