// Package magic is the errand of logging in by mail: it takes the wish, waits with
// the tab that asked, compares the code, and hands the proof to the dispatcher.
// Links come in by way of mailed; what is mailed and when it is good is the
// business of ticket. Nothing a stranger can see or count tells an address that
// nobody has from one that somebody has.
package magic

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Method is how attempts and metrics call this way of logging in.
const Method = "magic"

// Dispatcher is told what was proved.
type Dispatcher interface {
	Proven(w http.ResponseWriter, r *http.Request, p signin.Proof)
	KnownDevice(r *http.Request, user string) string
	DeviceUsers(r *http.Request) []string
	Note(ctx context.Context, e attempt.Entry) (reference string)
	Browser(w http.ResponseWriter, r *http.Request) string
	Asked(w http.ResponseWriter, r *http.Request, id string)
	LastAsked(r *http.Request) string
}

// Directory finds users.
type Directory interface {
	FindByEmail(ctx context.Context, address string) (*store.User, error)
	User(ctx context.Context, account, id string) (*store.User, error)
}

// Tickets keeps what is mailed.
type Tickets interface {
	Ask(ctx context.Context, a ticket.Ask) (ticket.Asked, error)
	Waiting(ctx context.Context, id, browser string) (*ticket.Found, error)
	TryCode(ctx context.Context, id, browser, code string) (*ticket.Found, error)
}

// Quota says whether one more mail may be asked for, and else from when.
type Quota interface {
	Allow(ctx context.Context, r outbox.Request) error
	Next(ctx context.Context, r outbox.Request) (time.Time, error)
}

// Limits forgets the failures of somebody who proved who they are.
type Limits interface {
	Proved(ctx context.Context, subject string) error
}

// Attempts ties a mail to its story.
type Attempts interface {
	Mailed(ctx context.Context, reference, mail string) error
}

// Pages shows what people see.
type Pages interface {
	Magic(w http.ResponseWriter, r *http.Request, status int, v page.Magic)
	MagicSent(w http.ResponseWriter, r *http.Request, status int, v page.MagicSent)
	MailedOver(w http.ResponseWriter, r *http.Request, v page.MailedOver)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
	Later(w http.ResponseWriter, r *http.Request, v page.Later)
	Locale(r *http.Request, stored string) string
}

// Options are what an Errand works with.
type Options struct {
	Prefix     string
	Origin     string // the configured public address with the prefix, for links in mails
	Dispatcher Dispatcher
	Directory  Directory
	Tickets    Tickets // nil: no mail is configured, and the page says so
	Quota      Quota
	Limits     Limits
	Attempts   Attempts // optional
	Pages      Pages
	Log        *slog.Logger
	Now        func() time.Time
}

// Errand logs people in by mail.
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
	if e.Tickets == nil {
		mux.HandleFunc(e.Prefix+"/magic", func(w http.ResponseWriter, r *http.Request) {
			e.Pages.Later(w, r, page.Later{Kind: "magic"})
		})
		return
	}
	mux.HandleFunc("GET "+e.Prefix+"/magic", e.show)
	mux.HandleFunc("POST "+e.Prefix+"/magic", e.post)
	mux.HandleFunc("GET "+e.Prefix+"/magic/state", e.state)
}

// patience bounds how long one request waits for others to finish.
const patience = 20 * time.Second

// paramAsk names the mail that a tab waits for.
const paramAsk = "ask"

// busyRetry is what people are told to wait when the store does not answer.
const busyRetry = 5 * time.Second
