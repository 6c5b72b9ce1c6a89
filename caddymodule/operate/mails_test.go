package operate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// relay takes mails to everybody but bad@demo.test.
type relay struct{}

func (relay) Send(_ context.Context, m outbox.Message) (outbox.Answer, error) {
	if m.To == "bad@demo.test" {
		return outbox.Answer{Server: "mail.test:25", Code: 550, Status: "5.1.1", Message: "no\x1b[31m such user"}, outbox.ErrRejected
	}
	return outbox.Answer{Server: "mail.test:25", Code: 250, Status: "2.0.0", Message: "ok"}, nil
}

func (relay) Close() error { return nil }

type noLetters struct{}

func (noLetters) Render(letter.Letter) (letter.Rendered, error) {
	return letter.Rendered{Subject: "s", Text: "t"}, nil
}

// mailing gives the house an outbox.
func mailing(h *house) *outbox.Outbox {
	h.t.Helper()
	keys, err := secret.NewKeys([]byte("k7Qm2vX9tRw4Zp8LsN3yHc6JdF5gBa1E"))
	if err != nil {
		h.t.Fatal(err)
	}
	box, err := keys.NewBox("outbox")
	if err != nil {
		h.t.Fatal(err)
	}
	o := outbox.New(h.engine, outbox.Options{Mailer: relay{}, Renderer: noLetters{}, Box: box, Now: h.now, Poll: 10 * time.Millisecond})
	h.Outbox = o
	return o
}

func TestMailsAreListedShownAndTriedAgain(t *testing.T) {
	onEngines(t, func(h *house) {
		o := mailing(h)
		_, text := h.ok("mail", "list")
		if text != "none\n" {
			t.Error(text)
		}
		var ids []string
		for _, to := range []string{"good@demo.test", "bad@demo.test"} {
			id := secret.NewTicketID(h.now())
			owner := outbox.OfUser("acme", "u1")
			if to == "bad@demo.test" {
				owner = outbox.OfNobody("x:abc")
			}
			err := o.Send(t.Context(), outbox.Draft{
				ID: id, Owner: owner, To: to, Until: h.now().Add(time.Hour),
				Letter: letter.Letter{Kind: letter.Magic, Locale: "nl", Password: "planted"},
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
			h.push(time.Second)
		}
		data, _ := h.ok("mail", "retry", ids[0])
		h.want(data, "id", ids[0])
		go o.Run(t.Context())
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			waiting, err := store.MailQueue.Scan(t.Context(), h.engine, store.OutboxTag, "", "", 9)
			if err != nil || time.Now().After(end) {
				t.Fatal("the mails are not settled", err)
			}
			if len(waiting) == 0 {
				break
			}
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		data, text = h.ok("mail", "list", "--limit", "1")
		h.want(data, "mails.0.id", ids[1])
		h.want(data, "mails.0.state", "rejected")
		h.want(data, "next", ids[1])
		if !strings.Contains(text, "550 5.1.1 no [31m such user") {
			t.Error(text)
		}
		data, text = h.ok("mail", "list", "--after", ids[1])
		h.want(data, "mails.0.id", ids[0])
		if strings.Contains(text, ids[1]) {
			t.Error(text)
		}
		data, text = h.ok("mail", "show", ids[1])
		h.want(data, "nobody", true)
		h.want(data, "tries.0.enhanced", "5.1.1")
		if !strings.Contains(text, "nobody has this address") || strings.Contains(text, "planted") {
			t.Error(text)
		}
		h.refused(operate.ExitRefused, "ask for a new one", "mail", "retry", ids[1])
		h.refused(operate.ExitNotFound, "there is no mail", "mail", "show", "nope")
		h.refused(operate.ExitNotFound, "there is no mail", "mail", "retry", "nope")
	})
}

func TestATestMailTellsWhatTheServerSays(t *testing.T) {
	onEngines(t, func(h *house) {
		mailing(h)
		data, _ := h.ok("mail", "test", "good@demo.test")
		h.want(data, "accepted", true)
		h.want(data, "server", "mail.test:25")
		res, err := h.do("mail", "test", "bad@demo.test")
		if err != nil || res.Exit != operate.ExitFailed || !strings.Contains(res.Text, "5.1.1") {
			t.Errorf("%+v, %v", res, err)
		}
		h.refused(operate.ExitUsage, "not one mail address", "mail", "test", "a@b, c@d")
		h.Outbox = outbox.New(h.engine, outbox.Options{})
		h.refused(operate.ExitFailed, "no mail is configured", "mail", "test", "good@demo.test")
	})
}
