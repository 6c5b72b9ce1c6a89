package caddymodule

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/assertion"
	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/blocklist"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/help"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/magic"
	"github.com/cliendo/gateway/caddymodule/mailed"
	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/geo"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/password"
	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/recovery"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/signout"
	"github.com/cliendo/gateway/caddymodule/tally"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

// rooms are the parts of the gateway as one config wants them.
type rooms struct {
	house     *house
	settings  *settings
	log       *slog.Logger
	keys      *secret.Keys
	directory *directory.Directory
	limits    *limit.Limiter
	hasher    *passhash.Hasher
	attempts  *attempt.Recorder
	tally     *tally.Counter
	sessions  *session.Manager
	session   session.Settings
	outbox    *outbox.Outbox  // nil: nobody is mailed
	mailer    MailerModule    // likewise
	places    *geo.Places     // nil: mails say no place
	forbidden *blocklist.File // nil: the operator brings no list
	tickets   *ticket.Book    // likewise
	sites     []sighting      // of the config
	prefix    string          // of the first site; empty: not known
	stopAudit func()          // nil: nobody keeps the audit logs
	factors   *factor.Factors
	flows     *identity.Flows
	providers []*provider.Provider // in the order of the configuration
	asserter  *assertion.Signer
	apiKeys   *apikey.Book
	answers   *secret.Box // seals what the API answered
	device    *cookie.Sealed
	flow      *cookie.Sealed
	addresses *addresses // of those who send forms
}

// Purposes of the keys. Changing one invalidates what was signed or sealed with it.
const (
	keySession   = "session cookie"
	keyDevice    = "sealed device cookie"
	keyFlow      = "sealed flow cookie"
	keyAdmin     = "admin"
	keyOutbox    = "outbox"
	keyTickets   = "tickets"
	keyFresh     = "fresh password"
	keyFactor    = "second step"
	keyFederated = "provider flow"
	keyPasskey   = "passkey challenge"
	keyAnswers   = "api answers"
	keyAssert    = "assertion"
)

// build makes the rooms. It fails only where the store does not answer.
func (a *App) build(ctx context.Context) (*rooms, error) {
	s, h := a.rt.settings, a.rt.house
	if err := transfer.Unfinished(ctx, h.engine); err != nil {
		return nil, fmt.Errorf("%w, so its records are not whole: restore the same backup again", err)
	}
	keys, err := s.keysFor(ctx, h.engine)
	if err != nil {
		return nil, err
	}
	r := &rooms{house: h, settings: s, log: a.rt.log, keys: keys, addresses: newAddresses(a.rt.log)}
	r.directory = directory.New(h.engine, directory.Options{Rules: s.Rules})
	limits := s.Limits
	limits.Exempt = r.addresses.proxy
	r.limits = limit.New(h.engine, limits, nil)
	r.hasher = h.passwords(s.Hash)
	r.tally = tally.New(h.engine, tally.Options{Location: s.Rules.Location, Log: a.rt.log})
	r.attempts = attempt.New(h.engine, attempt.Options{Keep: s.AttemptsKeep, Log: a.rt.log, Tally: r.tally})
	r.session = session.Settings{
		Limits: s.Session, Rules: s.Rules, StaleMax: s.StaleMax, CacheSize: s.CacheSize,
		Codec: cookie.NewCodec(cookie.Session, keys.DeriveAll(keySession)),
	}
	r.sessions = h.manager(r.directory, r.session)
	r.mailer, r.places, r.forbidden = a.rt.mailer, a.rt.places, a.rt.forbidden
	r.sites = a.liveSites()
	if len(a.rt.sites) > 0 {
		r.prefix = a.rt.sites[0].rt.settings.Prefix
	}
	if r.outbox, err = r.mails(); err != nil {
		return nil, err
	}
	if r.tickets, err = r.book(); err != nil {
		return nil, err
	}
	if r.factors, err = r.secondSteps(); err != nil {
		return nil, err
	}
	if r.providers, err = makeProviders(a.rt.vouchers, h.vouchers(), a.rt.log); err != nil {
		return nil, err
	}
	if r.flows, err = r.asking(); err != nil {
		return nil, err
	}
	if r.device, err = r.sealed(cookie.Device, keyDevice); err != nil {
		return nil, err
	}
	if r.flow, err = r.sealed(cookie.Flow, keyFlow); err != nil {
		return nil, err
	}
	if r.answers, err = r.keys.NewBox(keyAnswers); err != nil {
		return nil, fmt.Errorf("preparing the API: %w", err)
	}
	if r.asserter, err = assertion.New(r.issuer(), keys.DeriveAll(keyAssert)...); err != nil {
		return nil, err
	}
	r.apiKeys = apikey.New(h.engine, r.directory, apikey.Options{Log: a.rt.log}) // listens: to be closed
	return r, nil
}

// front is one site: its guard, and behind the prefix the gateway's own pages.
type front struct {
	guard *guard.Guard
}

func (r *rooms) sealed(base, purpose string) (*cookie.Sealed, error) {
	box, err := r.keys.NewBox(purpose)
	if err != nil {
		return nil, fmt.Errorf("preparing the %s: %w", purpose, err)
	}
	return cookie.NewSealed(base, box), nil
}

