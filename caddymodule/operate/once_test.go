package operate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// mailing gives the house an outbox that sends nothing, and a book of tickets.
func (h *house) mailing() *ticket.Book {
	h.t.Helper()
	keys, err := secret.NewKeys([]byte(secret.Token()))
	must(h.t, err)
	box, err := keys.NewBox("mails")
	must(h.t, err)
	mails := outbox.New(h.engine, outbox.Options{Box: box, Now: h.now})
	book := ticket.New(h.engine, ticket.Options{Box: box, Key: keys.Derive("tickets"), Hasher: h.hasher, Mails: mails, Now: h.now})
	h.Outbox, h.Tickets = mails, book
	return book
}

func TestWhyTellsOfMails(t *testing.T) {
	onEngines(t, func(h *house) {
		h.janID()
		book := h.mailing()
		u, err := h.dir.FindByEmail(t.Context(), "jan@demo.test")
		must(t, err)
		asking := attempt.Entry{
			Method: "recover", Typed: "jan@demo.test", User: "jan", Account: "acme", Network: "192.0.2.7/32",
			Agent: "Firefox on Windows", Locale: "nl", Asked: true,
		}
		reference, err := h.attempts.Record(t.Context(), asking)
		must(t, err)
		asked, err := book.Ask(t.Context(), ticket.Ask{
			Owner: outbox.OfUser("acme", "jan"), User: u, To: u.Email, Purpose: ticket.Password, Mode: ticket.OneTime,
			Locale: "nl", Reference: reference, Origin: "https://app.example/gateway",
		})
		must(t, err)
		must(t, h.attempts.Mailed(t.Context(), reference, asked.ID))

		data, text := h.ok("why", reference)
		h.want(data, "mails.0.state", "queued")
		h.want(data, "mails.0.kind", letter.NewPassword)
		h.want(data, "mailed.passwords", 1.0)
		h.want(data, "attempt.asked", true)
		h.want(data, "attempt.mail", asked.ID)
		for _, want := range []string{"mail asked for", "1 mailed, the last until", "mail retry " + asked.ID} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in %s", want, text)
			}
		}
		must(t, h.engine.Update(t.Context(), store.AccountTag("acme"), func(tx store.Tx) error {
			m, err := store.Mails.Read(tx, "jan."+asked.ID)
			if err != nil {
				return err
			}
			m.State = outbox.Rejected
			m.Tries = []store.MailAnswer{
				{At: h.now(), Server: "mx1.example", Code: 451, Status: "4.7.1", Message: "later"},
				{At: h.now(), Server: "mx1.example", Code: 550, Status: "5.1.1", Message: "no such\x1b[31m user"},
			}
			return store.Mails.Put(tx, "jan."+asked.ID, m, time.Time{})
		}))
		_, text = h.ok("why", "jan@demo.test")
		for _, want := range []string{"451 4.7.1 later", `550 5.1.1 no such\u001b[31m user`, "users password jan@demo.test"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in %s", want, text)
			}
		}
		data, text = h.ok("users", "show", "jan@demo.test")
		h.want(data, "mailed.passwords", 1.0)
		if !strings.Contains(text, "1 mailed, the last until") {
			t.Errorf("users show: %s", text)
		}
		h.push(25 * time.Hour)
		data, _ = h.ok("users", "show", "jan@demo.test")
		h.want(data, "mailed", nil)
	})
}

func TestWhyTellsWhatWasRightOnce(t *testing.T) {
	onEngines(t, func(h *house) {
		h.janID()
		e := wrong
		reference, err := h.attempts.Record(t.Context(), e)
		must(t, err)
		must(t, h.attempts.WasRight(t.Context(), reference, "jan", base.Add(-17*24*time.Hour)))
		data, text := h.ok("why", reference)
		h.want(data, "attempt.password_right_until", "2026-10-03T12:00:00Z")
		if want := "The password that was typed was right until 2026-10-03 14:00:00 CEST."; !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
		_, err = h.dir.ChangeEmail(t.Context(), "acme", "jan", "new@demo.test")
		must(t, err)
		h.push(time.Hour)
		e.User, e.Account, e.Cause = "", "", cause.UnknownEmail
		reference, err = h.attempts.Record(t.Context(), e)
		must(t, err)
		data, text = h.ok("why", reference)
		h.want(data, "former_owner.email", "new@demo.test")
		if want := "It was the address of Jan Jansen until 2026-10-20 14:00:00 CEST. Now theirs is new@demo.test."; !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	})
}
