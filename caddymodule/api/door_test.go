package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/apikey"
)

// rules says which scope each operation takes. One that is not here fails the
// walk: whoever adds a route decides who may use it, here as well.
var rules = map[string]string{
	"list-accounts": "accounts:read", "get-account": "accounts:read", "list-locked-out": "accounts:read",
	"create-account": "accounts:write", "patch-account": "accounts:write", "end-account-sessions": "accounts:write",
	"list-users": "users:read", "find-user": "users:read", "get-user": "users:read",
	"create-user": "users:write", "invite-user": "users:write", "patch-user": "users:write", "delete-user": "users:write",
	"block-user": "users:write", "unblock-user": "users:write", "change-email": "users:write", "reset-password": "users:write",
	"mail-login": "users:write", "invite-again": "users:write", "end-sessions": "users:write", "clear-delays": "users:write",
	"why": "attempts:read", "get-attempt": "attempts:read", "list-attempts": "attempts:read",
	"list-audit": "audit:read", "list-events": "events:read",
}

func TestEveryRouteIsClosedToWhoeverLacksItsKey(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		revoked := h.key("", apikey.Scopes()...)
		if _, err := h.keys.Revoke(t.Context(), revoked[len("cgk_"):][:16], "support"); err != nil {
			t.Fatal(err)
		}
		operations := h.room.Operations()
		if len(operations) != len(rules) {
			t.Errorf("%d operations, %d rules", len(operations), len(rules))
		}
		writes := h.engine.writes.Load()
		for i, op := range operations {
			scope := rules[op.ID]
			if scope == "" {
				t.Errorf("%s %s has no rule", op.Method, op.Path)
				continue
			}
			path := strings.NewReplacer("{account}", "acme", "{user}", "acme-team", "{reference}", "K7Q-4MD").Replace(op.Path)
			network := strings.Repeat("x", i) // of its own, so that no limit of wrong keys is met
			for who, headers := range map[string][]string{
				"nobody":           nil,
				"a wrong key":      {"Authorization", "Bearer cgk_" + strings.Repeat("a", 68)},
				"a revoked key":    {"Authorization", "Bearer " + revoked},
				"a session cookie": {"Cookie", "__Host-gateway_session=" + h.all + "; gateway_session=" + h.all},
				"basic":            {"Authorization", "Basic " + h.all},
				"two keys":         {"Authorization", "Bearer " + h.all, "Authorization", "Bearer " + h.all},
				"another header":   {"X-API-Key", h.all, "Proxy-Authorization", "Bearer " + h.all},
			} {
				h.network = network + who
				got := h.refused(401, "not_logged_in", "", op.Method, path, "", headers...)
				if got.header.Get("WWW-Authenticate") == "" || strings.Contains(got.text, "acme") {
					t.Errorf("%s by %s: %v %s", op.ID, who, got.header, got.text)
				}
			}
			h.refused(401, "not_logged_in", "", op.Method, path+"?access_token="+h.all+"&key="+h.all, "")
		}
		if n := h.engine.writes.Load() - writes; n != 0 {
			t.Errorf("that wrote %d times", n)
		}
		h.network = ""
		for _, op := range operations {
			path := strings.NewReplacer("{account}", "acme", "{user}", "acme-team", "{reference}", "K7Q-4MD").Replace(op.Path)
			var less []string
			for _, scope := range apikey.Scopes() {
				if scope != rules[op.ID] && scope != strings.TrimSuffix(rules[op.ID], ":read")+":write" {
					less = append(less, scope)
				}
			}
			// Also with a body that is wrong and an id that is not there: the scope comes first.
			for _, to := range []string{path, strings.Replace(path, "acme", "unknown", 1)} {
				got := h.refused(403, "forbidden", h.key("", less...), op.Method, to, "", "If-Match", "*", "Idempotency-Key", "k-"+op.ID+to)
				if got.at("why") != "scope" {
					t.Errorf("%s: %s", op.ID, got.text)
				}
			}
		}
	})
}

func TestUnknownRoutesAreProblems(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, path := range []string{
			"/gateway/api", "/gateway/api/", "/gateway/api/v1", "/gateway/api/v2/accounts", "/nonsense", "/accounts/acme/nonsense",
			"/keys", "/openapi.yaml", "/docs", "/schemas/User.json", "/openapi-3.0.json",
		} {
			h.refused(401, "not_logged_in", "", http.MethodGet, path, "")
			h.refused(404, "not_found", h.all, http.MethodGet, path, "")
		}
		got := h.refused(405, "method_not_allowed", h.all, http.MethodPut, "/accounts/acme", `{}`)
		if got.header.Get("Allow") != "GET, PATCH" {
			t.Errorf("Allow: %q", got.header.Get("Allow"))
		}
		h.refused(405, "method_not_allowed", h.all, http.MethodDelete, "/accounts/acme", "")
		// Browsers of other sites ask first, and get no leave.
		h.refused(401, "not_logged_in", "", http.MethodOptions, "/accounts", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
		h.refused(405, "method_not_allowed", h.all, http.MethodOptions, "/accounts", "", "Origin", "https://evil.example")
	})
}

func TestNoRouteMakesKeys(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, op := range h.room.Operations() {
			if strings.Contains(op.Path, "key") || strings.Contains(op.ID, "key") {
				t.Errorf("%+v", op)
			}
		}
		if slices.ContainsFunc(apikey.Scopes(), func(s string) bool { return strings.HasPrefix(s, "keys") }) {
			t.Error("there is a scope for keys")
		}
	})
}

func TestTooManyWrongKeysHaveToWait(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.network = "203.0.113.9/32"
		for range 20 {
			h.refused(401, "not_logged_in", "cgk_"+strings.Repeat("b", 68), http.MethodGet, "/accounts", "")
		}
		got := h.refused(429, "too_many_attempts", "cgk_"+strings.Repeat("b", 68), http.MethodGet, "/accounts", "")
		if got.header.Get("Retry-After") == "" {
			t.Errorf("no Retry-After: %v", got.header)
		}
	})
}