// front builds the way in of one site. Every room that has pages is listed here.
func (r *rooms) front(h *Handler) *front {
	site := h.rt.settings
	https := r.settings.PublicURL != nil && r.settings.PublicURL.Scheme == "https"
	pages := r.offering(https, r.device, h.rt.pages)
	mail := r.mailing(site.Prefix)
	dispatcher := signin.New(signin.Options{
		Prefix: site.Prefix, HTTPS: https, CanRepair: len(site.RepairPaths) > 0, Rules: r.settings.Rules,
		Device: r.device, Flow: r.flow,
		Sessions: r.sessions, Directory: r.directory, Pages: pages, Attempts: r.attempts,
		Tickets: mail.settling, Factors: r.factors, Origin: mail.origin, Metrics: theMetrics, Log: r.log,
		FormKey: r.sessions.FormKey,
	})
	lot := r.parking(site.Prefix, dispatcher)
	byMail := magic.New(magic.Options{
		Prefix: site.Prefix, Origin: mail.origin, Dispatcher: dispatcher, Directory: r.directory, Tickets: mail.asking,
		Quota: r.outbox, Limits: r.limits, Attempts: r.attempts, Pages: pages, Log: r.log,
	})
	anew := recovery.New(recovery.Options{
		Prefix: site.Prefix, Origin: mail.origin, HTTPS: https, Mode: r.settings.Recovery, Dispatcher: dispatcher,
		Directory: r.directory, Quota: r.outbox, Tickets: mail.anew, Attempts: r.attempts, Sessions: r.sessions,
		Pages: pages, Log: r.log,
	})
	own := r.security(site.Prefix, https, mail.origin, dispatcher, pages)
	mux := http.NewServeMux()
	for _, room := range []interface{ Mount(*http.ServeMux) }{
		dispatcher,
		password.New(password.Options{
			Prefix: site.Prefix, Dispatcher: dispatcher, Directory: r.directory, Limits: r.limits,
			Hasher: r.hasher, Pages: pages, Tickets: mail.pending, Attempts: r.attempts, Log: r.log,
		}),
		byMail, anew,
		r.secondStep(site.Prefix, dispatcher, pages),
		r.passkeys(site.Prefix, https, dispatcher, pages),
		mailed.New(mailed.Options{
			Prefix: site.Prefix, Tickets: mail.links, Browsers: dispatcher, Pages: pages,
			Acts: r.acts(site.Prefix, byMail, anew, dispatcher, pages), Log: r.log,
		}),
		signout.New(signout.Options{
			Prefix: site.Prefix, HTTPS: https, Sessions: r.sessions, Directory: r.directory, Pages: pages, Log: r.log,
		}),
		own, r.federated(site.Prefix, https, dispatcher, own, pages),
		help.New(help.Options{
			Prefix: site.Prefix, HTTPS: https, Device: r.device, Pages: pages,
			Metrics: theMetrics, LastLogin: theMetrics.lastSuccess, Works: func() bool { return r.house.ping() == nil },
		}),
		r.resending(site.Prefix, https, lot, pages),
		r.console(site.Prefix, https, pages, dispatcher),
		r.api(site.Prefix),
		&later{prefix: site.Prefix, pages: pages},
		&health{prefix: site.Prefix, rooms: r},
		&statics{prefix: site.Prefix, pages: pages},
		&mailbox{prefix: site.Prefix},
	} {
		room.Mount(mux)
	}
	g := guard.New(guard.Options{
		Site: site.guard(https, r.issuer()), Sessions: r.sessions, Users: r.directory, Asserter: r.asserter, Pages: pages, Attempts: r.attempts, Metrics: theMetrics,
		Parking: lot, Own: r.own(mux, site, pages, dispatcher), Visitor: visit, Log: r.log,
	})
	r.seam(mux, site, g)
	return &front{guard: g}
}

// guard puts the site's rules into the words of the guard.
func (s *siteSettings) guard(https bool, origin string) guard.Site {
	site := guard.Site{
		Prefix: s.Prefix, Headers: s.Headers, Origins: s.CORS, HTTPS: https, Origin: origin, Audience: s.Assertion,
		Require: s.Require, CookieDomain: s.CookieDomain,
	}
	for _, rule := range s.Public {
		site.Public = append(site.Public, guard.Public{Methods: rule.Methods, Pattern: guard.NewPattern(rule.Path)})
	}
	for _, path := range s.APIPaths {
		site.API = append(site.API, guard.NewPattern(path))
	}
	for _, path := range s.RepairPaths {
		site.Repair = append(site.Repair, guard.NewPattern(path))
	}
	return site
}

// Resource, AdminKey and Run are what the admin endpoint needs.

// Resource names the store these rooms work on.
func (r *rooms) Resource() string { return r.house.resource }

// AdminKey is what a command shows to be let in.
func (r *rooms) AdminKey() string { return hex.EncodeToString(r.keys.Derive(keyAdmin)) }

// Run carries out a command of an operator.
func (r *rooms) Run(ctx context.Context, q operate.Request) (operate.Result, error) {
	return r.operate().Run(ctx, q)
}

// RunStream carries out one that a file travels with.
func (r *rooms) RunStream(ctx context.Context, q operate.Request, s operate.Stream) (operate.Result, error) {
	return r.operate().RunStream(ctx, q, s)
}

func (r *rooms) operate() *operate.House {
	return &operate.House{
		Directory: r.directory, Limits: r.limits, Attempts: r.attempts, Hasher: r.hasher, Now: time.Now,
		Likely: page.LikelyDomain, Outbox: r.operateMails(), Engine: r.house.engine, Keys: r.apiKeys, Tickets: ticket.New(r.house.engine, ticket.Options{}),
		Manage: r.operators(), Sites: r.explainer(),
		Audit: r.auditLog(), People: r.people(),
	}
}
