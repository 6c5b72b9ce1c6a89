package recent_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/recent"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

var start = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

// Page by page everything is told once, the newest first, whatever sort it is; and
// nothing of anybody else, nor what is not for the person to read.
func TestEverythingIsToldOnce(t *testing.T) {
	testkit.OnEngines(t, start, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		ctx := context.Background()
		tries := attempt.New(s, attempt.Options{Now: c.Now})
		t.Cleanup(func() { testkit.Must(t, tries.Close()) })
		mails := outbox.New(s, outbox.Options{Box: testkit.Box(t, testkit.Keys(t), "outbox"), Now: c.Now})
		log := audit.New(s, audit.Options{Now: c.Now})
		list := recent.New(recent.Options{Attempts: tries, Mails: mails, Lines: log})
		jan := &store.User{ID: "jan", Account: "acme"}
		want := map[string]bool{}
		for i := range 25 {
			for _, who := range []string{"jan", "piet"} {
				ref, err := tries.Record(ctx, attempt.Entry{
					Method: "password", Typed: who + "@acme.test", User: who, Account: "acme", Network: fmt.Sprintf("192.0.2.%d/32", i), Cause: cause.WrongPassword,
				})
				testkit.Must(t, err)
				d := outbox.Draft{ID: secret.NewTicketID(c.Now()), Owner: outbox.OfUser("acme", who), To: who + "@acme.test", Until: c.Now().Add(time.Hour), Letter: letter.Letter{
					Kind: letter.NewDevice, Locale: "nl",
				}}
				testkit.Must(t, mails.Send(ctx, d, func(store.Tx) error { return nil }))
				// One step writes several lines, all of one moment.
				testkit.Must(t, s.Update(ctx, store.AccountTag("acme"), func(tx store.Tx) error {
					for _, action := range []audit.Action{audit.UserPasswordSet, audit.UserSessionsEnded, audit.LookedUser} {
						if err := audit.Append(ctx, tx, audit.Entry{Action: action, Account: "acme", User: who}, c.Now()); err != nil {
							return err
						}
					}
					return nil
				}))
				if who == "jan" {
					want[ref] = true
				}
			}
			if i%3 != 0 { // some in the same moment
				c.Push(700 * time.Millisecond)
			}
		}
		for _, n := range []int{1, 7, 30, 200} {
			seen, refs, last := map[string]int{}, 0, c.Now().Add(time.Hour)
			for cursor, pages := "", 0; ; pages++ {
				p, err := list.Of(ctx, jan, cursor, n)
				testkit.Must(t, err)
				for _, e := range p.Events {
					if e.At.After(last) {
						t.Fatalf("%d: %s after %s", n, e.At, last)
					}
					last = e.At
					switch {
					case e.Attempt != nil:
						if !want[e.Attempt.Reference] {
							t.Errorf("%d: somebody else's: %+v", n, e.Attempt)
						}
						refs++
					case e.Mail != nil:
						seen["mail "+e.Mail.ID]++
						if e.Mail.To != "jan@acme.test" {
							t.Errorf("%d: somebody else's: %+v", n, e.Mail)
						}
					default:
						seen[fmt.Sprint("line ", e.Line.Seq)]++
						if e.Line.User != "jan" || e.Line.Action == audit.LookedUser {
							t.Errorf("%d: not for them to read: %+v", n, e.Line)
						}
					}
				}
				if cursor = p.Older; cursor == "" || pages > 200 {
					break
				}
			}
			if refs != 25 || len(seen) != 25+50 {
				t.Errorf("pages of %d: %d attempts, %d others", n, refs, len(seen))
			}
			for what, times := range seen {
				if times != 1 {
					t.Errorf("pages of %d: %s was told %d times", n, what, times)
				}
			}
		}
		for _, cursor := range []string{"no cursor", "-5", "zzzzzzzzzzzzzzzzzzzzzzzz"} {
			if p, err := list.Of(ctx, jan, cursor, 5); err != nil || len(p.Events) < 5 {
				t.Errorf("%q: %+v %v", cursor, p, err)
			}
		}
	})
}
