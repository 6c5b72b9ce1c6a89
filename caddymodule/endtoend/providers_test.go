package endtoend_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/provider/providertest"
)

// At a certified provider in the shape of each of those we know: linked on the
// security page after a proof, and from then on one click is enough. The second
// tenant of Microsoft is an organisation like the first.
func TestEachProviderLinksAndLogsIn(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		f := openFair(t, s, "google", "microsoft", "linkedin")
		owners := map[string]*kit.Visitor{"teammate": kit.Visit(t, f.g.URL).Enter("teammate"), "client": kit.Visit(t, f.g.URL).Enter("client")}
		for _, c := range []struct{ name, who, user, shown string }{
			{"google", "anna", "teammate", "Google: a•••@work.test"},
			{"microsoft", "anna", "teammate", "Microsoft: a•••@work.test"},
			{"microsoft", "bram", "client", "Microsoft: b•••@elders.test"},
			{"linkedin", "anna", "teammate", "LinkedIn: a•••@work.test"},
		} {
			if a := f.by(kit.Visit(t, f.g.URL), c.name, c.who, "/"); a.Cause() != "identity_not_linked" {
				t.Errorf("%s at %s before it is linked: %s", c.who, c.name, a)
			}
			owner := owners[c.user]
			f.links(owner, c.name, c.who)
			if list := owner.Get("/gateway/security/identities").Body; !strings.Contains(list, c.shown) || strings.Contains(list, c.who+"@") {
				t.Errorf("%s at %s: the list is %s", c.who, c.name, list)
			}
			v := kit.Visit(t, f.g.URL)
			sentTo(t, f.by(v, c.name, c.who, "/clients?tab=notes"), "/clients?tab=notes")
			if seen := arrived(t, v.Get("/clients?tab=notes"), c.user); seen.Header.Get("Remote-Amr") != "fed" {
				t.Errorf("%s: the app is told %q", c.name, seen.Header.Get("Remote-Amr"))
			}
			login := kit.Visit(t, f.g.URL)
			login.SetCookie("gateway_device", v.Cookie("gateway_device"))
			if page := login.Get("/gateway/login").Body; strings.Count(page, `class="badge"`) != 1 {
				t.Errorf("%s: %d badges", c.name, strings.Count(page, `class="badge"`))
			}
		}
		if logs := f.g.Output(); strings.Contains(logs, "anna@work.test") || strings.Contains(logs, "a secret of") {
			t.Error("an address or a secret is in the log")
		}
	})
}

// The wrong account: the cause and the address, masked; nobody is in, and an address
// that somebody here has makes no difference. Another account can be chosen, and the
// one that was shown is linked after one confirmation only.
func TestTheWrongAccountOfAProvider(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		f := openFair(t, s, "google")
		f.links(kit.Visit(t, f.g.URL).Enter("teammate"), "google", "anna")
		v := kit.Visit(t, f.g.URL)
		for who, masked := range map[string]string{"eve": "o•••@demo.test", "bram": "b•••@elders.test"} {
			a := f.by(v, "google", who, "/clients")
			refused(t, a, http.StatusForbidden, "identity_not_linked")
			if !strings.Contains(a.Body, masked) || strings.Contains(a.Body, "owner@") || strings.Contains(a.Body, "bram@") || a.Reference() == "" {
				t.Errorf("%s is shown %s", who, a)
			}
			if !strings.Contains(a.Body, "/gateway/provider/google?to=%2Fclients") {
				t.Errorf("%s cannot choose another account: %s", who, a.Body)
			}
			sentTo(t, v.Get("/clients"), "/gateway/login?to=%2Fclients")
		}
		sentTo(t, f.by(v, "google", "anna", "/clients"), "/clients")
		arrived(t, v.Get("/clients"), "teammate")
		if a := f.by(kit.Visit(t, f.g.URL), "google", "bram", "/"); a.Cause() != "identity_not_linked" {
			t.Errorf("bram was linked by the way: %s", a)
		}

		w := kit.Visit(t, f.g.URL)
		f.by(w, "google", "bram", "/clients")
		confirm := "/gateway/security/identities/confirm?to=%2Fclients"
		login := "/gateway/login?to=%2Fgateway%2Fsecurity%2Fidentities%2Fconfirm%3Fto%3D%252Fclients"
		sentTo(t, kit.Patiently(func() kit.Answer { return w.Post(login, kit.Form(kit.Address("client"), kit.Password)) }), confirm)
		if a := w.Get(confirm); !strings.Contains(a.Body, "b•••@elders.test") || strings.Contains(a.Body, `type="password"`) {
			t.Errorf("the question: %s", a)
		}
		sentTo(t, w.Post(confirm, typed()), "/clients")
		again := kit.Visit(t, f.g.URL)
		sentTo(t, f.by(again, "google", "bram", "/clients"), "/clients")
		arrived(t, again.Get("/clients"), "client")
	})
}

