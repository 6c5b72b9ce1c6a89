package signin

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// fewCodes is how many recovery codes are few.
const fewCodes = 3

// second keeps a login until its second step is there, and asks for it. What the
// browser gets opens nothing but the page that goes on. A device that its owner
// trusts is not asked.
func (d *Dispatcher) second(w http.ResponseWriter, r *http.Request, p Proof, a *store.Account) {
	if d.Factors == nil {
		d.refuse(w, r, p, a, cause.SecondStepRequired)
		return
	}
	ctx := context.WithoutCancel(r.Context())
	trusted, err := d.Factors.Trusted(ctx, p.User, d.KnownDevice(r, p.User.ID))
	if err != nil {
		d.Unavailable(w, r, p.User.Email, p.Remember, err)
		return
	}
	if trusted {
		p.second = true
		d.Proven(w, r, p)
		return
	}
	to := target.Safe(cmp.Or(p.Target, r.URL.Query().Get(target.Param)), d.Prefix)
	login := store.HalfLogin{Method: p.Method, Amr: p.Amr, Remember: p.Remember, Known: p.Known, Ticket: p.Ticket, Target: to}
	token, err := d.Factors.Open(ctx, p.User, &login)
	if err != nil {
		d.Unavailable(w, r, p.User.Email, p.Remember, err)
		return
	}
	has, err := d.Factors.Means(ctx, p.User)
	if err != nil {
		d.Unavailable(w, r, p.User.Email, p.Remember, err)
		return
	}
	d.setFlow(w, r, flow{Half: token})
	d.Pages.SecondStep(w, r, cause.SecondStepRequired.Status(), page.SecondStep{
		Keys: has.Keys, NoApp: !has.App,
		Cause: cause.SecondStepRequired, Reference: d.Note(r.Context(), d.entry(r, p, cause.SecondStepRequired)),
		Name: p.User.Name, Target: to, Login: login.Handle, Locale: d.Pages.Locale(r, p.User.Locale),
	})
}

// Half is the login of this browser that waits for its second step, empty for none.
func (d *Dispatcher) Half(r *http.Request) string { return d.flow(r).Half }

// DropHalf takes it out of the browser.
func (d *Dispatcher) DropHalf(w http.ResponseWriter, r *http.Request) {
	f := d.flowNow(w, r)
	f.Half = ""
	d.writeFlow(w, r, f)
}

// Completed goes on with a login whose second step was passed. All that was looked
// at after the first step is looked at again: a block may have come between.
func (d *Dispatcher) Completed(w http.ResponseWriter, r *http.Request, passed *factor.Passed, trust bool) {
	h, ways := passed.Login, []string{"otp", "mfa"}
	if passed.Key {
		ways = factor.Amr()
	}
	amr := slices.Clone(h.Amr)
	for _, way := range ways {
		if !slices.Contains(amr, way) {
			amr = append(amr, way)
		}
	}
	d.DropHalf(w, r)
	d.Proven(w, r, Proof{
		User: passed.User, Method: h.Method, Amr: amr, Remember: h.Remember, Known: h.Known, Ticket: h.Ticket,
		Target: cmp.Or(r.URL.Query().Get(target.Param), h.Target), second: true, trust: trust,
		few: passed.Recovery && passed.CodesLeft <= fewCodes,
	})
}

// trust remembers that the person wants no second step on this device. It comes
// after the session, because a mailed password ends what was trusted before.
func (d *Dispatcher) trust(r *http.Request, p Proof, device string) {
	if !p.trust || device == "" || d.Factors == nil {
		return
	}
	v := visitor.Of(r)
	err := d.Factors.Trust(context.WithoutCancel(r.Context()), p.User, factor.Device{ID: device, Agent: v.Agent, Network: v.Network})
	if err != nil {
		d.Log.Warn("trusting a device failed; it is asked again next time", "user", p.User.ID, "error", err)
	}
}
