package endtoend_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestEveryUserGetsTheRightPage(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{Words: "repair_paths /billing/*"})
		for _, user := range []string{"owner", "admin", "teammate", "client", "trial"} {
			v := kit.Visit(t, g.URL)
			sentTo(t, v.Get("/clients?tab=2"), "/gateway/login?to=%2Fclients%3Ftab%3D2")
			v.Get("/gateway/login?to=%2Fclients%3Ftab%3D2")
			a := v.Post("/gateway/login?to=%2Fclients%3Ftab%3D2", kit.Form(kit.Address(user), kit.Password))
			sentTo(t, a, "/clients?tab=2")
			seen := arrived(t, v.Get("/clients?tab=2"), user)
			if email := seen.Header.Get("Remote-Email"); email != kit.Address(user) {
				t.Errorf("%s arrives as %q", user, email)
			}
		}
		sentTo(t, kit.Visit(t, g.URL).Login("support", kit.Password), "/gateway/admin")
		for user, cause := range map[string]string{
			"trial-ended": "account_trial_ended", "arrears": "account_arrears", "owed": "account_arrears",
			"cancelled": "account_cancelled", "suspended": "account_suspended",
			"blocked": "user_blocked", "notype": "type_denied",
		} {
			dutch, english := kit.Visit(t, g.URL).In("nl"), kit.Visit(t, g.URL).In("en-GB,en;q=0.9")
			nl, en := dutch.Login(user, kit.Password), english.Login(user, kit.Password)
			for _, a := range []kit.Answer{nl, en} {
				refused(t, a, http.StatusForbidden, cause)
				if a.Reference() == "" {
					t.Errorf("%s: no reference", user)
				}
			}
			if !strings.Contains(nl.Body, `<html lang="nl"`) || !strings.Contains(en.Body, `<html lang="en"`) {
				t.Errorf("%s: the pages are not in the language asked for", user)
			}
			if a := dutch.Get("/clients"); a.FromApp() {
				t.Errorf("%s reached the app: %s", user, a)
			}
		}
	})
}

// The superadmin of a blocked account may pay; nobody else of it may.
func TestRepairPathsAreOpenToTheSuperadminOnly(t *testing.T) {
	t.Parallel()
	g, app := town(t, kit.Bolt(t), kit.Site{Words: "repair_paths /billing/* /subscribe"})
	v := kit.Visit(t, g.URL)
	a := v.Login("arrears", kit.Password)
	refused(t, a, http.StatusForbidden, "account_arrears")
	if !strings.Contains(a.Body, kit.PayURL) {
		t.Error("the superadmin gets no link to pay")
	}
	arrived(t, v.Get("/billing/now"), "arrears")
	arrived(t, v.Get("/subscribe"), "arrears")
	for _, path := range []string{"/clients", "/subscribe/x", "/billing", "/billing/../clients", "/billing/%2e%2e/clients", "/billing//x"} {
		refused(t, v.Get(path), http.StatusForbidden, "account_arrears")
	}
	other := kit.Visit(t, g.URL)
	a = other.Login("owed", kit.Password)
	refused(t, a, http.StatusForbidden, "account_arrears")
	if strings.Contains(a.Body, kit.PayURL) {
		t.Error("a teammate gets the link to pay")
	}
	other.Get("/billing/later")
	if n := len(app.Seen("/clients")) + len(app.Seen("later")); n != 0 {
		t.Errorf("%d requests reached the app that should not have", n)
	}
}

func TestWrongPasswordAndUnknownAddressLookAlike(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		// Addresses of equal length, so that what comes back into the form is alike.
		bodies := map[string]string{}
		for _, user := range []string{"teammate", "nobodyxx", "blocked8", "suspende"} {
			a := kit.Visit(t, g.URL).Login(user, "not the password")
			refused(t, a, http.StatusUnauthorized, "wrong_password")
			if a.Reference() == "" {
				t.Errorf("%s: no reference", user)
			}
			body := strings.ReplaceAll(a.Body, a.Reference(), "REFERENCE")
			bodies[strings.ReplaceAll(body, user, "USER")] = user
			if names := fmt.Sprint(len(a.Header), a.Header["Set-Cookie"]); names != fmt.Sprint(len(a.Header), []string(nil)) {
				t.Errorf("%s: a failure sets cookies: %v", user, a.Header)
			}
		}
		if len(bodies) != 1 {
			t.Errorf("%d different pages for wrong passwords and unknown addresses: %v", len(bodies), bodies)
		}
		// Somebody who proved nothing is not told about blocks and accounts.
		for _, user := range []string{"blocked", "suspended", "notype", "support"} {
			refused(t, kit.Visit(t, g.URL).Login(user, "not the password"), http.StatusUnauthorized, "wrong_password")
		}
	})
}

