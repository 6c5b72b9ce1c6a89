// Package mailed is the room of every mailed link: it finds what a link is for,
// shows a page with a button, and hands the act to the errand of its purpose. It
// owns the rule that mail scanners cannot act: looking has no effect, and a button
// alone is enough only in a browser that belongs to the person. "This was not me"
// is its own act.
//
// Tokens stand in the path. This package puts none into a log, and answers every
// request itself: an error that went up would be written together with the path.
package mailed

import (
	"context"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Act is what the links of one purpose do.
type Act interface {
	// Opened answers whoever holds the link and showed that it is theirs. The
	// ticket was good a moment ago; using it up is Opened's business.
	Opened(w http.ResponseWriter, r *http.Request, token string, f *ticket.Found)
	// Again mails a fresh one to the address that the old one was mailed to.
	Again(w http.ResponseWriter, r *http.Request, f *ticket.Found)
}

// Tickets keeps what is mailed.
type Tickets interface {
	Find(ctx context.Context, token string) (*ticket.Found, error)
	TryAddress(ctx context.Context, token, address string) (*ticket.Found, error)
	TryMatch(ctx context.Context, token, match string) (*ticket.Found, error)
	Revoke(ctx context.Context, token string) (*ticket.Found, error)
}

// Browsers knows the browser at the other end. Nothing is set.
type Browsers interface {
	// Visited names the browser, empty where it never opened a page of ours.
	Visited(r *http.Request) string
	KnownDevice(r *http.Request, user string) string
	// Recognised: somebody has logged in with it before.
	Recognised(r *http.Request) bool
	Note(ctx context.Context, e attempt.Entry) (reference string)
}

// Pages shows what people see.
type Pages interface {
	Mailed(w http.ResponseWriter, r *http.Request, status int, v page.Mailed)
	MailedDone(w http.ResponseWriter, r *http.Request, v page.MailedDone)
	MailedOver(w http.ResponseWriter, r *http.Request, v page.MailedOver)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
	Locale(r *http.Request, stored string) string
}

// Options are what a Room works with.
type Options struct {
	Prefix   string
	Tickets  Tickets // nil: nothing is mailed, and there is no such page
	Browsers Browsers
	Pages    Pages
	Acts     map[string]Act // by the purpose of the ticket
	Log      *slog.Logger
}

// Room answers for mailed links.
type Room struct{ Options }

// New returns a Room.
func New(o Options) *Room {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Room{o}
}

// Mount adds the routes.
func (m *Room) Mount(mux *http.ServeMux) {
	if m.Tickets == nil {
		return
	}
	mux.HandleFunc("GET "+m.Prefix+"/m/{token}", m.show)
	mux.HandleFunc("POST "+m.Prefix+"/m/{token}", m.post)
}

// paramAgain asks for a fresh mail instead of one that is of no use.
const paramAgain = "again"

const (
	maxBody    = 16 << 10
	patience   = 20 * time.Second
	busyRetry  = 5 * time.Second
	theAddress = "address"
	theMatch   = "match"
)

// visit is one request with the ticket it came with.
type visit struct {
	token string
	found *ticket.Found
	known bool // one button is enough
}

// open finds the ticket, or answers the request.
func (m *Room) open(w http.ResponseWriter, r *http.Request) (v visit, ok bool) {
	w.Header().Set("X-Login-Gateway", "1")
	v.token = r.PathValue("token")
	f, err := m.Tickets.Find(r.Context(), v.token)
	switch {
	case errors.Is(err, ticket.ErrNone):
		m.log(r, nil, "unknown")
		m.Pages.MailedOver(w, r, page.MailedOver{Cause: cause.LinkExpired, Reference: m.note(r, nil, cause.LinkExpired)})
		return v, false
	case err != nil:
		m.unavailable(w, r, err)
		return v, false
	}
	v.found = f
	asked := f.Asked(m.Browsers.Visited(r))
	if f.Revoking {
		v.known = asked || m.Browsers.Recognised(r)
	} else {
		v.known = asked || f.User != "" && m.Browsers.KnownDevice(r, f.User) != ""
	}
	return v, true
}

// over answers for a link that cannot be used any more. "This was not me" can
// always be said.
func (m *Room) over(w http.ResponseWriter, r *http.Request, v visit) bool {
	f := v.found
	if f.Revoking || f.Cause == cause.None {
		return false
	}
	m.spent(w, r, v, f.Cause)
	return true
}

func (m *Room) spent(w http.ResponseWriter, r *http.Request, v visit, c cause.Cause) {
	p := page.MailedOver{Cause: c, Reference: m.note(r, v.found, c), Locale: m.locale(r, v.found)}
	if m.Acts[v.found.Ticket.Purpose] != nil {
		p.Again = m.Prefix + "/m/" + v.token + "?" + paramAgain + "=1"
	}
	if c == cause.LinkUsed && v.known {
		p.Target = v.found.Ticket.Target
	}
	m.log(r, v.found, string(c))
	m.Pages.MailedOver(w, r, p)
}

// show has no effect, whatever opens it.
func (m *Room) show(w http.ResponseWriter, r *http.Request) {
	v, ok := m.open(w, r)
	if !ok || m.over(w, r, v) {
		return
	}
	c := cause.None
	if !v.known && !v.found.Revoking {
		c = cause.OtherBrowser
	}
	m.log(r, v.found, "shown")
	m.landing(w, r, v, page.Mailed{Cause: c})
}

// landing shows the page with the button.
func (m *Room) landing(w http.ResponseWriter, r *http.Request, v visit, p page.Mailed) {
	t := &v.found.Ticket
	p.Kind, p.Known = t.Purpose, v.known
	p.Locale = m.locale(r, v.found)
	p.Agent, p.Network, p.Asked = t.Agent, t.Network, t.Asked
	p.Tab = t.Purpose == ticket.Magic && t.Match != "" && !m.askedHere(r, v)
	if v.found.Revoking {
		p.Kind, p.Tab = page.MailedNotMe, false
	}
	status := http.StatusOK
	if p.Cause != cause.None {
		status = p.Cause.Status()
	}
	m.Pages.Mailed(w, r, status, p)
}

func (m *Room) askedHere(r *http.Request, v visit) bool {
	return v.found.Asked(m.Browsers.Visited(r))
}

// post acts.
func (m *Room) post(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	r = r.WithContext(ctx)
	if !readForm(w, r) {
		m.Pages.Refusal(w, r, page.Refusal{Cause: cause.BadRequest, Reference: m.note(r, nil, cause.BadRequest)})
		return
	}
	v, ok := m.open(w, r)
	if !ok {
		return
	}
	act := m.Acts[v.found.Ticket.Purpose]
	if again := r.URL.Query().Has(paramAgain); again && act != nil && v.found.Cause != cause.None && !v.found.Revoking {
		m.log(r, v.found, "again")
		act.Again(w, r, v.found)
		return
	}
	if m.over(w, r, v) {
		return
	}
	switch email, match := r.PostForm.Get("email"), r.PostForm.Get("match"); {
	case match != "" && v.found.Ticket.Match != "" && !v.found.Revoking:
		f, err := m.Tickets.TryMatch(r.Context(), v.token, match)
		m.tried(w, r, v, f, err, theMatch)
	case v.known:
		m.act(w, r, v, v.found)
	case email != "":
		f, err := m.Tickets.TryAddress(r.Context(), v.token, email)
		m.tried(w, r, v, f, err, theAddress)
	default:
		m.landing(w, r, v, page.Mailed{Cause: cause.OtherBrowser, Wrong: theAddress, Reference: m.note(r, v.found, cause.OtherBrowser)})
	}
}

// readForm refuses fields that occur twice, or are no text. A button alone sends
// an empty form.
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
	for _, name := range []string{"email", "match"} {
		if v := r.PostForm[name]; len(v) > 1 || len(v) == 1 && !utf8.ValidString(v[0]) {
			return false
		}
	}
	return true
}

