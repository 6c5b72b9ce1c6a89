package security

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Tickets draws the letter that tells of a change.
type Tickets interface {
	Notice(ctx context.Context, u *store.User, what ticket.Telling) ticket.Offered
}

// Mails writes it in the step of the change.
type Mails interface {
	Send(ctx context.Context, d outbox.Draft, with func(tx store.Tx) error) error
}

// The forms of the page, as their addresses call them.
const (
	formStart   = "start"
	formCodes   = "codes"
	formOff     = "off"
	formConfirm = "confirm"
)

// start makes a new seed: for a second step, or for another phone.
func (e *Errand) start(v *visit) {
	if !e.prove(v, formStart) {
		return
	}
	e.begun(v, e.Factors.Begin(v.Context(), v.user, v.session))
}

func (e *Errand) codes(v *visit) {
	if !v.user.SecondStep {
		e.on(v, "/security")
		return
	}
	if !e.prove(v, formCodes) {
		return
	}
	e.begun(v, e.Factors.BeginCodes(v.Context(), v.user, v.session))
}

func (e *Errand) begun(v *visit, err error) {
	if err != nil {
		e.away(v, err)
		return
	}
	e.on(v, "/security/second-step")
}

func (e *Errand) showSetup(v *visit) { e.setup(v, http.StatusOK, page.SecondSetup{}) }

// setup shows what is being set up: the QR code until a code was confirmed, then
// the recovery codes. Without a set-up the person is back where it begins.
func (e *Errand) setup(v *visit, status int, p page.SecondSetup) {
	s, err := e.Factors.Setup(v.Context(), v.user, v.session)
	if err != nil {
		e.none(v, err)
		return
	}
	p.Locale, p.Target, p.Codes, p.OnlyCodes = v.locale, e.to(v), grouped(s.Codes), s.Seed == ""
	if len(s.Codes) == 0 {
		p.Key, p.URL = factor.Grouped(s.Seed), s.URL
		if p.QRPath, p.QRSide, err = factor.QR(s.URL); err != nil {
			e.Log.Error("a QR code cannot be drawn; the key is shown", "error", err)
		}
	}
	e.Pages.SecondSetup(v.w, v.Request, status, p)
}

func grouped(codes []string) []string {
	all := make([]string, len(codes))
	for i, c := range codes {
		all[i] = factor.Grouped(c)
	}
	return all
}

// none answers where nothing is being set up, or nobody knows.
func (e *Errand) none(v *visit, err error) {
	if gone(err) {
		e.on(v, "/security")
		return
	}
	e.away(v, err)
}

// confirm compares a code of the app. It counts in the budget of codes: the seed is
// the person's own, and still nobody needs more tries.
func (e *Errand) confirm(v *visit) {
	place, ok := e.reserve(v, formConfirm, limit.Try{Subject: attempt.Subject(v.user.ID, ""), SecondStep: true})
	if !ok {
		return
	}
	err := e.Factors.Confirm(v.Context(), v.user, v.session, v.PostForm.Get("code"))
	var wrong *factor.Wrong
	switch {
	case err == nil:
		e.settle(v, place)
		e.on(v, "/security/second-step")
	case errors.As(err, &wrong):
		e.failed(v, formConfirm, place, cause.SecondStepFailed, page.Security{Reason: wrong.Reason, Off: wrong.Off})
	default:
		_ = place.Release(v.Context())
		e.none(v, err)
	}
}

// download is the list of recovery codes as a file. It is a form that posts, which
// no link and no prefetch opens.
func (e *Errand) download(v *visit) {
	s, err := e.Factors.Setup(v.Context(), v.user, v.session)
	if err == nil && len(s.Codes) == 0 {
		err = factor.ErrNone
	}
	if err != nil {
		e.none(v, err)
		return
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", e.fileName(v))
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = fmt.Fprintf(v.w, "%s\r\n%s\r\n\r\n%s\r\n", e.Pages.Text(v.locale, "setup.file_title"), v.user.Email,
		strings.Join(grouped(s.Codes), "\r\n"))
}

// enable switches on what was set up. Only the session at hand goes on.
func (e *Errand) enable(v *visit) {
	if v.PostForm.Get("stored") == "" {
		e.setup(v, cause.BadRequest.Status(), page.SecondSetup{Cause: cause.BadRequest, NotStored: true})
		return
	}
	done := "on"
	err := e.change(v, nil, func(tx store.Tx, u *store.User) error {
		done = "on"
		if u.SecondStep {
			done = "codes"
		}
		if err := e.Factors.Enable(tx, u, v.session); err != nil {
			return err
		}
		return e.Sessions.EndOthers(tx, u, v.cookie, "otp", "mfa")
	})
	if err != nil {
		e.none(v, err)
		return
	}
	e.Log.Info("a second step, or its recovery codes, was set up", "user", v.user.ID, "account", v.user.Account)
	e.on(v, "/security", "done", done)
}

func (e *Errand) cancelSetup(v *visit) {
	if err := e.Factors.Abandon(v.Context(), v.user); err != nil {
		e.away(v, err)
		return
	}
	e.on(v, "/security", "done", "cancelled")
}

// off switches the second step off, tells by mail, and ends the other sessions.
func (e *Errand) off(v *visit) {
	if !v.user.SecondStep {
		e.on(v, "/security")
		return
	}
	if required, from := e.Rules.Duty(v.user, v.account); required && !e.Now().Before(from) {
		e.refuse(v, formOff, cause.Forbidden, page.Security{}, time.Time{})
		return
	}
	if !e.prove(v, formOff) {
		return
	}
	tell := &ticket.Telling{Kind: letter.SecondStepOff, Origin: e.Origin, Locale: v.locale}
	err := e.change(v, tell, func(tx store.Tx, u *store.User) error {
		if err := factor.Off(tx, u); err != nil {
			return err
		}
		return e.Sessions.EndOthers(tx, u, v.cookie)
	})
	if err != nil {
		e.none(v, err)
		return
	}
	e.Log.Info("a second step was switched off by its owner", "user", v.user.ID, "account", v.user.Account)
	e.on(v, "/security", "done", "off")
}

// change changes the user who is here, with the letter that tells of it, in one
// step; again for as long as others are faster.
func (e *Errand) change(v *visit, tell *ticket.Telling, fn func(tx store.Tx, u *store.User) error) error {
	for {
		err := e.try(v, tell, fn)
		if !errors.Is(err, store.ErrConflict) || v.Context().Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (e *Errand) try(v *visit, tell *ticket.Telling, fn func(tx store.Tx, u *store.User) error) error {
	step := func(tx store.Tx) error {
		u, err := store.Users.Read(tx, v.user.ID)
		if err != nil {
			return err
		}
		if err := fn(tx, u); err != nil {
			return err
		}
		return directory.SaveUser(v.Context(), tx, u, e.Now())
	}
	if tell == nil || e.Tickets == nil {
		return e.Store.Update(v.Context(), store.AccountTag(v.user.Account), step)
	}
	letter := e.Tickets.Notice(v.Context(), v.user, *tell)
	return e.Mails.Send(v.Context(), letter.Mail, func(tx store.Tx) error {
		if err := step(tx); err != nil {
			return err
		}
		return letter.Open(tx, e.Now())
	})
}
