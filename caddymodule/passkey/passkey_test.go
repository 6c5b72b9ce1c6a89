package passkey_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// A passkey is both factors: nobody is asked for a second step after it.
func TestAPasskeyIsBothFactors(t *testing.T) {
	onStores(t, func(h *house) {
		_, err := h.Factors.Enrol(context.Background(), h.Reread("jan"))
		testkit.Must(h.T, err)
		b := h.browser("192.0.2.1")
		h.Want(b.post(b.answer(h.phone), "remember", "1"), 303, "", "/clients?x=1")
		f, ok := b.in()
		if !ok || f.User.ID() != "jan" {
			h.T.Fatalf("not logged in: %q", f.Cause)
		}
		all, err := h.Sessions.Of(context.Background(), "praktijk", "jan")
		testkit.Must(h.T, err)
		if len(all) != 1 || !slices.Equal(all[0].Amr, []string{"pop", "user", "mfa"}) || !all[0].Remember {
			h.T.Errorf("%+v", all)
		}
		// Another login, with another answer of the same key.
		other := h.browser("198.51.100.7")
		h.Want(other.post(other.answer(h.phone)), 303, "", "/clients?x=1")
		if all, err = h.Sessions.Of(context.Background(), "praktijk", "jan"); err != nil || len(all) != 2 {
			h.T.Errorf("%+v, %v", all, err)
		}
	})
}

// Whoever may not come in does not, and is told why as after any other proof.
func TestAPasskeyOpensNothingThatIsShut(t *testing.T) {
	account := func(fn func(a *store.Account)) func(h *house) {
		return func(h *house) {
			_, err := h.Dir.UpdateAccount(context.Background(), "praktijk", func(a *store.Account) error {
				fn(a)
				return nil
			})
			testkit.Must(h.T, err)
		}
	}
	state := func(s string) func(h *house) { return account(func(a *store.Account) { a.State = s }) }
	for name, c := range map[string]struct {
		do   func(h *house)
		want cause.Cause
	}{
		"a block": {func(h *house) {
			h.change("jan", func(u *store.User) { u.Block = &store.Block{By: "admin", At: h.Now()} })
		}, cause.UserBlocked},
		"suspended": {state(directory.Suspended), cause.AccountSuspended},
		"cancelled": {state(directory.Cancelled), cause.AccountCancelled},
		"arrears":   {account(func(a *store.Account) { a.State, a.UnpaidInvoices = directory.Arrears, 9 }), cause.AccountArrears},
		"a type that may not": {func(h *house) {
			u := h.Reread("jan")
			u.Type = "of an earlier configuration"
			testkit.Must(h.T, h.Store.Update(context.Background(), store.AccountTag("praktijk"), func(tx store.Tx) error {
				return store.Users.Put(tx, "jan", u, time.Time{})
			}))
		}, cause.TypeDenied},
	} {
		t.Run(name, func(t *testing.T) {
			onStores(t, func(h *house) {
				c.do(h)
				b := h.browser("192.0.2.1")
				h.Want(b.post(b.answer(h.phone)), http.StatusForbidden, c.want, "")
				if f, _ := b.in(); f.Session != nil {
					h.T.Error("a session")
				}
			})
		})
	}
}

func TestAnAnswerForSomethingElseIsNone(t *testing.T) {
	onStores(t, func(h *house) {
		ctx, b, jan := context.Background(), h.browser("192.0.2.1"), h.Reread("jan")
		b.asked()
		thief := h.browser("198.51.100.7")
		thief.asked()
		b.refused("of another browser", b.post(thief.answer(h.phone)), 401, cause.PasskeyRefused)
		for name, ask := range map[string]func() (string, error){
			"to prove an action": func() (string, error) { return h.Factors.AskAction(ctx, jan, "a session") },
			"for the second step": func() (string, error) {
				_, err := h.Factors.Enrol(ctx, jan)
				testkit.Must(h.T, err)
				token, err := h.Factors.Open(ctx, h.Reread("jan"), &store.HalfLogin{Method: "password", Amr: []string{"pwd"}})
				testkit.Must(h.T, err)
				return h.Factors.AskStep(ctx, token)
			},
		} {
			asked, err := ask()
			testkit.Must(h.T, err)
			answer, err := h.phone.Get(asked)
			testkit.Must(h.T, err)
			b.refused(name, b.post(answer), 401, cause.PasskeyRefused)
		}
		// In a browser that keeps no cookies nothing says that it asked.
		bare := h.browser("203.0.113.9")
		answer := bare.answer(h.phone)
		bare.Cookies = map[string]string{}
		bare.refused("without a cookie", bare.post(answer), 401, cause.PasskeyRefused)
		late := b.answer(h.phone)
		h.Push(factor.ChallengeLife)
		res := b.post(late)
		b.refused("too late", res, 401, cause.PasskeyRefused)
		if !strings.Contains(res.Body.String(), "Het duurde te lang") {
			h.T.Errorf("not said: %s", res.Body)
		}
	})
}

