package caddymodule_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

func TestALinkedAccountLogsInWithOneClick(t *testing.T) {
	atInn(t, func(w *inn) {
		w.links("jan", "jan.google")
		g := w.guest()
		g.get("/gateway/provider/google?to=%2Fclients%3Fx%3D1")
		if q := g.sent(); q.Get("prompt") != "select_account" || g.res.Code != http.StatusSeeOther {
			t.Errorf("asked %v with %d", q, g.res.Code)
		}
		g.get(w.google.answers(g.sent().Get("state"), "jan.google")).is(303, "", "/clients?x=1")
		if g.in() != "jan" {
			t.Errorf("in as %q", g.in())
		}
		if w.heard.logins["google ok"] != 1 {
			t.Errorf("counted: %v", w.heard.logins)
		}
		if l, err := w.book.List(t.Context(), "acme", "jan"); err != nil || l[0].LastUsed.IsZero() {
			t.Errorf("use is not noted: %+v, %v", l, err)
		}
	})
}

// The button of the login page posts the form it belongs to: the typed address is a
// hint, "stay logged in" is kept, and the password is nobody's business.
func TestTheButtonTakesTheFormAlong(t *testing.T) {
	atInn(t, func(w *inn) {
		w.links("jan", "jan.google")
		g := w.guest()
		g.post("/gateway/provider/google?to=%2Fclients", "email", "jan@acme.test", "password", "S3cret-word", "remember", "1")
		if q := g.sent(); g.res.Code != 200 || q.Get("login_hint") != "jan@acme.test" || q.Get("prompt") != "select_account" {
			t.Fatalf("%d, asked %v", g.res.Code, q)
		}
		if all := g.res.Body.String() + g.res.Header().Get("Refresh"); strings.Contains(all, "S3cret") {
			t.Error("the password goes along")
		}
		g.get(w.google.answers(g.sent().Get("state"), "jan.google")).is(303, "", "/clients")
		session := ""
		for _, c := range g.res.Result().Cookies() {
			if c.Name == cookie.Session && c.MaxAge > 0 {
				session = c.Value
			}
		}
		if session == "" {
			t.Error("the session does not stay")
		}
		for _, typed := range []string{"no address", "S3cret-word", "a@b", "x y@acme.test", strings.Repeat("a", 300) + "@acme.test"} {
			if hint := g.post("/gateway/provider/google", "email", typed).sent().Get("login_hint"); hint != "" {
				t.Errorf("%q is told to the provider", hint)
			}
		}
	})
}

func TestAnUnlinkedAccountIsLinkedAfterAnotherLogin(t *testing.T) {
	atInn(t, func(w *inn) {
		g := w.guest()
		g.by("jan.google", "/clients").is(403, "identity_not_linked", "")
		body := g.res.Body.String()
		if !strings.Contains(body, "j•••@mail.example") || strings.Contains(body, "jan.google@") || !strings.Contains(body, "data-reference=") {
			t.Errorf("the page: %s", body)
		}
		if g.in() != "" {
			t.Fatal("logged in")
		}
		confirm := "/gateway/security/identities/confirm?to=%2Fclients"
		g.post("/gateway/login?to="+url.QueryEscape(confirm), "email", "jan@acme.test", "password", "jan").is(303, "", confirm)
		g.get(confirm).is(200, "", "")
		if body := g.res.Body.String(); !strings.Contains(body, "j•••@mail.example") || strings.Contains(body, `name="password"`) {
			t.Errorf("the question: %s", body)
		}
		if w.linked("jan") != "" {
			t.Fatal("looking linked it")
		}
		w.post.Take()
		g.post(confirm).is(303, "", "/clients")
		if w.linked("jan") != "jan.google" || g.in() != "jan" {
			t.Errorf("linked %q, in as %q", w.linked("jan"), g.in())
		}
		g.get(confirm).is(303, "", "/clients") // there is nothing left to ask
		w.guest().by("jan.google", "/clients").is(303, "", "/clients")
	})
}

func TestSayingNoLinksNothing(t *testing.T) {
	atInn(t, func(w *inn) {
		g := w.guest()
		g.by("jan.google", "/").login("jan")
		g.post("/gateway/security/identities/dismiss").is(303, "", "/")
		g.get("/gateway/security/identities/confirm").is(303, "", "/")
		g.post("/gateway/security/identities/confirm")
		if w.linked("jan") != "" {
			t.Error("linked")
		}
	})
}

// A session from before the account was shown is no proof of it; nor is one of long ago.
func TestAnOldLoginIsNoProofOfALink(t *testing.T) {
	atInn(t, func(w *inn) {
		g := w.guest().login("jan")
		w.Push(time.Minute)
		g.by("jan.google", "/").is(403, "identity_not_linked", "")
		g.get("/gateway/security/identities/confirm")
		if !strings.Contains(g.res.Body.String(), `name="password"`) {
			t.Fatal("no proof is asked for")
		}
		g.post("/gateway/security/identities/confirm").is(401, "wrong_password", "")
		g.post("/gateway/security/identities/confirm", "password", "wrong").is(401, "wrong_password", "")
		if w.linked("jan") != "" {
			t.Fatal("linked without a proof")
		}
		g.post("/gateway/security/identities/confirm", "password", "jan").is(303, "", "/")
		if w.linked("jan") != "jan.google" {
			t.Error("not linked with one")
		}
	})
}

