package operate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/operate"
)

func TestAccountsOverTheirLife(t *testing.T) {
	onEngines(t, func(h *house) {
		data, text := h.ok("accounts", "add", "acme")
		h.want(data, "account.name", "acme")
		h.want(data, "account.state", "active")
		if !strings.HasPrefix(text, "Added account acme.\n") {
			t.Error(text)
		}
		data, _ = h.ok("accounts", "set", "--account", "acme", "--name", "Acme BV", "--state", "trial", "--until", "30d")
		h.want(data, "account.trial_until", "2026-11-19")
		h.want(data, "account.name", "Acme BV")
		data, _ = h.ok("accounts", "set", "acme", "--until", "2026-10-20", "--pay-url", "https://pay.example/")
		h.want(data, "account.cause", nil)
		h.push(24 * time.Hour)
		data, _ = h.ok("accounts", "show", "acme")
		h.want(data, "account.cause", "account_trial_ended")
		h.want(data, "account.pay_url", "https://pay.example/")
		data, _ = h.ok("accounts", "set", "acme", "--state", "suspended", "--reason", "fraud <b>?</b>")
		h.want(data, "account.cause", "account_suspended")
		h.want(data, "account.reason", "fraud <b>?</b>")
		h.want(data, "account.trial_until", nil)
		h.want(data, "account.since", "2026-10-21T12:00:00Z")
		data, _ = h.ok("accounts", "set", "acme", "--state", "active")
		h.want(data, "account.cause", nil)
		h.want(data, "account.reason", nil) // the reason was that of the state before
		_, text = h.ok("accounts", "end-sessions", "acme")
		if !strings.Contains(text, "out") {
			t.Error(text)
		}
		if a, err := h.dir.Account(t.Context(), "acme"); err != nil || a.Epoch != 1 {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestArrearsBlockFromTwoInvoicesOn(t *testing.T) {
	h := onBolt(t)
	h.ok("accounts", "add", "acme")
	data, text := h.ok("accounts", "set", "acme", "--state", "arrears")
	h.want(data, "account.unpaid_invoices", 2.0)
	h.want(data, "account.cause", "account_arrears")
	if !strings.Contains(text, "Warning: --unpaid was not given") {
		t.Error(text)
	}
	data, text = h.ok("accounts", "set", "acme", "--unpaid", "1")
	h.want(data, "account.cause", nil)
	if !strings.Contains(text, "Warning: 1 unpaid do not block yet") {
		t.Error(text)
	}
	data, _ = h.ok("accounts", "set", "acme", "--unpaid", "3", "--blocks-from", "2d")
	h.want(data, "account.blocks_from", "2026-10-22")
	h.want(data, "account.cause", nil)
	data, _ = h.ok("accounts", "set", "acme", "--blocks-from", "")
	h.want(data, "account.cause", "account_arrears")
	data, _ = h.ok("accounts", "set", "acme", "--state", "active")
	h.want(data, "account.unpaid_invoices", nil)
}

func TestAccountsRefused(t *testing.T) {
	onEngines(t, func(h *house) {
		h.ok("accounts", "add", "acme")
		for _, c := range []struct {
			exit int
			part string
			line []string
		}{
			{operate.ExitRefused, "taken", []string{"accounts", "add", "acme"}},
			{operate.ExitUsage, "--account", []string{"accounts", "add"}},
			{operate.ExitUsage, "--account", []string{"accounts", "add", "Acme BV"}},
			{operate.ExitUsage, "--account", []string{"accounts", "add", "staff"}},
			{operate.ExitUsage, "one word too many", []string{"accounts", "add", "acme", "bv"}},
			{operate.ExitUsage, "--account: it is given twice", []string{"accounts", "show", "acme", "--account", "acme"}},
			{operate.ExitUsage, "--name", []string{"accounts", "set", "acme", "--name", "a\x1b[2Jb"}},
			{operate.ExitUsage, "take one of trial, active", []string{"accounts", "set", "acme", "--state", "happy"}},
			{operate.ExitUsage, "--until", []string{"accounts", "set", "acme", "--state", "trial"}},
			{operate.ExitUsage, "--until", []string{"accounts", "set", "acme", "--state", "trial", "--until", "next week"}},
			{operate.ExitUsage, "--until", []string{"accounts", "set", "acme", "--until", "30d"}},
			{operate.ExitUsage, "--unpaid", []string{"accounts", "set", "acme", "--unpaid", "2"}},
			{operate.ExitUsage, "--unpaid", []string{"accounts", "set", "acme", "--state", "arrears", "--unpaid", "-1"}},
			{operate.ExitUsage, "--unpaid", []string{"accounts", "set", "acme", "--state", "arrears", "--unpaid", "many"}},
			{operate.ExitUsage, "--blocks-from", []string{"accounts", "set", "acme", "--blocks-from", "1d"}},
			{operate.ExitUsage, "--blocks-from", []string{"accounts", "set", "acme", "--state", "arrears", "--blocks-from", "2026-13-01"}},
			{operate.ExitUsage, "--pay-url", []string{"accounts", "set", "acme", "--pay-url", "javascript:alert(1)"}},
			{operate.ExitUsage, "--reason", []string{"accounts", "set", "acme", "--reason", strings.Repeat("x", 2000)}},
			{operate.ExitUsage, "nothing to change", []string{"accounts", "set", "acme"}},
			{operate.ExitUsage, "--email: there is no such flag here", []string{"accounts", "set", "acme", "--email", "x"}},
			{operate.ExitNotFound, `no account "nobody"`, []string{"accounts", "set", "nobody", "--state", "active"}},
			{operate.ExitNotFound, `no account "nobody"`, []string{"accounts", "show", "nobody"}},
			{operate.ExitNotFound, `no account "nobody"`, []string{"accounts", "end-sessions", "nobody"}},
			{operate.ExitUsage, "--limit", []string{"accounts", "list", "--limit", "0"}},
			{operate.ExitUsage, "--limit", []string{"accounts", "list", "--limit", "all"}},
		} {
			h.refused(c.exit, c.part, c.line...)
		}
		data, _ := h.ok("accounts", "show", "acme")
		h.want(data, "account.state", "active") // no refused change was written
		h.want(data, "account.name", "acme")
	})
}

func TestAccountsList(t *testing.T) {
	onEngines(t, func(h *house) {
		_, text := h.ok("accounts", "list")
		if text != "none\n" {
			t.Errorf("empty list: %q", text)
		}
		h.ok("accounts", "add", "beta", "--name", strings.Repeat("B\u00e8ta", 50), "--state", "cancelled")
		h.ok("accounts", "add", "acme", "--name", "<script>alert(1)</script>", "--state", "trial", "--until", "2w")
		h.ok("accounts", "add", "gamma", "--state", "arrears", "--unpaid", "1")
		h.golden("accounts_list", "accounts", "list")
		h.golden("accounts_list_page", "accounts", "list", "--limit", "1", "--after", "acme")
		h.golden("accounts_show", "accounts", "show", "gamma")
		var ids []any
		for after := any(""); after != nil; {
			data, _ := h.ok("accounts", "list", "--limit", "2", "--after", after.(string))
			for _, a := range at(data, "accounts").([]any) {
				ids = append(ids, at(a, "id"))
			}
			after = at(data, "next")
		}
		if diff := cmp.Diff([]any{"acme", "beta", "gamma"}, ids); diff != "" {
			t.Error(diff)
		}
	})
}
