package security

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Keys is what somebody's passkeys are managed with. *factor.Factors is one.
type Keys interface {
	Keys(ctx context.Context, u *store.User) ([]factor.Key, error)
	AskNew(ctx context.Context, u *store.User, session string) (options string, err error)
	MakeKey(u *store.User, session, answer string) (*factor.Made, error)
	AddKey(ctx context.Context, tx store.Tx, u *store.User, m *factor.Made, name, agent string) (factor.Key, error)
	RenameKey(ctx context.Context, u *store.User, id, name string) error
	RemoveKey(ctx context.Context, tx store.Tx, u *store.User, id string, others factor.Ways) (factor.Key, error)
	Ways(ctx context.Context, u *store.User, w factor.Ways) (factor.Ways, error)
	WaysIn(tx store.Tx, u *store.User, w factor.Ways) (factor.Ways, error)
}

// PasskeyPages shows them.
type PasskeyPages interface {
	Passkeys(w http.ResponseWriter, r *http.Request, status int, v page.Passkeys)
	PasskeyEdit(w http.ResponseWriter, r *http.Request, status int, v page.PasskeyEdit)
	PasskeyNew(w http.ResponseWriter, r *http.Request, v page.PasskeyNew)
}

// pathPasskeys is where this part begins.
const pathPasskeys = "/security/passkeys"

// The forms of these pages.
const (
	formAdd    = "add"
	formRemove = "remove"
)

func (e *Errand) passkeyRoutes() routes {
	return routes{
		"GET /passkeys":               e.passkeys,
		"POST /passkeys/add":          e.addKey,
		"POST /passkeys/new":          e.newKey,
		"GET /passkeys/{key}":         e.oneKey,
		"POST /passkeys/{key}/rename": e.renameKey,
		"POST /passkeys/{key}/remove": e.removeKey,
	}
}

func (e *Errand) passkeyCard(v *visit) (page.SecurityCard, error) {
	keys, err := e.Keys.Keys(v.Context(), v.user)
	if err != nil {
		return page.SecurityCard{}, err
	}
	c := page.SecurityCard{Key: "passkeys", Title: e.say(v, "security.passkeys"), Text: e.say(v, "security.passkeys_none"), URL: "passkeys"}
	if len(keys) > 0 {
		c.Text = e.say(v, "security.passkeys_some", "n", len(keys))
	}
	for _, k := range keys {
		if !k.Copied.IsZero() && !c.Warn {
			c.Warn = true
			c.Text += " " + e.say(v, "security.passkeys_copied")
		}
	}
	return c, nil
}

func shown(k factor.Key) page.Passkey {
	return page.Passkey{
		ID: k.ID, Name: k.Name, Maker: k.Maker, Agent: k.Agent, Created: k.Created, Used: k.Used, Copied: k.Copied,
		Login: k.Login, Synced: k.Synced, Elsewhere: k.Elsewhere,
	}
}

// passkeyResults are what the page can be opened with.
var passkeyResults = map[string]bool{"added": true, "removed": true, "renamed": true}

func (e *Errand) passkeys(v *visit) { e.showPasskeys(v, http.StatusOK, e.asked(v)) }

// showPasskeys writes the list, with what is the matter in prove.
func (e *Errand) showPasskeys(v *visit, status int, prove page.Prove) {
	keys, err := e.Keys.Keys(v.Context(), v.user)
	if err != nil {
		e.away(v, err)
		return
	}
	p := page.Passkeys{Sub: e.sub(v, passkeyResults, prove), Possible: e.Party.Fits(v.Host), Name: v.PostForm.Get("name")}
	if !p.Possible {
		p.IP = isIP(v.Host)
		if e.Party != nil {
			p.Host = e.Party.Home()
		}
	}
	for _, k := range keys {
		p.Keys = append(p.Keys, shown(k))
	}
	e.Pages.Passkeys(v.w, v.Request, status, p)
}

func isIP(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return net.ParseIP(host) != nil
}