func TestFiftyAtOnceWithOneAnswer(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.browser("10.0.0.1") // a private network has no budget of its own
		answer := b.answer(h.phone)
		flow := b.Cookies[cookie.Flow]
		var wg sync.WaitGroup
		var mu sync.Mutex
		codes := map[int]int{}
		for range 50 {
			wg.Go(func() {
				twin := h.browser("10.0.0.1")
				twin.Cookies[cookie.Flow] = flow
				res := twin.post(answer)
				mu.Lock()
				defer mu.Unlock()
				codes[res.Code]++
			})
		}
		wg.Wait()
		if codes[http.StatusSeeOther] != 1 {
			h.T.Errorf("answers: %v", codes)
		}
		all, err := h.Sessions.Of(context.Background(), "praktijk", "jan")
		testkit.Must(h.T, err)
		if len(all) != 1 {
			h.T.Errorf("%d sessions", len(all))
		}
	})
}

func TestWhatIsNoAnswerAtAll(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.browser("192.0.2.1")
		right := b.answer(h.phone)
		for name, res := range map[string]*httptest.ResponseRecorder{
			"nothing":         b.post(""),
			"two":             b.post(right, "passkey", right),
			"no text":         b.post("\xff"),
			"two ticks":       b.post(right, "remember", "1", "remember", "1"),
			"too long":        b.post(strings.Repeat("x", factor.MaxPosted+1)),
			"far too long":    b.post(strings.Repeat("%", 1<<20)),
			"JSON":            b.json(right),
			"in the address":  b.Post("/gateway/passkey/login?passkey=" + strings.Repeat("x", 100)),
			"without a field": b.Post("/gateway/passkey/login"),
		} {
			b.refused(name, res, 400, cause.BadRequest)
		}
		for name, text := range map[string]string{
			"no JSON": "x", "another JSON": "{}", "a list": "[]", "as long as may be": `{"id":"` + strings.Repeat("x", factor.MaxPosted-9) + `"}`,
		} {
			b.refused(name, b.post(text), 401, cause.PasskeyRefused)
		}
		h.Want(b.post(right), 303, "", "/clients?x=1") // and none of it used the right one up
	})
}

// json posts what a script of the page would not.
func (b *browser) json(text string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://localhost/gateway/passkey/login", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	return b.Do(r)
}

// Wrong answers cost the key they claim to be of; neither other keys nor passwords
// are shut out by it.
func TestGuessingIsSlowedDown(t *testing.T) {
	onStores(t, func(h *house) {
		h.user("eva", "teammate")
		tablet := device()
		h.add("eva", tablet)
		b := h.browser("192.0.2.1")
		h.phone.Unverified = true
		for range 5 {
			res := b.post(b.answer(h.phone))
			b.refused("unverified", res, 401, cause.PasskeyRefused)
		}
		h.phone.Unverified = false
		res := b.post(b.answer(h.phone))
		b.refused("one more", res, 429, cause.TooManyAttempts)
		if res.Header().Get("Retry-After") == "" {
			h.T.Error("nobody is told when to come back")
		}
		states, err := h.Limits.Show(context.Background(), attempt.Subject("jan", ""))
		if err != nil || len(states) != 0 {
			h.T.Errorf("the password pays for it: %+v, %v", states, err)
		}
		other := h.browser("192.0.2.1")
		h.Want(other.post(other.answer(tablet)), 303, "", "/clients?x=1")
		h.Push(31 * time.Second)
		h.Want(b.post(b.answer(h.phone)), 303, "", "/clients?x=1")
	})
}

