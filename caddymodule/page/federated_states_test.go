package page_test

import (
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

var (
	google    = page.Provider{Name: "google", Label: "Google", Kind: "google"}
	microsoft = page.Provider{Name: "microsoft", Label: "Microsoft", Kind: "microsoft"}
	linkedin  = page.Provider{Name: "linkedin", Label: "LinkedIn", Kind: "linkedin", Sticky: true}
	school    = page.Provider{Name: "school", Label: "De Hogeschool van het Noorden", Kind: "oidc"}
)

// offering is the login page of a browser that logged in one way the last time.
func offering(name, last string, status int, v page.Login) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) {
		p.Offering(func(*http.Request) page.Ways {
			return page.Ways{Providers: []page.Provider{google, microsoft, linkedin, school}, Last: last}
		}).Login(w, r, status, v)
	}}
}

func federatedState(name string, v page.Federated) state {
	v.Reference = "K7Q-4MD"
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.Federated(w, r, v) }}
}

func identitiesState(name string, status int, v page.Identities) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.Identities(w, r, status, v) }}
}

func arrivedState(name string, status int, v page.Arrived) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.Arrived(w, r, status, v) }}
}

func federatedStates() []state {
	march := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	all := page.Prove{Password: true, Mail: true, Code: true}
	linkable := []page.Linkable{{Provider: google}, {Provider: microsoft, Away: true}}
	return []state{
		offering("login-providers", "google", http.StatusOK, page.Login{}),
		offering("login-providers-password", "password", http.StatusUnauthorized, page.Login{
			Email: "anna@praktijk.test", Cause: cause.WrongPassword, Reference: "K7Q-4MD",
		}),
		{"login-provider-away", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Offering(func(*http.Request) page.Ways {
				return page.Ways{Providers: []page.Provider{microsoft}, Away: []page.Provider{google, school}, Last: "google"}
			}).Login(w, r, http.StatusOK, page.Login{})
		}},
		{"login-last-passkey", func(p renderer, w http.ResponseWriter, r *http.Request) {
			here := r.Clone(r.Context())
			here.Host = "passkeys.test"
			p.Offering(func(*http.Request) page.Ways { return page.Ways{Last: "passkey"} }).Login(w, here, http.StatusOK, page.Login{})
		}},
		federatedState("federated-unlinked", page.Federated{
			Cause: cause.IdentityNotLinked, Provider: google, Address: "a•••@gmail.test", Target: "/clients", Login: "/gateway/login?to=x",
		}),
		federatedState("federated-unlinked-sticky", page.Federated{
			Cause: cause.IdentityNotLinked, Provider: linkedin, Address: "a•••@gmail.test", Target: "/clients", Login: "/gateway/login?to=x",
		}),
		federatedState("federated-cancelled", page.Federated{Cause: cause.IdentityRefused, Reason: "cancelled", Provider: linkedin}),
		federatedState("federated-personal", page.Federated{
			Cause: cause.IdentityRefused, Reason: "personal_account", Provider: microsoft, Address: "a•••@outlook.test",
		}),
		federatedState("federated-refused", page.Federated{Cause: cause.IdentityRefused, Reason: "wrong_state", Provider: school}),
		federatedState("federated-taken", page.Federated{
			Cause: cause.IdentityRefused, Reason: "taken", Provider: google, Address: "a•••@gmail.test", Linking: true,
		}),
		federatedState("federated-away", page.Federated{Cause: cause.ProviderUnavailable, Provider: microsoft}),
		{"leaving", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.Leaving(staying{w}, r, google, "https://accounts.google.test/auth?state=x", "")
		}},
		identitiesState("identities-none", http.StatusOK, page.Identities{Sub: page.Sub{Prove: all}, Providers: linkable}),
		identitiesState("identities", http.StatusOK, page.Identities{
			Sub: page.Sub{Done: "linked", Target: "/clients", Prove: all}, Providers: linkable, Linked: []page.LinkedIdentity{
				{ID: "a", Label: "Google", Kind: "google", Address: "a•••@gmail.test", Linked: march, Used: march.Add(48 * time.Hour)},
				{ID: "b", Label: "De Hogeschool van het Noorden", Linked: march},
			},
		}),
		identitiesState("identities-last", http.StatusForbidden, page.Identities{
			Sub:       page.Sub{Prove: page.Prove{Form: "unlink-a", Mail: true, Cause: cause.Forbidden, Reference: "K7Q-4MD", Email: "anna@praktijk.test"}},
			Providers: linkable, Linked: []page.LinkedIdentity{{ID: "a", Label: "Google", Kind: "google", Address: "a•••@gmail.test", Linked: march, LastWay: true}},
		}),
		identitiesState("identities-wrong", http.StatusUnauthorized, page.Identities{
			Sub:       page.Sub{Prove: page.Prove{Form: "link-google", Password: true, Mail: true, Cause: cause.WrongPassword, Reference: "K7Q-4MD"}},
			Providers: linkable,
		}),
		arrivedState("link", http.StatusOK, page.Arrived{
			Sub: page.Sub{Target: "/clients"}, Provider: google, Address: "a•••@gmail.test", Email: "anna@praktijk.test", Fresh: true,
		}),
		arrivedState("link-prove", http.StatusOK, page.Arrived{Sub: page.Sub{Prove: all}, Provider: school, Email: "anna@praktijk.test"}),
	}
}

// staying is for looking at a page that leads on by itself.
type staying struct{ http.ResponseWriter }

func (s staying) WriteHeader(status int) {
	s.Header().Del("Refresh")
	s.ResponseWriter.WriteHeader(status)
}