// Organisations that are kept out stay out, and so do personal accounts.
func TestWhomMicrosoftLetsIn(t *testing.T) {
	t.Parallel()
	f := openFair(t, kit.Bolt(t), "microsoft")
	f.links(kit.Visit(t, f.g.URL).Enter("client"), "microsoft", "bram")
	refused(t, f.by(kit.Visit(t, f.g.URL), "microsoft", "carla", "/"), http.StatusForbidden, "identity_refused")
	f.site.App = f.words("microsoft", "tenants "+providertest.TenantA)
	if err := f.g.Load(f.site); err != nil {
		t.Fatal(err)
	}
	v := kit.Visit(t, f.g.URL).In("en")
	a := f.by(v, "microsoft", "bram", "/")
	refused(t, a, http.StatusForbidden, "identity_refused")
	if !strings.Contains(a.Body, "an organisation that may not log in here") || !strings.Contains(a.Body, "b•••@elders.test") {
		t.Errorf("bram is told %s", a.Body)
	}
	refused(t, f.by(v, "microsoft", "anna", "/"), http.StatusForbidden, "identity_not_linked")
}

// One that goes away turns its own button off; the others, and the password, go on.
// Back again, it is used again.
func TestAProviderGoesAway(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		f := openFair(t, s, "google", "linkedin")
		owner := kit.Visit(t, f.g.URL).Enter("teammate")
		f.links(owner, "google", "anna")
		f.links(owner, "linkedin", "anna")
		v := kit.Visit(t, f.g.URL)
		back := f.goes(v, "google", "anna", "/clients")
		f.servers["google"].Stop()
		a := v.Get(back)
		refused(t, a, http.StatusBadGateway, "provider_unavailable")
		if !strings.Contains(a.Body, "/gateway/login?to=%2Fclients") || a.Header.Get("Retry-After") == "" {
			t.Errorf("no way on: %s", a)
		}
		if f.button("google") || !f.button("linkedin") {
			t.Error("the buttons are not as the providers are")
		}
		refused(t, v.Get("/gateway/provider/google"), http.StatusBadGateway, "provider_unavailable")
		if list := owner.Get("/gateway/security/identities"); list.Status != http.StatusOK || strings.Contains(list.Body, `id="link-google"`) {
			t.Errorf("the security page: %s", list)
		}
		sentTo(t, f.by(v, "linkedin", "anna", "/clients"), "/clients")
		arrived(t, v.Get("/clients"), "teammate")
		arrived(t, kit.Visit(t, f.g.URL).Enter("teammate").Get("/clients"), "teammate")

		f.servers["google"].Resume()
		kit.Eventually(t, "the button is back", func() bool { return f.button("google") })
		w := kit.Visit(t, f.g.URL)
		sentTo(t, f.by(w, "google", "anna", "/clients"), "/clients")
		arrived(t, w.Get("/clients"), "teammate")
	})
}

// A provider is one factor. Who has a second step is asked for it, unless the
// operator takes the provider's word for this kind of login.
func TestTheSecondStepAfterAProvider(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		f := openFair(t, s, "school")
		owner := kit.Visit(t, f.g.URL).Enter("teammate")
		f.links(owner, "school", "anna")
		f.links(owner, "school", "bram")
		key, codes := switchOn(t, owner)
		half := kit.Visit(t, f.g.URL)
		a := f.by(half, "school", "anna", "/clients")
		refused(t, a, http.StatusUnauthorized, "second_step_required")
		if half.Cookie("gateway_session") != "" {
			t.Error("half a login has a session")
		}
		sentTo(t, half.Get("/clients"), "/gateway/login?to=%2Fclients")
		refused(t, half.Post("/gateway/second-step?to=%2Fclients", typed("code", "000000")), http.StatusUnauthorized, "second_step_failed")
		sentTo(t, half.Post("/gateway/second-step?to=%2Fclients", typed("code", totpCode(t, key, time.Now().Add(30*time.Second)))), "/clients")
		if seen := arrived(t, half.Get("/clients"), "teammate"); seen.Header.Get("Remote-Amr") != "fed otp mfa" {
			t.Errorf("the app is told %q", seen.Header.Get("Remote-Amr"))
		}
		enough := kit.Visit(t, f.g.URL)
		sentTo(t, f.by(enough, "school", "bram", "/clients"), "/clients")
		if seen := arrived(t, enough.Get("/clients"), "teammate"); seen.Header.Get("Remote-Amr") != "fed mfa" {
			t.Errorf("the app is told %q", seen.Header.Get("Remote-Amr"))
		}
		// The proof of a link has both parts then.
		refused(t, owner.Post("/gateway/security/identities/link", typed("provider", "school", "password", kit.Password)),
			http.StatusUnauthorized, "second_step_failed")
		f.leaves(owner, "school", "code", codes[0])
	})
}

