package caddymodule

import (
	"fmt"

	"github.com/cliendo/gateway/caddymodule/chosen"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passkey"
	"github.com/cliendo/gateway/caddymodule/recent"
	"github.com/cliendo/gateway/caddymodule/secondfactor"
	"github.com/cliendo/gateway/caddymodule/security"
	"github.com/cliendo/gateway/caddymodule/signin"
)

// defaultIssuer is what apps call our codes where the brand has no name.
const defaultIssuer = "Cliendo"

// secondSteps makes what knows the second steps of everybody.
func (r *rooms) secondSteps() (*factor.Factors, error) {
	box, err := r.keys.NewBox(keyFactor)
	if err != nil {
		return nil, fmt.Errorf("preparing second steps: %w", err)
	}
	return factor.New(r.house.engine, factor.Options{
		Box: box, Issuer: orElse(r.settings.Brand.Name, defaultIssuer), Log: r.log,
		Party: r.settings.Passkeys, Challenges: r.keys.DeriveAll(keyPasskey),
	}), nil
}

// secondStep is the errand that asks for it.
func (r *rooms) secondStep(prefix string, dispatcher *signin.Dispatcher, pages *page.Renderer) *secondfactor.Errand {
	return secondfactor.New(secondfactor.Options{
		Prefix: prefix, Dispatcher: dispatcher, Factors: r.factors, Limits: r.limits, Pages: pages, Log: r.log,
	})
}

// choosing are the rules for a password of one's own.
func (r *rooms) choosing() chosen.Rules {
	rules := chosen.Rules{Brand: r.settings.Brand.Name}
	if r.forbidden != nil {
		// An interface that holds a nil pointer is not nil.
		rules.Forbidden = r.forbidden
	}
	return rules
}

// passkeys is the errand of logging in with one.
func (r *rooms) passkeys(prefix string, https bool, dispatcher *signin.Dispatcher, pages *page.Renderer) *passkey.Errand {
	return passkey.New(passkey.Options{
		Prefix: prefix, HTTPS: https, Dispatcher: dispatcher, Factors: r.factors, Sessions: r.sessions, Limits: r.limits,
		Pages: pages, Fits: r.settings.Passkeys.Fits, Log: r.log,
	})
}

// security is the errand of what people manage of their own access.
func (r *rooms) security(prefix string, https bool, origin string, dispatcher *signin.Dispatcher, pages *page.Renderer) *security.Errand {
	o := security.Options{
		Prefix: prefix, Origin: origin, HTTPS: https, Sessions: r.sessions, Directory: r.directory, Rules: r.settings.Rules, Dispatcher: dispatcher,
		Keys: r.factors, Party: r.settings.Passkeys, Factors: r.factors, Prover: r.prover(prefix, dispatcher), Hasher: r.hasher, Choosing: r.choosing(), Store: r.house.engine, Pages: pages, Log: r.log,
	}
	o.Linking, o.IdentityPages = r.linking(prefix, dispatcher), pages
	lately := recent.Options{Attempts: r.attempts, Lines: r.auditLog()}
	if r.places != nil {
		o.Places = r.places
	}
	if r.tickets != nil {
		// An interface that holds a nil pointer is not nil.
		o.Tickets, o.Mails, o.Mover, lately.Mails = r.tickets, r.outbox, r.manager(prefix), r.outbox
	}
	o.Live, o.Recent = r.sessions, recent.New(lately)
	return security.New(o)
}
