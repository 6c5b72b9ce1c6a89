package recovery_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// work is what one request cost.
type work struct {
	Gets, Updates, Puts int64
	Hashes              uint64
}

func (h *house) work(do func()) work {
	_, _, hashes := h.hasher.Stats()
	w := work{h.store.Reads.Load(), h.store.Writes.Load(), h.store.Puts.Load(), hashes}
	do()
	_, _, hashes = h.hasher.Stats()
	return work{h.store.Reads.Load() - w.Gets, h.store.Writes.Load() - w.Updates, h.store.Puts.Load() - w.Puts, hashes - w.Hashes}
}

var (
	varying = regexp.MustCompile(`[A-Z0-9]{3}-[A-Z0-9]{3}|value="[^"]*@[^"]*"|m=[a-z2-7]+`)
	secrets = regexp.MustCompile(`(Max-Age|max-age).*`)
)

// answer is what a stranger sees, without what is drawn anew each time.
func answer(res *httptest.ResponseRecorder) string {
	res.Header().Del("Content-Length")
	for _, line := range res.Header()["Set-Cookie"] {
		if !secrets.MatchString(line) {
			return "odd cookie " + line
		}
	}
	n := len(res.Header()["Set-Cookie"])
	res.Header().Del("Set-Cookie")
	return strings.Repeat("cookie ", n) + http.StatusText(res.Code) + " " +
		varying.ReplaceAllString(res.Header().Get("Location")+res.Body.String(), "") + res.Header().Get("Retry-After")
}

func TestAStrangerCannotTellWhoIsACustomer(t *testing.T) {
	for _, mode := range []string{ticket.OneTime, ticket.Keep, ticket.Link} {
		onStores(t, mode, func(t *testing.T, h *house) {
			h.stop()
			known, unknown := h.browser("192.0.2.1"), h.browser("198.51.100.1")
			for i := range 5 { // the last two are refused
				var a, b *httptest.ResponseRecorder
				costKnown := h.work(func() { a = known.Post("/gateway/recover", "email", "jan@example.test") })
				costUnknown := h.work(func() { b = unknown.Post("/gateway/recover", "email", "piet@example.test") })
				if diff := cmp.Diff(costKnown, costUnknown); diff != "" {
					t.Errorf("%s, ask %d: work differs: %s", mode, i, diff)
				}
				toA, toB := a.Header().Get("Location"), b.Header().Get("Location")
				if want := map[bool]int{true: 303, false: 429}[i < 3]; a.Code != want {
					t.Errorf("ask %d: %d", i, a.Code)
				}
				if x, y := answer(a), answer(b); x != y {
					t.Errorf("%s, ask %d: answers differ: %s", mode, i, cmp.Diff(x, y))
				}
				if toA == "" {
					continue
				}
				costKnown = h.work(func() { a = known.Get(toA) })
				costUnknown = h.work(func() { b = unknown.Get(toB) })
				if x, y := answer(a), answer(b); x != y || costKnown != costUnknown || a.Code != 200 {
					t.Errorf("%s: the page after asking differs: %s %s", mode, cmp.Diff(x, y), cmp.Diff(costKnown, costUnknown))
				}
			}
			for _, m := range h.post.mails {
				if m.To == "piet@example.test" && (m.Letter.Kind != letter.Nobody || m.Letter.Password != "" || m.Letter.Link != "") {
					t.Errorf("nobody was mailed %+v", m.Letter)
				}
			}
			// A login that fails costs the same while mails are waiting.
			costKnown := h.work(func() { known.login("jan@example.test", "wrong") })
			costUnknown := h.work(func() { unknown.login("piet@example.test", "wrong") })
			if diff := cmp.Diff(costKnown, costUnknown); diff != "" || costKnown.Hashes != 1 {
				t.Errorf("%s: a failed login with mails waiting: %s, %+v", mode, diff, costKnown)
			}
		})
	}
}

