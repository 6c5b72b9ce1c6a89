package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/store"
)

const someone = `{"email":"jan@acme.test","name":"Jan","type":"client"}`

func TestTheSameRequestHasOneEffect(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		first := h.ok(h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "order-1")
		again := h.ok(h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "order-1")
		if again.text != first.text || again.header.Get("ETag") != first.header.Get("ETag") || again.header.Get("Location") != first.header.Get("Location") ||
			again.status != first.status || again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("first %v %s, again %v %s", first.header, first.text, again.header, again.text)
		}
		h.refused(422, "idempotency_key_reused", h.all, http.MethodPost, "/accounts/acme/users", strings.Replace(someone, "Jan", "Piet", 1), "Idempotency-Key", "order-1")
		h.refused(422, "idempotency_key_reused", h.all, http.MethodPost, "/accounts/rival/users", someone, "Idempotency-Key", "order-1")
		h.refused(409, "taken", h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "order-2")
		// What was refused is answered the same as well, and another key has its own.
		h.refused(409, "taken", h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "order-2")
		h.refused(409, "taken", h.key("", apikey.UsersWrite), http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "order-1")
		h.push(24*time.Hour + time.Second)
		h.refused(409, "taken", h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "order-1")

		for _, odd := range []string{"with blank", "é", strings.Repeat("x", 201), "\x7f"} {
			h.refused(422, "invalid", h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", odd)
		}
		h.refused(422, "invalid", h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "a", "Idempotency-Key", "b")
	})
}

func TestFiftyAtOnceAreOne(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		var all sync.WaitGroup
		replies := make([]reply, 50)
		for i := range replies {
			all.Go(func() {
				replies[i] = h.ask(h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "order-1")
			})
		}
		all.Wait()
		fresh := 0
		for _, got := range replies {
			if got.status != http.StatusCreated || got.at("password") != replies[0].at("password") {
				t.Errorf("%d %s", got.status, got.text)
			}
			if got.header.Get("Idempotency-Replayed") == "" {
				fresh++
			}
		}
		if users, err := h.dir.Users(t.Context(), "acme", "", 10); err != nil || len(users) != 3 || fresh != 1 {
			t.Errorf("%d users, %d answers that are no replay, %v", len(users), fresh, err)
		}
	})
}

func TestAnAnswerThatIsKeptIsSealed(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		var kept []byte
		h.engine.seen = func(value []byte) { kept = append(kept, value...) }
		made := h.ok(h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "order-1")
		password, _ := made.at("password").(string)
		if password == "" || len(kept) == 0 || strings.Contains(strings.ReplaceAll(string(kept), "hash of "+password, ""), password) {
			t.Errorf("the password %q in what was written: %s", password, kept)
		}
	})
}

// Whoever was at work and never came back is followed by the next, a minute later.
func TestARequestWhoseNodeDiedCanBeRepeated(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.ok(h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "order-1")
		tag := h.engine.last("apianswer")
		must(t, h.engine.Update(t.Context(), tag, func(tx store.Tx) error {
			have, err := store.APIAnswers.Read(tx, "")
			if err != nil {
				return err
			}
			have.Status, have.Body, have.Lease = 0, "", h.now().Add(time.Minute)
			return store.APIAnswers.Put(tx, "", have, h.now().Add(time.Hour))
		}))
		h.step = time.Second // time passes with every look
		got := h.refused(409, "in_progress", h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "order-1")
		if got.header.Get("Retry-After") != "1" {
			t.Errorf("headers %v", got.header)
		}
		h.push(time.Minute)
		h.refused(409, "taken", h.all, http.MethodPost, "/accounts/acme/users", someone, "Idempotency-Key", "order-1")
	})
}

func TestOfTwoWhoReadTheSameOneChangesIt(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		tag := h.ok(h.all, http.MethodGet, "/accounts/acme", "").header.Get("ETag")
		var all sync.WaitGroup
		replies := make([]reply, 20)
		for i := range replies {
			all.Go(func() {
				body := `{"state":"arrears","unpaid_invoices":` + string(rune('1'+i%9)) + `,"reason":"` + strings.Repeat("x", i+1) + `"}`
				replies[i] = h.ask(h.all, http.MethodPatch, "/accounts/acme", body, "If-Match", tag)
			})
		}
		all.Wait()
		won := 0
		for _, got := range replies {
			switch got.status {
			case 200:
				won++
			case 412:
			default:
				t.Errorf("%d %s", got.status, got.text)
			}
		}
		if won != 1 {
			t.Errorf("%d of them changed it", won)
		}
	})
}