// P4: twelve tabs are restored at once; each goes on to its own page.
func TestTwelveTabsReachTheirOwnPages(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	v := kit.Visit(t, g.URL)
	var tabs sync.WaitGroup
	pages := make([]string, 12)
	for i := range pages {
		tabs.Go(func() { pages[i] = v.Get(fmt.Sprintf("/report/%d?x=%d", i, i)).To() })
	}
	tabs.Wait()
	for _, page := range pages {
		if a := v.Get(page); a.Status != http.StatusOK || !strings.Contains(a.Body, `name="password"`) {
			t.Errorf("no form at %s: %s", page, a)
		}
	}
	for i, page := range pages {
		tabs.Go(func() {
			to := fmt.Sprintf("/report/%d?x=%d", i, i)
			sentTo(t, v.Post(page, kit.Form("teammate@demo.test", kit.Password)), to)
			arrived(t, v.Get(to), "teammate")
		})
	}
	tabs.Wait()
}

// A form that was opened long ago, before a restart even, or under a cookie that
// is gone, works.
func TestOldFormsWork(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	v := kit.Visit(t, g.URL)
	page := v.Get("/report").To()
	v.Get(page)
	g.Stop()
	g.Run()
	g.WaitLive()
	sentTo(t, v.Post(page, kit.Form("teammate@demo.test", kit.Password)), "/report")
	for _, stale := range []string{"", "nonsense", "MTcwMDAwMDAwMHxhYmNk"} {
		v := kit.Visit(t, g.URL)
		v.SetCookie("gateway_flow", stale)
		v.SetCookie("gateway_session", stale)
		v.SetCookie("gateway_device", stale)
		sentTo(t, v.Post(page, kit.Form("teammate@demo.test", kit.Password)), "/report")
		arrived(t, v.Get("/report"), "teammate")
	}
}

func TestLoggedInVisitorIsSentOnFromTheLoginPage(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	v := kit.Visit(t, g.URL).Enter("teammate")
	sentTo(t, v.Get("/gateway/login"), "/")
	sentTo(t, v.Get("/gateway/login?to=%2Freport%3Fa%3Db"), "/report?a=b")
}

// P8: an app that sends people back to the login is told apart from a login that
// does not work.
func TestRedirectLoopIsNamed(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	v := kit.Visit(t, g.URL).Enter("teammate")
	for range 3 {
		sentTo(t, v.Get("/gateway/login?to=%2Freport"), "/report")
	}
	if n := g.Metric("login_gateway_redirect_loops_total"); n != 0 {
		t.Errorf("%g loops before there is one", n)
	}
	refused(t, v.Get("/gateway/login?to=%2Freport"), http.StatusOK, "redirect_loop")
	if n := g.Metric("login_gateway_redirect_loops_total"); n != 1 {
		t.Errorf("%g loops counted", n)
	}
}

// A browser that sends no cookie back gets told so instead of a loop.
func TestBlockedCookiesAreNamed(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	v := kit.Visit(t, g.URL)
	v.Client.Jar = nil
	a := v.Login("teammate", kit.Password)
	if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.To(), "/gateway/login?") {
		t.Fatalf("want a redirect that finds out, got %s", a)
	}
	refused(t, v.Get(a.To()), http.StatusOK, "cookies_blocked")
}

