package endtoend_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/provider/providertest"
)

// Whoever helps sees which accounts are linked: on the command line, on the page of
// the user and by the API. The address is masked, and the key of the person at the
// provider is nowhere.
func TestWhoeverHelpsSeesLinkedAccounts(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		f := openFair(t, s, "google", "microsoft")
		v := kit.Visit(t, f.g.URL).Enter("client")
		f.links(v, "google", "bram")
		f.links(v, "microsoft", "anna")
		sentTo(t, f.by(kit.Visit(t, f.g.URL), "google", "bram", "/"), "/")
		address := kit.Address("client")
		secrets := []string{"bram@", "anna@", providertest.People(providertest.Microsoft)[0].Object, f.servers["google"].Base}

		text := command(t, f.g, "why", address)
		raw := command(t, f.g, "why", address, "--json")
		admin := kit.Visit(t, f.g.URL).In("en").Enter("admin")
		page := admin.Get("/gateway/admin/accounts/acme/users/client").Body
		_, said, _ := program(t, f.g, apiKey(t, f.g, allScopes), http.MethodGet, "/gateway/api/v1/why?who="+address, "")
		answer, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		for where, told := range map[string]string{"why": text, "why --json": raw, "the page": page, "the API": string(answer)} {
			for _, wanted := range []string{"google", "b•••@elders.test", "microsoft", "a•••@work.test"} {
				if !strings.Contains(told, wanted) {
					t.Errorf("%s does not say %q: %s", where, wanted, told)
				}
			}
			for _, secret := range secrets {
				if strings.Contains(told, secret) {
					t.Errorf("%s says %q: %s", where, secret, told)
				}
			}
		}
		if !strings.Contains(text, "last used") || strings.Count(page, "Linked account") != 2 {
			t.Errorf("told:\n%s\n%s", text, page)
		}
		linked, _ := said["linked_identities"].([]any)
		used := map[any]bool{}
		for _, l := range linked {
			one := l.(map[string]any)
			used[one["provider"]] = one["last_used"] != nil && one["linked"] != nil
		}
		if len(linked) != 2 || !used["google"] || used["microsoft"] {
			t.Errorf("the API says %v", linked)
		}

		// Where nothing is linked nothing is said of it.
		if text := command(t, f.g, "why", kit.Address("teammate")); strings.Contains(text, "linked") {
			t.Errorf("told: %s", text)
		}
	})
}
