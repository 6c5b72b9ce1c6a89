package endtoend_test

import (
	"html"
	"net/http"
	"regexp"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/factor/softkey"
)

var shownOptions = regexp.MustCompile(`data-passkey-options="([^"]*)"`)

// Whoever has a second step is not asked for it after a passkey, which is both; and
// is after a password, in the same browser.
func TestAPasskeyAsksForNoSecondStep(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, on *kit.Store) {
		s := openSquare(t, on)
		here, phone := s.named(), &softkey.Device{Origin: s.at("app.localhost")}
		v := kit.Visit(t, s.g.URL)
		kit.Eventually(t, "the gateway under its names", func() bool { // a connection may be cut by a load, and tried again
			a, err := v.Try(http.MethodGet, "/gateway/login", here)
			return err == nil && a.Status == http.StatusOK
		})
		login := func(v *kit.Visitor) kit.Answer {
			return kit.Patiently(func() kit.Answer {
				return v.Post("/gateway/login?to=%2Fclients", kit.Form(kit.Address("teammate"), kit.Password), here)
			})
		}
		sentTo(t, login(v), "/clients")
		asked := shownOptions.FindStringSubmatch(v.Post("/gateway/security/passkeys/add", typed("name", "Phone", "password", kit.Password), here).Body)
		if asked == nil {
			t.Fatal("no passkey is asked for")
		}
		made, err := phone.Create(html.UnescapeString(asked[1]))
		if err != nil {
			t.Fatal(err)
		}
		sentTo(t, v.Post("/gateway/security/passkeys/new", typed("name", "Phone", "passkey", made), here), "/gateway/security/passkeys?done=added")
		switchOn(t, kit.Visit(t, s.g.URL).Enter("teammate")) // at another name, where they are logged in as well

		w := kit.Visit(t, s.g.URL)
		w.Get("/gateway/login", here)
		refused(t, login(w), http.StatusUnauthorized, "second_step_required")
		answer, err := phone.Get(w.Get("/gateway/passkey/options", here).Body)
		if err != nil {
			t.Fatal(err)
		}
		sentTo(t, w.Post("/gateway/passkey/login?to=%2Fclients", typed("passkey", answer), here), "/clients")
		if amr := arrived(t, w.Get("/clients", here), "teammate").Header.Get("Remote-Amr"); amr != "pop user mfa" {
			t.Errorf("the app is told %q", amr)
		}
		other := kit.Visit(t, s.g.URL)
		other.Get("/gateway/login", here)
		refused(t, other.Post("/gateway/passkey/login", typed("passkey", answer), here), http.StatusUnauthorized, "passkey_refused") // once, and there
	})
}
