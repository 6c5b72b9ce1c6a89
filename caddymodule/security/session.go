// Package security is the errand of what a user sees and manages about their own
// access: their second step, the devices that are not asked for it, and how long
// the session lasts. What changes something asks for a proof inside the action.
package security

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

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
	Limits     *limit.Limiter
	Hasher     Hasher
	Store      store.Updater
	Tickets    Tickets // nil: nobody is told by mail
	Mails      Mails   // likewise
	Pages      Pages
	Log        *slog.Logger
	Now        func() time.Time
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
	for route, do := range map[string]func(*visit){
		"GET ":                       e.overview,
		"POST /devices":              e.forget,
		"GET /second-step":           e.showSetup,
		"POST /second-step/start":    e.start,
		"POST /second-step/codes":    e.codes,
		"POST /second-step/confirm":  e.confirm,
		"POST /second-step/download": e.download,
		"POST /second-step/on":       e.enable,
		"POST /second-step/off":      e.off,
		"POST /second-step/cancel":   e.cancelSetup,
	} {
		method, path, _ := strings.Cut(route, " ")
		mux.HandleFunc(method+" "+e.Prefix+"/security"+path, e.inside(do))
	}
}

type answer struct {
	User            string `json:"user,omitempty"`
	Account         string `json:"account,omitempty"`
	IdleSeconds     int64  `json:"idle_seconds,omitempty"`
	AbsoluteSeconds int64  `json:"absolute_seconds,omitempty"`
	Reason          string `json:"reason,omitempty"`
	LoginURL        string `json:"login_url,omitempty"`
}

func (e *Errand) left(w http.ResponseWriter, r *http.Request) {
	value, _ := cookie.Find(r.Header, cookie.Name(cookie.Session, cookie.Secure(r, e.HTTPS)), 0)
	f, live, err := e.Sessions.Peek(r.Context(), value)
	status, a := http.StatusOK, answer{}
	switch {
	case err != nil:
		status, a.Reason = cause.StoreUnavailable.Status(), string(cause.StoreUnavailable)
		w.Header().Set("Retry-After", "5")
	case live == nil:
		status, a.Reason, a.LoginURL = http.StatusUnauthorized, string(f.Cause), e.Prefix+"/login"
	default:
		idle, absolute := live.Left(f, e.Now())
		a = answer{
			User: f.User.ID, Account: f.User.Account, Reason: string(f.Cause),
			IdleSeconds: int64(idle / time.Second), AbsoluteSeconds: int64(absolute / time.Second),
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a)
}