// tried goes on after what was typed was compared.
func (m *Room) tried(w http.ResponseWriter, r *http.Request, v visit, f *ticket.Found, err error, what string) {
	var spent *ticket.Spent
	dead := errors.Is(err, ticket.ErrDead)
	switch {
	case err == nil && what == theMatch:
		m.log(r, f, "approved")
		m.Pages.MailedDone(w, r, page.MailedDone{Kind: "approved", Locale: m.locale(r, v.found)})
	case err == nil:
		m.act(w, r, v, f)
	case dead || errors.Is(err, ticket.ErrWrong):
		m.log(r, v.found, "wrong "+what)
		m.landing(w, r, v, page.Mailed{
			Cause: cause.OtherBrowser, Wrong: what, Dead: dead, Reference: m.note(r, v.found, cause.OtherBrowser),
		})
	case errors.As(err, &spent):
		m.spent(w, r, v, spent.Cause)
	case errors.Is(err, ticket.ErrNone):
		m.Pages.MailedOver(w, r, page.MailedOver{Cause: cause.LinkExpired, Reference: m.note(r, nil, cause.LinkExpired)})
	default:
		m.unavailable(w, r, err)
	}
}

// act is what the link is for.
func (m *Room) act(w http.ResponseWriter, r *http.Request, v visit, f *ticket.Found) {
	r = holder(r, f)
	if v.found.Revoking {
		m.revoke(w, r, v)
		return
	}
	act := m.Acts[f.Ticket.Purpose]
	if act == nil {
		m.Pages.MailedOver(w, r, page.MailedOver{Cause: cause.LinkExpired, Reference: m.note(r, f, cause.LinkExpired)})
		return
	}
	m.log(r, f, "opened")
	act.Opened(w, r, v.token, f)
}

