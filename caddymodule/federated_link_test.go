package caddymodule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/factor/softkey"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

func TestLinkingOnTheSecurityPage(t *testing.T) {
	atInn(t, func(w *inn) {
		g, other := w.guest().login("jan"), w.guest().login("jan")
		g.get("/gateway/security").is(200, "", "")
		if !strings.Contains(g.res.Body.String(), `data-card="identities"`) {
			t.Error("the hub has no card")
		}
		g.post("/gateway/security/identities/link", "provider", "google", "password", "wrong").is(401, "wrong_password", "")
		g.post("/gateway/security/identities/link", "provider", "nothing", "password", "jan").is(303, "", "/gateway/security/identities")
		g.post("/gateway/security/identities/link?to=%2Fclients", "provider", "google", "password", "jan").is(200, "", "")
		w.Push(time.Second)
		g.get(w.google.answers(g.sent().Get("state"), "jan.google")).is(303, "", "/gateway/security/identities?done=linked&to=%2Fclients")
		if w.linked("jan") != "jan.google" || g.in() != "jan" {
			t.Errorf("linked %q; here %q", w.linked("jan"), g.in())
		}
		other.isOut()
		g.get("/gateway/security/identities?done=linked").is(200, "", "")
		if body := g.res.Body.String(); !strings.Contains(body, "Google: j•••@mail.example") || strings.Contains(body, "jan.google@") {
			t.Errorf("the list: %s", body)
		}

		list, _ := w.book.List(t.Context(), "acme", "jan")
		g.post("/gateway/security/identities/unlink", "identity", list[0].ID, "password", "wrong").is(401, "wrong_password", "")
		g.post("/gateway/security/identities/unlink", "identity", "nothing", "password", "jan").is(303, "", "/gateway/security/identities")
		g.post("/gateway/security/identities/unlink", "identity", list[0].ID, "password", "jan").is(303, "", "/gateway/security/identities?done=unlinked")
		if w.linked("jan") != "" || g.in() != "jan" {
			t.Errorf("left %q, in as %q", w.linked("jan"), g.in())
		}
		w.guest().by("jan.google", "/").is(403, "identity_not_linked", "")
	})
}

// Both ends are told by mail, in the step of the change, with the address masked.
func TestLinkingAndUnlinkingAreMailed(t *testing.T) {
	testOne(t, func(w *inn) {
		g := w.guest().login("jan")
		w.post.Take()
		g.post("/gateway/security/identities/link", "provider", "google", "password", "jan")
		g.get(w.google.answers(g.sent().Get("state"), "jan.google"))
		list, _ := w.book.List(t.Context(), "acme", "jan")
		g.post("/gateway/security/identities/unlink", "identity", list[0].ID, "password", "jan")
		var kinds []string
		for _, m := range w.post.Take() {
			if m.Letter.Kind == letter.NewDevice { // which comes when it comes
				continue
			}
			kinds = append(kinds, m.Letter.Kind)
			if m.To != "jan@acme.test" || m.Letter.Address != "Google (j•••@mail.example)" || m.Letter.NotMe == "" {
				t.Errorf("mailed %+v", m)
			}
		}
		if len(kinds) != 2 || kinds[0] != letter.IdentityLinked || kinds[1] != letter.IdentityUnlinked {
			t.Errorf("mails: %v", kinds)
		}
	})
}

func TestTheLastWayInIsNotUnlinked(t *testing.T) {
	atInn(t, func(w *inn) {
		w.person("kees", "")
		w.links("kees", "kees.google")
		g := w.guest()
		g.by("kees.google", "/")
		if g.in() != "kees" {
			t.Fatal("not in")
		}
		list, _ := w.book.List(t.Context(), "acme", "kees")
		g.post("/gateway/security/identities/unlink", "identity", list[0].ID).is(403, "forbidden", "")
		if w.linked("kees") == "" {
			t.Error("unlinked")
		}
	})
}

// Passkeys are ways in, too, where there are two: one lies on a device that gets lost.
func TestTwoPasskeysAreAnotherWayIn(t *testing.T) {
	atInn(t, func(w *inn) {
		w.person("kees", "")
		w.links("kees", "kees.google")
		g, phone := w.guest(), &softkey.Device{Origin: "http://localhost"}
		g.by("kees.google", "/")
		list, err := w.book.List(t.Context(), "acme", "kees")
		testkit.Must(t, err)
		const only = "This is your only way to log in"
		for keys := range 2 {
			if page := g.get("/gateway/security/identities").res.Body.String(); !strings.Contains(page, only) {
				t.Errorf("with %d passkeys nothing is said: %s", keys, page)
			}
			g.post("/gateway/security/identities/unlink", "identity", list[0].ID, "passkey", "{}").is(403, "forbidden", "")
			w.passkey("kees", phone)
		}
		if page := g.get("/gateway/security/identities").res.Body.String(); strings.Contains(page, only) {
			t.Errorf("with two passkeys it is the only way: %s", page)
		}
		g.post("/gateway/security/identities/unlink", "identity", list[0].ID, "passkey", "{}").is(401, "passkey_refused", "")
		if w.linked("kees") == "" {
			t.Fatal("unlinked without a proof")
		}
		g.post("/gateway/security/identities/unlink", "identity", list[0].ID, "passkey", g.proof(phone)).is(303, "", "*")
		if w.linked("kees") != "" {
			t.Error("still linked")
		}
	})
}

// passkey gives somebody one on a device.
func (w *inn) passkey(name string, d *softkey.Device) {
	w.Helper()
	u, err := w.dir.User(w.Context(), "acme", name)
	testkit.Must(w, err)
	asked, err := w.factors.AskNew(w.Context(), u, "a session")
	testkit.Must(w, err)
	asked = strings.ReplaceAll(asked, "excludeCredentials", "others") // as if it were another device
	answer, err := d.Create(asked)
	testkit.Must(w, err)
	made, err := w.factors.MakeKey(u, "a session", answer)
	testkit.Must(w, err)
	testkit.Must(w, w.store.Update(w.Context(), store.AccountTag("acme"), func(tx store.Tx) error {
		_, err := w.factors.AddKey(w.Context(), tx, u, made, "", "")
		return err
	}))
}

// proof is what a device answers inside an action of this session.
func (g *guest) proof(d *softkey.Device) string {
	g.w.Helper()
	f, err := g.w.checks[0].Check(g.w.Context(), g.Cookies[cookie.Session])
	testkit.Must(g.w, err)
	asked, err := g.w.factors.AskAction(g.w.Context(), &store.User{ID: f.User.ID(), Account: f.User.Account()}, f.Session.Handle())
	testkit.Must(g.w, err)
	answer, err := d.Get(asked)
	testkit.Must(g.w, err)
	return answer
}
