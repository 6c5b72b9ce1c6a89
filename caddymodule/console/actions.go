package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/store"
)

// act is one thing that can be done to a user. Each has a page that says what it
// will do, with the form, below the user's page; posting that form does it.
type act struct {
	// name is the end of its path and of the ids of its words.
	name string
	what manage.Action
	who  Who
	// sensitive asks for a fresh proof.
	sensitive bool
	// direct has a button on the page of the user, without a page in between.
	direct bool
	// hurts: it takes something away that does not come back.
	hurts bool
	// fits tells whether it makes sense for this user; nil: always.
	fits func(u *store.User, now time.Time) bool
	// fill puts what is now into the fields of the form; optional.
	fill func(e *Errand, v *visit, f *form)
	run  func(e *Errand, ctx context.Context, v *visit) (outcome, error)
}

// outcome is what came of an action.
type outcome struct {
	done     string // the word that says so; empty: done.<name>
	password string // to be shown this once
	gone     bool   // there is no page of the user any more
}

// acts are the actions on a user, in the order of the page.
var acts = []act{
	{name: "mail-password", what: manage.MailPassword, who: Both, direct: true, fits: arrived, run: runMailPassword},
	{name: "mail-login", what: manage.MailLogin, who: Both, direct: true, fits: arrived, run: runMailLogin},
	{name: "password", what: manage.NewPassword, who: Both, sensitive: true, fits: arrived, run: runPassword},
	{name: "chosen-password", what: manage.ChosenPassword, who: Support, sensitive: true, fits: arrived, run: runChosen},
	{name: "clear-delays", what: manage.ClearDelays, who: Both, direct: true, run: runClearDelays},
	{name: "invite-again", what: manage.Invite, who: Both, direct: true, fits: expected, run: runInviteAgain},
	{name: "email", what: manage.ChangeEmail, who: Both, sensitive: true, run: runEmail},
	{name: "keep-email", what: manage.ChangeEmail, who: Both, direct: true, fits: moving, run: runKeepEmail},
	{name: "name", what: manage.Rename, who: Both, fill: fillName, run: runName},
	{name: "type", what: manage.SetType, who: Both, sensitive: true, fill: fillType, run: runType},
	{name: "second-step-off", what: manage.SecondStepOff, who: Both, sensitive: true, hurts: true, fits: secondStep, run: runSecondStepOff},
	{name: "end-sessions", what: manage.EndSessions, who: Both, direct: true, run: runEndSessions},
	{name: "block", what: manage.Block, who: Both, sensitive: true, hurts: true, fits: unblocked, run: runBlock},
	{name: "unblock", what: manage.Unblock, who: Both, sensitive: true, direct: true, fits: blocked, run: runUnblock},
	{name: "delete", what: manage.Delete, who: Both, sensitive: true, hurts: true, run: runDelete},
	{name: "erase", what: manage.Erase, who: Support, sensitive: true, hurts: true, run: runErase},
}

func arrived(u *store.User, _ time.Time) bool    { return u.Invited == nil }
func expected(u *store.User, _ time.Time) bool   { return u.Invited != nil }
func moving(u *store.User, _ time.Time) bool     { return u.Moving != nil }
func secondStep(u *store.User, _ time.Time) bool { return u.SecondStep }
func blocked(u *store.User, now time.Time) bool  { return directory.Blocked(u, now) }
func unblocked(u *store.User, now time.Time) bool {
	return !directory.Blocked(u, now)
}

// path is where an action is, below the admin path.
func (a *act) path() string { return pathUser + "/" + a.name }

// actionRoutes are the page and the deed of each action.
func actionRoutes() []Route {
	var all []Route
	for i := range acts {
		a := &acts[i]
		all = append(all,
			Route{Method: http.MethodGet, Path: a.path(), Who: a.who, Action: a.what, handle: func(e *Errand, w http.ResponseWriter, r *http.Request, v *visit) {
				e.showAct(w, r, v, a)
			}},
			Route{Method: http.MethodPost, Path: a.path(), Who: a.who, Action: a.what, Sensitive: a.sensitive, handle: func(e *Errand, w http.ResponseWriter, r *http.Request, v *visit) {
				e.doAct(w, r, v, a)
			}},
		)
	}
	return append(all,
		Route{Method: http.MethodPost, Path: pathUser + "/end-session", Who: Both, Action: manage.EndSessions, handle: (*Errand).endSession},
		Route{Method: http.MethodGet, Path: pathInvite, Who: Both, Action: manage.Invite, Nav: "admin.nav.invite", handle: (*Errand).invite},
		Route{Method: http.MethodPost, Path: pathInvite, Who: Both, Action: manage.Invite, Sensitive: true, handle: (*Errand).invited},
	)
}

func runMailPassword(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	_, err := e.Manage.MailPassword(ctx, v.actor, v.account.ID, v.user.ID)
	return outcome{}, err
}