func TestWhatIsAskedForIsNotedWithItsMail(t *testing.T) {
	onStores(t, ticket.OneTime, func(t *testing.T, h *house) {
		b := h.browser("192.0.2.1")
		res := b.Post("/gateway/recover", "email", "jan@example.test")
		to := must1(url.Parse(res.Header().Get("Location")))
		a, err := h.attempts.Find(t.Context(), to.Query().Get("ref"))
		if err != nil || !a.Asked || a.Mail != h.post.mails[0].ID || a.Mail != to.Query().Get("m") || a.Method != "recover" || a.Cause != "" {
			t.Errorf("%+v, %v", a, err)
		}
		if h.post.mails[0].Letter.Reference != a.Reference {
			t.Errorf("the mail says %q", h.post.mails[0].Letter.Reference)
		}
		// Another browser learns nothing from the address of that page.
		other := h.browser("192.0.2.2").Get(to.String())
		if other.Code != 200 || strings.Contains(other.Body.String(), "werkt tot") {
			t.Errorf("%d %s", other.Code, other.Body)
		}
	})
}

func TestMalformedWishesAreExplained(t *testing.T) {
	onStores(t, ticket.OneTime, func(t *testing.T, h *house) {
		for _, typed := range []string{
			"", "my-secret-password", "a@b", "x\x00@example.test", "jan@example.test\r\nBcc: x@evil.test",
			"jan@example.test,x@evil.test", "jan@example.test x@evil.test", "<jan@example.test>", "\xff@example.test",
			strings.Repeat("a", 300) + "@example.test", strings.Repeat("a", 1<<20),
		} {
			b := h.browser("192.0.2.1")
			cost := h.work(func() { h.want(b.Post("/gateway/recover", "email", typed), 400, `data-cause="bad_request"`) })
			if cost.Hashes != 0 || len(h.post.mails) != 0 {
				t.Errorf("%.40q: %+v, %d mails", typed, cost, len(h.post.mails))
			}
		}
		b := h.browser("192.0.2.1")
		h.want(b.Post("/gateway/recover", "email", "jan@example.test", "email", "x@evil.test"), 400, `data-cause="bad_request"`)
		r := httptest.NewRequest(http.MethodPost, "http://localhost/gateway/recover", strings.NewReader(`{"email":"jan@example.test"}`))
		r.Header.Set("Content-Type", "application/json")
		h.want(b.Do(r), 400, `data-cause="bad_request"`)
		for _, target := range []string{"https://evil.test/", "//evil.test", "/gateway/logout", "/%5cevil"} {
			res := b.Post("/gateway/recover?to="+url.QueryEscape(target), "email", "nobody"+string(rune('a'+len(target)%26))+"@example.test")
			if to := must1(url.Parse(res.Header().Get("Location"))); res.Code != 303 || to.Host != "" || strings.Contains(to.Query().Get("to"), "evil.test") {
				t.Errorf("%s: %d to %s", target, res.Code, to)
			}
		}
		if len(h.post.mails) == 0 || h.post.mails[0].To != "nobodys@example.test" {
			t.Errorf("%+v", h.post.mails)
		}
	})
}