func TestTargetsStayOnTheSite(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	base, err := url.Parse(g.URL + "/gateway/login")
	if err != nil {
		t.Fatal(err)
	}
	v := kit.Visit(t, g.URL).Enter("teammate")
	for _, to := range []string{
		"https://evil.example/", "//evil.example/", "///evil.example", `/\evil.example`, `\/evil.example`, `/\/evil.example`,
		"http:evil.example", "https:/evil.example", "javascript:alert(1)", "data:text/html,x", "/\t/evil.example", "/\n/evil.example",
		"/%09/evil.example", "/%2f/evil.example", "/%5cevil.example", "%2f%2fevil.example", " //evil.example", "\x01//evil.example",
		"/..//evil.example", "/.//evil.example", "/a/../..//evil.example", "/@evil.example", "//user@evil.example", "/;//evil.example",
		"?//evil.example", "#//evil.example", "http://" + base.Host + "@evil.example/", "//evil%E3%80%82example", "/\r\nX: y",
		"/gateway/login", "/gateway/logout", "/%67ateway/logout", "/x/../gateway/logout",
	} {
		path := "/gateway/login?" + url.Values{"to": {to}}.Encode()
		fresh := kit.Visit(t, g.URL)
		fresh.Get(path)
		v.SetCookie("gateway_flow", "") // else too many visits look like a loop
		for _, a := range []kit.Answer{v.Get(path), fresh.Post(path, kit.Form("teammate@demo.test", kit.Password))} {
			there, err := base.Parse(a.To())
			if a.Status != http.StatusSeeOther || err != nil || there.Host != base.Host || there.Scheme != base.Scheme {
				t.Errorf("to=%q leads to %q: %s", to, a.To(), a)
				continue
			}
			if strings.ContainsAny(a.To(), "\\\r\n\t") || strings.HasPrefix(a.To(), "//") || strings.Contains(there.Path, "/gateway") {
				t.Errorf("to=%q leads to %q", to, a.To())
			}
		}
	}
}

// P30: people arrive where the link said, to the byte.
func TestTargetsAreKeptAsTheyWere(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	for _, to := range []string{
		"/a//b", "/a/./b/../c/", "/a/?", "/a?x=1&x=2&y=%2F%20+", "/%C3%A9?q=%E2%82%AC", "/a;b=c/d", "/a%2Fb", "/?a=b&to=/c",
		"/?x=" + strings.Repeat("y", 2000), "/a?to=https://elsewhere.example", "/gatewayed/x", "/a&b=c",
	} {
		v := kit.Visit(t, g.URL)
		page := v.Get(to).To()
		v.Get(page)
		sentTo(t, v.Post(page, kit.Form("teammate@demo.test", kit.Password)), to)
		sentTo(t, v.Get(page), to)
	}
}

func TestLoginStartsANewSession(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		v := kit.Visit(t, g.URL)
		v.SetCookie("gateway_session", "planted-by-somebody-else")
		v.Enter("teammate")
		first := v.Cookie("gateway_session")
		if first == "" || strings.Contains(first, "planted") {
			t.Fatalf("the session cookie is %q", first)
		}
		sentTo(t, v.Post("/gateway/login", kit.Form("client@demo.test", kit.Password)), "/")
		if v.Cookie("gateway_session") == first {
			t.Error("the second login took over the first session")
		}
		arrived(t, v.Get("/"), "client")
		thief := kit.Visit(t, g.URL)
		thief.SetCookie("gateway_session", first)
		refused(t, thief.Get("/echo", kit.Bare), http.StatusUnauthorized, "session_ended")
	})
}

// A request of another tab that was on its way during a login does not take the
// new session's cookie away; the login page clears a cookie that is dead.
func TestDeadCookiesAreClearedAtTheLoginPageOnly(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	v := kit.Visit(t, g.URL).Enter("teammate")
	first := v.Cookie("gateway_session")
	v.Post("/gateway/login", kit.Form("teammate@demo.test", kit.Password))
	for _, dead := range []string{first, "forged"} {
		late := kit.Visit(t, g.URL)
		late.SetCookie("gateway_session", dead)
		for _, a := range []kit.Answer{late.Get("/x"), late.Get("/x", kit.Bare)} {
			if a.FromApp() || len(a.Header["Set-Cookie"]) != 0 {
				t.Errorf("the answer to an old request sets cookies: %s, %v", a, a.Header)
			}
		}
		// A form may be kept, for which the flow cookie has the key; a forged session keeps none.
		a := late.Post("/x", kit.Form("a", "b"))
		for _, line := range a.Header["Set-Cookie"] {
			if !strings.HasPrefix(line, "gateway_flow=") || dead == "forged" {
				t.Errorf("the answer to an old form sets %s", line)
			}
		}
		if a.FromApp() {
			t.Errorf("an old form reached the app: %s", a)
		}
		if a := late.Get("/gateway/login"); a.Status != http.StatusOK || late.Cookie("gateway_session") != "" {
			t.Errorf("the login page leaves a dead cookie: %s", a)
		}
	}
	arrived(t, v.Get("/"), "teammate")
}

