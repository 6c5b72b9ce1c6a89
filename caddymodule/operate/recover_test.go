package operate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// letters are mails that go nowhere.
type letters struct {
	engine store.Engine
	sent   []outbox.Draft
}

func (l *letters) Allow(context.Context, outbox.Request) error { return nil }

func (l *letters) SendAll(ctx context.Context, drafts []outbox.Draft, with func(store.Tx) error) error {
	if err := l.engine.Update(ctx, drafts[0].Owner.Tag, with); err != nil {
		return err
	}
	l.sent = append(l.sent, drafts...)
	return nil
}

// mailed has a house make links.
func (h *house) mailed() (*ticket.Book, *letters) {
	l := &letters{engine: h.engine}
	book := ticket.New(h.engine, ticket.Options{Now: h.now, Hasher: h.hasher})
	h.Manage = manage.New(manage.Options{
		Store: h.engine, Directory: h.dir, Hasher: h.hasher, Limits: h.limits, Audit: audit.New(h.engine, audit.Options{Now: h.now}),
		Tickets: book, Mails: l, Origin: "https://app.example/gateway", Now: h.now,
	})
	return book, l
}

// token takes the link out of an answer.
func token(t *testing.T, data map[string]any, text string) string {
	t.Helper()
	link, _ := at(data, "link").(string)
	if !strings.HasPrefix(link, "https://app.example/gateway/m/") || !strings.Contains(text, link) || at(data, "password") != nil {
		t.Fatalf("link %q in\n%s", link, text)
	}
	return link[strings.LastIndexByte(link, '/')+1:]
}

func TestALockedOutSuperadminGetsALink(t *testing.T) {
	onEngines(t, func(h *house) {
		book, l := h.mailed()
		h.jan()
		u, err := h.dir.FindByEmail(t.Context(), "jan@demo.test")
		must(t, err)
		_, err = h.dir.UpdateUser(t.Context(), "acme", u.ID, func(u *store.User) error { u.SecondStep = true; return nil })
		must(t, err)
		data, text := h.ok("users", "recover", "jan@demo.test")
		link := token(t, data, text)
		if u, err = h.dir.FindByEmail(t.Context(), "jan@demo.test"); err != nil || u.SecondStep || u.Epoch != 1 {
			t.Errorf("%+v %v", u, err)
		}
		if len(l.sent) != 1 || l.sent[0].To != "jan@demo.test" {
			t.Errorf("told %+v", l.sent)
		}
		f, err := book.TryAddress(t.Context(), link, "jan@demo.test")
		must(t, err)
		if f.Ticket.Purpose != ticket.Entry || f.User != u.ID || f.Cause != cause.None {
			t.Errorf("behind it: %+v", f)
		}
		h.push(10*time.Minute + time.Second)
		if f, err := book.Find(t.Context(), link); err != nil || f.Cause != cause.LinkExpired {
			t.Errorf("after ten minutes: %+v %v", f, err)
		}
		// One at a time.
		one, text := h.ok("users", "recover", "jan@demo.test")
		first := token(t, one, text)
		h.ok("users", "recover", "jan@demo.test")
		if f, err := book.Find(t.Context(), first); err != nil || f.Cause != cause.LinkSuperseded {
			t.Errorf("the one before: %+v %v", f, err)
		}
		h.refused(operate.ExitNotFound, "no user", "users", "recover", "nobody@demo.test")
	})
}

func TestSupportIsAddedWithALink(t *testing.T) {
	onEngines(t, func(h *house) {
		book, _ := h.mailed()
		data, text := h.ok("support", "add", "desk@demo.test", "--name", "Desk")
		f, err := book.Find(t.Context(), token(t, data, text))
		must(t, err)
		u, err := h.dir.FindByEmail(t.Context(), "desk@demo.test")
		must(t, err)
		if f.User != u.ID || u.Password != "" || u.Account != "staff" {
			t.Errorf("%+v, %+v", f, u)
		}
		h.refused(operate.ExitRefused, "taken", "support", "add", "desk@demo.test", "--name", "Desk")
	})
}

func TestSomebodyIsInvited(t *testing.T) {
	onEngines(t, func(h *house) {
		h.jan()
		h.refused(operate.ExitRefused, "mail", "users", "invite", "piet@demo.test", "--account", "acme", "--name", "Piet", "--type", "teammate")
		_, l := h.mailed()
		data, _ := h.ok("users", "invite", "piet@demo.test", "--account", "acme", "--name", "Piet", "--type", "teammate")
		h.want(data, "user.email", "piet@demo.test")
		h.want(data, "user.password", "none")
		if len(l.sent) != 1 || l.sent[0].Letter.Link == "" || l.sent[0].To != "piet@demo.test" {
			t.Errorf("mailed %+v", l.sent)
		}
		h.refused(operate.ExitRefused, "taken", "users", "invite", "jan@demo.test", "--account", "acme", "--name", "J", "--type", "teammate")
		h.refused(operate.ExitNotFound, "account", "users", "invite", "kees@demo.test", "--account", "none", "--name", "K", "--type", "teammate")
	})
}

func TestTheLastSuperadminIsKept(t *testing.T) {
	onEngines(t, func(h *house) {
		h.jan()
		h.refused(operate.ExitRefused, "--force", "users", "set", "jan@demo.test", "--type", "teammate")
		data, _ := h.ok("users", "set", "jan@demo.test", "--type", "teammate", "--force", "yes", "--name", "Jan T")
		h.want(data, "user.type", "teammate")
		h.want(data, "user.name", "Jan T")
	})
}
