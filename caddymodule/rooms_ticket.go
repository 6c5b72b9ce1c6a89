package caddymodule

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.opentelemetry.io/otel/trace"

	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/magic"
	"github.com/cliendo/gateway/caddymodule/mailed"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/password"
	"github.com/cliendo/gateway/caddymodule/recovery"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// book makes the book of tickets, nil where nobody is mailed.
func (r *rooms) book() (*ticket.Book, error) {
	if r.outbox == nil {
		return nil, nil //nolint:nilnil // no mail is a choice, not a fault
	}
	box, err := r.keys.NewBox(keyFresh)
	if err != nil {
		return nil, fmt.Errorf("preparing tickets: %w", err)
	}
	return ticket.New(r.house.engine, ticket.Options{
		Box: box, Key: r.keys.Derive(keyTickets), Hasher: r.hasher, Mails: r.outbox, Codes: r.settings.Codes,
		SilentNobody: !r.settings.Mail.Unknown, Log: r.log,
	}), nil
}

// mailing is what rooms need of tickets: all of it, or nothing.
type mailing struct {
	origin   string // what links in mails begin with
	settling signin.Tickets
	asking   magic.Tickets
	pending  password.Tickets
	links    mailed.Tickets
	anew     recovery.Tickets
}

func (r *rooms) mailing(prefix string) (m mailing) {
	if r.tickets != nil {
		// An interface that holds a nil pointer is not nil.
		links := manage.Links{Book: r.tickets, Manager: r.manager(prefix)}
		m = mailing{r.settings.PublicURL.String() + prefix, r.tickets, r.tickets, r.tickets, links, r.tickets}
	}
	return m
}

// skipLog keeps requests for mailed links and answers of providers out of Caddy's
// access log: their address holds a secret. The rooms write lines of their own.
func (h *Handler) skipLog(r *http.Request, o guard.Original) {
	for _, path := range [...]string{o.URL.Path, r.URL.Path} {
		if h.secretive(path) {
			caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true)
			// The span of a site that traces began with the whole path.
			trace.SpanFromContext(r.Context()).SetAttributes(tracedPath(path, h.rt.links))
		}
	}
}

// secretive tells whether an address with this path holds a secret.
func (h *Handler) secretive(path string) bool {
	return strings.HasPrefix(path, h.rt.links) ||
		strings.HasPrefix(path, h.rt.backs) && strings.HasSuffix(path, "/callback")
}