// A provider is one factor: the second step is asked, unless the operator says of
// this kind of login that it is enough.
func TestTheSecondStepIsAskedAfterAProvider(t *testing.T) {
	atInn(t, func(w *inn) {
		w.links("jan", "jan.google")
		g := w.guest().login("jan")
		g.post("/gateway/security/second-step/start", "password", "jan")
		body := g.get("/gateway/security/second-step").res.Body.String()
		_, rest, _ := strings.Cut(body, `<code id="key"`)
		_, rest, _ = strings.Cut(rest, ">")
		seed, _, _ := strings.Cut(rest, "<")
		code := func() string {
			c, err := totp.GenerateCode(strings.ReplaceAll(seed, " ", ""), w.Now())
			testkit.Must(w, err)
			return c
		}
		g.post("/gateway/security/second-step/confirm", "code", code())
		g.post("/gateway/security/second-step/on", "stored", "1")
		w.Push(time.Minute)

		half := w.guest()
		half.by("jan.google", "/clients").is(401, "second_step_required", "")
		if half.in() != "" {
			t.Fatal("in without the second step")
		}
		// Half a login links nothing.
		half.get("/gateway/provider/google")
		pending := half.sent().Get("state")
		half.get(w.google.answers(pending, "attacker")).is(403, "identity_not_linked", "")
		half.get("/gateway/security/identities/confirm").is(303, "", "/gateway/login?to=%2Fgateway%2Fsecurity%2Fidentities%2Fconfirm")
		half.post("/gateway/security/identities/confirm").is(401, "not_logged_in", "")
		half.post("/gateway/security/identities/link", "provider", "google").is(401, "not_logged_in", "")
		if w.linked("jan") != "jan.google" {
			t.Fatalf("half a login linked %q", w.linked("jan"))
		}
		half.post("/gateway/second-step?to=%2Fclients", "code", code()).is(303, "", "/clients")
		if half.in() != "jan" {
			t.Error("not in with the second step")
		}

		enough := w.guest().get("/gateway/provider/google?to=%2Fclients")
		back := w.google.answers(enough.sent().Get("state"), "jan.google")
		w.google.says(back, func(id *provider.Identity) { id.Acr = "enough" })
		if enough.get(back).is(303, "", "/clients"); enough.in() != "jan" {
			t.Error("not in by a login that is enough")
		}
	})
}

// The same questions as for every way in.
func TestABlockCountsForAProviderToo(t *testing.T) {
	atInn(t, func(w *inn) {
		w.links("jan", "jan.google")
		_, err := w.dir.UpdateUser(t.Context(), "acme", "jan", func(u *store.User) error {
			u.Block = &store.Block{By: "admin", At: w.Now()}
			return nil
		})
		testkit.Must(w, err)
		g := w.guest()
		if g.by("jan.google", "/").is(403, "user_blocked", ""); g.in() != "" {
			t.Error("in")
		}
		_, err = w.dir.UpdateAccount(t.Context(), "acme", func(a *store.Account) error {
			a.State = "suspended"
			return nil
		})
		testkit.Must(w, err)
		w.links("piet", "piet.google")
		w.guest().by("piet.google", "/").is(403, "account_suspended", "")
	})
}

// One that does not work turns its own button off, and nothing else.
func TestAProviderThatIsAway(t *testing.T) {
	testOne(t, func(w *inn) {
		w.google.away = true
		g := w.guest().get("/gateway/login")
		if body := g.res.Body.String(); strings.Contains(body, `data-provider="google"`) || !strings.Contains(body, `data-provider="school"`) {
			t.Errorf("buttons: %s", body)
		}
		g.get("/gateway/provider/google").is(502, "provider_unavailable", "")
		g.post("/gateway/provider/google").is(502, "provider_unavailable", "")
		if !strings.Contains(g.res.Body.String(), "/gateway/login") || g.res.Header().Get("Retry-After") == "" {
			t.Error("no way on")
		}
		g.login("jan")
		g.get("/gateway/security/identities").is(200, "", "")
		g.get("/gateway/provider/unknown").is(404, "", "")
	})
}

func TestWhoComesBackWithoutLoggingIn(t *testing.T) {
	testOne(t, func(w *inn) {
		g := w.guest().get("/gateway/provider/google?to=%2Fclients")
		state := g.sent().Get("state")
		g.get("/gateway/provider/google/callback?error=access_denied&state="+url.QueryEscape(state)).is(403, "identity_refused", "")
		if body := g.res.Body.String(); !strings.Contains(body, "without logging in") && !strings.Contains(body, "zonder in te loggen") {
			t.Errorf("the page: %s", body)
		}
		if !strings.Contains(g.res.Body.String(), "/gateway/provider/google?to=%2Fclients") {
			t.Error("the target is lost")
		}
	})
}

