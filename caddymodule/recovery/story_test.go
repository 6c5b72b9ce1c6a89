package recovery_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/ticket"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const keepPage = "/gateway/recover/keep?to=%2Fclients"

func TestAPasswordThatWorksOnceLeadsToOneToKeep(t *testing.T) {
	onStores(t, ticket.OneTime, func(t *testing.T, h *house) {
		desk, phone := h.browser("192.0.2.1"), h.browser("198.51.100.1")
		h.want(phone.login("jan@example.test", old), 303, "/clients")
		h.want(desk.Get("/gateway/recover?to=%2Fclients"), 200, `name="email"`)
		res := desk.Post("/gateway/recover?to=%2Fclients", "email", " Jan@Example.test ")
		to := res.Header().Get("Location")
		if res.Code != 303 || !strings.HasPrefix(to, "/gateway/recover/sent?") {
			t.Fatalf("%d to %q", res.Code, to)
		}
		mail := h.post.mails[0]
		if mail.To != "jan@example.test" || mail.Letter.Kind != letter.NewPassword || !mail.Letter.OneTime || mail.Letter.Link != "" {
			t.Fatalf("mailed %+v", mail)
		}
		for range 3 { // reloads
			h.want(desk.Get(to), 200, "Kijk in je mail")
		}
		if len(h.post.mails) != 1 {
			t.Fatal("a reload asked for another mail")
		}
		// Both passwords, side by side.
		h.want(desk.login("jan@example.test", old), 303, "/clients")
		h.want(phone.Get("/gateway/login"), 303, "/")
		h.want(desk.login("jan@example.test", " "+mail.Letter.Password+"\r\n"), 303, keepPage)
		h.want(phone.Get("/gateway/login"), 200, `name="password"`) // sessions elsewhere have ended
		fresh := h.shown(desk.Get(keepPage))
		if fresh == mail.Letter.Password || len(fresh) < 14 {
			t.Fatalf("the password to keep is %q", fresh)
		}
		h.want(h.browser("203.0.113.1").login("jan@example.test", mail.Letter.Password), 401, `data-cause="password_pending_expired"`)
		h.want(h.browser("203.0.113.2").login("jan@example.test", old), 401, `data-cause="wrong_password"`)
		// The page comes back until it is stored.
		h.want(phone.login("jan@example.test", fresh), 303, keepPage)
		if again := h.shown(phone.Get(keepPage)); again != fresh {
			t.Errorf("now it is %q", again)
		}
		h.want(phone.Post(keepPage, "username", "jan@example.test", "password", "typed over it"), 200, "niet het wachtwoord")
		h.want(phone.Post(keepPage, "username", "jan@example.test", "password", fresh), 303, "/clients")
		h.want(phone.Get(keepPage), 303, "/clients")
		h.want(h.browser("198.51.100.2").login("jan@example.test", fresh), 303, "/clients")
		h.nowhere(mail.Letter.Password, fresh)
	})
}

