package endtoend_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// apiKey makes a key the way operators do.
func apiKey(t *testing.T, g *kit.Gateway, scopes string, more ...string) string {
	t.Helper()
	var out struct{ Secret string }
	decode(t, command(t, g, append([]string{"keys", "add", "The app", "--scopes", scopes, "--json"}, more...)...), &out)
	if out.Secret == "" {
		t.Fatal("no key was shown")
	}
	return out.Secret
}

const allScopes = "accounts:write,users:write,attempts:read,audit:read,events:read"

// program sends a request as programs do: no cookie, no header of a browser.
func program(t *testing.T, g *kit.Gateway, key, method, path, body string, headers ...string) (status int, answer map[string]any, h http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, g.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{Timeout: kit.Patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Errorf("%s %s: no JSON: %.300s", method, path, raw)
		}
	}
	if res.Header.Get("X-Login-Gateway") != "1" {
		t.Errorf("%s %s: not our own answer: %v", method, path, res.Header)
	}
	return res.StatusCode, answer, res.Header
}

func TestAnAccountThatIsPatchedHoldsForEveryoneInIt(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		key := apiKey(t, g, allScopes)
		v, other := kit.Visit(t, g.URL).Enter("teammate"), kit.Visit(t, g.URL).Enter("client")
		arrived(t, v.Get("/"), "teammate")
		arrived(t, other.Get("/"), "client")
		for _, c := range []struct{ body, cause string }{
			{`{"state":"suspended","reason":"abuse"}`, "account_suspended"},
			{`{"state":"arrears","unpaid_invoices":2}`, "account_arrears"},
			{`{"state":"trial","trial_until":"2020-01-01"}`, "account_trial_ended"},
			{`{"state":"cancelled"}`, "account_cancelled"},
			{`{"state":"active"}`, ""},
		} {
			status, answer, _ := program(t, g, key, http.MethodPatch, "/gateway/api/v1/accounts/acme", c.body, "If-Match", "*")
			if status != http.StatusOK {
				t.Fatalf("%s: %d %v", c.body, status, answer)
			}
			for who, visitor := range map[string]*kit.Visitor{"teammate": v, "client": other} {
				if c.cause == "" {
					arrived(t, visitor.Get("/"), who)
				} else {
					refused(t, visitor.Get("/"), http.StatusForbidden, c.cause)
				}
			}
		}
		status, answer, _ := program(t, g, key, http.MethodPost, "/gateway/api/v1/accounts/acme/users/client/block", `{"reason":"left"}`)
		if status != http.StatusOK {
			t.Fatalf("block: %d %v", status, answer)
		}
		refused(t, other.Get("/"), http.StatusForbidden, "user_blocked")
		arrived(t, v.Get("/"), "teammate")
	})
}

// A session opens nothing there, whoever sends it; a key opens the API only; and a
// key that is revoked opens nothing from the next request on.
func TestSessionsAndKeysDoNotMix(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, app := town(t, s, kit.Site{})
		const accounts = "/gateway/api/v1/accounts"
		for _, who := range []string{"owner", "support"} {
			v := kit.Visit(t, g.URL).Enter(who)
			refused(t, v.Get(accounts, kit.Bare), http.StatusUnauthorized, "not_logged_in")
			refused(t, v.Get(accounts), http.StatusUnauthorized, "not_logged_in")
		}
		for _, path := range []string{accounts, "/gateway/api/v1/nonsense", "/gateway/api/"} {
			status, answer, h := program(t, g, "", http.MethodGet, path, "", "Accept", "text/html")
			if status != http.StatusUnauthorized || answer["reason"] != "not_logged_in" || h.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %d %v %v", path, status, answer, h)
			}
		}
		key := apiKey(t, g, "accounts:read")
		status, answer, h := program(t, g, key, http.MethodGet, "/gateway/api/v1/nonsense", "")
		if status != http.StatusNotFound || answer["reason"] != "not_found" || h.Get("Content-Type") != "application/problem+json" {
			t.Errorf("unknown route: %d %v %v", status, answer, h)
		}
		// A program in a browser-like shell says where it comes from; that is no matter.
		status, answer, h = program(t, g, key, http.MethodGet, accounts, "", "Origin", "https://tool.example", "Sec-Fetch-Site", "cross-site")
		if status != http.StatusOK || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("with an origin: %d %v %v", status, answer, h)
		}
		status, answer, _ = program(t, g, key, http.MethodPost, accounts, `{"id":"x","name":"x"}`, "Origin", "https://tool.example", "Sec-Fetch-Site", "cross-site")
		if status != http.StatusForbidden || answer["reason"] != "forbidden" || answer["why"] != "scope" {
			t.Errorf("a key that may only read: %d %v", status, answer)
		}
		before := len(app.Seen(""))
		a := kit.Visit(t, g.URL).Get("/", kit.Bare, kit.With("Authorization", "Bearer "+key))
		refused(t, a, http.StatusUnauthorized, "not_logged_in")
		if len(app.Seen("")) != before {
			t.Error("a key let a request through to the app")
		}
		command(t, g, "keys", "revoke", key[len("cgk_"):][:16])
		if status, answer, _ = program(t, g, key, http.MethodGet, accounts, ""); status != http.StatusUnauthorized {
			t.Errorf("after it was revoked: %d %v", status, answer)
		}
		if log := g.Output(); strings.Contains(log, key) {
			t.Error("the key is in the log")
		}
	})
}

// The walk of the guide, as it stands there.
func TestTheWalkOfTheGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	walk := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(string(guide))
	if walk == nil || strings.Count(walk[1], "\n") != 10 {
		t.Fatal("the guide has no walk of ten lines")
	}
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", walk[1])
		cmd.Env = append(os.Environ(), "KEY="+apiKey(t, g, allScopes), "SITE="+g.URL, "no_proxy=*")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !bytes.Contains(out, []byte(`"password"`)) || !bytes.Contains(out, []byte(`account_arrears`)) {
			t.Errorf("%s", out)
		}
	})
}

// A client made from the document alone calls every operation.
func TestAClientGeneratedFromTheDocument(t *testing.T) {
	t.Parallel()
	packages, err := filepath.Abs("../../.build/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		cmd := exec.CommandContext(t.Context(), "node", "testdata/api.cjs", g.URL, apiKey(t, g, allScopes))
		cmd.Env = append(os.Environ(), "NODE_PATH="+packages)
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("called all ")) {
			t.Fatalf("%v; is everything there? .ci/install puts it there\n%s", err, out)
		}
	})
}
