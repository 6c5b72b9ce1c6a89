package operate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

func testKeys(t *testing.T) *secret.Keys {
	t.Helper()
	keys, err := secret.NewKeys([]byte("a key of thirty-two bytes, or more!"))
	must(t, err)
	return keys
}

func TestAuditCommands(t *testing.T) {
	onEngines(t, func(h *house) {
		h.ok("accounts", "add", "acme")
		h.ok("users", "add", "jan@demo.test", "--account", "acme", "--name", "Jan", "--type", "teammate")
		h.ok("users", "block", "jan@demo.test", "--reason", "left")
		data, text := h.ok("audit", "list", "acme", "--limit", "2")
		h.want(data, "entries.0.action", "user.blocked")
		h.want(data, "entries.0.actor.kind", "operator")
		h.want(data, "entries.0.why", "left")
		if !strings.Contains(text, "operator operator") || !strings.Contains(text, "jan@demo.test") {
			h.t.Error(text)
		}
		next, _ := data["next"].(string)
		data, _ = h.ok("audit", "list", "acme", "--after", next)
		h.want(data, "entries.0.action", "account.created")
		data, _ = h.ok("audit", "list", "acme", "--action", "user.created")
		h.want(data, "entries.0.after.name", "Jan")
		h.refused(operate.ExitUsage, "not where a list ended", "audit", "list", "acme", "--after", "?")
		h.refused(operate.ExitNotFound, "nobody", "audit", "list", "nobody")
		text, data = h.exports("audit", "export", "acme")
		h.want(data, "lines", 4.0)
		if lines := strings.Count(text, "\n"); lines != 4 || !strings.Contains(text, `"action":"audit.exported"`) {
			h.t.Errorf("%d lines: %s", lines, text)
		}
		_, text = h.ok("audit", "verify")
		if !strings.Contains(text, "acme: whole, 4 lines") {
			h.t.Error(text)
		}
		h.push(48 * time.Hour)
		h.refused(operate.ExitUsage, "has not come", "audit", "trim", "acme", "--before", "3d")
		data, _ = h.ok("audit", "trim", "acme", "--before", h.now().Add(-time.Hour).Format(time.RFC3339))
		h.want(data, "removed", 4.0)
		_, text = h.ok("audit", "verify", "acme")
		if !strings.Contains(text, "acme: whole, 1 lines, trimmed through line 4") {
			h.t.Error(text)
		}
	})
}

// A cron job sees by the exit code that something was altered.
func TestAuditVerifyFails(t *testing.T) {
	onEngines(t, func(h *house) {
		h.ok("accounts", "add", "acme")
		h.ok("accounts", "add", "zorg")
		must(h.t, h.engine.Update(h.t.Context(), "a:acme", func(tx store.Tx) error {
			return tx.Delete(store.AuditLines.Kind, "fffffffffffffffe")
		}))
		res, err := h.do("audit", "verify")
		must(h.t, err)
		if res.Exit != operate.ExitFailed || !strings.Contains(res.Text, "acme: NOT WHOLE") || !strings.Contains(res.Text, "zorg: whole") {
			h.t.Errorf("exit %d: %s", res.Exit, res.Text)
		}
		h.push(time.Hour)
		h.refused(operate.ExitFailed, "does not hold together", "audit", "trim", "acme", "--before", h.now().Format(time.RFC3339))
	})
}

func TestExportAndEraseAPerson(t *testing.T) {
	onEngines(t, func(h *house) {
		h.ok("accounts", "add", "acme")
		for _, who := range []string{"jan", "piet"} {
			h.ok("users", "add", who+"@demo.test", "--account", "acme", "--name", strings.ToUpper(who), "--type", "teammate")
		}
		h.ok("users", "set", "jan@demo.test", "--email", "jansen@demo.test")
		u, err := h.dir.FindByEmail(h.t.Context(), "jansen@demo.test")
		must(h.t, err)
		h.record(attempt.Entry{Cause: cause.WrongPassword, Method: "password", Typed: u.Email, User: u.ID, Account: "acme", Network: "192.0.2.7/32"})
		h.record(attempt.Entry{Cause: cause.UnknownEmail, Method: "password", Typed: "jan@demo.test", Network: "192.0.2.8/32"})
		h.fail(attempt.Subject(u.ID, ""), "192.0.2.7/32")
		must(h.t, h.engine.Update(h.t.Context(), "a:acme", func(tx store.Tx) error {
			return errors.Join(
				store.Sessions.Put(tx, u.ID+".digest", &store.Session{User: u.ID, Handle: "han", Agent: "Firefox of Jan"}, time.Time{}),
				store.Mails.Put(tx, u.ID+".m1", &store.Mail{ID: "m1", To: "jansen@demo.test", Sealed: "s3aled"}, time.Time{}),
				store.Logins.Put(tx, u.ID, &store.LastLogin{At: h.now(), Method: "password"}, time.Time{}),
			)
		}))
		data, text := h.ok("users", "export", "jansen@demo.test")
		h.want(data, "user.name", "JAN")
		h.want(data, "sessions.0.agent", "Firefox of Jan")
		h.want(data, "last_login.method", "password")
		if len(data["attempts"].([]any)) != 2 || len(data["audit"].([]any)) != 3 || len(data["addresses"].([]any)) != 2 {
			h.t.Error(text)
		}
		for _, secret := range []string{"s3aled", "$argon2", "piet"} {
			if strings.Contains(text, secret) {
				h.t.Errorf("%q is in the export", secret)
			}
		}
		data, _ = h.ok("users", "erase", "jansen@demo.test")
		h.want(data, "erased.attempts", 2.0)
		h.want(data, "erased.sessions", 1.0)
		h.want(data, "erased.mails", 1.0)
		h.nowhere("jan@demo", "jansen", "JAN", "192.0.2.7", "192.0.2.8", "Firefox of Jan")
		_, text = h.ok("audit", "verify", "acme")
		if !strings.Contains(text, "whole") || strings.Contains(text, "NOT") {
			h.t.Error(text)
		}
		h.refused(operate.ExitNotFound, "no user", "users", "erase", "jansen@demo.test")
		h.ok("users", "erase", u.ID, "--account", "acme") // again, to finish what was cut short
		h.refused(operate.ExitNotFound, "was no user", "users", "erase", "nobody", "--account", "acme")
		h.ok("users", "show", "piet@demo.test")
	})
}

// nowhere wants that no record holds any of these texts.
func (h *house) nowhere(texts ...string) {
	h.t.Helper()
	for _, tag := range []string{"a:acme", "outbox", "directory", "events", "e:jan@demo.test", "e:jansen@demo.test"} {
		for _, kind := range store.Kinds() {
			if !kind.Listed {
				continue
			}
			entries, err := h.engine.Scan(h.t.Context(), tag, kind, "", "", 1000)
			must(h.t, err)
			for _, e := range entries {
				for _, text := range texts {
					if strings.Contains(string(e.Value), text) {
						h.t.Errorf("%s %s holds %q: %s", kind.Name, e.ID, text, e.Value)
					}
				}
			}
		}
	}
}
