package signin_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/parked"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/testkit/inn"
)

// jar is a browser over TLS, where the names of cookies are longest.
type jar map[string]string

func (j jar) request() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://app.example/gateway/login", nil)
	for name, value := range j {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

func (j jar) do(do func(w http.ResponseWriter, r *http.Request)) {
	w := httptest.NewRecorder()
	do(w, j.request())
	for _, c := range w.Result().Cookies() {
		j[c.Name] = c.Value
	}
}

// size is how long a line of all these cookies is.
func (j jar) size() int {
	total := len(j)*2 - 2
	for name, value := range j {
		total += len(name) + 1 + len(value)
	}
	return total
}

// P28: at most 600 bytes on each request, with ids of ours and of most databases, on a
// computer that eight people share: with a form that waits to be sent on beside the
// session, a mail that was asked for, and a login that waits for its second step.
func TestCookiesStaySmall(t *testing.T) {
	inn.OnStores(t, func(i *inn.Inn) {
		t := i.T
		const account = "praktijk-zuid-16"
		testkit.Must(t, i.Dir.CreateAccount(t.Context(), &store.Account{ID: account, Name: "Zuid", State: directory.Active}))
		for kind, id := range map[string]func(n int) string{
			"ours":          func(int) string { return secret.ID() },
			"of a database": func(n int) string { return fmt.Sprintf("0190163d-8694-739b-aea5-966c26f8ad%02x", n) },
		} {
			j := jar{}
			check := func(when string) {
				if len(j) > 3 || j.size() > 600 {
					t.Errorf("ids %s, %s: %d cookies of %d bytes: %v", kind, when, len(j), j.size(), j)
				}
			}
			var u *store.User
			for n := range 8 {
				u = &store.User{ID: id(n), Account: account, Email: fmt.Sprint(kind[:2], n, "@zuid.test"), Name: "Jan", Type: "teammate", Password: "hash", Locale: "nl"}
				testkit.Must(t, i.Dir.CreateUser(t.Context(), u))
				u, err := i.Dir.User(t.Context(), account, u.ID)
				testkit.Must(t, err)
				j.do(func(w http.ResponseWriter, r *http.Request) {
					i.Dispatcher.Proven(w, r, signin.Proof{User: u, Method: "microsoft", Amr: []string{"fed", "mfa"}, Remember: true})
				})
				check(fmt.Sprintf("after %d logins", n+1))
			}
			if known := i.Dispatcher.KnownDevice(j.request(), u.ID); known == "" {
				t.Errorf("ids %s: the last who logged in is not known", kind)
			}
			j.do(func(w http.ResponseWriter, r *http.Request) { i.Dispatcher.Asked(w, r, secret.NewTicketID(i.Now())) })
			withoutForm := maps.Clone(j)
			j.do(func(w http.ResponseWriter, r *http.Request) {
				i.Dispatcher.Hold(w, r, parked.Holder{Account: account, User: u.ID, Key: secret.Token(), Since: i.Now().Unix()})
			})
			check("with a form that waits")
			half := func(w http.ResponseWriter, r *http.Request) {
				u.SecondStep = true
				i.Dispatcher.Proven(w, r, signin.Proof{User: u, Method: "microsoft", Amr: []string{"fed"}})
			}
			delete(j, cookie.Name(cookie.Session, cookie.Form{Secure: true})) // the login page took it
			j.do(half)
			check("with half a login and a form that waits")
			j = withoutForm
			j.do(half)
			check("with half a login beside a session")
		}
	})
}
