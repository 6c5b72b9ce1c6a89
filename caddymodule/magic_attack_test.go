package caddymodule_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestNobodyLooksLikeSomebody(t *testing.T) {
	inTown(t, func(w *town) {
		varying := regexp.MustCompile(`ask=[a-z2-7]+|<strong>\d{4}</strong>|data-reference="[^"]*"|<strong>[A-Z0-9]{3}-[A-Z0-9]{3}</strong>|value="[^"]*@[^"]*"|Referentie%20[^"]*|[A-Z0-9]{3}-[A-Z0-9]{3}`)
		story := func(address, ip string) (pages []string, costs []int64) {
			b := w.browser("Firefox / Linux", ip)
			waiting := ""
			for _, act := range []func(){
				func() { b.get("/gateway/magic?to=/clients") },
				func() { b.send("/gateway/magic?to=/clients", "email", address); waiting = b.to() },
				func() { b.get(waiting) },
				func() { b.get("/gateway/magic/state?" + strings.SplitN(waiting, "?", 2)[1]) },
				func() { b.send(waiting, "go", "1") },
				func() { b.send(waiting, "code", "000000") },
				func() { b.send(waiting, "code", "000001") },
				func() { b.send(waiting, "code", "000002") },
				func() { b.send(waiting, "code", "000003") },
				func() { b.send(waiting, "code", "000004") },
				func() { b.send(waiting, "code", "000005") },
				func() { b.send("/gateway/magic", "email", address) },
				func() { b.send("/gateway/magic", "email", address) },
				func() { b.send("/gateway/magic", "email", address) },
			} {
				reads, writes := w.store.reads.Load(), w.store.writes.Load()
				act()
				pages = append(pages, varying.ReplaceAllString(b.told()+b.to()+b.res.Body.String(), ""))
				costs = append(costs, w.store.reads.Load()-reads, w.store.writes.Load()-writes)
			}
			return pages, costs
		}
		known, knownCosts := story("jan@acme.test", "192.0.2.1")
		unknown, unknownCosts := story("nobody@else.test", "192.0.2.2")
		for i := range known {
			if a, b := strings.ReplaceAll(known[i], "192.0.2.1", ""), strings.ReplaceAll(unknown[i], "192.0.2.2", ""); a != b {
				t.Errorf("step %d shows who is a customer:\n%s\n%s", i, a, b)
			}
			if knownCosts[2*i] != unknownCosts[2*i] || knownCosts[2*i+1] != unknownCosts[2*i+1] {
				t.Errorf("step %d costs %v, %v for nobody", i, knownCosts[2*i:2*i+2], unknownCosts[2*i:2*i+2])
			}
		}
		for _, d := range w.post.letters {
			if d.To == "nobody@else.test" && d.Letter.Link+d.Letter.Code+d.Letter.NotMe != "" {
				t.Errorf("nobody got %+v", d.Letter)
			}
		}
	})
}

func TestFiftyAtOnceAreOneSession(t *testing.T) {
	inTown(t, func(w *town) {
		for _, by := range []string{"link", "code"} {
			desk := w.browser("Firefox / Linux", "192.0.2.1")
			mail := desk.asks("jan@acme.test", "/")
			waiting := desk.to()
			tabs := make([]*tab, 50)
			var wg sync.WaitGroup
			for i := range tabs {
				tabs[i] = w.browser("Firefox / Linux", "192.0.2.1")
				for name, value := range desk.cookies {
					tabs[i].cookies[name] = value
				}
				wg.Go(func() {
					if by == "link" {
						tabs[i].send(mail.Link)
					} else {
						tabs[i].send(waiting, "code", mail.Code)
					}
				})
			}
			wg.Wait()
			in := 0
			for _, b := range tabs {
				if b.in() != "" {
					in++
				} else {
					b.wants("Gone link_used")
				}
			}
			if in != 1 {
				t.Errorf("by %s: %d sessions", by, in)
			}
		}
	})
}

