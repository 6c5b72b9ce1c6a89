package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/cliendo/gateway/caddymodule/factor/softkey"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// Who has a second step proves with both: the session, with the password or the
// mailbox alone, does nothing that would hurt.
func TestAProofOfSomebodyWithASecondStep(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		const admin = "acme-superadmin"
		setup, err := w.factors.Enrol(t.Context(), w.find(admin))
		testkit.Must(t, err)
		w.enter(admin)
		w.Push(11 * time.Minute)
		code := func() string {
			c, err := totp.GenerateCode(setup.Seed, w.Now())
			testkit.Must(t, err)
			return c
		}
		block := func(fields ...string) answer {
			return w.submit(admin, of("acme-teammate", "/block"), append(fields, "why", "Left")...)
		}
		refused := func(a answer, cause string) {
			t.Helper()
			if a.Code != http.StatusUnauthorized || a.cause() != cause || w.find("acme-teammate").Block != nil || hidden(a.body).Get("why") != "Left" {
				t.Errorf("%d %q, want %q: %s", a.Code, a.cause(), cause, a.body)
			}
			if noted := strings.Contains(a.body, ` data-reference="`); noted != (cause != "fresh_proof_required") {
				t.Errorf("%q, and a reference: %v: %s", cause, noted, a.body)
			}
		}
		a := block()
		refused(a, "fresh_proof_required")
		if !strings.Contains(a.body, `name="fresh_code"`) || strings.Contains(a.body, "data-passkey-ask") {
			t.Errorf("%s", a.body)
		}
		refused(block("fresh_password", password), "second_step_failed")
		refused(block("fresh_password", "wrong", "fresh_code", code()), "wrong_password")
		refused(block("fresh_mail", "1"), "fresh_proof_required")
		mailed := w.post.Take()[0].Letter.Code
		refused(block("fresh_mailed", mailed), "second_step_failed")
		refused(block("fresh_code", code()), "wrong_password")
		w.Push(time.Minute)
		leads(t, w, admin, block("fresh_mailed", mailed, "fresh_code", code()), of("acme-teammate", ""), "is blocked")
		w.Push(11 * time.Minute)
		leads(t, w, admin, w.submit(admin, of("acme-teammate", "/unblock"), "fresh_password", password, "fresh_code", code()), of("acme-teammate", ""), "lifted")
	})
}

// A passkey is a proof here as everywhere, once, and of the session that asked.
func TestAProofByPasskey(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		const admin = "acme-superadmin"
		key, u := &softkey.Device{Origin: "http://localhost"}, w.find(admin)
		asked, err := w.factors.AskNew(t.Context(), u, "a session")
		testkit.Must(t, err)
		answer, err := key.Create(asked)
		testkit.Must(t, err)
		made, err := w.factors.MakeKey(u, "a session", answer)
		testkit.Must(t, err)
		testkit.Must(t, w.store.Update(t.Context(), store.AccountTag("acme"), func(tx store.Tx) error {
			_, err := w.factors.AddKey(t.Context(), tx, u, made, "Key", "")
			return err
		}))
		w.enter(admin)
		w.Push(11 * time.Minute)
		touch := func(session string) string {
			options, err := w.factors.AskAction(t.Context(), u, session)
			testkit.Must(t, err)
			said, err := key.Get(options)
			testkit.Must(t, err)
			return said
		}
		all, err := w.sessions.Of(t.Context(), "acme", admin)
		testkit.Must(t, err)
		foreign := w.submit(admin, of("acme-teammate", "/block"), "fresh_passkey", touch("another session"))
		if foreign.Code != http.StatusUnauthorized || foreign.cause() != "passkey_refused" || w.find("acme-teammate").Block != nil {
			t.Errorf("%d %q", foreign.Code, foreign.cause())
		}
		used := touch(all[0].Handle)
		leads(t, w, admin, w.submit(admin, of("acme-teammate", "/block"), "fresh_passkey", used), of("acme-teammate", ""), "is blocked")
		w.Push(11 * time.Minute)
		if a := w.submit(admin, of("acme-teammate", "/unblock"), "fresh_passkey", used); a.Code != http.StatusUnauthorized {
			t.Errorf("the answer once more: %d", a.Code)
		}
	})
}
