package security

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Factors is what somebody's second step is managed with.
type Factors interface {
	Status(ctx context.Context, u *store.User, session string) (factor.Status, error)
	Begin(ctx context.Context, u *store.User, session string) error
	BeginKeys(ctx context.Context, u *store.User, session string) error
	BeginCodes(ctx context.Context, u *store.User, session string) error
	Setup(ctx context.Context, u *store.User, session string) (factor.Setup, error)
	Confirm(ctx context.Context, u *store.User, session, code string) error
	ConfirmKeys(ctx context.Context, u *store.User, session, answer string) error
	Enable(tx store.Tx, u *store.User, session string) error
	Abandon(ctx context.Context, u *store.User) error
	Forget(ctx context.Context, u *store.User, id string) error
}

// pathSecond is where this part begins.
const pathSecond = "/security/second-step"

// The forms of the page, as their addresses call them.
const (
	formStart = "start"
	formKeys  = "keys"
	formCodes = "codes"
	formOff   = "off"
)

func (e *Errand) secondRoutes() routes {
	return routes{
		"GET /second-step":           e.second,
		"POST /second-step/start":    e.start,
		"POST /second-step/keys":     e.startKeys,
		"POST /second-step/codes":    e.codes,
		"POST /second-step/confirm":  e.confirm,
		"POST /second-step/download": e.download,
		"POST /second-step/on":       e.enable,
		"POST /second-step/off":      e.off,
		"POST /second-step/cancel":   e.cancelSetup,
		"POST /devices":              e.forget,
	}
}

func (e *Errand) secondCard(v *visit) (page.SecurityCard, error) {
	s, err := e.Factors.Status(v.Context(), v.user, v.session)
	if err != nil {
		return page.SecurityCard{}, err
	}
	c := page.SecurityCard{Key: "second", Title: e.say(v, "security.second"), Text: e.say(v, "security.off"), URL: "second-step"}
	required, _ := e.required(v)
	c.Warn = required && !s.On
	if s.On {
		c.Text = e.say(v, "security.on", "date", e.Pages.Day(v.locale, s.Since))
		if c.Warn = s.CodesLeft <= page.FewCodes; c.Warn {
			c.Text += " " + e.say(v, "security.codes_left", "n", s.CodesLeft)
		}
	}
	return c, nil
}

// start makes a new seed: for a second step, or for another phone.
func (e *Errand) start(v *visit) {
	if !e.prove(v, formStart, e.showSecond) {
		return
	}
	e.begun(v, e.Factors.Begin(v.Context(), v.user, v.session))
}

// startKeys makes a second step of the person's passkeys and security keys.
func (e *Errand) startKeys(v *visit) {
	if v.user.SecondStep {
		e.on(v, pathSecond)
		return
	}
	if !e.prove(v, formKeys, e.showSecond) {
		return
	}
	e.begun(v, e.Factors.BeginKeys(v.Context(), v.user, v.session))
}

func (e *Errand) codes(v *visit) {
	if !v.user.SecondStep {
		e.on(v, pathSecond)
		return
	}
	if !e.prove(v, formCodes, e.showSecond) {
		return
	}
	e.begun(v, e.Factors.BeginCodes(v.Context(), v.user, v.session))
}

func (e *Errand) begun(v *visit, err error) {
	if err != nil && !errors.Is(err, factor.ErrNoPasskeys) {
		e.away(v, err)
		return
	}
	e.on(v, pathSecond)
}

// second shows what is being set up in this session, else how the second step is.
func (e *Errand) second(v *visit) {
	s, err := e.Factors.Setup(v.Context(), v.user, v.session)
	switch {
	case err == nil:
		e.showSetup(v, http.StatusOK, s, page.SecondSetup{})
	case gone(err):
		e.showSecond(v, http.StatusOK, e.asked(v))
	default:
		e.away(v, err)
	}
}

