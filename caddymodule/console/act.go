package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
)

// form is the form of an action as act.html and invite.html see it.
type form struct {
	Action, Back     string
	Kind             string // the name of the action
	Text, Submit     string
	Email, Person    string // of whom it is about
	Hurts, Sure      bool
	Values           map[string]string
	Wrong            string // the field that is not acceptable
	Types, Languages []option
	Password, Shown  string // what is shown this once, and the address it belongs to
	Note             string
}

// option is one choice of a field.
type option struct{ Value, Text string }

// newForm is the form of an action on the user at hand, filled with what was
// posted, if anything.
func (e *Errand) newForm(v *visit, name string) form {
	f := form{
		Action: e.root() + "/", Back: e.back(v), Kind: name, Values: map[string]string{},
		Submit: v.say("admin.act." + name + ".submit"),
		Languages: []option{
			{"", v.say("admin.locale.none")}, {"nl", v.say("admin.locale.nl")}, {"en", v.say("admin.locale.en")},
		},
	}
	for name, values := range v.form {
		f.Values[name] = values[0]
	}
	delete(f.Values, "sure")
	return f
}

// formOf is the form of an action.
func (e *Errand) formOf(v *visit, a *act) form {
	f := e.newForm(v, a.name)
	f.Action, f.Hurts = e.path(v, a.path(), v.user.ID), a.hurts
	text := "admin.act." + a.name + ".text"
	if a.name == "email" && v.user.Invited != nil {
		text = "admin.act.email.invited"
	}
	f.Text = v.say(text, "name", within(v.user.Name), "email", within(v.user.Email))
	f.Sure = a.name == "delete" || a.name == "erase"
	if a.fill != nil {
		asked := f.Values
		f.Values = map[string]string{}
		a.fill(e, v, &f)
		for name, value := range asked {
			f.Values[name] = value
		}
	}
	return f
}

// showAct is the page that says what an action does.
func (e *Errand) showAct(w http.ResponseWriter, r *http.Request, v *visit, a *act) {
	e.show(w, r, v, page.Admin{Name: "act", Title: v.say("admin.act." + a.name + ".title"), Body: e.formOf(v, a)})
}

// doAct does it, and leads back to the user.
func (e *Errand) doAct(w http.ResponseWriter, r *http.Request, v *visit, a *act) {
	// Whoever hangs up has still asked for it.
	done, err := a.run(e, context.WithoutCancel(r.Context()), v)
	if err != nil {
		e.notDone(w, r, v, "act", v.say("admin.act."+a.name+".title"), e.formOf(v, a), err)
		return
	}
	e.Log.Info("done on the admin path", "action", string(a.what), "by", v.actor.ID, "by_account", v.actor.Account,
		"user", v.user.ID, "account", v.account.ID)
	word := done.done
	if word == "" {
		word = a.name
	}
	switch {
	case done.password != "":
		e.showPassword(w, r, v, done.password)
	case done.gone:
		e.redirect(w, e.path(v, pathTeam), word)
	default:
		e.redirect(w, e.path(v, pathUser, v.user.ID), word)
	}
}

// redirect leads on to a page that says what was done: what is seen then can be
// loaded again without doing it again.
func (e *Errand) redirect(w http.ResponseWriter, to, done string) {
	target.Redirect(w, to+"?done="+url.QueryEscape(done))
}

// showPassword shows a password this once. It is in no address, and a reload shows
// the form that made it and not another one.
func (e *Errand) showPassword(w http.ResponseWriter, r *http.Request, v *visit, password string) {
	e.show(w, r, v, page.Admin{Name: "password", Title: v.say("admin.password.title"), Body: form{
		Back: e.back(v), Password: password, Shown: v.user.Email,
		Text: v.say("admin.password.text", "name", within(v.user.Name)),
	}})
}

// notDone shows the form again and says what is the matter.
func (e *Errand) notDone(w http.ResponseWriter, r *http.Request, v *visit, template, title string, f form, err error) {
	problem, status := e.problem(v, &f, err)
	if problem.Title == "" {
		e.fail(w, r, v, err)
		return
	}
	e.show(w, r, v, page.Admin{Name: template, Status: status, Title: title, Problem: problem, Body: f})
}

// problem words an error of an action; none for those that are no matter of the
// form.
func (e *Errand) problem(v *visit, f *form, err error) (page.AdminProblem, int) {
	var mails *outbox.TooMany
	say := func(id string) page.AdminProblem {
		return page.AdminProblem{Cause: cause.BadRequest, Title: v.say("admin.not_done"), Text: v.say(id)}
	}
	if field, ok := isField(err); ok {
		f.Wrong = field
		id := "admin.wrong." + field
		if v.say(id) == id {
			id = "admin.wrong.other"
		}
		return say(id), http.StatusBadRequest
	}
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, manage.ErrForbidden):
		return page.AdminProblem{}, 0
	case errors.Is(err, directory.ErrTaken):
		f.Wrong = "email"
		return say("admin.wrong.taken"), http.StatusConflict
	case errors.As(err, &mails):
		p := v.trouble(cause.TooManyMails)
		p.Retry = e.wait(mails.Until)
		return p, cause.TooManyMails.Status()
	case errors.Is(err, manage.ErrNoMail):
		return say("admin.wrong.no_mail"), http.StatusConflict
	case errors.Is(err, manage.ErrInvited):
		return say("admin.wrong.invited"), http.StatusConflict
	case errors.Is(err, manage.ErrNotInvited):
		return say("admin.wrong.not_invited"), http.StatusConflict
	}
	return page.AdminProblem{}, 0
}

// endSession ends one session of a user.
func (e *Errand) endSession(w http.ResponseWriter, r *http.Request, v *visit) {
	err := e.Manage.EndSession(context.WithoutCancel(r.Context()), v.actor, v.account.ID, v.user.ID, v.form.Get("session"))
	if err != nil && !errors.Is(err, store.ErrNotFound) { // one that ended meanwhile is over as well
		e.fail(w, r, v, err)
		return
	}
	e.redirect(w, e.path(v, pathUser, v.user.ID), "end-session")
}

// inviteForm is the form to invite somebody.
func (e *Errand) inviteForm(v *visit) form {
	f := e.newForm(v, "invite")
	f.Action, f.Back, f.Types = e.path(v, pathInvite), e.path(v, pathTeam), e.types(v)
	f.Text = v.say("admin.act.invite.text")
	if _, ok := f.Values["type"]; !ok {
		f.Values["type"] = "teammate"
	}
	return f
}

func (e *Errand) invite(w http.ResponseWriter, r *http.Request, v *visit) {
	e.show(w, r, v, page.Admin{Name: "invite", Title: v.say("admin.act.invite.title"), Body: e.inviteForm(v)})
}

// invited invites. What becomes of the address is the same for one that somebody
// has elsewhere: nobody learns who is a customer.
func (e *Errand) invited(w http.ResponseWriter, r *http.Request, v *visit) {
	u, err := e.Manage.Invite(context.WithoutCancel(r.Context()), v.actor, v.account.ID, manage.Invitation{
		Email: v.form.Get("email"), Name: v.form.Get("name"), Type: v.form.Get("type"), Locale: v.form.Get("locale"),
	})
	if err != nil {
		e.notDone(w, r, v, "invite", v.say("admin.act.invite.title"), e.inviteForm(v), err)
		return
	}
	e.redirect(w, e.path(v, pathUser, u.ID), "invite")
}
