package operate_test

import (
	"testing"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/operate"
)

func TestAttemptsOfAnAddressNobodyHas(t *testing.T) {
	onEngines(t, func(h *house) {
		e := wrong
		e.Cause, e.Typed, e.User = cause.UnknownEmail, "nobody@demo.test", ""
		ref := h.record(e)
		subject := attempt.Subject("", "nobody@demo.test")
		for range 6 {
			h.push(limit.Defaults().UserNetwork.Delay * 2)
			h.fail(subject, "192.0.2.7/32")
		}
		data, _ := h.ok("attempts", "list", "Nobody@demo.test")
		h.want(data, "attempts.0.reference", ref)
		try := limit.Try{Subject: subject, Network: "192.0.2.7/32"}
		if _, waits, err := h.limits.Peek(t.Context(), try); err != nil || !waits {
			t.Fatalf("waits %v, %v", waits, err)
		}
		data, _ = h.ok("attempts", "clear", "nobody@demo.test")
		h.want(data, "email", "nobody@demo.test")
		if _, waits, err := h.limits.Peek(t.Context(), try); err != nil || waits {
			t.Errorf("still waits %v, %v", waits, err)
		}
		_, text := h.ok("attempts", "list", "else@demo.test")
		if text != "none\n" {
			t.Error(text)
		}
	})
}

func TestAttemptsRefused(t *testing.T) {
	onEngines(t, func(h *house) {
		h.refused(operate.ExitUsage, "--email", "attempts", "list")
		h.refused(operate.ExitUsage, "--email", "attempts", "list", "a@b")
		h.refused(operate.ExitUsage, "--limit", "attempts", "list", "a@b.cd", "--limit", "-1")
		h.refused(operate.ExitNotFound, "no user", "attempts", "list", "somebody")
		h.refused(operate.ExitUsage, "--email: say whose attempts", "attempts", "clear")
		h.refused(operate.ExitUsage, "--network", "attempts", "clear", "--network", "example.com")
		h.refused(operate.ExitUsage, "--network", "attempts", "clear", "--network", "10.0.0.0/8")
		h.refused(operate.ExitNotFound, "no user", "attempts", "clear", "somebody")
	})
}