// holder is r as a request of whom the mail was for: who holds it, as far as is
// known, is them.
func holder(r *http.Request, f *ticket.Found) *http.Request {
	if f.User == "" {
		return r
	}
	v := visitor.Of(r)
	return r.WithContext(audit.As(r.Context(), audit.Actor{
		Kind: audit.ByUser, ID: f.User, Account: f.Account, Network: v.Network, Agent: v.Agent,
	}))
}

// revoke takes back what the mail could open, and says so in the log: somebody
// may be trying to get in.
func (m *Room) revoke(w http.ResponseWriter, r *http.Request, v visit) {
	f, err := m.Tickets.Revoke(r.Context(), v.token)
	if err != nil && !errors.Is(err, ticket.ErrNone) {
		m.unavailable(w, r, err)
		return
	}
	if err == nil {
		m.Log.Warn("a person says that a mail was not asked for by them",
			"user", f.User, "account", f.Account, "mail", f.Ticket.ID, "purpose", f.Ticket.Purpose, "was", f.Ticket.State,
			"sessions", f.Ticket.Sessions, "asked_from", f.Ticket.Network, "network", visitor.Of(r).Network)
		m.note(r, f, cause.LinkSuperseded)
	}
	done := page.MailedDone{Kind: "revoked", Locale: m.locale(r, v.found)}
	if err == nil && len(f.Undone) > 0 {
		done.Kind, done.Did = "secured", f.Undone
	}
	m.Pages.MailedDone(w, r, done)
}

// methodOf is how attempts call what comes by a mailed link.
func methodOf(f *ticket.Found) string {
	if f == nil {
		return "mailed"
	}
	if f.Revoking {
		return "not_me"
	}
	if f.Ticket.Purpose == ticket.Password {
		return "recover"
	}
	return f.Ticket.Purpose
}

func (m *Room) note(r *http.Request, f *ticket.Found, c cause.Cause) (reference string) {
	from := visitor.Of(r)
	e := attempt.Entry{
		Cause: c, Method: methodOf(f), Network: from.Network, Agent: from.Agent, Locale: m.Pages.Locale(r, ""),
	}
	if f != nil {
		e.Typed, e.User, e.Account, e.Known = f.Ticket.Typed, f.User, f.Account, m.Browsers.KnownDevice(r, f.User) != ""
	}
	return m.Browsers.Note(r.Context(), e)
}

// locale is that of the mail, on whichever device it is opened.
func (m *Room) locale(r *http.Request, f *ticket.Found) string {
	return m.Pages.Locale(r, f.Ticket.Locale)
}

// log is the line that stands for Caddy's access log, which would hold the token.
func (m *Room) log(r *http.Request, f *ticket.Found, outcome string) {
	args := []any{"outcome", outcome, "request", r.Method, "network", visitor.Of(r).Network}
	if f != nil {
		args = append(args, "mail", f.Ticket.ID, "purpose", f.Ticket.Purpose, "user", f.User, "account", f.Account)
	}
	m.Log.Info("mailed link", args...)
}

func (m *Room) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	m.Log.Error("a mailed link cannot be looked up: the store does not answer", "error", err)
	m.Pages.Refusal(w, r, page.Refusal{Cause: cause.StoreUnavailable, RetryAfter: busyRetry, Reference: m.note(r, nil, cause.StoreUnavailable)})
}