func runMailLogin(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	_, err := e.Manage.MailLogin(ctx, v.actor, v.account.ID, v.user.ID)
	return outcome{}, err
}

func runPassword(e *Errand, ctx context.Context, v *visit) (o outcome, err error) {
	o.password, err = e.Manage.NewPassword(ctx, v.actor, v.account.ID, v.user.ID)
	return o, err
}

func runChosen(e *Errand, ctx context.Context, v *visit) (o outcome, err error) {
	o.password, err = e.Manage.ChosenPassword(ctx, v.actor, v.account.ID, v.user.ID, v.form.Get("chosen"))
	return o, err
}

func runClearDelays(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	return outcome{}, e.Manage.ClearDelays(ctx, v.actor, v.account.ID, v.user.ID)
}

func runInviteAgain(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	_, err := e.Manage.InviteAgain(ctx, v.actor, v.account.ID, v.user.ID)
	return outcome{}, err
}

func runEmail(e *Errand, ctx context.Context, v *visit) (o outcome, err error) {
	c, err := e.Manage.ChangeEmail(ctx, v.actor, v.account.ID, v.user.ID, v.form.Get("email"))
	if c.Pending {
		o.done = "email-pending"
	}
	if c.Invited {
		o.done = "email-invited"
	}
	return o, err
}

func runKeepEmail(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	_, err := e.Manage.KeepEmail(ctx, v.actor, v.account.ID, v.user.ID)
	return outcome{}, err
}

// given returns what a field says, nil for one that was not posted.
func given(form url.Values, name string) *string {
	if !form.Has(name) {
		return nil
	}
	value := form.Get(name)
	return &value
}

func fillName(_ *Errand, v *visit, f *form) {
	f.Values["name"], f.Values["locale"] = v.user.Name, v.user.Locale
}

func runName(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	_, err := e.Manage.Edit(ctx, v.actor, v.account.ID, v.user.ID, manage.Edit{
		Name: given(v.form, "name"), Locale: given(v.form, "locale"),
	})
	return outcome{}, err
}

func fillType(e *Errand, v *visit, f *form) {
	f.Values["type"], f.Types = v.user.Type, e.types(v)
}

// types are those that this visitor may give to somebody of the account.
func (e *Errand) types(v *visit) []option {
	var types []option
	for _, name := range e.Rules.TypeNames(v.account.ID) {
		if manage.MayGrant(e.Rules, v.actor, v.account.ID, name) == nil {
			types = append(types, option{name, v.typeName(name)})
		}
	}
	return types
}

// typeName is how people call a type; one that the operator declared has its own
// name.
func (v *visit) typeName(name string) string {
	id := "admin.type." + name
	if text := v.say(id); text != id {
		return text
	}
	if name == "" {
		return v.say("admin.type.none")
	}
	return name
}

func runType(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	kind := v.form.Get("type")
	_, err := e.Manage.Edit(ctx, v.actor, v.account.ID, v.user.ID, manage.Edit{Type: &kind})
	return outcome{}, err
}

func runSecondStepOff(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	_, err := e.Manage.SecondStepOff(ctx, v.actor, v.account.ID, v.user.ID)
	return outcome{}, err
}

func runEndSessions(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	return outcome{}, e.Manage.EndSessions(ctx, v.actor, v.account.ID, v.user.ID)
}

// errDay: what was typed as a day is none, or one that is over.
var errDay = &directory.FieldError{Field: "until", Problem: "it is no day to come"}

func runBlock(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	var until time.Time
	if day := strings.TrimSpace(v.form.Get("until")); day != "" {
		last, err := time.ParseInLocation(time.DateOnly, day, e.Location)
		if err != nil {
			return outcome{}, errDay
		}
		if until = last.AddDate(0, 0, 1); !until.After(e.Now()) { // to the end of that day
			return outcome{}, errDay
		}
	}
	_, err := e.Manage.Block(ctx, v.actor, v.account.ID, v.user.ID, v.form.Get("why"), until)
	return outcome{}, err
}

func runUnblock(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	_, err := e.Manage.Unblock(ctx, v.actor, v.account.ID, v.user.ID)
	return outcome{}, err
}

// errSure: a box that has to be ticked was not.
var errSure = &directory.FieldError{Field: "sure", Problem: "it was not ticked"}

func runDelete(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	if v.form.Get("sure") == "" {
		return outcome{}, errSure
	}
	return outcome{gone: true}, e.Manage.Delete(ctx, v.actor, v.account.ID, v.user.ID)
}

func runErase(e *Errand, ctx context.Context, v *visit) (outcome, error) {
	if v.form.Get("sure") == "" {
		return outcome{}, errSure
	}
	return outcome{gone: true}, e.Manage.Erase(ctx, v.actor, v.account.ID, v.user.ID)
}

// isField tells whether err is about one field, and which.
func isField(err error) (field string, ok bool) {
	var f *directory.FieldError
	if errors.As(err, &f) {
		return f.Field, true
	}
	return "", false
}
