package security_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// opens does what the button behind the mailed link does.
func (h *house) opens(link, address string) error {
	h.t.Helper()
	book := ticket.New(h.engine, ticket.Options{Now: h.now})
	f, err := book.TryAddress(context.Background(), link[strings.LastIndexByte(link, '/')+1:], address)
	testkit.Must(h.t, err)
	_, err = h.mover.Prove(context.Background(), f)
	return err
}

// The address changes once its link is opened, and then the other sessions end,
// with logins half-way, trusted devices and what was mailed.
func TestSomebodyChangesTheirAddress(t *testing.T) {
	onStores(t, func(h *house) {
		ctx := context.Background()
		here, phone := h.login(), h.login()
		half := store.HalfLogin{Method: "password"}
		token, err := h.factors.Open(ctx, h.jan(), &half)
		testkit.Must(t, err)
		h.want(here.post("/email", "email", "jan@home.test", "password", password), 303, "", "/gateway/security/email?done=asked")
		mails := h.byKind()
		if mails[letter.AddressAsked].To != "jan@example.test" || mails[letter.AddressToProve].To != "jan@home.test" {
			t.Fatalf("mailed %+v", mails)
		}
		if c, _ := phone.in(); c != cause.None || h.jan().Email != "jan@example.test" {
			t.Errorf("before it is confirmed: %s, %+v", c, h.jan())
		}
		for path, want := range map[string]string{"/email": `data-pending="jan@home.test"`, "": "jan@home.test waits to be confirmed"} {
			if body := here.get(path).Body.String(); !strings.Contains(body, want) {
				t.Errorf("%q is not on %q: %s", want, path, body)
			}
		}
		testkit.Must(t, h.opens(mails[letter.AddressToProve].Letter.Link, "jan@home.test"))
		if h.jan().Email != "jan@home.test" {
			t.Errorf("user is %+v", h.jan())
		}
		if c, _ := phone.in(); c != cause.SessionEnded {
			t.Errorf("the phone: %s", c)
		}
		if c, _ := here.in(); c != cause.None {
			t.Errorf("where it was asked for: %s", c)
		}
		if _, err := h.factors.Find(ctx, token); err == nil {
			t.Error("a login half-way goes on")
		}
		if told := h.byKind()[letter.AddressChanged]; told.To != "jan@example.test" || told.Letter.NotMe == "" {
			t.Errorf("the old mailbox is told %+v", told)
		}
		if lines := h.lines(audit.UserEmailChanged); len(lines) != 1 || lines[0].After["email"] != "jan@home.test" {
			t.Errorf("the log says %+v", lines)
		}
	})
}

// A session alone changes no address: not without a proof, not with half of one.
func TestAnAddressChangesByAProofOnly(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		h.want(b.post("/email", "email", "thief@home.test"), 401, cause.WrongPassword, "")
		h.want(b.post("/email", "email", "thief@home.test", "password", "guess"), 401, cause.WrongPassword, "")
		seed, _ := b.setUp()
		h.push(time.Minute)
		res := b.post("/email", "email", "thief@home.test", "password", password)
		h.want(res, 401, cause.SecondStepFailed, "")
		if body := res.Body.String(); !strings.Contains(body, `value="thief@home.test"`) {
			t.Errorf("what was typed is gone: %s", body)
		}
		if h.jan().Moving != nil || h.byKind()[letter.AddressToProve].To != "" {
			t.Errorf("asked all the same: %+v", h.jan().Moving)
		}
		h.want(b.post("/email", "email", "jan@home.test", "password", password, "code", h.code(seed)), 303, "", "/gateway/security/email?done=asked")
		h.want(b.post("/email/cancel"), 303, "", "/gateway/security/email?done=kept")
		link := h.byKind()[letter.AddressToProve].Letter.Link
		book := ticket.New(h.engine, ticket.Options{Now: h.now})
		f, err := book.Find(context.Background(), link[strings.LastIndexByte(link, '/')+1:])
		if err == nil {
			_, err = h.mover.Prove(context.Background(), f)
		}
		if err == nil || h.jan().Email != "jan@example.test" {
			t.Errorf("given up, and confirmed all the same: %v, %+v", err, h.jan())
		}
	})
}

