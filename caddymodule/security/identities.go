package security

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Provider is one with which an account can be linked.
type Provider interface {
	Name() string
	Label() string
	Kind() provider.Kind
	Ready() bool
	Begin(ctx context.Context, f provider.Flow) (address string, err error)
}

// Browsers names browsers, as the dispatcher does.
type Browsers interface {
	Browser(w http.ResponseWriter, r *http.Request) string
	Visited(r *http.Request) string
}

// Linking is what linked accounts are managed with.
type Linking struct {
	Providers []Provider
	Book      *identity.Book
	Flows     *identity.Flows
	Browsers  Browsers
	// Origin is what callbacks are below; see identity.Callback.
	Origin string
}

// IdentityPages show what people see of it.
type IdentityPages interface {
	Identities(w http.ResponseWriter, r *http.Request, status int, v page.Identities)
	Arrived(w http.ResponseWriter, r *http.Request, status int, v page.Arrived)
	Leaving(w http.ResponseWriter, r *http.Request, p page.Provider, address, locale string)
	Federated(w http.ResponseWriter, r *http.Request, v page.Federated)
}

// pathIdentities is where this part begins.
const pathIdentities = "/security/identities"

// freshFor is how long a login counts as the proof of a link that waited for it.
const freshFor = identity.PendingLife

func (e *Errand) identityRoutes() routes {
	if e.Linking == nil {
		return nil
	}
	return routes{
		"GET /identities":          e.identities,
		"POST /identities/link":    e.link,
		"POST /identities/unlink":  e.unlink,
		"GET /identities/confirm":  e.arrived,
		"POST /identities/confirm": e.confirmArrived,
		"POST /identities/dismiss": e.dismiss,
	}
}

func (e *Errand) identityCard(v *visit) (page.SecurityCard, error) {
	if e.Linking == nil {
		return page.SecurityCard{}, nil
	}
	linked, err := e.Linking.Book.List(v.Context(), v.user.Account, v.user.ID)
	if err != nil || len(linked) == 0 && len(e.Linking.Providers) == 0 {
		return page.SecurityCard{}, err
	}
	c := page.SecurityCard{Key: "identities", Title: e.say(v, "identities.title"), Text: e.say(v, "identities.none"), URL: "identities"}
	if len(linked) > 0 {
		var labels []string
		for _, l := range linked {
			if label := e.shown(l.Provider).Label; !slices.Contains(labels, label) {
				labels = append(labels, label)
			}
		}
		c.Text = e.say(v, "identities.card_some", "n", len(linked), "list", strings.Join(labels, ", "))
	}
	return c, nil
}

// shown is a provider as pages show it, by its name; one that is not configured any
// more is called by that.
func (e *Errand) shown(name string) page.Provider {
	if p := e.provider(name); p != nil {
		return page.Provider{Name: name, Label: p.Label(), Kind: string(p.Kind())}
	}
	return page.Provider{Name: name, Label: name}
}

func (e *Errand) provider(name string) Provider {
	i := slices.IndexFunc(e.Linking.Providers, func(p Provider) bool { return p.Name() == name })
	if i < 0 {
		return nil
	}
	return e.Linking.Providers[i]
}

// The results that the page can be opened with.
var identityResults = map[string]bool{"linked": true, "unlinked": true, "there": true, "dismissed": true}

func (e *Errand) identities(v *visit) { e.showIdentities(v, http.StatusOK, e.asked(v)) }

func (e *Errand) showIdentities(v *visit, status int, p page.Prove) {
	linked, err := e.Linking.Book.List(v.Context(), v.user.Account, v.user.ID)
	if err != nil {
		e.away(v, err)
		return
	}
	needed, err := e.needed(v, len(linked))
	if err != nil {
		e.away(v, err)
		return
	}
	list := page.Identities{Sub: e.sub(v, identityResults, p)}
	for _, l := range linked {
		shown := e.shown(l.Provider)
		list.Linked = append(list.Linked, page.LinkedIdentity{
			ID: l.ID, Label: shown.Label, Kind: shown.Kind, Address: identity.Masked(l.Email), Linked: l.Linked, Used: l.LastUsed,
			LastWay: needed,
		})
	}
	for _, p := range e.Linking.Providers {
		list.Providers = append(list.Providers, page.Linkable{Provider: e.shown(p.Name()), Away: !p.Ready()})
	}
	e.IdentityPages.Identities(v.w, v.Request, status, list)
}

// link asks a provider, for the session at hand and after a proof, whose account is
// to be linked. The answer counts in this session and this browser only.
func (e *Errand) link(v *visit) {
	p := e.provider(v.PostForm.Get("provider"))
	if p == nil {
		e.on(v, pathIdentities)
		return
	}
	if !e.prove(v, "link-"+p.Name(), e.showIdentities) {
		return
	}
	shown := e.shown(p.Name())
	state, f, err := e.Linking.Flows.Begin(identity.Flow{
		Provider: p.Name(), Target: e.to(v), Account: v.user.Account, User: v.user.ID, Session: v.session,
	}, e.Linking.Browsers.Browser(v.w, v.Request))
	if err != nil {
		e.away(v, err)
		return
	}
	address, err := p.Begin(v.Context(), f.Ask(state, identity.Callback(v.Request, e.Linking.Origin, e.Prefix, e.HTTPS, p.Name()), ""))
	if err != nil {
		e.Log.Warn("a provider cannot be asked", "provider", p.Name(), "error", err)
		e.IdentityPages.Federated(v.w, v.Request, page.Federated{
			Cause: cause.ProviderUnavailable, Provider: shown, Linking: true, Target: e.to(v), Locale: v.locale,
			Reference: e.note(v, cause.ProviderUnavailable, time.Time{}),
		})
		return
	}
	e.IdentityPages.Leaving(v.w, v.Request, shown, address, v.locale)
}

