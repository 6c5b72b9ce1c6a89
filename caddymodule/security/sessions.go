package security

import (
	"context"
	"errors"
	"net/http"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Live lists and ends the sessions of somebody. *session.Manager is one.
type Live interface {
	Of(ctx context.Context, account, user string) ([]*store.Session, error)
	Named(ctx context.Context, account, user, handle string) (id string, err error)
	EndOne(ctx context.Context, account, user, handle string) error
	EndAllBut(tx store.Tx, u *store.User, id string) error
	RenewWith(ctx context.Context, cookie string, amr ...string) error
}

// Places tells where a network is; nil: nobody knows.
type Places interface {
	Of(network, locale string) string
}

const (
	pathSessions = "/security/sessions"
	// theSession is the field that names one, allSessions stands for all others.
	theSession  = "session"
	allSessions = "all"
	formEnd     = "end"
)

func (e *Errand) sessionRoutes() routes {
	return routes{
		"GET /sessions":             e.sessions,
		"POST /sessions/end":        e.endSession,
		"POST /sessions/end-others": e.endOtherSessions,
	}
}

func (e *Errand) sessionCard(v *visit) (page.SecurityCard, error) {
	live, err := e.Live.Of(v.Context(), v.user.Account, v.user.ID)
	return page.SecurityCard{
		Key: "sessions", Title: e.say(v, "sessions.title"), Text: e.say(v, "sessions.card", "n", len(live)), URL: "sessions",
	}, err
}

var sessionResults = map[string]bool{"one": true, "others": true, "gone": true, "forgotten": true}

func (e *Errand) sessions(v *visit) { e.showSessions(v, http.StatusOK, page.Prove{}, "") }

// showSessions writes the list, or asks for a proof before what confirm names.
func (e *Errand) showSessions(v *visit, status int, p page.Prove, confirm string) {
	live, err := e.Live.Of(v.Context(), v.user.Account, v.user.ID)
	if err != nil {
		e.away(v, err)
		return
	}
	out := page.SessionsSecurity{Sub: e.sub(v, sessionResults, p), Confirm: confirm}
	for _, s := range live {
		if s.Handle == confirm {
			out.Device = s.Agent
		}
		out.Sessions = append(out.Sessions, page.SessionRow{
			Handle: s.Handle, Agent: s.Agent, Network: s.Network, Place: e.place(v, s.Network),
			Since: s.Created, Seen: s.LastSeen, Here: s.Handle == v.session,
		})
	}
	second, err := e.Factors.Status(v.Context(), v.user, v.session)
	if err != nil {
		e.away(v, err)
		return
	}
	here := e.Dispatcher.KnownDevice(v.Request, v.user.ID)
	for _, d := range second.Devices {
		out.Devices = append(out.Devices, page.TrustedDevice{
			ID: d.ID, Agent: d.Agent, Network: d.Network, Since: d.Since, Until: d.Until, Here: d.ID == here,
		})
	}
	e.Pages.SessionsSecurity(v.w, v.Request, status, out)
}

// place is where a network is, as far as the operator can tell.
func (e *Errand) place(v *visit, network string) string {
	if e.Places == nil || network == "" {
		return ""
	}
	return e.Places.Of(network, v.locale)
}

// fresh wants a proof that is not older than ten minutes: whoever has a session
// only, in a browser that was left open or as a script of the app, must not log
// the person out elsewhere. What was asked for is done once the proof is there.
func (e *Errand) fresh(v *visit, what string) bool {
	if !proof.Due(v.proved, e.Now()) {
		return true
	}
	again := func(v *visit, status int, p page.Prove) { e.showSessions(v, status, p, what) }
	// An empty field for a password is an answer, to be told that it is wrong; an empty
	// one for a passkey is not: no script filled it.
	given := v.PostForm.Has(proof.FieldPassword) || proof.Read(v.PostForm, "") != (proof.Shown{})
	if !given {
		again(v, cause.FreshProofRequired.Status(), e.may(v, page.Prove{Form: formEnd, Cause: cause.FreshProofRequired}))
		return false
	}
	if !e.prove(v, formEnd, again) {
		return false
	}
	if err := e.Live.RenewWith(v.Context(), v.cookie, v.amr...); err != nil && !errors.Is(err, store.ErrNotFound) {
		e.away(v, err)
		return false
	}
	return true
}

// endSession ends one of the person's own sessions; that at hand ends by logging
// out. One that is over, or somebody else's, reads the same.
func (e *Errand) endSession(v *visit) {
	handle := v.PostForm.Get(theSession)
	if handle == "" || handle == v.session || handle == allSessions {
		e.on(v, pathSessions)
		return
	}
	if _, err := e.Live.Named(v.Context(), v.user.Account, v.user.ID, handle); err != nil {
		e.ended(v, err, "")
		return
	}
	if !e.fresh(v, handle) {
		return
	}
	err := e.Live.EndOne(v.Context(), v.user.Account, v.user.ID, handle)
	e.ended(v, err, "one")
}

// endOtherSessions ends all but this one, with trusted devices and logins half-way.
func (e *Errand) endOtherSessions(v *visit) {
	if !e.fresh(v, allSessions) {
		return
	}
	id, err := e.Live.Named(v.Context(), v.user.Account, v.user.ID, v.session)
	if err == nil {
		err = e.change(v, nil, func(tx store.Tx, u *store.User) error {
			if u.Epoch != v.user.Epoch {
				return store.ErrNotFound // this one was ended meanwhile
			}
			return e.Live.EndAllBut(tx, u, id)
		})
	}
	if err == nil {
		e.Log.Info("a person ended their other sessions", "user", v.user.ID, "account", v.user.Account, "network", visitor.Of(v.Request).Network)
	}
	e.ended(v, err, "others")
}

// ended leads back to the list.
func (e *Errand) ended(v *visit, err error, done string) {
	switch {
	case errors.Is(err, store.ErrNotFound):
		done = "gone"
	case err != nil:
		e.away(v, err)
		return
	}
	e.on(v, pathSessions, "done", done)
}
