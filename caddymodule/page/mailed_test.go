package page_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

// mailStates lists the pages of logging in by mail in all their moods.
func mailStates() []state {
	at := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	magic := func(name string, status int, v page.Magic) state {
		return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.Magic(w, r, status, v) }}
	}
	sent := func(name string, v page.MagicSent) state {
		v.Ask, v.Match, v.Agent, v.Network = "abc", "4711", "Firefox / Windows", "192.0.2.17/32"
		v.Asked, v.CodeUntil, v.Until = at, at.Add(10*time.Minute), at.Add(30*time.Minute)
		status := http.StatusOK
		if v.Cause != cause.None {
			status = v.Cause.Status()
		}
		return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.MagicSent(w, r, status, v) }}
	}
	mailed := func(name string, v page.Mailed) state {
		v.Agent, v.Network, v.Asked = "Firefox / Windows", "2001:db8:1234:5678::/64", at
		return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.Mailed(w, r, http.StatusOK, v) }}
	}
	all := []state{
		magic("magic", 200, page.Magic{}),
		magic("magic-many", 429, page.Magic{
			Email: "anna@praktijk.test", Cause: cause.TooManyMails, Sent: 3, Reference: "K7Q-4MD", RetryAfter: 9 * time.Minute,
		}),
		magic("magic-bad", 400, page.Magic{Cause: cause.BadRequest, Hints: []string{"hint.email_empty"}}),
		magic("magic-elsewhere", 409, page.Magic{Cause: cause.OtherBrowser, Reference: "K7Q-4MD"}),
		sent("sent", page.MagicSent{Code: true}),
		sent("sent-next-now", page.MagicSent{Code: true, NextMail: at}),
		sent("sent-next-later", page.MagicSent{Code: true, NextMail: time.Date(2030, 3, 1, 9, 12, 30, 0, time.UTC)}),
		sent("sent-wrong", page.MagicSent{Code: true, Cause: cause.WrongPassword, Reference: "K7Q-4MD"}),
		sent("sent-dead", page.MagicSent{Cause: cause.TooManyAttempts, Reference: "K7Q-4MD"}),
		sent("sent-not-yet", page.MagicSent{Code: true, NotYet: true}),
		mailed("mailed-magic", page.Mailed{Kind: page.MailedMagic, Known: true}),
		mailed("mailed-elsewhere", page.Mailed{Kind: page.MailedMagic, Tab: true, Cause: cause.OtherBrowser}),
		mailed("mailed-wrong", page.Mailed{Kind: page.MailedMagic, Tab: true, Cause: cause.OtherBrowser, Wrong: "match", Reference: "K7Q-4MD"}),
		mailed("mailed-password", page.Mailed{Kind: page.MailedPassword, Known: true}),
		mailed("mailed-not-me", page.Mailed{Kind: page.MailedNotMe}),
	}
	for _, c := range []cause.Cause{cause.LinkExpired, cause.LinkUsed, cause.LinkSuperseded} {
		all = append(all, state{"over-" + string(c), func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.MailedOver(w, r, page.MailedOver{Cause: c, Again: "/gateway/m/abc?again=1", Reference: "K7Q-4MD"})
		}})
	}
	for _, kind := range []string{"approved", "revoked"} {
		all = append(all, state{"done-" + kind, func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.MailedDone(w, r, page.MailedDone{Kind: kind})
		}})
	}
	return all
}

// What was typed or claimed elsewhere is text on these pages, never markup.
func TestWhatComesFromElsewhereIsText(t *testing.T) {
	p, err := page.New(page.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const evil = `"><script>alert(1)</script>`
	for name, show := range map[string]func(http.ResponseWriter, *http.Request){
		"sent": func(w http.ResponseWriter, r *http.Request) {
			p.MagicSent(w, r, 200, page.MagicSent{Ask: evil, Agent: evil, Network: evil, Match: evil})
		},
		"mailed": func(w http.ResponseWriter, r *http.Request) {
			p.Mailed(w, r, 200, page.Mailed{Kind: page.MailedMagic, Tab: true, Agent: evil, Network: evil})
		},
		"magic": func(w http.ResponseWriter, r *http.Request) { p.Magic(w, r, 200, page.Magic{Email: "a@b" + evil}) },
	} {
		w := httptest.NewRecorder()
		show(w, httptest.NewRequest(http.MethodGet, "http://localhost/gateway/magic", nil))
		if strings.Contains(w.Body.String(), "<script>alert") {
			t.Errorf("%s: markup gets through", name)
		}
	}
}
