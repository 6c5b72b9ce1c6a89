package page

import (
	"fmt"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// nobody is the visitor of a rehearsal: it keeps the status and drops the page.
type nobody struct {
	header http.Header
	status int
}

func (n *nobody) Header() http.Header         { return n.header }
func (n *nobody) Write(b []byte) (int, error) { return len(b), nil }
func (n *nobody) WriteHeader(status int)      { n.status = status }

// rehearse renders every page and every cause in every language into nothing.
func (p *Renderer) rehearse() error {
	for _, locale := range p.words.locales() {
		for _, c := range cause.All() {
			if err := p.rehearseCause(locale, c); err != nil {
				return err
			}
		}
		r, w := p.visit()
		p.Login(w, r, http.StatusOK, Login{Locale: locale, Notice: "notice.logged_out"})
		p.Logout(w, r, Logout{Locale: locale, Name: "A"})
		p.LoggedOut(w, r, LoggedOut{Locale: locale})
		p.Help(w, r, Help{Locale: locale, Answered: AnswerYes})
		p.Recover(w, r, http.StatusOK, Recover{Locale: locale, Cause: cause.TooManyMails, Sent: 3})
		for _, link := range []bool{false, true} {
			p.RecoverSent(w, r, RecoverSent{Locale: locale, Link: link, Until: p.options.Now()})
			p.Keep(w, r, Keep{Locale: locale, Revealed: link, Differs: true})
		}
		p.Magic(w, r, http.StatusOK, Magic{Locale: locale, Cause: cause.TooManyMails, Sent: 3, RetryAfter: time.Minute})
		p.MagicSent(w, r, http.StatusOK, MagicSent{Locale: locale, Code: true, NotYet: true, Cause: cause.WrongPassword})
		for _, kind := range []string{MailedMagic, MailedPassword, MailedNotMe} {
			p.Mailed(w, r, http.StatusOK, Mailed{Locale: locale, Kind: kind, Tab: true, Wrong: "match"})
		}
		p.Again(w, r, http.StatusOK, Sub{Locale: locale, Prove: Prove{Password: true, Mail: true, Code: true}})
		p.Framed(w, r, Framed{Locale: locale, Blocked: true})
		p.Framed(w, r, Framed{Locale: locale, Foreign: true})
		for _, reason := range []string{"wrong", "used", "clock"} {
			p.SecondStep(w, r, http.StatusOK, SecondStep{Locale: locale, Cause: cause.SecondStepFailed, Reason: reason, Off: time.Minute})
		}
		p.Security(w, r, http.StatusOK, Security{Locale: locale, Required: true, Cards: []SecurityCard{{Warn: true}}})
		for _, done := range []string{"on", "off", "codes", "forgotten", "cancelled"} {
			p.SecondSecurity(w, r, http.StatusOK, SecondSecurity{
				Sub: Sub{Locale: locale, Done: done, Prove: rehearsed(done == "codes")}, On: done != "off", Required: true, Devices: []TrustedDevice{{}},
			})
		}
		p.rehearseAccess(w, r, locale)
		p.rehearsePasskeys(w, r, locale)
		for _, why := range []string{"short", "long", "same", "leaked", "common", "context", "simple"} {
			for _, state := range []string{"own", "generated", "chosen", "none"} {
				p.PasswordSecurity(w, r, http.StatusOK, PasswordSecurity{
					Sub: Sub{Locale: locale, Done: "own", Prove: rehearsed(false)}, State: state, May: state != "none", Why: why, Since: p.options.Now(),
				})
			}
		}
		for _, codes := range [][]string{nil, {"a"}} {
			p.SecondSetup(w, r, http.StatusOK, SecondSetup{Locale: locale, Codes: codes, OnlyCodes: true, NotStored: true, QRPath: "M0 0"})
		}
		p.rehearseParked(w, r, locale)
		p.Window(w, r, locale)
		p.rehearseFederated(w, r, locale)
		if w.status != http.StatusOK {
			return fmt.Errorf("a page cannot be rendered in %s: a word or a template is missing", locale)
		}
	}
	return nil
}

// rehearseAccess renders the pages of sessions, activity and address.
func (p *Renderer) rehearseAccess(w http.ResponseWriter, r *http.Request, locale string) {
	for _, confirm := range []string{"", "all", "a"} {
		p.SessionsSecurity(w, r, http.StatusOK, SessionsSecurity{
			Sub: Sub{Locale: locale, Done: "one"}, Confirm: confirm, Sessions: []SessionRow{{Place: "A"}}, Devices: []TrustedDevice{{}},
		})
	}
	p.ActivitySecurity(w, r, http.StatusOK, ActivitySecurity{Sub: Sub{Locale: locale}, Older: "a", Items: []ActivityItem{
		{Kind: ActivityIn, Count: 2}, {Kind: ActivityMail, State: "queued"}, {Kind: ActivityDid, Did: "user_blocked", By: "you"},
	}})
	p.EmailSecurity(w, r, http.StatusOK, EmailSecurity{
		Sub: Sub{Locale: locale, Done: "asked", Prove: rehearsed(false)}, Can: true, Pending: "a@b.test", Wrong: "likely",
	})
}

func (p *Renderer) rehearseCause(locale string, c cause.Cause) error {
	for _, part := range []string{".title", ".text", ".way"} {
		if id := "cause." + string(c) + part; !p.words.has(locale, id) {
			return fmt.Errorf("words/%s.json lacks %q: every cause needs a title, a text and a way out", locale, id)
		}
	}
	r, w := p.visit()
	p.Refusal(w, r, Refusal{Cause: c, Locale: locale, Reference: "A", Name: "A", RetryAfter: time.Minute})
	if w.status != c.Status() {
		return fmt.Errorf("the page of %s cannot be rendered in %s: a word or a template is missing", c, locale)
	}
	return nil
}

func (p *Renderer) visit() (*http.Request, *nobody) {
	r, _ := http.NewRequest(http.MethodGet, p.options.Prefix+"/login", http.NoBody) //nolint:noctx // goes nowhere
	return r, &nobody{header: http.Header{}}
}

// rehearsed is a proof with all that can be asked, before and after a mail.
func rehearsed(mailed bool) Prove {
	return Prove{Form: "codes", Password: !mailed, Mail: true, Code: true, Mailed: mailed, Email: "a@b.test"}
}

func (p *Renderer) rehearseFederated(w http.ResponseWriter, r *http.Request, locale string) {
	o := Provider{Name: "a", Label: "A", Kind: "google", Sticky: true}
	offering := p.Offering(func(*http.Request) Ways { return Ways{Providers: []Provider{o}, Away: []Provider{o}, Last: "password"} })
	offering.Login(w, r, http.StatusOK, Login{Locale: locale})
	for _, c := range []cause.Cause{cause.IdentityNotLinked, cause.IdentityRefused, cause.ProviderUnavailable} {
		p.Federated(w, r, Federated{Locale: locale, Cause: c, Provider: o, Address: "a"})
	}
	p.Leaving(w, r, o, "https://a.test/", locale)
	p.Arrived(w, r, http.StatusOK, Arrived{Sub: Sub{Locale: locale}, Provider: o, Address: "a"})
	p.Arrived(w, r, http.StatusOK, Arrived{Sub: Sub{Locale: locale, Prove: rehearsed(true)}, Provider: o, Fresh: true})
	for _, done := range []string{"linked", "unlinked", "there", "dismissed"} {
		p.Identities(w, r, http.StatusOK, Identities{
			Sub: Sub{Locale: locale, Done: done, Prove: rehearsed(false)}, Linked: []LinkedIdentity{{LastWay: true}, {Address: "a"}},
			Providers: []Linkable{{Provider: o}, {Provider: o, Away: true}},
		})
	}
}

func (p *Renderer) rehearsePasskeys(w http.ResponseWriter, r *http.Request, locale string) {
	sub := Sub{Locale: locale, Prove: Prove{Form: "add", Password: true, Passkey: true, Cause: cause.PasskeyRefused, Reason: "late"}}
	for _, done := range []string{"added", "removed", "renamed"} {
		sub.Done = done
		p.Passkeys(w, r, http.StatusOK, Passkeys{Sub: sub, Keys: []Passkey{{}}, Possible: true})
	}
	sub.Done = ""
	for _, v := range []Passkeys{{Sub: sub, IP: true}, {Sub: sub, Host: "a.test"}, {Sub: sub}} {
		p.Passkeys(w, r, http.StatusOK, v)
	}
	p.PasskeyEdit(w, r, http.StatusOK, PasskeyEdit{Sub: sub})
	p.PasskeyNew(w, r, PasskeyNew{Sub: sub})
}
