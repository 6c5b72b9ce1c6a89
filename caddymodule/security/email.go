package security

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Mover changes one's own address. *manage.Manager is one.
type Mover interface {
	MoveOwn(ctx context.Context, u *store.User, session, address string) (*store.User, error)
	KeepOwn(ctx context.Context, u *store.User) error
}

const (
	pathEmail  = "/security/email"
	fieldEmail = "email"
	fieldSure  = "sure" // the address that was typed though it looks like a slip
	formEmail  = "email"
)

func (e *Errand) emailRoutes() routes {
	return routes{
		"GET /email":         e.email,
		"POST /email":        e.moveEmail,
		"POST /email/cancel": e.keepEmail,
	}
}

func (e *Errand) emailCard(v *visit) (page.SecurityCard, error) {
	c := page.SecurityCard{Key: "email", Title: e.say(v, "email.title"), Text: e.say(v, "email.card", "email", shownAddress(v.user)), URL: "email"}
	if to := e.pending(v.user); to != nil {
		c.Text = e.say(v, "email.card_pending", "email", to.Email)
	}
	return c, nil
}

// pending is the address that waits for its proof, nil for none.
func (e *Errand) pending(u *store.User) *store.Moving {
	if u.Moving == nil || !e.Now().Before(u.Moving.Until) {
		return nil
	}
	return u.Moving
}

func shownAddress(u *store.User) string {
	if u.Display != "" {
		return u.Display
	}
	return u.Email
}

var emailResults = map[string]bool{"asked": true, "kept": true}

func (e *Errand) email(v *visit) {
	e.showEmail(v, http.StatusOK, page.EmailSecurity{Sub: e.sub(v, emailResults, e.asked(v))})
}

func (e *Errand) showEmail(v *visit, status int, p page.EmailSecurity) {
	p.Email, p.Can = shownAddress(v.user), e.Mover != nil && e.Tickets != nil
	if to := e.pending(v.user); to != nil {
		p.Pending, p.Until = to.Email, to.Until
	}
	e.Pages.EmailSecurity(v.w, v.Request, status, p)
}

// moveEmail mails a link to the new address. What can be seen to be wrong with it
// is said before the proof, so that a code is not used up for a slip.
func (e *Errand) moveEmail(v *visit) {
	if e.Mover == nil || e.Tickets == nil {
		e.on(v, pathEmail)
		return
	}
	typed := strings.TrimSpace(v.PostForm.Get(fieldEmail))
	again := func(v *visit, status int, p page.Prove) {
		e.showEmail(v, status, page.EmailSecurity{Sub: e.sub(v, nil, p), Typed: typed})
	}
	if wrong, domain := slip(v.user, typed, v.PostForm.Get(fieldSure)); wrong != "" {
		e.showEmail(v, cause.BadRequest.Status(), page.EmailSecurity{
			Sub: e.sub(v, nil, e.asked(v)), Typed: typed, Wrong: wrong, Domain: domain,
		})
		return
	}
	if !e.prove(v, formEmail, again) {
		return
	}
	_, err := e.Mover.MoveOwn(v.Context(), v.user, v.session, typed)
	var many *outbox.TooMany
	switch {
	case err == nil:
		e.Log.Info("a person asked for another address", "user", v.user.ID, "account", v.user.Account)
		e.on(v, pathEmail, "done", "asked")
	case errors.As(err, &many):
		p := page.Prove{Form: formEmail}
		e.wait(&p, many.Until)
		e.again(v, cause.TooManyMails, p, again)
	case errors.Is(err, manage.ErrOver), errors.Is(err, store.ErrNotFound):
		e.outside(v, cause.SessionEnded)
	default:
		e.away(v, err)
	}
}

// slip tells what is wrong with an address as typed: "empty", "shape", "same", or
// "likely" with the domain that was probably meant, unless they are sure.
func slip(u *store.User, typed, sure string) (wrong, domain string) {
	canonical, err := directory.Canonical(typed)
	switch {
	case typed == "":
		return "empty", ""
	case err != nil:
		return "shape", ""
	case canonical == u.Email:
		return "same", ""
	case sure == typed:
		return "", ""
	}
	_, at, _ := strings.Cut(canonical, "@")
	if meant := page.LikelyDomain(at); meant != "" {
		return "likely", meant
	}
	return "", ""
}

// keepEmail gives up a change that waits. It takes no proof: nothing is opened by it.
func (e *Errand) keepEmail(v *visit) {
	if e.Mover == nil {
		e.on(v, pathEmail)
		return
	}
	if err := e.Mover.KeepOwn(v.Context(), v.user); err != nil && !errors.Is(err, store.ErrNotFound) {
		e.away(v, err)
		return
	}
	e.on(v, pathEmail, "done", "kept")
}
