package page_test

import (
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

func parkedStates() []state {
	all := []state{
		login("login-parked", http.StatusUnauthorized, page.Login{Cause: cause.SessionExpired, Form: "/gateway/parked/abcdefghabcdefgh"}),
		{"window", func(p renderer, w http.ResponseWriter, r *http.Request) { p.Window(w, r, "") }},
		{"stay", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Stay(w, r, http.StatusUnauthorized, page.Stay{Cause: cause.SessionExpired, Login: "/gateway/login?to=%2Fgateway%2Fparked%2F"})
		}},
	}
	at := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, v := range []page.Parked{
		{
			State: page.FormWaiting, Name: "Anna de Wit", Size: 2345, At: at, Until: at.Add(15 * time.Minute), ID: "abcdefghabcdefgh",
			Address: "/clients/Zo%C3%AB/notes?" + "a-rather-long-address-that-does-not-fit-on-one-line-of-a-phone-or-anywhere=1",
			Field:   "gateway_parked", Encoding: "text/plain",
		},
		{State: page.FormSent, Name: "Anna de Wit"},
		{State: page.FormDropped},
		{State: page.FormGone},
		{State: page.FormBack},
	} {
		all = append(all, state{"parked-" + v.State, func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Parked(w, r, http.StatusOK, v)
		}})
	}
	return all
}