// No hidden field is mandatory, and no cookie: what a script or an old form sends.
func TestFieldsAloneLogIn(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	v := kit.Visit(t, g.URL)
	sentTo(t, v.Post("/gateway/login", kit.Form("Teammate@DEMO.test ", kit.Password), kit.Bare), "/")
	arrived(t, v.Get("/"), "teammate")
	remembered := kit.Form("teammate@demo.test", kit.Password)
	remembered.Set("remember", "1")
	a := kit.Visit(t, g.URL).Post("/gateway/login", remembered)
	if cookies := strings.Join(a.Header["Set-Cookie"], "\n"); !strings.Contains(cookies, "gateway_session=") ||
		!strings.Contains(cookies, "Max-Age=2678400") {
		t.Errorf("who wants to stay logged in gets %s", cookies)
	}
}

func TestPostsFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	for name, from := range map[string][]kit.Option{
		"origin":          {kit.With("Origin", "https://evil.example"), kit.With("Sec-Fetch-Site", "")},
		"null origin":     {kit.With("Origin", "null"), kit.With("Sec-Fetch-Site", "")},
		"other port":      {kit.With("Origin", "http://127.0.0.1:1"), kit.With("Sec-Fetch-Site", "")},
		"fetch metadata":  {kit.With("Origin", ""), kit.With("Sec-Fetch-Site", "cross-site")},
		"same site only":  {kit.With("Origin", "http://localhost:1"), kit.With("Sec-Fetch-Site", "same-site")},
		"both, lying one": {kit.With("Origin", "https://evil.example"), kit.With("Sec-Fetch-Site", "cross-site")},
	} {
		v := kit.Visit(t, g.URL)
		a := v.Post("/gateway/login?to=%2Freport", kit.Form("teammate@demo.test", kit.Password), from...)
		refused(t, a, http.StatusForbidden, "cross_site")
		if name == "origin" {
			if why := g.Gateway("why", a.Reference()); !strings.Contains(why.Stdout, "cross_site") {
				t.Errorf("of reference %q is told %s%s", a.Reference(), why.Stdout, why.Stderr)
			}
		}
		if v.Cookie("gateway_session") != "" {
			t.Errorf("%s: a login from another site gave a session", name)
		}
		// No dead end: from the page that is shown one gets in.
		if !strings.Contains(a.Body, `name="password"`) && !strings.Contains(a.Body, "/gateway/login") {
			t.Errorf("%s: no way on: %s", name, a)
		}
		v.Enter("teammate")
		for _, path := range []string{"/gateway/logout", "/gateway/logout/all"} {
			refused(t, v.Post(path, nil, from...), http.StatusForbidden, "cross_site")
		}
		arrived(t, v.Get("/"), "teammate")
	}
}

// A hash with other costs is renewed after a login; logins that were under way
// with the old one are not the worse for it.
func TestLoginsDuringTheRenewalOfAHash(t *testing.T) {
	t.Parallel()
	old, err := passhash.New(passhash.Options{Params: passhash.Params{Memory: 8 * 1024, Time: 1, Threads: 1}}).Hash(t.Context(), kit.Password)
	if err != nil {
		t.Fatal(err)
	}
	s := kit.Bolt(t)
	app := kit.NewApp(t)
	s.Town().Alter("acme", "teammate", func(u *store.User) { u.Password = old })
	g := kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr})
	of := together(12, func(i int) kit.Answer {
		return guess(t, g.URL, fmt.Sprintf("192.0.2.%d", i), "teammate@demo.test", kit.Password)
	})
	if of["in"] != 12 {
		t.Errorf("of 12 logins with the right password: %v", of)
	}
	arrived(t, kit.Visit(t, g.URL).Enter("teammate").Get("/"), "teammate")
	g.Stop()
	s.With(func(e store.Engine) {
		u, err := store.Users.Get(t.Context(), e, store.AccountTag("acme"), "teammate")
		if err != nil || u.Password == old {
			t.Errorf("the hash was not renewed (%v)", err)
		}
	})
}