func TestAnAttackersHostIsInNoMail(t *testing.T) {
	onStores(t, ticket.Link, func(t *testing.T, h *house) {
		r := httptest.NewRequest(http.MethodPost, "http://evil.test/gateway/recover", strings.NewReader("email=jan%40example.test"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-Host", "evil.test")
		h.want(h.browser("192.0.2.1").Do(r), 303, "")
		for _, u := range []string{h.post.mails[0].Letter.Link, h.post.mails[0].Letter.NotMe, h.post.mails[0].Letter.LoginURL} {
			if !strings.HasPrefix(u, origin+"/") {
				t.Errorf("the mail leads to %s", u)
			}
		}
	})
}

func TestAnAbsentStoreHalvesNothing(t *testing.T) {
	onStores(t, ticket.OneTime, func(t *testing.T, h *house) {
		b := h.browser("192.0.2.1")
		h.store.Away.Store(true)
		res := b.Post("/gateway/recover", "email", "jan@example.test")
		h.want(res, 503, `data-cause="store_unavailable"`)
		if res.Header().Get("Retry-After") == "" || !strings.Contains(res.Body.String(), "jan@example.test") || len(h.post.mails) != 0 {
			t.Errorf("%v, %d mails", res.Header(), len(h.post.mails))
		}
		h.store.Away.Store(false)
		password := b.ask("jan@example.test").Letter.Password
		h.want(b.login("jan@example.test", password), 303, keepPage)
		fresh := h.shown(b.Get(keepPage))
		h.store.Away.Store(true)
		h.want(b.Post(keepPage, "password", fresh), 503, `data-cause="store_unavailable"`)
		h.store.Away.Store(false)
		h.shown(b.Get(keepPage)) // nothing was forgotten
	})
}

func TestTheFreshPasswordIsForItsOwnerOnly(t *testing.T) {
	onStores(t, ticket.OneTime, func(t *testing.T, h *house) {
		h.user("mia@example.test")
		b := h.browser("192.0.2.1")
		h.want(b.login("jan@example.test", b.ask("jan@example.test").Letter.Password), 303, keepPage)
		fresh := h.shown(b.Get(keepPage))
		h.want(h.browser("192.0.2.2").Get(keepPage), 303, "/gateway/login?to=%2Fclients")
		h.want(h.browser("192.0.2.2").Post(keepPage), 303, "/gateway/login?to=%2Fclients")
		mia := h.browser("192.0.2.3")
		h.want(mia.login("mia@example.test", old), 303, "/clients")
		h.want(mia.Get(keepPage), 303, "/clients")
		h.want(mia.Post(keepPage, "password", fresh), 303, "/clients")
		h.shown(b.Get(keepPage))
		for _, dest := range []string{"empty", "iframe", "script", "object", "embed"} {
			r := httptest.NewRequest(http.MethodGet, "http://localhost"+keepPage, nil)
			r.Header.Set("Sec-Fetch-Dest", dest)
			if res := b.Do(r); res.Code != 403 || strings.Contains(res.Body.String(), fresh) {
				t.Errorf("as %s: %d %s", dest, res.Code, res.Body)
			}
		}
		for _, to := range []string{"https://evil.test", "//evil.test", "/gateway/logout"} {
			if res := b.Get("/gateway/recover/keep?to=" + url.QueryEscape(to)); !strings.Contains(res.Body.String(), `action="/gateway/recover/keep"`) {
				t.Errorf("the form leads to %s", to)
			}
		}
	})
}

func TestAgainMailsTheOneItWasFor(t *testing.T) {
	onStores(t, ticket.Link, func(t *testing.T, h *house) {
		u := must1(h.dir.FindByEmail(t.Context(), "jan@example.test"))
		again := func(f *ticket.Found) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.errand.Again(w, httptest.NewRequest(http.MethodPost, "http://localhost/gateway/m/x?again=1", nil), f)
			return w
		}
		found := &ticket.Found{Account: u.Account, User: u.ID, Ticket: store.Ticket{Target: "/clients"}}
		for range 3 {
			if to := again(found).Header().Get("Location"); !strings.HasPrefix(to, "/gateway/recover/sent?") || !strings.Contains(to, "to=%2Fclients") {
				t.Fatalf("to %q", to)
			}
		}
		res := again(found)
		h.want(res, 429, `action="/gateway/recover"`)
		if strings.Contains(res.Body.String(), "jan@") {
			t.Error("the holder of an old link is told the address")
		}
		if len(h.post.mails) != 3 || h.post.mails[2].To != "jan@example.test" {
			t.Errorf("%d mails", len(h.post.mails))
		}
		h.want(again(&ticket.Found{}), 303, "/gateway/recover")
	})
}

// The page after asking says from when another mail can be asked for, to nobody as
// to somebody.
func TestThePageAfterAskingSaysWhenAnotherMailCanBeAsked(t *testing.T) {
	onStores(t, ticket.OneTime, func(t *testing.T, h *house) {
		for i, email := range []string{"jan@example.test", "nobody@example.test"} {
			b := h.browser(fmt.Sprintf("192.0.2.%d", i+1))
			for n := range 3 {
				want := "Een nieuwe mail vragen kan meteen."
				if n == 2 {
					want = "Een nieuwe mail vragen kan weer vanaf "
				}
				asked := b.Post("/gateway/recover", "email", email)
				page := b.Get(asked.Header().Get("Location"))
				h.want(page, 200, want)
				h.want(page, 200, "help?cause=no_mail")
			}
			// Another browser is told nothing about it.
			asked := b.Post("/gateway/recover", "email", "other-"+email)
			if page := h.browser("192.0.2.9").Get(asked.Header().Get("Location")); strings.Contains(page.Body.String(), "Een nieuwe mail vragen kan") {
				t.Errorf("a browser that did not ask: %s", page.Body)
			}
		}
	})
}
