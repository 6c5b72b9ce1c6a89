package security_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Without a password, or without remembering it, a mailed code is the proof. It is
// good in the session that asked, and once.
func TestAMailedCodeInsteadOfThePassword(t *testing.T) {
	onStores(t, func(h *house) {
		b, other := h.login(), h.login()
		h.want(b.post("/second-step/start", "mail", "1"), 401, cause.FreshProofRequired, "")
		code := h.mailed()
		if got := h.letters(); got != letter.ProofCode {
			h.t.Fatalf("mails: %s", got)
		}
		h.want(other.post("/second-step/start", "mailed", code), 401, cause.WrongPassword, "")
		for _, wrong := range []string{"", "000000", code[:5], code + "0"} {
			if wrong == code {
				continue
			}
			res := b.post("/second-step/start", "mailed", wrong)
			h.want(res, 401, cause.WrongPassword, "")
			if !strings.Contains(res.Body.String(), `name="mailed"`) || testkit.Attr(res, "data-reference") == "" {
				h.t.Errorf("%q: %s", wrong, res.Body)
			}
		}
		h.want(b.post("/second-step/start", "mailed", code[:3]+" "+code[3:]), 303, "", "/gateway/security/second-step")
		h.want(b.post("/second-step/cancel"), 303, "", "/gateway/security/second-step?done=cancelled")
		h.want(b.post("/second-step/start", "mailed", code), 401, cause.WrongPassword, "") // once
		h.noSetup(b)
	})
}

func TestWithoutAPasswordTheCodeIsMailedAtOnce(t *testing.T) {
	onStores(t, func(h *house) {
		h.edit(func(u *store.User) { u.Password = "" })
		b := h.login()
		if body := b.get("/second-step").Body.String(); strings.Contains(body, `name="password"`) || !strings.Contains(body, `name="mail"`) {
			h.t.Errorf("%s", body)
		}
		// An empty password is not that of somebody who has none.
		h.want(b.post("/second-step/start", "password", ""), 401, cause.FreshProofRequired, "")
		h.want(b.post("/second-step/start", "mailed", h.mailed()), 303, "", "/gateway/security/second-step")
	})
}

// The mailed code stands in for the password and never for the second step. A slip
// in the one does not cost the other.
func TestAMailedCodeAloneIsNotEnough(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		seed, codes := b.setUp()
		h.push(time.Minute)
		h.want(b.post("/second-step/off", "mail", "1"), 401, cause.FreshProofRequired, "")
		code := h.mailed()
		for _, typed := range []string{"", "000000", code} {
			h.want(b.post("/second-step/off", "mailed", code, "code", typed), 401, cause.SecondStepFailed, "")
		}
		h.want(b.post("/second-step/off", "mailed", "000000", "code", codes[0]), 401, cause.WrongPassword, "")
		if _, err := h.factors.Check(context.Background(), h.jan(), codes[0]); err != nil {
			h.t.Errorf("a recovery code was used up by a wrong mailed code: %v", err)
		}
		if !h.jan().SecondStep {
			h.t.Fatal("off with half a proof")
		}
		h.want(b.post("/second-step/off", "mailed", code, "code", h.code(seed)), 303, "", "/gateway/security/second-step?done=off")
	})
}

func TestWithoutMailOnlyThePasswordProves(t *testing.T) {
	onStores(t, func(h *house) {
		h.withoutMail()
		b := h.login()
		if body := b.get("/second-step").Body.String(); strings.Contains(body, `name="mail"`) {
			h.t.Errorf("a code is offered that cannot be mailed: %s", body)
		}
		h.want(b.post("/second-step/start", "mail", "1"), 401, cause.WrongPassword, "")
		h.want(b.post("/second-step/start", "mailed", "000000"), 401, cause.WrongPassword, "")
		h.want(b.post("/second-step/start", "password", password), 303, "", "/gateway/security/second-step")
		h.edit(func(u *store.User) { u.Password = "" })
		h.want(b.post("/second-step/start", "password", ""), 401, cause.WrongPassword, "")
	})
}