func TestSlipsAreSaidBeforeTheProof(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		for typed, want := range map[string]string{
			"": "Fill in", "jan@": "This is no e-mail address", "JAN@example.test": "you use already", "jan@gmial.com": "gmail.com",
			`"><script>@x.test`: "This is no e-mail address",
		} {
			res := b.post("/email", "email", typed, "password", "never looked at")
			if res.Code != 400 || !strings.Contains(res.Body.String(), want) || strings.Contains(res.Body.String(), "<script>@") {
				t.Errorf("%q: %d %s", typed, res.Code, res.Body)
			}
		}
		if len(h.noted) != 0 {
			t.Errorf("counted as tries: %+v", h.noted)
		}
		// Who is sure, is.
		h.want(b.post("/email", "email", "jan@gmial.com", "sure", "jan@gmial.com", "password", password), 303, "", "/gateway/security/email?done=asked")
		// A change from another tab takes the place of the one before.
		h.want(b.post("/email", "email", "jan@gmail.com", "password", password), 303, "", "/gateway/security/email?done=asked")
		if to := h.jan().Moving; to == nil || to.Email != "jan@gmail.com" {
			t.Errorf("it is %+v", to)
		}
		h.mailsFull = true
		h.want(b.post("/email", "email", "jan@home.test", "password", password), 429, cause.TooManyMails, "")
	})
}

// What somebody added to the ways in, with a session that was not theirs to have, is
// gone with "this was not me"; what was there before stays.
func TestASecondStepOfSomebodyElseIsSwitchedOff(t *testing.T) {
	onStores(t, func(h *house) {
		ctx := context.Background()
		undo := func(since time.Time) (what string) {
			testkit.Must(t, h.engine.Update(ctx, store.AccountTag("praktijk"), func(tx store.Tx) error {
				u, err := store.Users.Read(tx, "jan")
				if err != nil {
					return err
				}
				if what, err = h.factors.Undo(ctx, tx, u, since); err != nil {
					return err
				}
				return store.Users.Put(tx, "jan", u, time.Time{})
			}))
			return what
		}
		if what := undo(h.now()); what != "" {
			t.Errorf("nothing to undo: %s", what)
		}
		began := h.now()
		h.push(time.Minute)
		b := h.login()
		seed, _ := b.setUp()
		h.push(time.Minute)
		after := h.now()
		testkit.Must(t, h.factors.Trust(ctx, h.jan(), factor.Device{ID: "laptop"}))
		if what := undo(after); what != "" || !h.jan().SecondStep {
			t.Errorf("of before: %q, %+v", what, h.jan())
		}
		if trusted, err := h.factors.Trusted(ctx, h.jan(), "laptop"); err != nil || trusted {
			t.Errorf("a device is trusted still: %v, %v", trusted, err)
		}
		h.want(b.post("/second-step/codes", "password", password, "code", h.code(seed)), 303, "", "/gateway/security/second-step")
		h.want(b.post("/second-step/on", "stored", "1"), 303, "", "/gateway/security/second-step?done=codes")
		status := func() factor.Status {
			s, err := h.factors.Status(ctx, h.jan(), "")
			testkit.Must(t, err)
			return s
		}
		if what := undo(after); what != ticket.UndoneCodes || !h.jan().SecondStep || status().CodesLeft != 0 {
			t.Errorf("codes made since: %q, %+v", what, status())
		}
		if what := undo(began); what != ticket.UndoneSecondStep || h.jan().SecondStep {
			t.Errorf("an app set up since: %q, %+v", what, h.jan())
		}
	})
}
