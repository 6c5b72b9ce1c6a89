package page_test

import (
	"net/http"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

func passkeyStates() []state {
	proof := page.Prove{Password: true, Mail: true, Passkey: true}
	denied := page.Prove{
		Form: "add", Password: true, Mail: true, Code: true, Passkey: true, Cause: cause.PasskeyRefused, Reference: "K7Q-4MD", Reason: "late",
	}
	keys := []page.Passkey{
		{ID: "a", Name: "Telefoon van Anna", Agent: "Safari / iPhone", Created: april, Used: april, Login: true, Synced: true},
		{ID: "b", Maker: "Windows Hello", Agent: "Edge / Windows", Created: april, Login: true},
		{ID: "c", Created: april, Used: april, Copied: april, Elsewhere: true},
	}
	last := page.Prove{Form: "remove", Password: true, Cause: cause.PasskeyRefused, Reference: "K7Q-4MD", Reason: "last_step"}
	return []state{
		passkeys("passkeys", page.Passkeys{Sub: page.Sub{Done: "added", Prove: proof, Target: "/clients"}, Keys: keys, Possible: true}),
		passkeys("passkeys-none", page.Passkeys{Sub: page.Sub{Prove: page.Prove{Password: true, Mail: true}}, Possible: true}),
		passkeys("passkeys-refused", page.Passkeys{Sub: page.Sub{Prove: denied}, Keys: keys[:1], Possible: true, Name: "Laptop"}),
		passkeys("passkeys-ip", page.Passkeys{IP: true}),
		passkeys("passkeys-other-host", page.Passkeys{Host: "inloggen.praktijk.test", Keys: keys[2:]}),
		{"passkey-edit", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.PasskeyEdit(w, r, http.StatusOK, page.PasskeyEdit{Sub: page.Sub{Prove: proof}, Key: keys[0]})
		}},
		{"passkey-edit-last", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.PasskeyEdit(w, r, http.StatusUnauthorized, page.PasskeyEdit{Sub: page.Sub{Prove: last}, Key: keys[2]})
		}},
		{"passkey-new", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.PasskeyNew(w, r, page.PasskeyNew{Name: `"><b>`, Options: `{"challenge":"AA"}`})
		}},
		{"login-passkey-refused", func(p renderer, w http.ResponseWriter, r *http.Request) {
			r.Host = "passkeys.test"
			p.Login(w, r, http.StatusUnauthorized, page.Login{Cause: cause.PasskeyRefused, Reference: "K7Q-4MD", Hints: []string{"passkey.hint_late"}})
		}},
		{"second-keys", func(p renderer, w http.ResponseWriter, r *http.Request) {
			r.Host = "passkeys.test"
			p.SecondStep(w, r, http.StatusUnauthorized, page.SecondStep{
				Cause: cause.SecondStepRequired, Reference: "K7Q-4MD", Name: "Anna de Wit", Keys: true, NoApp: true, Trust: true, Login: "a",
			})
		}},
		{"second-keys-elsewhere", func(p renderer, w http.ResponseWriter, r *http.Request) {
			p.SecondStep(w, r, http.StatusUnauthorized, page.SecondStep{
				Cause: cause.SecondStepFailed, Reference: "K7Q-4MD", Name: "Anna de Wit", Reason: "wrong", NoApp: true, Login: "a",
			})
		}},
		{"second-passkey", func(p renderer, w http.ResponseWriter, r *http.Request) {
			r.Host = "passkeys.test"
			p.SecondStep(w, r, http.StatusUnauthorized, page.SecondStep{
				Cause: cause.PasskeyRefused, Reference: "K7Q-4MD", Name: "Anna de Wit", Reason: "copied", Keys: true, Login: "a",
			})
		}},
	}
}

func passkeys(name string, v page.Passkeys) state {
	return state{name, func(p renderer, w http.ResponseWriter, r *http.Request) { p.Passkeys(w, r, http.StatusOK, v) }}
}
