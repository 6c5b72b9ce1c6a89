package caddymodule_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

var referenceInPage = regexp.MustCompile(`[A-Z0-9]{3}-[A-Z0-9]{3}`)

// testOne runs a test where the kind of store makes no difference.
func testOne(t *testing.T, test func(w *inn)) {
	testOneStore(t, func(w *inn, _ *testkit.Counted) { test(w) })
}

func testOneStore(t *testing.T, test func(w *inn, counted *testkit.Counted)) {
	c := testkit.NewClock(testkit.Monday)
	counted := &testkit.Counted{Engine: testkit.Bolt(t, c.Now)}
	test(furnished(t, c, counted), counted)
}

func operator(w *inn) context.Context {
	return audit.As(w.Context(), audit.Actor{Kind: audit.ByOperator, Name: "op"})
}

// says changes what a provider answers to the code of a callback.
func (o *oracle) says(back string, change func(id *provider.Identity)) {
	u, _ := url.Parse(back)
	code := u.Query().Get("code")
	o.mu.Lock()
	defer o.mu.Unlock()
	id := o.codes[code]
	change(&id)
	o.codes[code] = id
}

// A callback that somebody else began logs nobody in: neither into the attacker's
// account, nor does it link theirs to the victim's.
func TestACallbackOfAnotherBrowserDoesNothing(t *testing.T) {
	atInn(t, func(w *inn) {
		w.links("piet", "attacker")
		attacker := w.guest().get("/gateway/provider/google")
		back := w.google.answers(attacker.sent().Get("state"), "attacker")
		for what, victim := range map[string]*guest{
			"a fresh browser": w.guest(), "one that was here": w.guest().get("/gateway/login"),
			"one with a flow of its own": w.guest().get("/gateway/provider/google"), "one that is logged in": w.guest().login("jan"),
		} {
			before := victim.in()
			victim.get(back).is(403, "identity_refused", "")
			if victim.in() != before {
				t.Errorf("%s is logged in as %q", what, victim.in())
			}
		}
		if w.google.asked != 0 {
			t.Errorf("the provider was asked %d times", w.google.asked)
		}
		if attacker.get(back); attacker.in() != "piet" {
			t.Error("the state was used up by strangers")
		}

		// The same with a link that the attacker began in their own session.
		attacker = w.guest().login("piet")
		attacker.post("/gateway/security/identities/link", "provider", "google", "password", "piet")
		back = w.google.answers(attacker.sent().Get("state"), "attacker-2")
		victim := w.guest().login("jan")
		victim.get(back).is(403, "identity_refused", "")
		if w.linked("jan") != "" {
			t.Errorf("the victim has %q", w.linked("jan"))
		}
	})
}

// Even in the same browser a link counts in the session that asked only: on a shared
// computer the next person must not get the account of the one before.
func TestALinkCountsInTheSessionThatAsked(t *testing.T) {
	atInn(t, func(w *inn) {
		g := w.guest().login("piet")
		g.post("/gateway/security/identities/link", "provider", "google", "password", "piet")
		back := w.google.answers(g.sent().Get("state"), "piet.google")
		g.login("jan")
		g.get(back).is(403, "identity_refused", "")
		if w.linked("jan")+w.linked("piet") != "" {
			t.Errorf("jan has %q, piet %q", w.linked("jan"), w.linked("piet"))
		}
		g.post("/gateway/security/identities/link", "provider", "google", "password", "jan")
		back = w.google.answers(g.sent().Get("state"), "jan.google")
		delete(g.Cookies, cookie.Session)
		if g.get(back); w.linked("jan") != "" {
			t.Error("linked without a session")
		}
	})
}

