// Package recovery is the errand of getting a new password by mail: asking for
// one, seeing it behind a mailed link, and storing the fresh one that a mailed one
// was exchanged for. What is mailed and what it opens is kept by ticket; that a
// mailed password logs in is the business of password.
//
// Whether somebody has an address shows nowhere: both get the same words and
// status after the same reads, writes and hashes.
package recovery

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Method is how attempts and metrics call asking for a new password.
const Method = "recover"

// Dispatcher knows browsers and keeps what happened.
type Dispatcher interface {
	Browser(w http.ResponseWriter, r *http.Request) string
	KnownDevice(r *http.Request, user string) string
	DeviceUsers(r *http.Request) []string
	Note(ctx context.Context, e attempt.Entry) (reference string)
}

// Directory finds users.
type Directory interface {
	FindByEmail(ctx context.Context, address string) (*store.User, error)
	User(ctx context.Context, account, id string) (*store.User, error)
}

// Quota says whether one more mail may be asked for, and else from when.
type Quota interface {
	Allow(ctx context.Context, r outbox.Request) error
	Next(ctx context.Context, r outbox.Request) (time.Time, error)
}

// Tickets keeps what is mailed, and the passwords that are shown on a page.
type Tickets interface {
	Asker
	Passwords
}

// Asker writes what is mailed, and finds it for the browser that asked.
type Asker interface {
	Ask(ctx context.Context, a ticket.Ask) (ticket.Asked, error)
	Waiting(ctx context.Context, id, browser string) (*ticket.Found, error)
}

// Passwords are those shown on a page.
type Passwords interface {
	Reveal(ctx context.Context, token string) (password string, err error)
	Fresh(ctx context.Context, u *store.User) (password string, err error)
	Stored(ctx context.Context, u *store.User) error
}

// Attempts is told which mail an attempt asked for.
type Attempts interface {
	Mailed(ctx context.Context, reference, mail string) error
}

// Sessions finds who is logged in.
type Sessions interface {
	Check(ctx context.Context, cookie string) (*session.Facts, error)
}

// Pages shows what people see.
type Pages interface {
	Recover(w http.ResponseWriter, r *http.Request, status int, v page.Recover)
	RecoverSent(w http.ResponseWriter, r *http.Request, v page.RecoverSent)
	Keep(w http.ResponseWriter, r *http.Request, v page.Keep)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
	Locale(r *http.Request, stored string) string
}

// Options are what an Errand works with.
type Options struct {
	Prefix string
	// Origin is the configured public URL with the prefix: mailed links lead there,
	// whatever a request says.
	Origin     string
	HTTPS      bool
	Mode       string // of ticket: one_time, keep or link
	Dispatcher Dispatcher
	Directory  Directory
	Quota      Quota
	Tickets    Tickets // nil: nothing is mailed, and there are no pages
	Attempts   Attempts
	Sessions   Sessions
	Pages      Pages
	Log        *slog.Logger
	Now        func() time.Time
}

// Errand gives people a new password.
type Errand struct{ Options }

// New returns an Errand.
func New(o Options) *Errand {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Mode == "" {
		o.Mode = ticket.OneTime
	}
	return &Errand{o}
}

// Mount adds the routes. GET changes nothing.
func (e *Errand) Mount(mux *http.ServeMux) {
	if e.Tickets == nil {
		return
	}
	mux.HandleFunc("GET "+e.Prefix+"/recover", e.show)
	mux.HandleFunc("POST "+e.Prefix+"/recover", e.ask)
	mux.HandleFunc("GET "+e.Prefix+"/recover/sent", e.sent)
	mux.HandleFunc("GET "+e.Prefix+"/recover/keep", e.keep)
	mux.HandleFunc("POST "+e.Prefix+"/recover/keep", e.stored)
	mux.HandleFunc("POST "+e.Prefix+"/recover/revealed", e.revealed)
}
