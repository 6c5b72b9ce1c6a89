package page_test

import (
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

type renderer = *page.Renderer

// state is one way a page of ours can look.
type state struct {
	name string
	show func(renderer, http.ResponseWriter, *http.Request)
}

// states lists every page, and the login page in all its moods.
func states() []state {
	all := []state{
		login("login", http.StatusOK, page.Login{}),
		login("login-notice", http.StatusOK, page.Login{Notice: "notice.session_expired", Email: "anna@praktijk.test"}),
		login("login-wrong", http.StatusUnauthorized, page.Login{
			Email: "anna@gmial.com", Remember: true, Cause: cause.WrongPassword, Reference: "K7Q-4MD",
			Hints: []string{"hint.mail_domain", "hint.blank_at_end", "hint.caps_lock"}, Suggestion: "gmail.com",
		}),
		login("login-unknown", http.StatusUnauthorized, page.Login{
			Email: "anna@praktijk.test", Cause: cause.UnknownEmail, Reference: "K7Q-4MD",
		}),
		login("login-wait", http.StatusTooManyRequests, page.Login{
			Email: "anna@praktijk.test", Cause: cause.TooManyAttempts, Reference: "K7Q-4MD", RetryAfter: 4 * time.Minute,
		}),
		login("login-empty", http.StatusBadRequest, page.Login{Cause: cause.BadRequest, Hints: []string{"hint.email_empty", "hint.password_empty"}}),
		login("login-expired", http.StatusUnauthorized, page.Login{Cause: cause.SessionExpired}),
		login("login-elsewhere", http.StatusForbidden, page.Login{Cause: cause.CrossSite}),
		recovering("recover", http.StatusOK, page.Recover{}),
		recovering("recover-shape", http.StatusBadRequest, page.Recover{
			Email: "anna@", Cause: cause.BadRequest, Reference: "K7Q-4MD", Hints: []string{"hint.email_shape"},
		}),
		recovering("recover-wait", http.StatusTooManyRequests, page.Recover{
			Email: "anna@praktijk.test", Cause: cause.TooManyMails, Reference: "K7Q-4MD", RetryAfter: 9 * time.Minute, Sent: 3,
		}),
		{"recover-sent", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.RecoverSent(w, r, page.RecoverSent{
				Until: time.Date(2027, 3, 2, 9, 0, 0, 0, time.UTC), NextMail: time.Date(2030, 3, 1, 9, 12, 30, 0, time.UTC), Reference: "K7Q-4MD",
			})
		}},
		{"recover-sent-link", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.RecoverSent(w, r, page.RecoverSent{Link: true, Until: time.Date(2027, 3, 2, 9, 0, 0, 0, time.UTC)})
		}},
		{"keep", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Keep(w, r, page.Keep{Email: "anna@praktijk.test", Password: "Kq7Wm3tRzPdv4F", Action: "/gateway/recover/keep?to=%2Fclients"})
		}},
		{"keep-differs", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Keep(w, r, page.Keep{Email: "anna@praktijk.test", Password: "Kq7Wm3tRzPdv4F", Action: "/gateway/recover/keep", Differs: true})
		}},
		{"reveal", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Keep(w, r, page.Keep{Email: "anna@praktijk.test", Password: "Kq7Wm3tRzPdv4F", Action: "/gateway/recover/stored", Revealed: true})
		}},
		{"logout", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Logout(w, r, page.Logout{Name: "Anna de Wit"})
		}},
		{"loggedout", func(p renderer, w http.ResponseWriter, r *http.Request) { p.LoggedOut(w, r, page.LoggedOut{}) }},
		{"loggedout-all", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.LoggedOut(w, r, page.LoggedOut{Everywhere: true})
		}},
		{"help", func(p renderer, w http.ResponseWriter, r *http.Request) { p.Help(w, r, page.Help{}) }},
		{"help-cause", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Help(w, r, page.Help{
				Cause: cause.TooManyMails, Reference: "K7Q-4MD", LastLogin: 3 * time.Minute, Known: true,
				Cookies: page.CookiesKept, Answered: page.AnswerNo,
			})
		}},
		{"help-down", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Help(w, r, page.Help{Cause: cause.CookiesBlocked, Down: true, Cookies: page.CookiesRefused})
		}},
		{"notfound", func(p renderer, w http.ResponseWriter, r *http.Request) { p.NotFound(w, r, "") }},
	}
	all = append(all, mailStates()...)
	all = append(all, seamStates()...)
	all = append(all, secondStates()...)
	all = append(all, accessStates()...)
	all = append(all, passwordStates()...)
	all = append(all, federatedStates()...)
	all = append(all, parkedStates()...)
	for _, kind := range []string{"magic", "recover"} {
		all = append(all, state{"later-" + kind, func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Later(w, r, page.Later{Kind: kind})
		}})
	}
	for _, c := range cause.All() {
		all = append(all, state{"refusal-" + string(c), func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Refusal(w, r, refusal(c))
		}})
	}
	return append(all, state{"refusal-superadmin", func(p renderer, w http.ResponseWriter, r *http.Request) {
		p.Refusal(w, r, page.Refusal{
			Cause: cause.AccountArrears, Reference: "K7Q-4MD", Name: "Anna de Wit", Superadmin: true,
			Links: []page.Link{{Word: "link.pay", URL: "https://pay.praktijk.test/"}, p.LogoutLink()},
		})
	}})
}

func login(name string, status int, v page.Login) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.Login(w, r, status, v) }}
}

func recovering(name string, status int, v page.Recover) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.Recover(w, r, status, v) }}
}

// refusal is a likely refusal for c.
func refusal(c cause.Cause) page.Refusal {
	v := page.Refusal{Cause: c, Reference: "K7Q-4MD"}
	if info, _ := c.Info(); info.Retry {
		v.RetryAfter = 30 * time.Second
	} else if info.Proven {
		v.Name = "Anna de Wit"
	}
	return v
}
