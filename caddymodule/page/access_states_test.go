package page_test

import (
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

var (
	morning = time.Date(2027, 3, 1, 8, 12, 0, 0, time.UTC)
	before  = morning.Add(-26 * time.Hour)
)

// accessStates are the pages of where somebody is logged in, what happened, and
// their address.
func accessStates() []state {
	return []state{
		access("sessions", http.StatusOK, page.SessionsSecurity{Sub: page.Sub{Done: "one"}, Sessions: rows(), Devices: []page.TrustedDevice{
			{ID: "a", Agent: "Firefox / Linux", Network: "192.0.2.1/32", Since: before, Until: april, Here: true},
		}}),
		access("sessions-only", http.StatusOK, page.SessionsSecurity{Sessions: rows()[:1]}),
		access("sessions-confirm", http.StatusUnauthorized, page.SessionsSecurity{
			Sessions: rows(), Confirm: "h2", Device: "Safari / iPhone",
			Sub: page.Sub{Prove: page.Prove{Form: "end", Password: true, Mail: true, Cause: cause.FreshProofRequired}},
		}),
		access("sessions-wrong", http.StatusUnauthorized, page.SessionsSecurity{
			Sessions: rows(), Confirm: "all",
			Sub: page.Sub{Prove: page.Prove{Form: "end", Password: true, Mail: true, Code: true, Cause: cause.WrongPassword, Reference: "K7Q-4MD"}},
		}),
		{"activity", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.ActivitySecurity(w, r, http.StatusOK, page.ActivitySecurity{Items: happened(), Older: "abc", Later: true})
		}},
		{"activity-none", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.ActivitySecurity(w, r, http.StatusOK, page.ActivitySecurity{})
		}},
		address("email", http.StatusOK, page.EmailSecurity{Can: true, Sub: page.Sub{Prove: page.Prove{Password: true, Mail: true}}}),
		address("email-pending", http.StatusOK, page.EmailSecurity{
			Can: true, Pending: "anna@thuis.test", Until: april, Sub: page.Sub{Done: "asked", Prove: page.Prove{Password: true, Mail: true, Code: true}},
		}),
		address("email-likely", http.StatusBadRequest, page.EmailSecurity{
			Can: true, Typed: "anna@gmial.com", Wrong: "likely", Domain: "gmail.com", Sub: page.Sub{Prove: page.Prove{Password: true, Mail: true}},
		}),
		address("email-shape", http.StatusBadRequest, page.EmailSecurity{
			Can: true, Typed: "anna@", Wrong: "shape", Sub: page.Sub{Prove: page.Prove{Password: true}},
		}),
		address("email-wait", http.StatusTooManyRequests, page.EmailSecurity{Can: true, Typed: "anna@thuis.test", Sub: page.Sub{Prove: page.Prove{
			Form: "email", Password: true, Mail: true, Cause: cause.TooManyMails, Reference: "K7Q-4MD", RetryAfter: 9 * time.Minute,
		}}}),
		address("email-cannot", http.StatusOK, page.EmailSecurity{}),
		{"mailed-secured", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.MailedDone(w, r, page.MailedDone{Kind: "secured", Did: []string{
				"sessions", "asked", "password", "second_step", "codes", "passkeys", "identities", "address",
			}})
		}},
	}
}

func access(name string, status int, v page.SessionsSecurity) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.SessionsSecurity(w, r, status, v) }}
}

func address(name string, status int, v page.EmailSecurity) state {
	v.Email = "anna@praktijk.test"
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.EmailSecurity(w, r, status, v) }}
}

func rows() []page.SessionRow {
	return []page.SessionRow{
		{Handle: "h1", Agent: "Firefox / Linux", Network: "192.0.2.1/32", Since: before, Seen: morning, Here: true},
		{Handle: "h2", Agent: "Safari / iPhone", Network: "2001:db8::/64", Place: "Utrecht, Nederland", Since: before, Seen: before},
		{Handle: "h3", Network: "198.51.100.7/32", Since: before, Seen: before},
	}
}

func happened() []page.ActivityItem {
	return []page.ActivityItem{
		{Kind: page.ActivityIn, At: morning, Method: "password", Count: 1, New: true, Agent: "Safari / iPhone", Network: "2001:db8::/64", Place: "Utrecht, Nederland"},
		{Kind: page.ActivityMail, At: morning, To: "anna@praktijk.test", Letter: "new_device", State: "accepted"},
		{Kind: page.ActivityRefused, At: morning, Method: "password", Cause: "wrong_password", Count: 4, Last: morning, Reference: "K7Q-4MD", Agent: "Chrome / Windows", Network: "198.51.100.7/32"},
		{Kind: page.ActivityMail, At: morning, To: "anna@thuis.test", Letter: "unheard_of", State: "rejected"},
		{Kind: page.ActivityRefused, At: before, Method: "proof", Cause: "wrong_password", Count: 1, Reference: "K7Q-4ME", Agent: "Chrome / Windows"},
		{Kind: page.ActivityAsked, At: before, Method: "recover", Agent: "Chrome / Windows", Network: "198.51.100.7/32"},
		{Kind: page.ActivityNotMe, At: before, Method: "not_me"},
		{Kind: page.ActivityDid, At: before, Did: "user_email_changed", Email: "anna@praktijk.test", By: "you", Agent: "Firefox / Linux", Network: "192.0.2.1/32"},
		{Kind: page.ActivityDid, At: before, Did: "user_password_set", By: "name", Name: "Ahmed Bakker"},
		{Kind: page.ActivityDid, At: before, Did: "user_blocked", By: "support"},
	}
}
