package endtoend_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// With recovery link the mail holds no password: the link shows one, once, to whom
// it was mailed, and the old one works until the new one is used.
func TestALinkThatShowsANewPassword(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "recovery link")
		elsewhere := kit.Visit(t, g.URL).Enter("teammate")
		v := kit.Visit(t, g.URL)
		v.Get("/gateway/recover?to=%2Fclients")
		if a := v.Post("/gateway/recover?to=%2Fclients", url.Values{"email": {"teammate@demo.test"}}); a.Status != http.StatusSeeOther {
			t.Fatalf("asking for a new password: %s", a)
		}
		m := box.Wait("teammate", 1)
		if m.Password() != "" || len(m.Links()) != 2 {
			t.Fatalf("password %q and links %q in the mail:\n%s", m.Password(), m.Links(), m.Text)
		}
		link := m.Links()[0]
		// A scanner looks and presses, and another person guesses.
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			if a := kit.Visit(t, g.URL).Do(method, link); freshPassword(a.Body) != "" {
				t.Fatalf("%s shows the password: %s", method, a)
			}
		}
		for _, form := range []url.Values{nil, {"email": {"client@demo.test"}}, {"match": {"1234"}}} {
			if a := kit.Visit(t, g.URL).Post(link, form); freshPassword(a.Body) != "" || a.Cause() != "other_browser" {
				t.Fatalf("%v shows the password: %s", form, a)
			}
		}
		phone := kit.Visit(t, g.URL)
		phone.Get(link)
		page := phone.Post(link, url.Values{"email": {"teammate@demo.test"}})
		fresh := freshPassword(page.Body)
		if page.Status != http.StatusOK || fresh == "" || page.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("the password %q is shown by %s", fresh, page)
		}
		if phone.Cookie("gateway_session") != "" {
			t.Error("looking at a password logs in")
		}
		refused(t, v.Post(link, nil), http.StatusGone, "link_used")
		// The form that password managers save from is sent, and the old one works on.
		if a := phone.Post("/gateway/recover/revealed?to=%2Fclients", url.Values{"email": {"teammate@demo.test"}, "password": {fresh}}); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.To(), "/gateway/login?to=%2Fclients") {
			t.Errorf("stored it: %s", a)
		}
		arrived(t, elsewhere.Get("/"), "teammate")
		kit.Visit(t, g.URL).Enter("teammate")
		sentTo(t, kit.Visit(t, g.URL).Login("teammate", fresh), "/")
		if elsewhere.Get("/").FromApp() {
			t.Error("sessions elsewhere go on")
		}
		if a := kit.Visit(t, g.URL).Login("teammate", kit.Password); a.Cause() != "wrong_password" {
			t.Errorf("the password from before: %s", a)
		}
		sentTo(t, kit.Visit(t, g.URL).Login("teammate", fresh), "/") // it lasts
		if m := box.Wait("teammate", 2); m.Password() != "" || strings.Contains(m.Text, fresh) {
			t.Errorf("the mail that says so holds a secret:\n%s", m.Text)
		}
		g.Stop()
		for what, secret := range map[string]string{"the password": fresh, "the link": link[len("/gateway/m/"):]} {
			if strings.Contains(g.Output(), secret) {
				t.Errorf("%s stands in the log", what)
			}
		}
	})
}

// A link that was used is one click away from the next.
func TestAfterALinkThatWasUsedAFreshOne(t *testing.T) {
	t.Parallel()
	g, box := mailing(t, kit.Bolt(t), "recovery link")
	v := kit.Visit(t, g.URL)
	v.Get("/gateway/recover")
	v.Post("/gateway/recover", url.Values{"email": {"client@demo.test"}})
	first := box.Wait("client", 1).Links()[0]
	if a := v.Post(first, nil); freshPassword(a.Body) == "" {
		t.Fatalf("the browser that asked: %s", a)
	}
	over := v.Get(first)
	refused(t, over, http.StatusGone, "link_used")
	if !strings.Contains(over.Body, first+"?again=1") {
		t.Fatalf("no button for a fresh one: %s", over)
	}
	if a := v.Post(first+"?again=1", nil); a.Status != http.StatusSeeOther {
		t.Errorf("asking for a fresh one: %s", a)
	}
	second := box.Wait("client", 2).Links()[0]
	fresh := freshPassword(v.Post(second, nil).Body)
	if fresh == "" || second == first {
		t.Fatal("no fresh password")
	}
	sentTo(t, kit.Visit(t, g.URL).Login("client", fresh), "/")
}
