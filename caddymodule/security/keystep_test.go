package security_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor/softkey"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// touch is what a device says when this browser asks it for a proof.
func (b *browser) touch(d *softkey.Device) string {
	b.h.t.Helper()
	_, f := b.in()
	options, err := b.h.factors.AskAction(context.Background(), b.h.jan(), f.Session.Handle())
	testkit.Must(b.h.t, err)
	answer, err := d.Get(options)
	testkit.Must(b.h.t, err)
	return answer
}

// forced is what a device says with its last key, whichever keys it is asked for.
func (b *browser) forced(d *softkey.Device) string {
	b.h.t.Helper()
	_, f := b.in()
	options, err := b.h.factors.AskAction(context.Background(), b.h.jan(), f.Session.Handle())
	testkit.Must(b.h.t, err)
	var asked struct{ Challenge string }
	testkit.Must(b.h.t, json.Unmarshal([]byte(options), &asked))
	answer, err := d.Sign(d.Keys()[len(d.Keys())-1], asked.Challenge)
	testkit.Must(b.h.t, err)
	return answer
}

// TestASecondStepOfASecurityKeyAlone goes from a key without a PIN to a second step
// that is switched off again: no app anywhere.
func TestASecondStepOfASecurityKeyAlone(t *testing.T) {
	onStores(t, func(h *house) {
		key := &softkey.Device{Origin: "http://localhost", Unverified: true}
		b := h.login()
		if body := b.get("/second-step").Body.String(); strings.Contains(body, `action="/gateway/security/second-step/keys"`) || !strings.Contains(body, "You have no passkey or security key yet") {
			h.t.Errorf("offered without a key: %s", body)
		}
		h.want(b.post("/second-step/keys", "password", password), 303, "", "/gateway/security/second-step")
		h.noSetup(b)
		h.want(b.added(key, "password", password), 303, cause.None, done+"added")
		h.want(b.post("/second-step/keys", "password", "wrong"), 401, cause.WrongPassword, "")
		h.want(b.post("/second-step/keys", "password", password), 303, "", "/gateway/security/second-step")

		// The key is tried before anything counts: no codes, nothing to switch on.
		if body := b.get("/second-step").Body.String(); strings.Contains(body, "otpauth") || !strings.Contains(body, `data-passkey-ask="/gateway/passkey/proof"`) {
			h.t.Errorf("%s", body)
		}
		h.want(b.post("/second-step/on", "stored", "1"), 303, "", "/gateway/security/second-step")
		h.want(b.post("/second-step/confirm", "code", "123456"), 303, "", "/gateway/security/second-step") // there is no app
		stranger := phone()
		_, err := stranger.Create(b.adding("password", password)) // never handed in
		testkit.Must(h.t, err)
		for _, answer := range []string{"{}", b.forced(stranger)} {
			h.want(b.post("/second-step/confirm", "passkey", answer), 401, cause.PasskeyRefused, "")
		}
		h.want(b.post("/second-step/confirm", "passkey", b.touch(key)), 303, "", "/gateway/security/second-step")
		codes := b.codes()
		if len(codes) != 10 || h.jan().SecondStep {
			h.t.Fatalf("%d codes; on: %v", len(codes), h.jan().SecondStep)
		}
		h.want(b.post("/second-step/on"), 400, cause.BadRequest, "")
		h.want(b.post("/second-step/on", "stored", "1"), 303, "", "/gateway/security/second-step?done=on")
		has, err := h.factors.Means(context.Background(), h.jan())
		testkit.Must(h.t, err)
		if has.App || !has.Keys || !h.jan().SecondStep || h.told(letter.SecondStepOn) != 1 {
			h.t.Fatalf("%+v, on: %v, %d letters", has, h.jan().SecondStep, h.told(letter.SecondStepOn))
		}

		if _, f := b.in(); f.Told()[session.ValueAmr] != "pwd pop user mfa" {
			h.t.Errorf("the session says %q: no code was typed", f.Told()[session.ValueAmr])
		}

		// A proof: the key and the password, in one form. Neither is enough alone.
		body := b.get("/second-step").Body.String()
		if !strings.Contains(body, "Recovery code") || strings.Contains(body, "Code from your app") {
			h.t.Errorf("the code of an app is asked: %s", body)
		}
		res := b.post("/second-step/off", "passkey", b.touch(key))
		h.want(res, 401, cause.PasskeyRefused, "")
		if !strings.Contains(res.Body.String(), "Type your password as well") {
			h.t.Errorf("%s", res.Body)
		}
		h.want(b.post("/second-step/off", "password", password), 401, cause.SecondStepFailed, "")
		h.want(b.post("/second-step/off", "passkey", b.touch(key), "password", "wrong"), 401, cause.WrongPassword, "")
		used := b.touch(key)
		h.want(b.post("/passkeys/add", "passkey", used, "password", password), 200, "", "")
		h.want(b.post("/second-step/off", "passkey", used, "password", password), 401, cause.PasskeyRefused, "")
		if !h.jan().SecondStep {
			h.t.Fatal("off")
		}

		// The key that the step is made of stays; a recovery code is a proof as well.
		h.want(b.post("/passkeys/"+h.keys()[0].ID+"/remove", "password", password, "code", codes[0]), 401, cause.PasskeyRefused, "")
		h.want(b.post("/second-step/off", "passkey", b.touch(key), "password", password), 303, "", "/gateway/security/second-step?done=off")
		if h.jan().SecondStep || h.told(letter.SecondStepOff) != 1 {
			h.t.Error("on")
		}
	})
}

// TestAKeyWithAMailedCode: who has no password proves with a code that is mailed,
// and the key besides; the code alone, or a code of before, is not enough.
func TestAKeyWithAMailedCode(t *testing.T) {
	onStores(t, func(h *house) {
		key := &softkey.Device{Origin: "http://localhost", Unverified: true}
		b := h.login()
		h.want(b.added(key, "password", password), 303, cause.None, done+"added")
		h.want(b.post("/passkeys/add", "mail", "1"), 401, cause.FreshProofRequired, "")
		code := h.mailed()
		h.want(b.post("/passkeys/add", "mailed", "000000", "passkey", b.touch(key)), 401, cause.WrongPassword, "")
		h.want(b.post("/passkeys/add", "mailed", code, "passkey", b.touch(key)), 200, "", "")
		h.want(b.post("/passkeys/add", "mailed", code, "passkey", b.touch(key)), 401, cause.WrongPassword, "")
	})
}

// TestKeysThatGoWhileTheyAreSetUp: what would be a second step without a key is none.
func TestKeysThatGoWhileTheyAreSetUp(t *testing.T) {
	onStores(t, func(h *house) {
		key, other := phone(), h.login()
		b := h.login()
		h.want(b.added(key, "password", password), 303, cause.None, done+"added")
		if c, _ := other.in(); c != cause.SessionEnded {
			h.t.Fatalf("the other session: %q", c)
		}
		h.want(b.post("/second-step/keys", "passkey", b.touch(key)), 303, "", "/gateway/security/second-step")
		h.want(b.post("/second-step/confirm", "passkey", b.touch(key)), 303, "", "/gateway/security/second-step")
		testkit.Must(h.t, h.engine.Update(context.Background(), store.AccountTag("praktijk"), func(tx store.Tx) error {
			return store.Passkeys.Delete(tx, "jan")
		}))
		h.want(b.post("/second-step/on", "stored", "1"), 303, "", "/gateway/security/second-step")
		if h.jan().SecondStep {
			h.t.Error("on, without a key")
		}
	})
}