// setup shows what is being set up: the QR code until a code was confirmed, then
// the recovery codes. Without a set-up the person is back where it begins.
func (e *Errand) setup(v *visit, status int, p page.SecondSetup) {
	s, err := e.Factors.Setup(v.Context(), v.user, v.session)
	if err != nil {
		e.none(v, err)
		return
	}
	e.showSetup(v, status, s, p)
}

func (e *Errand) showSetup(v *visit, status int, s factor.Setup, p page.SecondSetup) {
	p.Locale, p.Target, p.Codes, p.OnlyCodes, p.Keys = v.locale, e.to(v), grouped(s.Codes), v.user.SecondStep && s.Seed == "", s.Keys
	if len(s.Codes) == 0 && !s.Keys {
		var err error
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
		e.on(v, pathSecond)
		return
	}
	e.away(v, err)
}

// confirm compares a code of the app, or takes the answer of a key. It counts in the
// budget of codes: the seed is the person's own, and still nobody needs more tries.
func (e *Errand) confirm(v *visit) {
	err := e.Prover.Step(v.Context(), e.person(v), func(ctx context.Context, u *store.User) error {
		if answer := v.PostForm.Get(proof.FieldPasskey); answer != "" {
			return e.Factors.ConfirmKeys(ctx, u, v.session, answer)
		}
		return e.Factors.Confirm(ctx, u, v.session, v.PostForm.Get("code"))
	})
	if err == nil {
		e.on(v, pathSecond)
		return
	}
	if gone(err) {
		e.none(v, err)
		return
	}
	e.unproved(v, err, page.Prove{}, func(v *visit, status int, p page.Prove) {
		e.setup(v, status, page.SecondSetup{
			Cause: p.Cause, Reference: p.Reference, Reason: p.Reason, Off: p.Off, RetryAfter: p.RetryAfter, RetryAt: p.RetryAt,
		})
	})
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
	s, err := e.Factors.Setup(v.Context(), v.user, v.session)
	if err != nil {
		e.none(v, err)
		return
	}
	what := settingUp(v.user, s)
	tell := e.telling(v, what.letter)
	err = e.change(v, &tell, func(tx store.Tx, u *store.User) error {
		if u.SecondStep != v.user.SecondStep {
			return factor.ErrNone // switched on or off a moment ago: this is another story
		}
		if err := e.Factors.Enable(tx, u, v.session); err != nil {
			return err
		}
		if what.audit != "" { // that it was switched on is seen by the directory
			entry := audit.Entry{Action: what.audit, Account: u.Account, User: u.ID, Email: u.Email}
			if err := audit.Append(v.Context(), tx, entry, e.Now()); err != nil {
				return err
			}
		}
		return e.Sessions.EndOthers(tx, u, v.cookie, what.amr...)
	})
	if err != nil {
		e.none(v, err)
		return
	}
	e.Log.Info("a second step, or its recovery codes, was set up", "user", v.user.ID, "account", v.user.Account)
	e.on(v, pathSecond, "done", what.done)
}

// setUp is what finishing a set-up does, and how it is told.
type setUp struct {
	done, letter string
	audit        audit.Action
	amr          []string // what the session shows from then on: how it was confirmed
}

func settingUp(u *store.User, s factor.Setup) setUp {
	otp := []string{"otp", "mfa"}
	switch { // a code of the app was typed, or a key touched; for codes it was either
	case s.Keys:
		return setUp{"on", letter.SecondStepOn, "", factor.Amr()}
	case !u.SecondStep:
		return setUp{"on", letter.SecondStepOn, "", otp}
	case s.Seed != "":
		return setUp{"codes", letter.SecondStepApp, audit.UserAppReplaced, otp}
	}
	return setUp{"codes", letter.RecoveryCodes, audit.UserCodesRenewed, []string{"mfa"}}
}

func (e *Errand) cancelSetup(v *visit) {
	if err := e.Factors.Abandon(v.Context(), v.user); err != nil {
		e.away(v, err)
		return
	}
	e.on(v, pathSecond, "done", "cancelled")
}

