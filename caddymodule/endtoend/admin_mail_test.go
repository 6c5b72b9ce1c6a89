package endtoend_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

const team = "/gateway/admin/accounts/acme/users"

// did expects that an action of the admin path leads on to a page.
func did(t *testing.T, a kit.Answer) kit.Answer {
	t.Helper()
	if a.Status != http.StatusSeeOther && a.Status != http.StatusOK || a.Cause() != "" {
		t.Fatalf("that was not done: %s", a)
	}
	return a
}

// keeps follows somebody who came in by a link to the password they are to keep,
// and returns it when it is stored.
func keeps(t *testing.T, v *kit.Visitor, a kit.Answer) string {
	t.Helper()
	a = landed(v, a)
	if !strings.HasPrefix(a.To(), "/gateway/recover/keep") {
		t.Fatalf("came in: %s; want the page with a password to keep", a)
	}
	page := v.Get(a.To())
	m := passwordOnPage.FindStringSubmatch(page.Body)
	if m == nil {
		t.Fatalf("the page with the password: %s", page)
	}
	sentTo(t, v.Post(a.To(), url.Values{"password": {m[1]}, "username": {""}}), "/")
	return m[1]
}

// An invited person is nobody until they come, comes in by the link in whatever
// browser once they say whose it is, and logs in with their password from then on.
func TestAnInvitedPersonComesIn(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "")
		admin := kit.Visit(t, g.URL).Enter("admin")
		admin.Get("/gateway/admin/accounts/acme/invite")
		did(t, admin.Post("/gateway/admin/accounts/acme/invite", url.Values{
			"email": {"Nieuw@demo.test"}, "name": {"Nieuwe Collega"}, "type": {"teammate"}, "locale": {"nl"},
		}))
		if a := admin.Get(team + "?q=nieuw"); !strings.Contains(a.Body, "nieuw@demo.test") {
			t.Errorf("the team after the invitation: %s", a)
		}
		link := box.Wait("nieuw", 1).Links()[0]
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			kit.Visit(t, g.URL).Do(method, link)
		}
		if a := kit.Visit(t, g.URL).Post(link, nil); a.Status == http.StatusSeeOther {
			t.Fatalf("a scanner pressed the button, and came in: %s", a)
		}
		if a := kit.Visit(t, g.URL).Post(link, url.Values{"email": {"teammate@demo.test"}}); a.Status == http.StatusSeeOther {
			t.Fatalf("somebody with another address came in: %s", a)
		}
		phone := kit.Visit(t, g.URL)
		phone.Get(link)
		password := keeps(t, phone, phone.Post(link, url.Values{"email": {"nieuw@demo.test"}}))
		if got := arrivedAny(t, phone.Get("/")); got != "nieuw@demo.test" {
			t.Errorf("the app sees %q", got)
		}
		sentTo(t, kit.Visit(t, g.URL).Login("nieuw", password), "/")
		refused(t, kit.Visit(t, g.URL).Get(link), http.StatusGone, "link_used")
	})
}

// arrivedAny returns the address of whom the app sees.
func arrivedAny(t *testing.T, a kit.Answer) string {
	t.Helper()
	return a.Decode(t).Header.Get("Remote-Email")
}

// The old address works until the new mailbox is proved, and can take the change
// back afterwards.
func TestAnAddressMovesWhenItsMailboxIsProved(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "")
		admin := kit.Visit(t, g.URL).Enter("admin")
		page := team + "/teammate/email"
		admin.Get(page)
		did(t, admin.Post(page, url.Values{"email": {"verhuisd@demo.test"}}))
		sentTo(t, kit.Visit(t, g.URL).Login("teammate", kit.Password), "/")
		refused(t, kit.Visit(t, g.URL).Login("verhuisd", kit.Password), http.StatusUnauthorized, "wrong_password")
		link := box.Wait("verhuisd", 1).Links()[0]
		kit.Visit(t, g.URL).Get(link)
		refused(t, kit.Visit(t, g.URL).Login("verhuisd", kit.Password), http.StatusUnauthorized, "wrong_password")
		v := kit.Visit(t, g.URL)
		v.Get(link)
		if a := v.Post(link, url.Values{"email": {"verhuisd@demo.test"}}); a.Status != http.StatusOK || a.Cause() != "" || v.Cookie("gateway_session") != "" {
			t.Fatalf("proving the mailbox: %s", a)
		}
		sentTo(t, kit.Visit(t, g.URL).Login("verhuisd", kit.Password), "/")
		refused(t, kit.Visit(t, g.URL).Login("teammate", kit.Password), http.StatusUnauthorized, "wrong_password")
		told := box.Wait("teammate", 2) // of the wish, and of the change
		undo := told.Links()[len(told.Links())-1]
		kit.Visit(t, g.URL).Get(undo)
		if a := kit.Visit(t, g.URL).Enter("client").Post(undo, url.Values{"email": {"teammate@demo.test"}}); a.Status != http.StatusOK || a.Cause() != "" {
			t.Fatalf("this was not me: %s", a)
		}
		refused(t, kit.Visit(t, g.URL).Login("verhuisd", kit.Password), http.StatusUnauthorized, "wrong_password")
		a := kit.Visit(t, g.URL).Login("teammate", kit.Password)
		if a.Status != http.StatusSeeOther {
			t.Errorf("with the old address after taking it back: %s", a)
		}
	})
}

var printedLink = regexp.MustCompile(`/gateway/m/[a-z2-7]+`)

// An operator hands over a link: to a new colleague of the support desk, and to a
// superadmin who is locked out.
func TestTheLinksOfAnOperatorLetIn(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := mailing(t, s, "type support {\n\t\t\tsecond_step optional\n\t\t}")
		for name, c := range map[string]struct {
			args []string
			user string
		}{
			"support":    {[]string{"support", "add", "desk@demo.test", "--name", "De Desk"}, "desk"},
			"superadmin": {[]string{"users", "recover", "owner@demo.test"}, "owner"},
		} {
			out := g.Gateway(c.args...)
			link := printedLink.FindString(out.Stdout)
			if out.Exit != 0 || link == "" {
				t.Errorf("%s: %+v", name, out)
				continue
			}
			if a := kit.Visit(t, g.URL).Post(link, nil); a.Status == http.StatusSeeOther {
				t.Errorf("%s: the button alone lets in: %s", name, a)
			}
			v := kit.Visit(t, g.URL)
			v.Get(link)
			a := landed(v, v.Post(link, url.Values{"email": {c.user + "@demo.test"}}))
			if !strings.HasPrefix(a.To(), "/gateway/recover/keep") {
				t.Errorf("%s: %s", name, a)
				continue
			}
			m := passwordOnPage.FindStringSubmatch(v.Get(a.To()).Body)
			if m == nil {
				t.Errorf("%s: no password to keep", name)
				continue
			}
			v.Post(a.To(), url.Values{"password": {m[1]}})
			if again := kit.Visit(t, g.URL).Login(c.user, m[1]); again.Status != http.StatusSeeOther {
				t.Errorf("%s: with the password that was kept: %s", name, again)
			}
			refused(t, kit.Visit(t, g.URL).Get(link), http.StatusGone, "link_used")
		}
	})
}
