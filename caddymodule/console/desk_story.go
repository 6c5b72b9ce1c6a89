package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
	"github.com/cliendo/gateway/caddymodule/target"
)

// storyBody is what story.html sees.
type storyBody struct {
	Good  bool     // they can log in
	Lines []string // in words, to be read aloud
	Fixes []fixBody
	// Person, Team and Owner lead on.
	Person, Team, Desk string
	Suggestions        []hit
	Attempts           []storyAttempt
	Mails              []storyMail
	Budgets            []string
	Reference          string
}

// fixBody is one way out, with its buttons.
type fixBody struct {
	Text    string
	Buttons []fixButton
}

// fixButton does it, or leads to where it is done.
type fixButton struct {
	Text, URL string
	Post      bool
	Back      string // where to go on after it was done
}

type storyAttempt struct {
	At                                        time.Time
	Outcome, Method, Browser, Network, Refers string
	Times                                     int
	URL                                       string
	Bad                                       bool
}

type storyMail struct {
	At              time.Time
	Kind, To, State string
	Tries           []mailTry
	Bad             bool
}

type mailTry struct {
	At           time.Time
	Server, Said string
}

// userStory tells of one user.
func (e *Errand) userStory(w http.ResponseWriter, r *http.Request, v *visit) {
	s, err := e.Desk.Stories.OfUser(r.Context(), v.viewer(), v.account.ID, r.PathValue("user"))
	e.tellOr(w, r, v, s, err)
}

// attemptStory tells of one attempt.
func (e *Errand) attemptStory(w http.ResponseWriter, r *http.Request, v *visit) {
	s, err := e.Desk.Stories.OfAttempt(r.Context(), v.viewer(), r.PathValue("reference"))
	e.tellOr(w, r, v, s, err)
}

func (e *Errand) tellOr(w http.ResponseWriter, r *http.Request, v *visit, s *story.Story, err error) {
	if err == nil {
		err = e.tell(w, r, v, s)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		e.Pages.NotFound(w, r, v.locale)
	case err != nil:
		e.away(w, r, err)
	}
}

// tell shows a story. That support saw it is in the log of every team it tells of.
func (e *Errand) tell(w http.ResponseWriter, r *http.Request, v *visit, s *story.Story) error {
	if err := e.lookedAt(r, v, s); err != nil {
		return err
	}
	t := &telling{e: e, v: v, s: s, here: r.URL.Path}
	body := storyBody{
		Good: s.Now.CanLogIn && !s.Now.HasToWait, Lines: t.lines(), Fixes: t.fixes(), Attempts: t.attempts(), Mails: t.mails(),
		Budgets: t.budgets(), Suggestions: t.suggestions(), Desk: e.root() + "/find",
	}
	title := v.say("story.title_nobody", "address", isolated(s.Subject.Address))
	switch {
	case s.User != nil:
		title = isolated(s.User.Name)
		body.Person = e.userPath(s.User.Account, s.User.ID, "")
		if v.support {
			body.Team = e.root() + "/accounts/" + url.PathEscape(s.User.Account)
		}
	case s.Attempt != nil:
		title = v.say("story.title_attempt", "reference", s.Attempt.Reference)
	}
	if s.Attempt != nil {
		body.Reference = s.Attempt.Reference
	}
	e.show(w, r, v, page.Admin{
		Name: "story", Title: title, Body: body,
		Trail: []page.AdminLink{{Text: v.say("desk.nav.find"), URL: body.Desk}, {Text: title}},
	})
	return nil
}

func (e *Errand) lookedAt(r *http.Request, v *visit, s *story.Story) error {
	entry := audit.Entry{Action: audit.LookedStory}
	if s.Attempt != nil {
		entry.Action, entry.Why = audit.LookedAttempt, s.Attempt.Reference
	}
	account := ""
	if s.User != nil {
		account, entry.User, entry.Email = s.User.Account, s.User.ID, s.User.Email
	}
	if err := e.note(r, v, account, entry); err != nil {
		return err
	}
	if f := s.FormerOwner; f != nil {
		return e.note(r, v, f.Account, audit.Entry{Action: audit.LookedUser, User: f.User, Email: f.Email})
	}
	return nil
}

// userPath is the page of a user, or an action on it.
func (e *Errand) userPath(account, user, action string) string {
	path := e.root() + "/accounts/" + url.PathEscape(account) + "/users/" + url.PathEscape(user)
	if action != "" {
		path += "/" + action
	}
	return path
}

// retryMail tries a mail of the account again at once.
func (e *Errand) retryMail(w http.ResponseWriter, r *http.Request, v *visit) {
	id := r.PathValue("mail")
	if e.Desk.Mails == nil {
		e.Pages.NotFound(w, r, v.locale)
		return
	}
	m, ref, err := e.Desk.Mails.Mail(r.Context(), id)
	if err == nil && ref != (store.MailRef{Tag: store.AccountTag(v.account.ID), Owner: v.user.ID, At: ref.At}) {
		err = store.ErrNotFound // somebody else's
	}
	if err == nil {
		err = e.Desk.Mails.Retry(r.Context(), id)
		if errors.Is(err, outbox.ErrSettled) {
			err = nil // it is over, which the page says
		}
	}
	if err == nil {
		entry := audit.Entry{Action: audit.MailSent, User: v.user.ID, Email: m.To, Why: m.Kind, Actor: v.actor.Actor}
		err = e.Desk.Audit.Add(context.WithoutCancel(r.Context()), v.account.ID, entry)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		e.Pages.NotFound(w, r, v.locale)
	case err != nil:
		e.away(w, r, err)
	default:
		target.Redirect(w, e.whyPath(v.account.ID, v.user.ID)+"?done=mail-retried")
	}
}

func number(n int) string { return strconv.Itoa(n) }
