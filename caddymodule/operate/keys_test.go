package operate_test

import (
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/operate"
)

func TestKeysAreMadeListedAndRevoked(t *testing.T) {
	h := onBolt(t)
	h.ok("accounts", "add", "acme")
	data, text := h.ok("keys", "add", "Billing", "--scopes", "accounts:write,users:read", "--account", "acme")
	secret, _ := at(data, "secret").(string)
	id, _ := at(data, "key.id").(string)
	if !strings.HasPrefix(secret, "cgk_"+id) || !strings.Contains(text, "Key: "+secret) || !strings.Contains(text, "this once") {
		t.Fatalf("made %v\n%s", data, text)
	}
	data, text = h.ok("keys", "list")
	h.want(data, "keys.0.name", "Billing")
	h.want(data, "keys.0.account", "acme")
	h.want(data, "keys.0.used", nil)
	if strings.Contains(text, secret[len("cgk_")+16:]) || !strings.Contains(text, "never") {
		t.Errorf("list: %s", text)
	}
	if _, err := h.Keys.(*apikey.Book).Open(t.Context(), secret, apikey.From{Network: "192.0.2.1/32"}); err != nil {
		t.Fatal(err)
	}
	data, _ = h.ok("keys", "list", "--account", "acme")
	h.want(data, "keys.0.used.network", "192.0.2.1/32")

	data, _ = h.ok("keys", "revoke", id)
	h.want(data, "key.revoked_by", "operator")
	if _, err := h.Keys.(*apikey.Book).Open(t.Context(), secret, apikey.From{}); err == nil {
		t.Error("a revoked key opens")
	}
	h.ok("keys", "revoke", id) // twice is no fault
}

func TestWhatIsWrongWithAKeyIsSaid(t *testing.T) {
	h := onBolt(t)
	h.refused(operate.ExitUsage, "--scopes", "keys", "add", "x")
	h.refused(operate.ExitUsage, "there is no such scope", "keys", "add", "x", "--scopes", "users:read,keys:write")
	h.refused(operate.ExitUsage, "--account", "keys", "add", "x", "--scopes", "users:read", "--account", "acme")
	h.refused(operate.ExitUsage, "--name", "keys", "add", "\u202egnilliB", "--scopes", "users:read")
	for _, id := range []string{"aaaaaaaaaaaaaaaa", "x", "../../etc", "a\x00b"} {
		h.refused(operate.ExitNotFound, "there is no key", "keys", "revoke", id)
	}
}