func TestAnAnswerIsTakenOnce(t *testing.T) {
	atInn(t, func(w *inn) {
		w.links("jan", "jan.google")
		g := w.guest().get("/gateway/provider/google")
		state := g.sent().Get("state")
		flow := g.Cookies[cookie.Flow]
		back := w.google.answers(state, "jan.google")
		if g.get(back); g.in() != "jan" {
			t.Fatal("not in")
		}
		again := w.guest()
		again.Cookies[cookie.Flow] = flow // the whole browser was copied
		again.get(back).is(403, "identity_refused", "")
		again.get(w.google.answers(state, "jan.google")).is(403, "identity_refused", "") // a fresh code does not help
		if again.in() != "" {
			t.Error("in by a replay")
		}

		// All at once, over the nodes: one gets in.
		g = w.guest().get("/gateway/provider/google")
		flow, back = g.Cookies[cookie.Flow], w.google.answers(g.sent().Get("state"), "jan.google")
		var wg sync.WaitGroup
		var in atomic.Int32
		for i := range 12 {
			wg.Go(func() {
				b := testkit.NewBrowser(w.nodes[i%len(w.nodes)], "192.0.2.1")
				b.Cookies[cookie.Flow] = flow
				if b.Get(back).Code == http.StatusSeeOther {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if in.Load() != 1 {
			t.Errorf("%d got in", in.Load())
		}
	})
}

// What one provider says is not taken on the path of another.
func TestProvidersAreNotMixedUp(t *testing.T) {
	testOne(t, func(w *inn) {
		w.links("jan", "jan.google")
		g := w.guest().get("/gateway/provider/school")
		state := g.sent().Get("state")
		g.get(w.google.answers(state, "jan.google")).is(403, "identity_refused", "")
		if g.in() != "" || w.google.asked != 0 {
			t.Errorf("in as %q, asked %d", g.in(), w.google.asked)
		}
		// The same subject at another provider is another person.
		g.get(w.school.answers(state, "jan.google")).is(403, "identity_not_linked", "")
		if g.in() != "" {
			t.Error("in by a namesake")
		}
	})
}

func TestATargetOfAnotherSiteIsNotKept(t *testing.T) {
	testOne(t, func(w *inn) {
		w.links("jan", "jan.google")
		for _, evil := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/gateway/logout", "javascript:alert(1)"} {
			w.guest().by("jan.google", evil).is(303, "", "/")
			g := w.guest()
			g.by("nobody", evil).is(403, "identity_not_linked", "")
			if strings.Contains(g.res.Body.String(), "evil") {
				t.Errorf("%s is on the page", evil)
			}
			g.login("jan")
			g.post("/gateway/security/identities/dismiss?to="+url.QueryEscape(evil)).is(303, "", "/")
		}
	})
}

// Linked to somebody else: refused, without a word to whom.
func TestAnAccountOfSomebodyElseIsNotLinked(t *testing.T) {
	atInn(t, func(w *inn) {
		w.links("piet", "piet.google")
		g := w.guest().login("jan")
		g.post("/gateway/security/identities/link", "provider", "google", "password", "jan")
		g.get(w.google.answers(g.sent().Get("state"), "piet.google")).is(403, "identity_refused", "")
		if body := g.res.Body.String(); strings.Contains(body, "piet@acme") || strings.Contains(body, "piet.google@") {
			t.Errorf("the page: %s", body)
		}
		if w.linked("jan") != "" || w.linked("piet") != "piet.google" || g.in() != "jan" {
			t.Errorf("jan has %q, piet %q; in as %q", w.linked("jan"), w.linked("piet"), g.in())
		}
	})
}

// What another browser showed, or this one too long ago, is no account that waits.
func TestWhatAnotherBrowserShowedIsNotLinked(t *testing.T) {
	testOne(t, func(w *inn) {
		attacker := w.guest()
		attacker.by("attacker", "/").is(403, "identity_not_linked", "")
		for what, flow := range map[string]string{
			"a new browser": "", "rubbish": "rubbish", "a bent flow": attacker.Cookies[cookie.Flow] + "A",
		} {
			g := w.guest()
			g.get("/gateway/login")
			if flow != "" {
				g.Cookies[cookie.Flow] = flow
			}
			g.login("jan")
			g.get("/gateway/security/identities/confirm").is(303, "", "/")
			if g.post("/gateway/security/identities/confirm"); w.linked("jan") != "" {
				t.Fatalf("linked in %s", what)
			}
		}
		g := w.guest()
		g.by("jan.google", "/")
		w.Push(identity.PendingLife + time.Second)
		g.login("jan")
		if g.post("/gateway/security/identities/confirm"); w.linked("jan") != "" {
			t.Error("linked too late")
		}
	})
}

// A state cannot be made, changed or used beyond its time.
func TestAStateIsOursOrNothing(t *testing.T) {
	testOne(t, func(w *inn) {
		w.links("jan", "jan.google")
		g := w.guest().get("/gateway/provider/google")
		state := g.sent().Get("state")
		bent := []byte(state)
		bent[len(bent)/2] ^= 1
		for _, s := range []string{"", "x", string(bent), state + "A", strings.Repeat("A", 10000), g.Cookies[cookie.Flow]} {
			if g.get(w.google.answers(s, "jan.google")).is(403, "identity_refused", ""); g.in() != "" {
				t.Fatalf("in by %q", s)
			}
		}
		w.Push(identity.FlowLife)
		g.get(w.google.answers(state, "jan.google")).is(403, "identity_refused", "")
		if w.google.asked != 0 {
			t.Errorf("the provider was asked %d times", w.google.asked)
		}
	})
}

// A stranger cannot have us hammer a provider, and costs the store nothing by asking.
func TestForgedCodesAreLimitedPerNetwork(t *testing.T) {
	testOne(t, func(w *inn) {
		var last int
		for range 130 {
			g := &guest{Browser: testkit.NewBrowser(w, "203.0.113.9"), w: w}
			g.get("/gateway/provider/google")
			g.get("/gateway/provider/google/callback?code=forged&state=" + url.QueryEscape(g.sent().Get("state")))
			last = g.res.Code
		}
		if last != http.StatusTooManyRequests || w.google.asked > 101 {
			t.Errorf("answered %d, the provider was asked %d times", last, w.google.asked)
		}
		w.links("jan", "jan.google")
		if g := w.guest(); g.by("jan.google", "/").in() != "jan" {
			t.Error("another network has to wait as well")
		}
	})
}

// Asking costs no record: what a flow carries is in the browser.
func TestBeginningCostsTheStoreNothing(t *testing.T) {
	testOneStore(t, func(w *inn, counted *testkit.Counted) {
		g := w.guest()
		writes := counted.Writes.Load()
		for range 20 {
			g.get("/gateway/provider/google").is(303, "", "*")
		}
		if n := counted.Writes.Load() - writes; n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

// A new password from somebody else takes the account that was linked with it.
func TestALinkFromBeforeAResetOpensNothing(t *testing.T) {
	atInn(t, func(w *inn) {
		w.links("jan", "attacker")
		w.Push(time.Minute)
		_, err := w.dir.UpdateUser(operator(w), "acme", "jan", func(u *store.User) error {
			u.Password, u.PasswordChanged = "hash of new", w.Now()
			return nil
		})
		testkit.Must(w, err)
		if g := w.guest(); g.by("attacker", "/").is(403, "identity_not_linked", "").in() != "" {
			t.Error("in")
		}
	})
}