func TestLoggingInByMailAsksTheSameQuestionsAndEndsTheWait(t *testing.T) {
	inTown(t, func(w *town) {
		ctx := t.Context()
		try := limit.Try{Subject: attempt.Subject("jan", ""), Network: "192.0.2.9/32"}
		for range 5 {
			place, err := w.limits.Reserve(ctx, try)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := place.Failed(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if _, refused, err := w.limits.Peek(ctx, try); err != nil || !refused {
			t.Fatalf("nobody waits: %v", err)
		}
		desk := w.browser("Firefox / Linux", "192.0.2.9")
		desk.get("/gateway/magic").send("/gateway/magic", "email", "jan@acme.test", "remember", "1")
		mail := w.post.letters[0].Letter
		if desk.send(mail.Link); desk.in() != "jan" {
			t.Fatalf("not in: %s", desk.told())
		}
		if _, refused, err := w.limits.Peek(ctx, try); err != nil || refused {
			t.Errorf("still waiting: %v", err)
		}
		if c, _ := http.ParseSetCookie(desk.res.Header()["Set-Cookie"][0]); c == nil || c.MaxAge < 86400 {
			t.Errorf("stay logged in was lost: %v", c)
		}
		for change, want := range map[string]string{"block": "Forbidden user_blocked", "account": "Forbidden account_suspended"} {
			mail := desk.asks("piet@acme.test", "/")
			_, err := w.dir.UpdateUser(ctx, "acme", "piet", func(u *store.User) error {
				u.Block = nil
				if change == "block" {
					u.Block = &store.Block{By: "jan", At: w.now()}
				}
				return nil
			})
			if err == nil && change == "account" {
				_, err = w.dir.UpdateAccount(ctx, "acme", func(a *store.Account) error { a.State = directory.Suspended; return nil })
			}
			if err != nil {
				t.Fatal(err)
			}
			delete(desk.cookies, cookie.Session)
			desk.send(mail.Link).wants(want)
			if desk.in() != "" {
				t.Error("in all the same")
			}
			if change == "account" {
				_, _ = w.dir.UpdateAccount(ctx, "acme", func(a *store.Account) error { a.State = directory.Active; return nil })
			}
		}
	})
}

func TestBadInput(t *testing.T) {
	inTown(t, func(w *town) {
		desk := w.browser("Firefox / Linux", "192.0.2.1")
		for _, bad := range []string{
			"", "jan", "jan@", "jan@acme.test, piet@acme.test", "jan@acme.test\r\nBcc: piet@acme.test", "jan@acme.test\x00",
			"<jan@acme.test>", strings.Repeat("a", 300) + "@acme.test",
		} {
			desk.send("/gateway/magic", "email", bad).wants("Bad Request bad_request")
		}
		desk.do(http.MethodPost, "/gateway/magic", url.Values{"email": {"jan@acme.test", "piet@acme.test"}}).wants("Bad Request bad_request")
		desk.send("/gateway/magic").wants("Bad Request bad_request")
		desk.send("/gateway/magic", "code", "123456").wants("Gone link_expired")
		if len(w.post.letters) != 0 {
			t.Errorf("%d letters", len(w.post.letters))
		}
		for _, to := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "/gateway/logout", "javascript:alert(1)"} {
			w.push(time.Hour)
			mail := desk.asks("jan@acme.test", to)
			if strings.Contains(mail.Link, "evil.") {
				t.Errorf("link %q", mail.Link)
			}
			if desk.send(mail.Link); desk.to() != "/" {
				t.Errorf("%q led to %q", to, desk.to())
			}
		}
		mail := desk.asks("jan@acme.test", "/")
		if desk.send(mail.Link+"?to=//evil.example", "to", "//evil.example"); desk.to() != "/" {
			t.Errorf("a target behind the link led to %q", desk.to())
		}
	})
}
