package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/target"
)

const (
	// maxAsked bounds what is typed into the box, maxHits what a list shows.
	maxAsked = 254
	maxHits  = 25
	// searchTime bounds a search by name over everybody.
	searchTime = 5 * time.Second
)

// search answers the box. Addresses are posted, not put into a URL, which logs and
// histories keep; who was found has a page of their own.
func (e *Errand) search(w http.ResponseWriter, r *http.Request, v *visit) {
	asked := strings.TrimSpace(v.form.Get("q"))
	if len(asked) > maxAsked {
		asked = strings.ToValidUTF8(asked[:maxAsked], "")
	}
	var err error
	reference, isReference := secret.ParseReference(asked)
	switch {
	case asked == "":
		e.showDesk(w, r, v, http.StatusOK, deskBody{})
		return
	case strings.Contains(asked, "@"):
		err = e.findAddress(w, r, v, asked)
	case isReference && e.isAttempt(r, v, reference):
		target.Redirect(w, e.root()+"/attempts/"+url.PathEscape(reference))
		return
	default:
		err = e.findName(w, r, v, asked)
	}
	if err != nil {
		e.away(w, r, err)
	}
}

// isAttempt: there is an attempt with that reference that the visitor may know
// of. What looks like a reference may be a name as well.
func (e *Errand) isAttempt(r *http.Request, v *visit, reference string) bool {
	_, err := e.Desk.Stories.OfAttempt(r.Context(), v.viewer(), reference)
	return err == nil || !errors.Is(err, store.ErrNotFound)
}

func (e *Errand) findAddress(w http.ResponseWriter, r *http.Request, v *visit, asked string) error {
	s, err := e.Desk.Stories.Tell(r.Context(), v.viewer(), asked)
	switch {
	case errors.Is(err, directory.ErrInvalid), errors.Is(err, store.ErrNotFound):
		e.showDesk(w, r, v, http.StatusOK, deskBody{Asked: asked, Nothing: true})
		return nil
	case err != nil:
		return err
	case s.User != nil:
		target.Redirect(w, e.whyPath(s.User.Account, s.User.ID))
		return nil
	}
	return e.tell(w, r, v, s)
}

// whyPath is where the story of a user stands.
func (e *Errand) whyPath(account, user string) string {
	return e.root() + "/accounts/" + url.PathEscape(account) + "/users/" + url.PathEscape(user) + "/why"
}

// findName looks for an account id, a user id, or a part of a name.
func (e *Errand) findName(w http.ResponseWriter, r *http.Request, v *visit, asked string) error {
	if v.support {
		a, err := e.Desk.Directory.Account(r.Context(), asked)
		if err == nil {
			target.Redirect(w, e.root()+"/accounts/"+url.PathEscape(a.ID))
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	s, err := e.Desk.Stories.Find(r.Context(), v.viewer(), asked)
	if err == nil && s.User != nil {
		target.Redirect(w, e.whyPath(s.User.Account, s.User.ID))
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	body, err := e.searchNames(r, v, asked)
	if err != nil {
		return err
	}
	if len(body.Hits) == 1 && !body.More {
		target.Redirect(w, body.Hits[0].URL)
		return nil
	}
	body.Nothing = len(body.Hits) == 0
	e.showDesk(w, r, v, http.StatusOK, body)
	return nil
}

// searchNames goes over the accounts the visitor may see, and their users.
func (e *Errand) searchNames(r *http.Request, v *visit, asked string) (deskBody, error) {
	ctx, cancel := context.WithTimeout(r.Context(), searchTime)
	defer cancel()
	s := &searching{e: e, v: v, wanted: strings.ToLower(asked), body: deskBody{Asked: asked}, seen: map[string]bool{}}
	var err error
	if v.support {
		err = s.all(ctx)
	} else {
		err = s.account(ctx, v.facts.User.Account())
	}
	if errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil {
		s.body.More, err = true, nil
	}
	if err != nil {
		return deskBody{}, err
	}
	// Whose names support was shown is in the log of each team.
	for account := range s.seen {
		if err := e.note(r, v, account, audit.Entry{Action: audit.LookedUsers, Why: asked}); err != nil {
			return deskBody{}, err
		}
	}
	return s.body, nil
}

// searching is a search under way.
type searching struct {
	e      *Errand
	v      *visit
	wanted string
	body   deskBody
	seen   map[string]bool // accounts of which users were found
}

const pageful = 500

func (s *searching) all(ctx context.Context) error {
	for after := ""; ; {
		accounts, err := s.e.Desk.Directory.Accounts(ctx, after, pageful)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			after = a.ID
			if s.matches(a.Name) || s.matches(a.ID) {
				s.add(hit{a.Name, s.v.say("desk.hit.account", "id", a.ID), s.e.root() + "/accounts/" + url.PathEscape(a.ID)})
			}
			if err := s.account(ctx, a.ID); err != nil || s.body.More {
				return err
			}
		}
		if len(accounts) < pageful {
			return nil
		}
	}
}

func (s *searching) account(ctx context.Context, account string) error {
	for after := ""; ; {
		users, err := s.e.Desk.Directory.Users(ctx, account, after, pageful)
		if err != nil {
			return err
		}
		for _, u := range users {
			after = u.ID
			if s.matches(u.Name) || s.matches(u.Email) {
				if s.add(hit{u.Name, s.v.say("desk.hit.user", "email", isolated(u.Email), "account", u.Account), s.e.whyPath(u.Account, u.ID)}) {
					s.seen[u.Account] = true
				}
			}
		}
		if len(users) < pageful || s.body.More {
			return ctx.Err()
		}
	}
}

func (s *searching) matches(text string) bool {
	return strings.Contains(strings.ToLower(text), s.wanted)
}

func (s *searching) add(h hit) bool {
	if len(s.body.Hits) == maxHits {
		s.body.More = true
		return false
	}
	s.body.Hits = append(s.body.Hits, h)
	return true
}