// LinkArrived links what a provider answered to the question of link: in the session
// that asked, and in no other, whoever is logged in by now.
func (e *Errand) LinkArrived(w http.ResponseWriter, r *http.Request, f identity.Flow, n identity.Named) {
	v := &visit{Request: r, w: w}
	if !e.enter(v) {
		return
	}
	if v.user.ID != f.User || v.user.Account != f.Account || v.session != f.Session {
		e.refuseLink(v, n, "other_session")
		return
	}
	e.linkNow(v, n, func(done string) { e.onTo(v, pathIdentities, f.Target, "done", done) })
}

// linkNow links, tells by mail and ends the other sessions, in one step.
func (e *Errand) linkNow(v *visit, n identity.Named, then func(done string)) {
	before, err := e.Linking.Book.List(v.Context(), v.user.Account, v.user.ID)
	if err != nil {
		e.away(v, err)
		return
	}
	if slices.ContainsFunc(before, func(l store.LinkedIdentity) bool { return l.Issuer == n.Issuer && l.Subject == n.Subject }) {
		then("there")
		return
	}
	tell := e.identityLetter(v, letter.IdentityLinked, n.Provider, n.Email)
	err = e.Linking.Book.Link(v.Context(), v.user, n, v.session, func(ctx context.Context, step identity.Step) error {
		return e.change(v, tell, func(tx store.Tx, u *store.User) error {
			if err := step(ctx, tx, u); err != nil {
				return err
			}
			return e.Sessions.EndOthers(tx, u, v.cookie)
		})
	})
	switch {
	case err == nil:
		e.Log.Info("an account with a provider was linked", "user", v.user.ID, "account", v.user.Account, "provider", n.Provider)
		then("linked")
	case errors.Is(err, identity.ErrTaken):
		e.refuseLink(v, n, "taken")
	case errors.Is(err, identity.ErrMany):
		e.refuseLink(v, n, "many")
	case gone(err):
		e.outside(v, cause.SessionEnded)
	default:
		e.away(v, err)
	}
}

// identityLetter tells of an account with a provider, its address masked: the mail
// may be read by others.
func (e *Errand) identityLetter(v *visit, kind, name, email string) *ticket.Telling {
	what := e.shown(name).Label
	if masked := identity.Masked(email); masked != "" {
		what += " (" + masked + ")"
	}
	return &ticket.Telling{Kind: kind, Origin: e.Origin, Locale: v.locale, Address: what}
}

func (e *Errand) refuseLink(v *visit, n identity.Named, reason string) {
	e.settlePending(v)
	e.IdentityPages.Federated(v.w, v.Request, page.Federated{
		Cause: cause.IdentityRefused, Reason: reason, Reference: e.note(v, cause.IdentityRefused, time.Time{}), Provider: e.shown(n.Provider),
		Address: identity.Masked(n.Email), Linking: true, Locale: v.locale,
	})
}

// needed tells whether each of so many identities is the last way in, for what is
// shown; stillIn decides.
func (e *Errand) needed(v *visit, linked int) (bool, error) {
	ways, err := e.Keys.Ways(v.Context(), v.user, factor.Ways{Mail: e.Prover.Mails(), Identities: linked - 1})
	return !ways.Enough(), err
}

// stillIn tells whether somebody would get in with so many identities.
func (e *Errand) stillIn(tx store.Tx, u *store.User, linked int) (bool, error) {
	ways, err := e.Keys.WaysIn(tx, u, factor.Ways{Mail: e.Prover.Mails()})
	ways.Identities = linked
	return ways.Enough(), err
}

// unlink takes one away, tells by mail and ends the other sessions.
func (e *Errand) unlink(v *visit) {
	id := v.PostForm.Get("identity")
	linked, err := e.Linking.Book.List(v.Context(), v.user.Account, v.user.ID)
	if err != nil {
		e.away(v, err)
		return
	}
	i := slices.IndexFunc(linked, func(l store.LinkedIdentity) bool { return l.ID == id })
	if i < 0 {
		e.on(v, pathIdentities)
		return
	}
	form := "unlink-" + id
	switch needed, err := e.needed(v, len(linked)); {
	case err != nil:
		e.away(v, err)
		return
	case needed:
		e.again(v, cause.Forbidden, page.Prove{Form: form}, e.showIdentities)
		return
	}
	if !e.prove(v, form, e.showIdentities) {
		return
	}
	tell := e.identityLetter(v, letter.IdentityUnlinked, linked[i].Provider, linked[i].Email)
	err = e.change(v, tell, func(tx store.Tx, u *store.User) error {
		if _, err := identity.Unlink(v.Context(), tx, u, id, e.stillIn, e.Now()); err != nil {
			return err
		}
		return e.Sessions.EndOthers(tx, u, v.cookie)
	})
	switch {
	case err == nil, errors.Is(err, identity.ErrNone):
		e.Linking.Book.Tidy(v.Context(), v.user.Account, v.user.ID)
		e.Log.Info("an account with a provider was unlinked by its owner", "user", v.user.ID, "account", v.user.Account)
		e.on(v, pathIdentities, "done", "unlinked")
	case errors.Is(err, identity.ErrLastWay):
		e.again(v, cause.Forbidden, page.Prove{Form: form}, e.showIdentities)
	case gone(err):
		e.outside(v, cause.SessionEnded)
	default:
		e.away(v, err)
	}
}