// off switches the second step off, tells by mail, and ends the other sessions.
func (e *Errand) off(v *visit) {
	if !v.user.SecondStep {
		e.on(v, pathSecond)
		return
	}
	if required, by := e.required(v); required && by.IsZero() {
		e.again(v, cause.Forbidden, page.Prove{Form: formOff}, e.showSecond)
		return
	}
	if !e.prove(v, formOff, e.showSecond) {
		return
	}
	own := directory.OwnPassword(v.user) && e.Tickets != nil
	tell := []ticket.Telling{e.telling(v, letter.SecondStepOff)}
	var given ticket.Given
	if own {
		// It stands beside a second step only: another takes its place.
		tell = append(tell, e.telling(v, letter.PasswordChanged))
		var err error
		if given, err = e.Tickets.Give(v.Context(), v.user); err != nil {
			e.unproved(v, err, page.Prove{Form: formOff}, e.showSecond)
			return
		}
	}
	err := e.changing(v, tell, func(tx store.Tx, u *store.User) error {
		if err := factor.Off(tx, u); err != nil {
			return err
		}
		if own {
			if err := given.Open(tx, u, e.Now().UTC()); err != nil {
				return err
			}
		}
		return e.Sessions.EndOthers(tx, u, v.cookie)
	})
	if err != nil {
		e.none(v, err)
		return
	}
	e.Log.Info("a second step was switched off by its owner", "user", v.user.ID, "account", v.user.Account)
	if own {
		e.keep(v, pathSecond, "done", "off")
		return
	}
	e.on(v, pathSecond, "done", "off")
}

// required tells whether this person has to have a second step, and from when; zero
// for at once.
func (e *Errand) required(v *visit) (required bool, by time.Time) {
	required, from := e.Rules.Duty(v.user, v.account)
	if required && from.After(e.Now()) {
		by = from
	}
	return required, by
}

// secondResults are what the page can be opened with.
var secondResults = map[string]bool{"on": true, "off": true, "codes": true, "forgotten": true, "cancelled": true}

// showSecond writes the page with all there is, and what is the matter in prove.
func (e *Errand) showSecond(v *visit, status int, prove page.Prove) {
	s, err := e.Factors.Status(v.Context(), v.user, v.session)
	if err != nil {
		e.away(v, err)
		return
	}
	p := page.SecondSecurity{
		Sub: e.sub(v, secondResults, prove), On: s.On, Since: s.Since, CodesLeft: s.CodesLeft, Setup: s.Setup,
		OwnPassword: directory.OwnPassword(v.user),
	}
	p.Required, p.By = e.required(v)
	p.Keys = prove.Passkey
	here := e.Dispatcher.KnownDevice(v.Request, v.user.ID)
	for _, d := range s.Devices {
		p.Devices = append(p.Devices, page.TrustedDevice{
			ID: d.ID, Agent: d.Agent, Network: d.Network, Since: d.Since, Until: d.Until, Here: d.ID == here,
		})
	}
	e.Pages.SecondSecurity(v.w, v.Request, status, p)
}

func (e *Errand) forget(v *visit) {
	id := v.PostForm.Get("device")
	if id == "" {
		e.again(v, cause.BadRequest, page.Prove{}, e.showSecond)
		return
	}
	if id == "all" {
		id = ""
	}
	if err := e.Factors.Forget(v.Context(), v.user, id); err != nil {
		e.away(v, err)
		return
	}
	back := pathSecond
	if v.PostForm.Get("from") == "sessions" { // the list is on both pages
		back = pathSessions
	}
	e.on(v, back, "done", "forgotten")
}

// fileName is that of the recovery codes on the person's own disk.
func (e *Errand) fileName(v *visit) string {
	return "attachment; filename=\"" + url.PathEscape(e.Pages.Text(v.locale, "setup.file")) + ".txt\""
}