var linkedID = regexp.MustCompile(`data-identity="([^"]+)"`)

// Another site links nothing, unlinks nothing and confirms nothing, whatever the
// browser sends along.
func TestOtherSitesLinkNothing(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		f := openFair(t, s, "google")
		v := kit.Visit(t, f.g.URL).Enter("teammate")
		f.links(v, "google", "anna")
		id := linkedID.FindStringSubmatch(v.Get("/gateway/security/identities").Body)
		if id == nil {
			t.Fatal("nothing is linked")
		}
		f.by(v, "google", "bram", "/") // waits to be linked
		for name, from := range map[string][]kit.Option{
			"by metadata": {kit.With("Sec-Fetch-Site", "cross-site"), kit.With("Origin", "")},
			"by origin":   {kit.With("Sec-Fetch-Site", ""), kit.With("Origin", "https://evil.example")},
			"by both":     {kit.With("Sec-Fetch-Site", "cross-site"), kit.With("Origin", "https://evil.example")},
			"a sibling":   {kit.With("Sec-Fetch-Site", "same-site"), kit.With("Origin", "http://evil.127.0.0.1")},
			"a sandbox":   {kit.With("Sec-Fetch-Site", "cross-site"), kit.With("Origin", "null")},
		} {
			for path, fields := range map[string][]string{
				"link":    {"provider", "google", "password", kit.Password},
				"unlink":  {"identity", id[1], "password", kit.Password},
				"confirm": {"password", kit.Password},
				"dismiss": {},
			} {
				a := v.Post("/gateway/security/identities/"+path, typed(fields...), from...)
				refused(t, a, http.StatusForbidden, "cross_site")
				if a.Header.Get("Refresh") != "" || len(a.Header["Set-Cookie"]) > 0 {
					t.Errorf("%s %s: %v", path, name, a.Header)
				}
			}
		}
		list := v.Get("/gateway/security/identities").Body
		if found := linkedID.FindAllStringSubmatch(list, -1); len(found) != 1 || found[0][1] != id[1] {
			t.Errorf("linked are %v", found)
		}
	})
}

// Who is at the provider while the configuration is loaded anew, or the gateway
// restarts, comes back and is in. What a provider that is no more has left can be
// seen and unlinked.
func TestALoginAtAProviderOutlivesReloads(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		f := openFair(t, s, "google", "linkedin")
		owner := kit.Visit(t, f.g.URL).Enter("teammate")
		f.links(owner, "google", "anna")
		load := func() {
			t.Helper()
			if err := f.g.Load(f.site); err != nil {
				t.Fatal(err)
			}
		}
		reload, restart := kit.Visit(t, f.g.URL), kit.Visit(t, f.g.URL)
		back := f.goes(reload, "google", "anna", "/clients")
		f.site.App = f.words("google", "label Work")
		load()
		sentTo(t, reload.Get(back), "/clients")
		arrived(t, reload.Get("/clients"), "teammate")

		back = f.goes(restart, "google", "anna", "/clients")
		f.g.Stop()
		f.g.Run()
		f.g.WaitLive()
		sentTo(t, restart.Get(back), "/clients")
		arrived(t, restart.Get("/clients"), "teammate")

		gone := f.goes(kit.Visit(t, f.g.URL), "google", "anna", "/")
		f.site.App = f.words("linkedin", "")
		load()
		if a := kit.Visit(t, f.g.URL).Get(gone); a.Status != http.StatusNotFound || f.button("google") {
			t.Errorf("a provider that is no more: %s", a)
		}
		id := linkedID.FindStringSubmatch(owner.Get("/gateway/security/identities").Body)
		if id == nil {
			t.Fatal("what it left is not shown")
		}
		sentTo(t, kit.Patiently(func() kit.Answer {
			return owner.Post("/gateway/security/identities/unlink", typed("identity", id[1], "password", kit.Password))
		}), "/gateway/security/identities?done=unlinked")
		arrived(t, owner.Get("/clients"), "teammate")
		refused(t, restart.Get("/clients", kit.Bare), http.StatusUnauthorized, "session_ended")
	})
}
