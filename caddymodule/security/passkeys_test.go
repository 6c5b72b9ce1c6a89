package security_test

import (
	"context"
	"html"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/factor/softkey"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

func phone() *softkey.Device { return &softkey.Device{Origin: "http://localhost"} }

// adding posts the proof and returns what the page asks the device for.
func (b *browser) adding(pairs ...string) string {
	b.h.t.Helper()
	res := b.post("/passkeys/add", append([]string{"name", "Phone"}, pairs...)...)
	options := html.UnescapeString(testkit.Attr(res, "data-passkey-options"))
	if options == "" {
		b.h.t.Fatalf("%d: nothing is asked: %s", res.Code, res.Body)
	}
	return options
}

func (b *browser) added(d *softkey.Device, pairs ...string) *httptest.ResponseRecorder {
	b.h.t.Helper()
	answer, err := d.Create(b.adding(pairs...))
	testkit.Must(b.h.t, err)
	return b.post("/passkeys/new", "name", "Phone", "passkey", answer)
}

func (h *house) keys() []factor.Key {
	h.t.Helper()
	keys, err := h.factors.Keys(context.Background(), h.jan())
	testkit.Must(h.t, err)
	return keys
}

func (h *house) told(kind string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.mails {
		if m.Letter.Kind == kind {
			n++
		}
	}
	return n
}

const done = "/gateway/security/passkeys?done="

func TestAPasskeyIsAddedNamedAndRemoved(t *testing.T) {
	onStores(t, func(h *house) {
		b, other := h.login(), h.login()
		h.want(b.added(phone(), "password", password), 303, cause.None, done+"added")
		keys := h.keys()
		if len(keys) != 1 || keys[0].Name != "Phone" || keys[0].Agent != "Firefox on Linux" || !keys[0].Login {
			h.t.Fatalf("%+v", keys)
		}
		if c, _ := other.in(); c != cause.SessionEnded || h.told(letter.PasskeyAdded) != 1 {
			h.t.Errorf("another session is %q, %d letters", c, h.told(letter.PasskeyAdded))
		}
		if c, _ := b.in(); c != cause.None {
			h.t.Errorf("this session: %q", c)
		}
		page := b.get("/passkeys").Body.String()
		if !strings.Contains(page, "<strong>Phone</strong>") || !strings.Contains(b.get("").Body.String(), "You have 1.") {
			h.t.Error("the list, or the hub, does not show it")
		}
		one := "/passkeys/" + keys[0].ID
		h.want(b.post(one+"/rename", "name", "  My \u202ephone\n"), 303, cause.None, done+"renamed")
		if name := h.keys()[0].Name; name != "My phone" {
			h.t.Errorf("it is called %q", name)
		}
		h.want(b.post(one+"/remove", "password", "wrong"), 401, cause.WrongPassword, "")
		h.want(b.post(one+"/remove", "password", password), 303, cause.None, done+"removed")
		if len(h.keys()) != 0 || h.told(letter.PasskeyRemoved) != 1 {
			h.t.Errorf("%d keys, %d letters", len(h.keys()), h.told(letter.PasskeyRemoved))
		}
		h.want(b.get(one), 303, cause.None, "/gateway/security/passkeys")
	})
}

func TestNoPasskeyWithoutAProofInTheSameSession(t *testing.T) {
	onStores(t, func(h *house) {
		b, thief := h.login(), h.login()
		h.want(b.post("/passkeys/add", "password", "wrong"), 401, cause.WrongPassword, "")
		h.want(b.post("/passkeys/new", "name", "x"), 401, cause.PasskeyRefused, "")
		d := phone()
		answer, err := d.Create(b.adding("password", password))
		testkit.Must(h.t, err)
		h.want(thief.post("/passkeys/new", "passkey", answer), 401, cause.PasskeyRefused, "")
		h.push(factor.ChallengeLife)
		h.want(b.post("/passkeys/new", "passkey", answer), 401, cause.PasskeyRefused, "")
		if len(h.keys()) != 0 {
			h.t.Error("a key was added")
		}
		// A script of the app is not shown what a browser would be asked.
		b.header = map[string]string{"Sec-Fetch-Dest": "empty"}
		if res := b.post("/passkeys/add", "password", password); res.Code != 403 || testkit.Attr(res, "data-passkey-options") != "" {
			h.t.Errorf("%d", res.Code)
		}
	})
}

func TestAPasskeyIsProofEnough(t *testing.T) {
	onStores(t, func(h *house) {
		setup, err := h.factors.Enrol(context.Background(), h.jan())
		testkit.Must(h.t, err)
		b, d := h.login(), phone()
		code := h.code(setup.Seed)
		h.want(b.added(d, "password", password, "code", code), 303, cause.None, done+"added")
		_, f := b.in()
		ask := func() string {
			options, err := h.factors.AskAction(context.Background(), h.jan(), f.Session.Handle())
			testkit.Must(h.t, err)
			answer, err := d.Get(options)
			testkit.Must(h.t, err)
			return answer
		}
		used := ask()
		b.adding("passkey", used)
		h.want(b.post("/passkeys/add", "passkey", used), 401, cause.PasskeyRefused, "")
		d.Unverified = true
		h.want(b.post("/passkeys/add", "passkey", ask()), 401, cause.PasskeyRefused, "")
		if !strings.Contains(b.get("/passkeys").Body.String(), `data-passkey-ask="/gateway/passkey/proof"`) {
			h.t.Error("a passkey is not offered as a proof")
		}
	})
}

func TestTheLastWayInAndTheLastStepStay(t *testing.T) {
	onStores(t, func(h *house) {
		b, first, second := h.login(), phone(), phone()
		h.want(b.added(first, "password", password), 303, cause.None, done+"added")
		_, f := b.in()
		h.withoutMail()
		h.update(func(u *store.User) { u.Password = "" })
		proof := func(d *softkey.Device) string {
			options, err := h.factors.AskAction(context.Background(), h.jan(), f.Session.Handle())
			testkit.Must(h.t, err)
			answer, err := d.Get(options)
			testkit.Must(h.t, err)
			return answer
		}
		one := "/passkeys/" + h.keys()[0].ID + "/remove"
		res := b.post(one, "passkey", proof(first))
		h.want(res, 401, cause.PasskeyRefused, "")
		if !strings.Contains(res.Body.String(), "might not be able to log in") {
			h.t.Errorf("%s", res.Body)
		}
		h.want(b.added(second, "passkey", proof(first)), 303, cause.None, done+"added")
		h.want(b.post(one, "passkey", proof(second)), 401, cause.PasskeyRefused, "") // one would be left
		if len(h.keys()) != 2 {
			h.t.Errorf("%d keys", len(h.keys()))
		}
		h.update(func(u *store.User) { u.Password, u.SecondStep = password, true }) // of passkeys alone
		h.want(b.post(one, "passkey", proof(second)), 303, cause.None, done+"removed")
		last := "/passkeys/" + h.keys()[0].ID + "/remove"
		h.want(b.post(last, "passkey", proof(second)), 401, cause.PasskeyRefused, "")
	})
}

// update changes jan behind the back of everybody.
func (h *house) update(fn func(*store.User)) {
	h.t.Helper()
	testkit.Must(h.t, h.engine.Update(context.Background(), store.AccountTag("praktijk"), func(tx store.Tx) error {
		u, err := store.Users.Read(tx, "jan")
		if err != nil {
			return err
		}
		fn(u)
		tx.Announce(store.Users.Kind, "jan")
		return store.Users.Put(tx, "jan", u, time.Time{})
	}))
}

func TestWherePasskeysCannotBe(t *testing.T) {
	onStores(t, func(h *house) {
		h.party = nil
		h.mount(h.pages)
		b := h.login()
		if body := b.get("/passkeys").Body.String(); !strings.Contains(body, "data-no-passkeys") || strings.Contains(body, `id="add"`) {
			h.t.Errorf("%s", body)
		}
		h.want(b.post("/passkeys/add", "password", password), 303, cause.None, "/gateway/security/passkeys")
	})
}