// addKey takes the proof, and shows the page on which the browser makes the key.
// What that page asks is good in this session and for five minutes, so the key
// cannot come without the proof.
func (e *Errand) addKey(v *visit) {
	if !e.Party.Fits(v.Host) {
		e.on(v, pathPasskeys)
		return
	}
	if !e.prove(v, formAdd, e.showPasskeys) {
		return
	}
	options, err := e.Keys.AskNew(v.Context(), v.user, v.session)
	if err != nil {
		e.away(v, err)
		return
	}
	e.Pages.PasskeyNew(v.w, v.Request, page.PasskeyNew{
		Sub: e.sub(v, nil, page.Prove{}), Name: v.PostForm.Get("name"), Options: options,
	})
}

// newKey adds what the browser made. The other sessions end, and its owner is told.
func (e *Errand) newKey(v *visit) {
	made, err := e.Keys.MakeKey(v.user, v.session, v.PostForm.Get(proof.FieldPasskey))
	if err == nil {
		tell := &ticket.Telling{Kind: letter.PasskeyAdded, Origin: e.Origin, Locale: v.locale}
		agent := visitor.Of(v.Request).Agent
		err = e.change(v, tell, func(tx store.Tx, u *store.User) error {
			if _, err := e.Keys.AddKey(v.Context(), tx, u, made, v.PostForm.Get("name"), agent); err != nil {
				return err
			}
			return e.Sessions.EndOthers(tx, u, v.cookie, factor.Amr()...)
		})
	}
	e.changedKey(v, err, "added", page.Prove{Form: formAdd}, e.showPasskeys)
}

// changedKey answers a change of passkeys.
func (e *Errand) changedKey(v *visit, err error, done string, p page.Prove, again show) {
	var denied *factor.Denied
	switch {
	case err == nil:
		e.Log.Info("a passkey was "+done, "user", v.user.ID, "account", v.user.Account)
		e.on(v, pathPasskeys, "done", done)
	case errors.As(err, &denied):
		e.Log.Info("a passkey was refused", "user", v.user.ID, "reason", denied.Reason, "error", denied.Cause)
		p.Reason = denied.Reason
		e.again(v, cause.PasskeyRefused, p, again)
	case gone(err), errors.Is(err, factor.ErrNoPasskeys):
		e.on(v, pathPasskeys)
	default:
		e.away(v, err)
	}
}

// key finds the passkey that the address names, or leads back to the list.
func (e *Errand) key(v *visit) (factor.Key, bool) {
	keys, err := e.Keys.Keys(v.Context(), v.user)
	if err != nil {
		e.away(v, err)
		return factor.Key{}, false
	}
	for _, k := range keys {
		if k.ID == v.PathValue("key") {
			return k, true
		}
	}
	e.on(v, pathPasskeys)
	return factor.Key{}, false
}

func (e *Errand) oneKey(v *visit) { e.showKey(v, http.StatusOK, e.asked(v)) }

func (e *Errand) showKey(v *visit, status int, prove page.Prove) {
	if k, ok := e.key(v); ok {
		e.Pages.PasskeyEdit(v.w, v.Request, status, page.PasskeyEdit{Sub: e.sub(v, nil, prove), Key: shown(k)})
	}
}

// renameKey asks for no proof: a name opens nothing.
func (e *Errand) renameKey(v *visit) {
	err := e.Keys.RenameKey(v.Context(), v.user, v.PathValue("key"), v.PostForm.Get("name"))
	if err != nil && !gone(err) {
		e.away(v, err)
		return
	}
	e.on(v, pathPasskeys, "done", "renamed")
}

func (e *Errand) removeKey(v *visit) {
	k, ok := e.key(v)
	if !ok || !e.prove(v, formRemove, e.showKey) {
		return
	}
	tell := &ticket.Telling{Kind: letter.PasskeyRemoved, Origin: e.Origin, Locale: v.locale}
	err := e.change(v, tell, func(tx store.Tx, u *store.User) error {
		if _, err := e.Keys.RemoveKey(v.Context(), tx, u, k.ID, factor.Ways{Mail: e.Prover.Mails()}); err != nil {
			return err
		}
		return e.Sessions.EndOthers(tx, u, v.cookie)
	})
	e.changedKey(v, err, "removed", page.Prove{Form: formRemove}, e.showKey)
}
