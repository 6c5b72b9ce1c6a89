package endtoend_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

func TestLogOutEndsTheSessionEverywhere(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		v := kit.Visit(t, g.URL).Enter("teammate")
		sentTo(t, v.Get("/gateway/login"), "/") // which the flow cookie counts
		cookie, device := v.Cookie("gateway_session"), v.Cookie("gateway_device")
		if v.Cookie("gateway_flow") == "" {
			t.Error("there is no flow to be over")
		}
		a := v.Post("/gateway/logout", nil)
		if a.Status != http.StatusSeeOther || v.Cookie("gateway_session")+v.Cookie("gateway_flow") != "" {
			t.Errorf("logging out: %s, and sets %q", a, a.Header["Set-Cookie"])
		}
		if a := v.Get(a.To()); a.Status != http.StatusOK || !strings.Contains(a.Body, "/gateway/login") {
			t.Errorf("after logging out: %s", a)
		}
		if device == "" || v.Cookie("gateway_device") != device {
			t.Error("logging out forgot the device")
		}
		thief := kit.Visit(t, g.URL)
		thief.SetCookie("gateway_session", cookie)
		refused(t, thief.Get("/echo", kit.With("Sec-Fetch-Mode", "cors")), http.StatusUnauthorized, "session_ended")
		if a := thief.Get("/gateway/session", kit.Bare); a.Status != http.StatusUnauthorized {
			t.Errorf("the session page knows an ended session: %s", a)
		}
		// Once more, with nothing to log out from: no error.
		if a := v.Post("/gateway/logout", nil); a.Status != http.StatusSeeOther {
			t.Errorf("logging out again: %s", a)
		}
	})
}

// P9: nothing that a page, a mail scanner or a prefetch asks for logs out.
func TestAskingForTheLogOutPageDoesNothing(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{})
	v := kit.Visit(t, g.URL).Enter("teammate")
	page := v.Get("/gateway/logout")
	if page.Status != http.StatusOK || !strings.Contains(page.Body, `<form method="post" action="/gateway/logout">`) {
		t.Errorf("no button: %s", page)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete} {
		for _, path := range []string{"/gateway/logout", "/gateway/logout/all", "/gateway/logout?done=here"} {
			a := v.Do(method, path, kit.With("Sec-Fetch-Mode", "no-cors"), kit.With("Sec-Fetch-Dest", "image"), kit.With("Accept", "image/*"))
			if cookies := a.Header["Set-Cookie"]; strings.Contains(strings.Join(cookies, ""), "gateway_session") {
				t.Errorf("%s %s sets %v", method, path, cookies)
			}
		}
	}
	arrived(t, v.Get("/"), "teammate")
}

func TestLogOutOfAll(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		here, phone, other := kit.Visit(t, g.URL), kit.Visit(t, g.URL), kit.Visit(t, g.URL)
		here.Enter("teammate")
		phone.Enter("teammate")
		other.Enter("client")
		if a := here.Post("/gateway/logout/all", nil); a.Status != http.StatusSeeOther {
			t.Errorf("logging out everywhere: %s", a)
		}
		sentTo(t, phone.Get("/report"), "/gateway/login?reason=session_ended&to=%2Freport")
		page := phone.Get("/gateway/login?reason=session_ended&to=%2Freport")
		if page.Status != http.StatusOK || page.Cause() != "session_ended" || !strings.Contains(page.Body, `role="status"`) {
			t.Errorf("the login page does not say why: %s", page)
		}
		arrived(t, other.Get("/"), "client")
		phone.Enter("teammate")
		arrived(t, phone.Get("/"), "teammate")
	})
}