func TestTheOwnerOfACopiedKeyIsTold(t *testing.T) {
	onStores(t, func(h *house) {
		twin, b := h.phone.Copy(), h.browser("192.0.2.1")
		for range 2 {
			h.Want(b.post(b.answer(h.phone)), 303, "", "/clients?x=1")
		}
		thief := h.browser("198.51.100.7")
		res := thief.post(thief.answer(twin))
		thief.refused("the copy", res, 401, cause.PasskeyRefused)
		if !h.Letter(letter.PasskeyCopied) {
			h.T.Error("its owner is not told")
		}
	})
}

// A key of eva does not open what is jan's, whomever it names.
func TestTheNameInAnAnswerProvesNothing(t *testing.T) {
	onStores(t, func(h *house) {
		h.user("eva", "teammate")
		tablet, b := device(), h.browser("192.0.2.1")
		h.add("eva", tablet)
		for _, name := range []string{"jan", "nobody", "-", "../jan", strings.Repeat("j", 64)} {
			tablet.Handle = name
			b.refused("as "+name, b.post(b.answer(tablet)), 401, cause.PasskeyRefused)
		}
	})
}

// In a blocked account only the superadmin proves anything: repair paths may ask for it.
func TestAProofInABlockedAccount(t *testing.T) {
	onStores(t, func(h *house) {
		h.user("eva", directory.SuperadminType)
		h.add("eva", device())
		_, err := h.Dir.UpdateAccount(t.Context(), "praktijk", func(a *store.Account) error {
			a.State = directory.Cancelled
			return nil
		})
		testkit.Must(h.T, err)
		for user, status := range map[string]int{"eva": http.StatusOK, "jan": http.StatusNotFound} {
			b := h.browser("192.0.2.1")
			s, err := h.Sessions.Start(t.Context(), session.Login{User: h.Reread(user), Amr: []string{"pwd"}})
			testkit.Must(h.T, err)
			b.Cookies[cookie.Session] = s.Cookie
			if res := b.Get("/gateway/passkey/proof"); res.Code != status {
				h.T.Errorf("%s: %d", user, res.Code)
			}
		}
	})
}

// What a browser may be asked for, and where.
func TestWhoIsAskedForAPasskey(t *testing.T) {
	onStores(t, func(h *house) {
		elsewhere := h.browser("192.0.2.1")
		for _, host := range []string{"127.0.0.1", "app.example", "[::1]:8080"} {
			r := httptest.NewRequest(http.MethodGet, "http://"+host+"/gateway/passkey/options", http.NoBody)
			if res := elsewhere.Do(r); res.Code != http.StatusNotFound || res.Body.String() != "{}" {
				h.T.Errorf("%s: %d %s", host, res.Code, res.Body)
			}
		}
		proof := func(b *browser) *httptest.ResponseRecorder { return b.Get("/gateway/passkey/proof") }
		b := h.browser("192.0.2.1")
		if res := proof(b); res.Code != http.StatusNotFound || res.Body.String() != "{}" {
			h.T.Errorf("a stranger: %d %s", res.Code, res.Body)
		}
		h.Want(b.post(b.answer(h.phone)), 303, "", "/clients?x=1")
		if res := proof(b); res.Code != http.StatusOK || !strings.Contains(res.Body.String(), "allowCredentials") {
			h.T.Errorf("jan: %d %s", res.Code, res.Body)
		}
		h.user("eva", "teammate")
		s, err := h.Sessions.Start(context.Background(), session.Login{User: h.Reread("eva"), Amr: []string{"pwd"}})
		testkit.Must(h.T, err)
		b.Cookies[cookie.Session] = s.Cookie
		if res := proof(b); res.Code != http.StatusNotFound {
			h.T.Errorf("somebody without one: %d %s", res.Code, res.Body)
		}
		h.change("eva", func(u *store.User) { u.Epoch++ })
		h.add("eva", device())
		if res := proof(b); res.Code != http.StatusNotFound {
			h.T.Errorf("in a session that is over: %d %s", res.Code, res.Body)
		}
	})
}