func TestAMailedPasswordToKeep(t *testing.T) {
	onStores(t, ticket.Keep, func(t *testing.T, h *house) {
		b := h.browser("192.0.2.1")
		mail := b.ask("jan@example.test")
		if mail.Letter.OneTime {
			t.Error("the mail says that it works once")
		}
		for i := range 3 {
			h.want(h.browser("198.51.100.1").login("jan@example.test", mail.Letter.Password), 303, "/clients")
			if _, err := h.book.Fresh(t.Context(), must1(h.dir.FindByEmail(t.Context(), "jan@example.test"))); err == nil {
				t.Errorf("login %d: a fresh password waits", i)
			}
		}
		h.want(h.browser("203.0.113.2").login("jan@example.test", old), 401, `data-cause="wrong_password"`)
		u := must1(h.dir.FindByEmail(t.Context(), "jan@example.test"))
		if had, err := h.dir.Former(t.Context(), u.Account, u.ID); err != nil || len(had) != 1 {
			t.Errorf("former passwords: %v, %v", had, err)
		}
		h.nowhere(mail.Letter.Password)
	})
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestALinkThatShowsAPassword(t *testing.T) {
	onStores(t, ticket.Link, func(t *testing.T, h *house) {
		mail := h.browser("192.0.2.1").ask("jan@example.test")
		if mail.Letter.Password != "" || mail.Letter.Kind != letter.RevealPassword || !strings.HasPrefix(mail.Letter.Link, origin+"/m/") {
			t.Fatalf("mailed %+v", mail.Letter)
		}
		token := mail.Letter.Link[strings.LastIndexByte(mail.Letter.Link, '/')+1:]
		open := func() *httptest.ResponseRecorder {
			f, err := h.book.Find(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "http://localhost/gateway/m/"+token, nil)
			h.errand.Opened(w, visitor.With(r, visitor.Visitor{Network: "192.0.2.1/32"}), token, f)
			return w
		}
		res := open()
		password := h.shown(res)
		if body := res.Body.String(); !strings.Contains(body, `value="jan@example.test"`) || !strings.Contains(body, `autocomplete="new-password"`) {
			t.Errorf("no form that a password manager saves from: %s", body)
		}
		h.want(open(), 410, `data-cause="link_used"`)
		h.want(h.browser("192.0.2.9").Post("/gateway/recover/revealed?to=%2Fclients", "password", password), 303, "/gateway/login?to=%2Fclients")
		h.want(h.browser("192.0.2.2").login("jan@example.test", old), 303, "/clients")
		h.want(h.browser("192.0.2.3").login("jan@example.test", password), 303, "/clients")
		h.want(h.browser("192.0.2.4").login("jan@example.test", old), 401, `data-cause="wrong_password"`)
		h.nowhere(password, token)
	})
}

func TestThreeWaitSideBySideAndUsingOneEndsAll(t *testing.T) {
	onStores(t, ticket.OneTime, func(t *testing.T, h *house) {
		b := h.browser("192.0.2.1")
		var passwords []string
		for range 3 {
			passwords = append(passwords, b.ask("jan@example.test").Letter.Password)
		}
		h.want(b.Post("/gateway/recover", "email", "jan@example.test"), 429, `data-cause="too_many_mails"`)
		h.push(16 * time.Minute)
		passwords = append(passwords, b.ask("jan@example.test").Letter.Password)
		h.want(h.browser("192.0.2.2").login("jan@example.test", passwords[0]), 401, `data-cause="password_pending_expired"`)
		h.want(h.browser("192.0.2.3").login("jan@example.test", passwords[2]), 303, keepPage)
		for _, p := range passwords {
			h.want(h.browser("192.0.2.4").login("jan@example.test", p), 401, `data-cause="password_pending_expired"`)
		}
	})
}

func TestAMailedPasswordEndsAfterADay(t *testing.T) {
	onStores(t, ticket.OneTime, func(t *testing.T, h *house) {
		password := h.browser("192.0.2.1").ask("jan@example.test").Letter.Password
		h.push(24*time.Hour + time.Second)
		h.want(h.browser("192.0.2.2").login("jan@example.test", password), 401, `data-cause="password_pending_expired"`)
		h.want(h.browser("192.0.2.3").login("jan@example.test", old), 303, "/clients")
	})
}

func TestNotMeTakesAMailedPasswordBack(t *testing.T) {
	onStores(t, ticket.OneTime, func(t *testing.T, h *house) {
		mail := h.browser("192.0.2.1").ask("jan@example.test")
		stranger := h.browser("203.0.113.66")
		h.want(stranger.login("jan@example.test", mail.Letter.Password), 303, keepPage)
		other := h.browser("192.0.2.1").ask("jan@example.test")
		notMe := mail.Letter.NotMe[strings.LastIndexByte(mail.Letter.NotMe, '/')+1:]
		if _, err := h.book.Revoke(t.Context(), notMe); err != nil {
			t.Fatal(err)
		}
		h.want(stranger.Get("/gateway/login"), 200, `name="password"`)
		h.want(h.browser("203.0.113.67").login("jan@example.test", other.Letter.Password), 401, `data-cause="password_pending_expired"`)
	})
}

func TestOfFiftyAtOnceOneGetsIn(t *testing.T) {
	onStores(t, ticket.OneTime, func(t *testing.T, h *house) {
		password := h.browser("192.0.2.1").ask("jan@example.test").Letter.Password
		var wg sync.WaitGroup
		var mu sync.Mutex
		in := 0
		for range 50 {
			wg.Go(func() {
				b := h.browser("192.0.2.2")
				res := b.login("jan@example.test", password)
				mu.Lock()
				defer mu.Unlock()
				if b.Cookies[cookie.Session] != "" {
					in++
				} else if res.Code != 401 && res.Code != 410 && res.Code != 429 {
					t.Errorf("one of those too late got %d", res.Code)
				}
			})
		}
		wg.Wait()
		if in != 1 {
			t.Errorf("%d sessions", in)
		}
	})
}
