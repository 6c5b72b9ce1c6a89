// Package parked keeps forms that were sent while nobody could be let through: the
// session was over, or a proof was due. After the same person is in again, the form
// is sent on as it was, to the byte. It owns the records, who may have one kept and
// how much; when to park is decided by guard, which also sends forms on, and what
// people see of it by the errand resend.
//
// What a form says is encrypted with a key that lies in the browser, in the flow
// cookie, and nowhere else. It follows from the secret of the session that is over,
// so that two tabs that send at once have the same. Whoever logs in there as
// somebody else loses the key, and the forms with it.
package parked

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Bounds of what is kept.
const (
	Keep     = 15 * time.Minute // how long
	MaxBody  = 1 << 20          // of one form, in bytes
	MaxOwn   = 5                // forms of one user
	MaxForms = 1000             // of everybody
	MaxTotal = 64 << 20         // of everybody, in bytes
	// Recent is how long a session may have been over.
	Recent = 24 * time.Hour
)

// Why a form is not parked. Stay is what they have in common: the browser still
// has it, and can send it again once its owner is logged in.
var (
	// ErrNot: nobody asks for it here. There was no session lately, the request
	// comes from elsewhere, or it is no form.
	ErrNot = errors.New("not a form that is parked")
	// ErrStay: the form is too large, holds files, took too long to arrive, or there
	// is no more room.
	ErrStay = errors.New("a form that is left in the browser")
	// ErrGone: there is no such form (any more) for whoever asks.
	ErrGone = errors.New("no such parked form")
	// ErrTaken: it was sent on before.
	ErrTaken = errors.New("the parked form was sent already")
)

// Holder is whose forms a browser has parked, and the key to them. It lies in the
// flow cookie.
type Holder struct {
	Account string
	User    string
	Key     string
	Since   int64 // unix seconds
}

// Is tells whether the forms are this user's.
func (h Holder) Is(account, user string) bool {
	return h.User != "" && h.User == user && h.Account == account
}

// Recent tells whether the browser showed lately whose it was.
func (h Holder) Recent(now time.Time) bool {
	return h.Key != "" && now.Unix()-h.Since < int64(Recent/time.Second)
}

// Browser keeps the holder where the visitor's browser is; signin.Dispatcher is one.
type Browser interface {
	Holder(r *http.Request) Holder
	Hold(w http.ResponseWriter, r *http.Request, h Holder)
}

// Sessions derives keys from session cookies.
type Sessions interface {
	FormKey(value string) (key string, ok bool)
}

// Store is where forms are kept.
type Store interface {
	store.Reader
	store.Updater
}

// What becomes of forms, as it is counted.
const (
	Kept      = "kept"      // parked
	Sent      = "sent"      // taken by the app after all
	Returned  = "returned"  // sent, but the app was not there or a rule stopped it: it can be sent again
	Discarded = "discarded" // thrown away by its owner, or because somebody else came
	Refused   = "refused"   // too large, with files, or no room: left in the browser
)

// Metrics counts what becomes of forms.
type Metrics interface {
	ParkedForm(outcome string)
}

// Options are what a Lot works with.
type Options struct {
	Prefix   string // of our own pages
	Origin   string // of the site as browsers know it; empty: what the request says
	Browser  Browser
	Sessions Sessions
	Metrics  Metrics // nil: nobody counts
	Log      *slog.Logger
	Now      func() time.Time
}

// Lot keeps parked forms.
type Lot struct {
	Options
	store Store

	mu      sync.Mutex
	reading map[string]int // forms that are just arriving, by user
}

// New returns a Lot that keeps its forms in s.
func New(s Store, o Options) *Lot {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = uncounted{}
	}
	return &Lot{Options: o, store: s, reading: map[string]int{}}
}

// Park keeps the form that r sends to uri, path and query as the client sent them.
// f are the facts about the session of the cookie value: one that is over, or one
// that has to prove something first. The body of r is used up where it returns nil
// or ErrStay.
//
// page is where the person goes when they are in again: the page of the form, below
// the prefix, which target.Safe lets pass. So a login is sent to
// target.With(prefix+"/login", page), a proof to target.With(prefix+"/prove", page);
// the answer to r must be written after Park, which sets a cookie. ErrNot means that
// it is none of our business; ErrStay that the browser has to keep the form: show
// page.Stay. Another error is that of the store; the browser has the form then too.
//
// A form that is being sent on and is stopped once more is not kept a second time.
func (l *Lot) Park(w http.ResponseWriter, r *http.Request, uri, value string, f *session.Facts) (page string, err error) {
	if id, ok := Sending(r.Context()); ok {
		return l.Page(id), nil
	}
	h, ok := l.holder(r, value, f)
	if !ok || !l.parkable(r, uri) {
		return "", ErrNot
	}
	defer func() { l.count(err) }()
	form, err := l.read(w, r, h, uri)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	id, err := l.keep(ctx, h, form)
	if err != nil {
		return "", err
	}
	l.Browser.Hold(w, r, h)
	l.Log.Info("a form was parked", "id", id, "user", h.User, "account", h.Account, "bytes", len(form.Body))
	return l.Page(id), nil
}

// count notes how parking a form ended. A store that fails is counted as that.
func (l *Lot) count(err error) {
	switch {
	case err == nil:
		l.Metrics.ParkedForm(Kept)
	case errors.Is(err, ErrStay):
		l.Metrics.ParkedForm(Refused)
	}
}

type uncounted struct{}

func (uncounted) ParkedForm(string) {}

// Page is the address of the page of a form.
func (l *Lot) Page(id string) string { return l.Prefix + "/parked/" + id }

// patience bounds what the store may take.
const patience = 10 * time.Second

// holder finds out whose form it is. A browser that has parked before for the same
// user keeps its key, as long as it is recent; one whose dead session cookie is gone
// already is known by that alone.
func (l *Lot) holder(r *http.Request, value string, f *session.Facts) (Holder, bool) {
	kept := l.Browser.Holder(r)
	recent := kept.Recent(l.Now())
	if f == nil || f.Session == nil || f.User == nil {
		return kept, recent
	}
	if recent && kept.Is(f.User.Account(), f.User.ID()) {
		return kept, true
	}
	return l.HolderOf(value, f)
}

// HolderOf is the holder that the session of a cookie makes of a browser.
func (l *Lot) HolderOf(value string, f *session.Facts) (Holder, bool) {
	if f == nil || f.Session == nil || f.User == nil {
		return Holder{}, false
	}
	key, ok := l.Sessions.FormKey(value)
	return Holder{Account: f.User.Account(), User: f.User.ID(), Key: key, Since: l.Now().Unix()}, ok
}

type sendingKey struct{}

// Sending returns the form that a request is the sending-on of.
func Sending(ctx context.Context) (id string, ok bool) {
	id, ok = ctx.Value(sendingKey{}).(string)
	return id, ok
}
