package endtoend_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/store"
)

// backdate has all sessions of acme begun, and used last, so much earlier.
func backdate(t *testing.T, e store.Engine, begun, used time.Duration) {
	t.Helper()
	ctx, tag := context.Background(), store.AccountTag("acme")
	items, err := store.Sessions.Scan(ctx, e, tag, "", "", 100)
	if err != nil || len(items) == 0 {
		t.Fatalf("no session: %v", err)
	}
	err = e.Update(ctx, tag, func(tx store.Tx) error {
		for _, item := range items {
			s := item.Value
			s.Created, s.LastSeen = s.Created.Add(-begun), s.LastSeen.Add(-used)
			if err := store.Sessions.Put(tx, item.ID, s, time.Now().Add(time.Hour)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whichever limit ended it, whoever wanted to stay logged in and sends a form a
// moment later loses nothing: the browser still has the cookie, which tells whose
// the form is and opens nothing.
func TestALateFormAfterEachLimit(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for what, c := range map[string]struct{ begun, used time.Duration }{
		"idle":     {15 * day, 14*day + time.Minute},
		"absolute": {30*day + time.Minute, time.Hour},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
				g, app := town(t, s, kit.Site{})
				v := kit.Visit(t, g.URL)
				remember := kit.Form(kit.Address("teammate"), kit.Password)
				remember.Set("remember", "1")
				v.Get("/gateway/login")
				a := kit.Patiently(func() kit.Answer { return v.Post("/gateway/login", remember) })
				sentTo(t, a, "/")
				for _, line := range a.Header["Set-Cookie"] {
					if k, err := http.ParseSetCookie(line); err == nil && k.Name == "gateway_session" && time.Duration(k.MaxAge)*time.Second != 31*day {
						t.Errorf("the browser forgets whose session it was: %s", line)
					}
				}
				arrived(t, v.Get("/"), "teammate")
				g.Stop()
				s.With(func(e store.Engine) { backdate(t, e, c.begun, c.used) })
				g.Run()
				g.WaitLive()
				refused(t, v.Get("/", kit.Bare), http.StatusUnauthorized, "session_expired")
				page := waits(t, v.Do(http.MethodPost, lateURI, kit.Body(formType, lateBody)), "session_expired")
				a = back(t, v, "teammate", page)
				if a.Status != http.StatusOK || len(app.Seen("/clients")) != 0 {
					t.Fatalf("the page of the form: %s", a)
				}
				if got := arrived(t, send(v, lateURI, page), "teammate"); got.Body != lateBody {
					t.Errorf("the app got %q", got.Body)
				}
				tooLarge := kit.Body(formType, strings.Repeat("x", 1<<20+1))
				g.Gateway("users", "end-sessions", kit.Address("teammate"))
				refused(t, v.Do(http.MethodPost, "/late", tooLarge), http.StatusUnauthorized, "session_ended")
				thrown := park(t, v, lateURI, formType, lateBody)
				back(t, v, "teammate", thrown)
				v.Post(thrown+"/discard", nil)
				for outcome, n := range map[string]string{"kept": "2", "sent": "1", "discarded": "1", "refused": "1", "returned": "0"} {
					if line := `login_gateway_parked_forms_total{outcome="` + outcome + `"} ` + n + "\n"; !strings.Contains(g.Metrics(), line) {
						t.Errorf("the metrics lack %s", line)
					}
				}
			})
		})
	}
}