// The badge outlives the session, and what somebody else wrote into the cookie does
// nothing.
func TestTheLastWayIsShown(t *testing.T) {
	testOne(t, func(w *inn) {
		w.links("jan", "jan.google")
		g := w.guest()
		g.by("jan.google", "/")
		delete(g.Cookies, cookie.Session)
		if body := g.get("/gateway/login").res.Body.String(); strings.Count(body, `class="badge"`) != 1 || !strings.Contains(body, `id="last-way"`) {
			t.Errorf("no badge: %s", body)
		}
		for way, words := range map[string]string{"password": "your password", "magic": "a mail", "passkey": "a passkey"} {
			g.Cookies[cookie.Device] = testkit.Sealed(cookie.Device).Encode("device", way, "jan", "")
			body := g.get("/gateway/login?lang=en").res.Body.String()
			if hint := "Last time you logged in here with " + words + "."; strings.Contains(body, `class="badge"`) || !strings.Contains(body, hint) {
				t.Errorf("after a %s: %s", way, body)
			}
		}
		for _, forged := range []string{"<b>", testkit.Sealed(cookie.Device).Encode("device", "nothing", "jan", ""), strings.Repeat("a", 500)} {
			g.Cookies[cookie.Device] = forged
			if body := g.get("/gateway/login").res.Body.String(); strings.Contains(body, `id="last-way"`) || strings.Contains(body, "<b>") {
				t.Errorf("%q is shown", forged)
			}
		}
	})
}

// What people see says nothing of whether somebody here has that address; whoever
// helps finds it.
func TestAnAddressFromAProviderMatchesNobody(t *testing.T) {
	testOne(t, func(w *inn) {
		address := func(back, email string) string {
			w.google.says(back, func(id *provider.Identity) { id.Email = email })
			return back
		}
		seen := map[string]string{}
		for _, email := range []string{"jan@acme.test", "jxx@acme.test"} { // somebody's, and nobody's
			g := w.guest().get("/gateway/provider/google")
			g.get(address(w.google.answers(g.sent().Get("state"), "attacker-"+email), email)).is(403, "identity_not_linked", "")
			if g.in() != "" {
				t.Fatalf("in with %s", email)
			}
			seen[email] = referenceInPage.ReplaceAllString(g.res.Body.String(), "")
		}
		if seen["jan@acme.test"] != seen["jxx@acme.test"] {
			t.Errorf("the pages differ:\n%s\n%s", seen["jan@acme.test"], seen["jxx@acme.test"])
		}
		recorded, err := attempt.New(w.store, attempt.Options{Now: w.Now}).Of(t.Context(), attempt.Subject("", "jan@acme.test"), 10)
		if err != nil || len(recorded) != 1 || recorded[0].Method != "google" || recorded[0].Cause != "identity_not_linked" || recorded[0].User != "" {
			t.Errorf("recorded %+v, %v", recorded, err)
		}
	})
}

func TestAFlowAndWhatItCarries(t *testing.T) {
	testOne(t, func(w *inn) {
		flows := identity.NewFlows(w.store, testkit.Box(w, testkit.Keys(t), "flows"), w.Now)
		state, f, err := flows.Begin(identity.Flow{Provider: "google", Target: "/" + strings.Repeat("a", 5000)}, "browser")
		testkit.Must(w, err)
		if len(state) > 2000 || f.Target != "" || len(f.Nonce()) < 43 || f.Nonce() == f.Verifier() || strings.ContainsAny(state, "+/= ") {
			t.Errorf("state of %d bytes, %+v", len(state), f)
		}
		if got, err := flows.Resume(state, "browser"); err != nil || got != f {
			t.Errorf("resumed %+v, %v", got, err)
		}
		w.Push(identity.FlowLife)
		if _, err := flows.Resume(state, "browser"); err == nil {
			t.Error("resumed too late")
		}
	})
}

// Whoever helps sees which accounts are linked, masked, and never the key.
func TestTheStoryNamesLinkedAccounts(t *testing.T) {
	testOne(t, func(w *inn) {
		w.person("kees", "")
		w.links("kees", "secret.subject")
		told, err := story.New(story.Options{
			Directory: w.dir, Limits: limit.New(w.store, limit.Config{}, w.Now), Attempts: attempt.New(w.store, attempt.Options{Now: w.Now}),
			Identities: w.book, Now: w.Now,
		}).Tell(t.Context(), story.Viewer{Account: "acme"}, "kees@acme.test")
		testkit.Must(w, err)
		raw, err := json.Marshal(told)
		testkit.Must(w, err)
		if text := string(raw); !strings.Contains(text, `"s•••@mail.example"`) || strings.Contains(text, "secret.subject") || !told.Now.CanLogIn {
			t.Errorf("told: %s", text)
		}
	})
}
