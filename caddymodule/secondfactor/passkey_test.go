package secondfactor_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/factor/softkey"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// keyOf gives a user a security key, which does not check who holds it.
func (h *house) keyOf(user string) *softkey.Device {
	h.T.Helper()
	ctx, u := context.Background(), h.Reread(user)
	d := &softkey.Device{Origin: "http://localhost", Unverified: true}
	asked, err := h.Factors.AskNew(ctx, u, "a session")
	testkit.Must(h.T, err)
	answer, err := d.Create(asked)
	testkit.Must(h.T, err)
	made, err := h.Factors.MakeKey(u, "a session", answer)
	testkit.Must(h.T, err)
	testkit.Must(h.T, h.Store.Update(ctx, store.AccountTag("praktijk"), func(tx store.Tx) error {
		_, err := h.Factors.AddKey(ctx, tx, u, made, "Key", "")
		return err
	}))
	return d
}

// answer is what a device says to the page of the second step in this browser.
func (b *browser) answer(d *softkey.Device) string {
	b.h.T.Helper()
	res := b.Get("/gateway/second-step/passkey")
	if res.Code != http.StatusOK || res.Header().Get("Cache-Control") != "no-store" {
		b.h.T.Fatalf("%d %v: %s", res.Code, res.Header(), res.Body)
	}
	text, err := d.Get(res.Body.String())
	testkit.Must(b.h.T, err)
	return text
}

func (b *browser) key(answer string, more ...string) *httptest.ResponseRecorder {
	return b.Post("/gateway/second-step", append([]string{"passkey", answer}, more...)...)
}

func TestAKeyIsASecondStepAndUsesTheLoginUp(t *testing.T) {
	onStores(t, func(h *house) {
		key, b := h.keyOf("jan"), h.browser("192.0.2.1")
		if body := b.first("jan").Body.String(); !strings.Contains(body, `data-passkey-ask="/gateway/second-step/passkey"`) {
			h.T.Errorf("a key is not offered: %s", body)
		}
		kept, answer := b.Cookies[cookie.Flow], b.answer(key)
		h.Want(b.key(answer), 303, "", "/clients?x=1")
		all, err := h.Sessions.Of(context.Background(), "praktijk", "jan")
		testkit.Must(h.T, err)
		if len(all) != 1 || !slices.Equal(all[0].Amr, []string{"pwd", "pop", "user", "mfa"}) || !all[0].Remember {
			h.T.Errorf("%+v", all)
		}
		// The login is used up: for the answer, for a code, and for a new question.
		thief := h.browser("192.0.2.1")
		thief.Cookies[cookie.Flow] = kept
		if res := thief.Get("/gateway/second-step/passkey"); res.Code != http.StatusNotFound {
			h.T.Errorf("asked again: %d", res.Code)
		}
		h.Want(thief.key(answer), 401, cause.NotLoggedIn, "")
		thief.Cookies[cookie.Flow] = kept
		h.Want(thief.step(h.code()), 401, cause.NotLoggedIn, "")
		// And the answer is no good for the next one.
		again := h.browser("192.0.2.1")
		again.first("jan")
		h.Want(again.key(answer), 401, cause.PasskeyRefused, "")
		h.Want(again.key(again.answer(key)), 303, "", "/clients?x=1")
	})
}

func TestWhoIsNotAskedForAKey(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.browser("192.0.2.1")
		if res := b.Get("/gateway/second-step/passkey"); res.Code != http.StatusNotFound || res.Body.Len() > 0 {
			h.T.Errorf("a stranger: %d %s", res.Code, res.Body)
		}
		if body := b.first("jan").Body.String(); strings.Contains(body, "data-passkey=") {
			h.T.Errorf("jan has none: %s", body)
		}
		if res := b.Get("/gateway/second-step/passkey"); res.Code != http.StatusNotFound {
			h.T.Errorf("jan has none: %d %s", res.Code, res.Body)
		}
	})
}

