package page_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/page"
)

// How somebody logged in last is said where there is more than the form to choose
// from: buttons of providers, or passkeys.
func TestTheLastWayIsSaidWhereThereIsAChoice(t *testing.T) {
	p := newPages(t)
	for name, c := range map[string]struct {
		host, last string
		providers  []page.Provider
		want       string
	}{
		"a passkey":                   {"passkeys.test", "passkey", nil, "Last time you logged in here with a passkey."},
		"a password beside passkeys":  {"passkeys.test", "password", nil, "Last time you logged in here with your password."},
		"a passkey beside a provider": {"passkeys.test", "passkey", []page.Provider{google}, "Last time you logged in here with a passkey."},
		"a provider":                  {"app.test", "google", []page.Provider{google}, "Last time you logged in here with Google."},
		"a provider that is away":     {"app.test", "google", []page.Provider{linkedin}, ""},
		"only the form":               {"app.test", "password", nil, ""},
		"nobody knows":                {"passkeys.test", "", []page.Provider{google}, ""},
		"a word that is none":         {"passkeys.test", "nothing", []page.Provider{google}, ""},
	} {
		res := httptest.NewRecorder()
		p.Offering(func(*http.Request) page.Ways { return page.Ways{Providers: c.providers, Last: c.last} }).
			Login(res, httptest.NewRequest(http.MethodGet, "http://"+c.host+"/gateway/login?lang=en", nil), http.StatusOK, page.Login{})
		body := res.Body.String()
		if c.want == "" && strings.Contains(body, `id="last-way"`) || !strings.Contains(body, c.want) {
			t.Errorf("%s: want %q in %s", name, c.want, body)
		}
		if badges := strings.Count(body, `class="badge"`); (badges == 1) != (name == "a provider") {
			t.Errorf("%s: %d badges", name, badges)
		}
	}
}