func TestTooManyMailsForProofs(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		h.mailsFull = true
		res := b.post("/second-step/start", "mail", "1")
		h.want(res, 429, cause.TooManyMails, "")
		if res.Header().Get("Retry-After") == "" {
			h.t.Error("nothing says when it works again")
		}
		h.want(b.post("/second-step/start", "password", password), 303, "", "/gateway/security/second-step")
	})
}

// Guesses of mailed codes are few, and the code is dead then.
func TestGuessingMailedCodes(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		h.want(b.post("/second-step/start", "mail", "1"), 401, cause.FreshProofRequired, "")
		code := h.mailed()
		guess := "111111"
		if guess == code {
			guess = "222222"
		}
		for range ticket.DefaultCodes().PerMail {
			h.want(b.post("/second-step/start", "mailed", guess), 401, cause.WrongPassword, "")
		}
		h.want(b.post("/second-step/start", "mailed", code), 401, cause.WrongPassword, "")
		h.noSetup(b)
	})
}

// One recovery code, at a proof and at a login in the same moment, is good once.
func TestARecoveryCodeForAProofAndALogin(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		_, codes := b.setUp()
		for _, code := range codes[:3] {
			half, err := h.factors.Open(context.Background(), h.jan(), &store.HalfLogin{Method: "password"})
			testkit.Must(h.t, err)
			var wg sync.WaitGroup
			var passed atomic.Int32
			wg.Go(func() {
				if b.post("/second-step/codes", "password", password, "code", code).Code == 303 {
					passed.Add(1)
				}
			})
			wg.Go(func() {
				if _, err := h.factors.Pass(context.Background(), half, code); err == nil {
					passed.Add(1)
				}
			})
			wg.Wait()
			if n := passed.Load(); n != 1 {
				h.t.Errorf("one recovery code passed %d times", n)
			}
		}
	})
}

// What was mailed before, and logins that wait, open nothing after a change.
func TestAChangeEndsWhatWasOpen(t *testing.T) {
	changes := map[string]func(b *browser, seed string, codes []string){
		"on": nil,
		"new codes": func(b *browser, _ string, codes []string) {
			b.h.want(b.post("/second-step/codes", "password", password, "code", codes[0]), 303, "", "/gateway/security/second-step")
			b.h.want(b.post("/second-step/on", "stored", "1"), 303, "", "/gateway/security/second-step?done=codes")
		},
		"off": func(b *browser, seed string, _ []string) {
			b.h.push(time.Minute)
			b.h.want(b.post("/second-step/off", "password", password, "code", b.h.code(seed)), 303, "", "/gateway/security/second-step?done=off")
		},
	}
	letters := map[string]string{"on": letter.SecondStepOn, "new codes": letter.RecoveryCodes, "off": letter.SecondStepOff}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			onStores(t, func(h *house) {
				h.t = t
				ctx, b := context.Background(), h.login()
				var seed string
				var codes []string
				if change != nil {
					seed, codes = b.setUp()
				}
				other := h.login()
				half, err := h.factors.Open(ctx, h.jan(), &store.HalfLogin{Method: "password"})
				testkit.Must(t, err)
				asked, err := h.book.Ask(ctx, ticket.Ask{User: h.jan(), Owner: h.owner(), Purpose: ticket.Magic, To: "jan@example.test", Origin: "https://app.example/gateway"})
				testkit.Must(t, err)
				if change != nil {
					change(b, seed, codes)
				} else {
					b.setUp()
				}
				if c, _ := other.in(); c != cause.SessionEnded {
					t.Errorf("the other session: %q", c)
				}
				if _, err := h.factors.Find(ctx, half); !errors.Is(err, factor.ErrNone) {
					t.Errorf("a login that waited: %v", err)
				}
				if _, err := h.book.Settle(ctx, h.jan(), asked.ID); err == nil {
					t.Error("a mailed login from before logs in")
				}
				if got := h.letters(); !strings.HasSuffix(got, letters[name]) {
					t.Errorf("told by %s", got)
				}
			})
		})
	}
}