func TestAKeyThatIsNotEnough(t *testing.T) {
	onStores(t, func(h *house) {
		ctx := context.Background()
		h.user("eva", "teammate")
		h.enrol("eva")
		key, evas := h.keyOf("jan"), h.keyOf("eva")
		asked := func(ask func() (string, error)) string {
			options, err := ask()
			testkit.Must(h.T, err)
			answer, err := key.Get(options)
			testkit.Must(h.T, err)
			return answer
		}
		other := h.browser("198.51.100.7")
		other.first("jan")
		b := h.browser("192.0.2.1")
		b.first("jan")
		challenge := softkey.Challenge(b.Get("/gateway/second-step/passkey").Body.String())
		foreign, err := evas.Sign(evas.Keys()[0], challenge)
		testkit.Must(h.T, err)
		h.Want(b.key(foreign), 401, cause.PasskeyRefused, "")
		for name, answer := range map[string]string{
			"of another login of jan": other.answer(key),
			"to log in with":          asked(func() (string, error) { return h.Factors.AskLogin("a browser") }),
			"to prove an action":      asked(func() (string, error) { return h.Factors.AskAction(ctx, h.jan, "a session") }),
			"nothing of a key":        "{}",
		} {
			if res := b.key(answer); res.Code != 401 || testkit.Attr(res, "data-cause") != string(cause.PasskeyRefused) {
				h.T.Errorf("%s: %d %s", name, res.Code, res.Body)
			}
			testkit.Must(h.T, h.Limits.Clear(ctx, attempt.Subject("jan", "")))
		}
		key.Absent = true
		h.Want(b.key(b.answer(key)), 401, cause.PasskeyRefused, "")
		key.Absent = false
		if f, ok := b.in(); ok || f.Session != nil {
			h.T.Fatal("logged in")
		}
		h.Want(b.key(b.answer(key)), 303, "", "/clients?x=1")
	})
}

// Keys and codes are guesses from one budget, over all logins and networks.
func TestKeysCountWithTheCodes(t *testing.T) {
	onStores(t, func(h *house) {
		key := h.keyOf("jan")
		for i := range 6 {
			b := h.browser(fmt.Sprintf("203.0.113.%d", i+1))
			b.first("jan")
			want := cause.PasskeyRefused
			res := b.key("{}")
			if i == 5 {
				want = cause.TooManyAttempts
			}
			if testkit.Attr(res, "data-cause") != string(want) {
				h.T.Fatalf("guess %d: %d %s", i+1, res.Code, res.Body)
			}
		}
		b := h.browser("192.0.2.1")
		b.first("jan")
		h.Want(b.key(b.answer(key)), 429, cause.TooManyAttempts, "")
		h.Want(b.step(h.code()), 429, cause.TooManyAttempts, "")
		if f, _ := b.in(); f.Session != nil {
			h.T.Error("logged in")
		}
	})
}

func TestManyAtOnceWithOneAnswerOfAKey(t *testing.T) {
	onStores(t, func(h *house) {
		key, b := h.keyOf("jan"), h.browser("192.0.2.1")
		b.first("jan")
		answer, flow := b.answer(key), b.Cookies[cookie.Flow]
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				twin := h.browser("192.0.2.1")
				twin.Cookies[cookie.Flow] = flow
				twin.key(answer)
			})
		}
		wg.Wait()
		all, err := h.Sessions.Of(context.Background(), "praktijk", "jan")
		testkit.Must(h.T, err)
		if len(all) != 1 {
			h.T.Errorf("%d sessions", len(all))
		}
	})
}

func TestABlockBeforeTheKeyEndsIt(t *testing.T) {
	onStores(t, func(h *house) {
		key, b := h.keyOf("jan"), h.browser("192.0.2.1")
		b.first("jan")
		answer := b.answer(key)
		_, err := h.Dir.UpdateUser(context.Background(), "praktijk", "jan", func(u *store.User) error {
			u.Block = &store.Block{By: "admin", At: h.Now()}
			return nil
		})
		testkit.Must(h.T, err)
		h.Want(b.key(answer), 403, cause.UserBlocked, "")
		if f, _ := b.in(); f.Session != nil {
			h.T.Error("logged in")
		}
	})
}

func TestMalformedFormsOfKeys(t *testing.T) {
	onStores(t, func(h *house) {
		key, b := h.keyOf("jan"), h.browser("192.0.2.1")
		b.first("jan")
		right := b.answer(key)
		h.Want(b.key(right, "passkey", right), 400, cause.BadRequest, "")
		h.Want(b.key("\xff"), 400, cause.BadRequest, "")
		h.Want(b.key(strings.Repeat("x", 32<<10)), 400, cause.BadRequest, "")
		h.Want(b.key(`{"id":"`+strings.Repeat("x", factor.MaxPosted)+`"}`), 401, cause.PasskeyRefused, "")
		h.Want(b.key(right), 303, "", "/clients?x=1")
	})
}
