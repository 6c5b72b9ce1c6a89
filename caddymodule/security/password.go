package security

import (
	"context"
	"net/http"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Hasher hashes passwords.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
}

// Choosing says why a password may not be chosen. chosen.Rules is one.
type Choosing interface {
	Why(password string, u *store.User, a *store.Account) (string, error)
}

// pathPassword is where this part begins.
const pathPassword = "/security/password"

// The forms of the page, and the field for a password of one's own.
const (
	formOwn      = "own"
	formGenerate = "generate"
	fieldNew     = "new"
)

// passwordRoutes are there where people can be mailed: who cannot be told of a
// change, and cannot be sent a new password, has none of their own.
func (e *Errand) passwordRoutes() routes {
	if e.Tickets == nil {
		return nil
	}
	return routes{
		"GET /password":           e.password,
		"POST /password":          e.choose,
		"POST /password/generate": e.generate,
	}
}

func (e *Errand) passwordCard(v *visit) (page.SecurityCard, error) {
	if e.Tickets == nil {
		return page.SecurityCard{}, nil
	}
	return page.SecurityCard{
		Key: "password", Title: e.say(v, "own.title"), Text: e.say(v, "own.state_"+passwordState(v.user)), URL: "password",
	}, nil
}

// passwordState says in a word which password somebody has.
func passwordState(u *store.User) string {
	switch {
	case u.Password == "":
		return "none"
	case directory.OwnPassword(u):
		return "own"
	case u.PasswordChosen:
		return "chosen"
	}
	return "generated"
}

// passwordResults are what the page can be opened with.
var passwordResults = map[string]bool{"own": true}

func (e *Errand) password(v *visit) { e.showPassword(v, http.StatusOK, e.asked(v)) }

func (e *Errand) showPassword(v *visit, status int, prove page.Prove) {
	e.showChoice(v, status, prove, "")
}

// showChoice shows the page; why is what is the matter with what was chosen. What
// was typed stays, so that it is not lost over a proof.
func (e *Errand) showChoice(v *visit, status int, prove page.Prove, why string) {
	e.Pages.PasswordSecurity(v.w, v.Request, status, page.PasswordSecurity{
		Sub: e.sub(v, passwordResults, prove), State: passwordState(v.user), Since: v.user.PasswordChanged,
		May: v.user.SecondStep, Why: why, New: v.PostForm.Get(fieldNew), Suggestion: secret.Password(),
	})
}

// choose gives people the password that they chose, while a second step is on.
func (e *Errand) choose(v *visit) {
	if !v.user.SecondStep {
		e.again(v, cause.Forbidden, page.Prove{Form: formOwn}, e.showPassword)
		return
	}
	typed := v.PostForm.Get(fieldNew)
	// Before the proof: what would be refused must not cost a code.
	if !v.PostForm.Has(proof.FieldMail) && !e.fine(v, typed) {
		return
	}
	if !e.prove(v, formOwn, e.showPassword) {
		return
	}
	hash, err := e.Hasher.Hash(v.Context(), typed)
	if err != nil {
		e.unproved(v, err, page.Prove{Form: formOwn}, e.showPassword)
		return
	}
	err = e.changing(v, []ticket.Telling{e.telling(v, letter.PasswordChanged)}, func(tx store.Tx, u *store.User) error {
		if !u.SecondStep {
			return factor.ErrNone // switched off a moment ago
		}
		now := e.Now().UTC()
		u.Password, u.PasswordChosen, u.PasswordChanged, u.PasswordOwn = hash, true, now, now
		if err := ticket.Forget(tx, u, now); err != nil {
			return err
		}
		return e.Sessions.EndOthers(tx, u, v.cookie)
	})
	if err != nil {
		e.notChanged(v, err, pathPassword)
		return
	}
	e.Log.Info("a password was chosen by its owner", "user", v.user.ID, "account", v.user.Account)
	e.on(v, pathPassword, "done", "own")
}

// fine holds what was chosen against the rules, or answers the request.
func (e *Errand) fine(v *visit, typed string) bool {
	why, err := e.Choosing.Why(typed, v.user, v.account)
	switch {
	case err != nil:
		e.Log.Error("a password cannot be compared with the list of the operator, so none is taken", "error", err)
		e.again(v, cause.Busy, page.Prove{Form: formOwn, RetryAfter: busyRetry}, e.showPassword)
		return false
	case why == "" && typed == v.PostForm.Get(proof.FieldPassword):
		why = whySame
	}
	if why == "" {
		return true
	}
	p := e.may(v, page.Prove{
		Form: formOwn, Cause: cause.BadRequest, Mailed: v.PostForm.Has(proof.FieldMailed),
	})
	e.showChoice(v, p.Cause.Status(), p, why)
	return false
}

// whySame: it is the one that they have.
const whySame = "same"

// generate gives people a generated password, which is shown to be kept.
func (e *Errand) generate(v *visit) {
	if !e.prove(v, formGenerate, e.showPassword) {
		return
	}
	given, err := e.Tickets.Give(v.Context(), v.user)
	if err != nil {
		e.unproved(v, err, page.Prove{Form: formGenerate}, e.showPassword)
		return
	}
	err = e.changing(v, []ticket.Telling{e.telling(v, letter.PasswordChanged)}, func(tx store.Tx, u *store.User) error {
		if err := given.Open(tx, u, e.Now().UTC()); err != nil {
			return err
		}
		return e.Sessions.EndOthers(tx, u, v.cookie)
	})
	if err != nil {
		e.notChanged(v, err, pathPassword)
		return
	}
	e.Log.Info("a new password was generated for its owner", "user", v.user.ID, "account", v.user.Account)
	e.keep(v, pathPassword)
}

// keep leads to the page that shows a generated password, and from there on to path.
func (e *Errand) keep(v *visit, path string, more ...string) {
	target.Redirect(v.w, target.With(e.Prefix+"/recover/keep", target.With(e.Prefix+path, e.to(v), more...)))
}

// notChanged answers where a change did not come about.
func (e *Errand) notChanged(v *visit, err error, path string) {
	if gone(err) {
		e.on(v, path)
		return
	}
	e.away(v, err)
}
