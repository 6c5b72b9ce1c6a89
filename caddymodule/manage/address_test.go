package manage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// mailed returns the last letters by their kind.
func (w *world) mailed() map[string]outbox.Draft {
	byKind := map[string]outbox.Draft{}
	for _, d := range w.post.Take() {
		byKind[d.Letter.Kind] = d
	}
	return byKind
}

func (w *world) moving(address string) map[string]outbox.Draft {
	w.t.Helper()
	c, err := w.ChangeEmail(w.t.Context(), w.as("acme", "admin"), "acme", "acme-teammate", address)
	w.must(err)
	if !c.Pending || c.User.Moving == nil {
		w.t.Fatalf("changed %+v", c)
	}
	return w.mailed()
}

func TestANewAddressCountsOnceItsMailboxIsProved(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		mails := w.moving("Jan@New.test")
		asked, toProve := mails[letter.AddressAsked], mails[letter.AddressToProve]
		if asked.To != "teammate@acme.test" || asked.Letter.Address != "jan@new.test" || toProve.To != "jan@new.test" || toProve.Letter.Link == "" {
			t.Fatalf("mailed %+v", mails)
		}
		if u, err := w.dir.FindByEmail(ctx, "teammate@acme.test"); err != nil || u.ID != "acme-teammate" {
			t.Errorf("the old address: %+v %v", u, err)
		}
		if _, err := w.dir.FindByEmail(ctx, "jan@new.test"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the new address before it is proved: %v", err)
		}
		_, err := w.MailLogin(ctx, w.support(), "acme", "acme-teammate")
		w.must(err)
		login := w.post.Take()[0]
		w.Push(time.Minute)
		u, err := w.Prove(ctx, w.open(toProve.Letter.Link, "jan@new.test"))
		w.must(err)
		if u.Email != "jan@new.test" || u.Display != "Jan@New.test" || u.Moving != nil {
			t.Errorf("user is %+v", u)
		}
		if u, err := w.dir.FindByEmail(ctx, "jan@new.test"); err != nil || u.ID != "acme-teammate" {
			t.Errorf("the new address: %+v %v", u, err)
		}
		if _, err := w.dir.FindByEmail(ctx, "teammate@acme.test"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the old address: %v", err)
		}
		told := w.mailed()
		if d := told[letter.AddressChanged]; d.To != "teammate@acme.test" || d.Letter.Address != "jan@new.test" || d.Letter.NotMe == "" || d.Letter.By != "admin" {
			t.Errorf("told %+v", told)
		}
		if f, err := w.book.Find(ctx, token(login.Letter.Link)); err != nil || f.Cause != cause.LinkSuperseded {
			t.Errorf("what was mailed to the old mailbox still opens: %+v %v", f, err)
		}
		f, err := w.book.Find(ctx, token(toProve.Letter.Link))
		w.must(err)
		if f.Cause == cause.None {
			t.Error("the link is good twice")
		}
		if _, err := w.Prove(ctx, f); !errors.Is(err, ticket.ErrNone) {
			t.Errorf("proved twice: %v", err)
		}
	})
}

func TestTheOldMailboxBringsItsAddressBack(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, links := t.Context(), manage.Links{Book: w.book, Manager: w.Manager}
		toProve := w.moving("thief@new.test")[letter.AddressToProve]
		_, err := w.Prove(ctx, w.open(toProve.Letter.Link, "thief@new.test"))
		w.must(err)
		back := w.mailed()[letter.AddressChanged].Letter.NotMe
		w.Push(time.Hour)
		w.set("acme", "acme-teammate", func(u *store.User) { u.Password, u.PasswordChanged = "hash of thief", w.Now() })
		before := w.read("acme", "acme-teammate").Epoch
		if _, err := w.book.TryAddress(ctx, token(back), "teammate@acme.test"); err != nil {
			t.Errorf("the address it was mailed to: %v", err)
		}
		w.Push(70 * time.Hour)
		w.must(second(links.Revoke(ctx, token(back))))
		u := w.read("acme", "acme-teammate")
		if u.Email != "teammate@acme.test" || u.Password != "" || u.Epoch <= before {
			t.Errorf("user is %+v", u)
		}
		if found, err := w.dir.FindByEmail(ctx, "teammate@acme.test"); err != nil || found.ID != u.ID {
			t.Errorf("found %+v %v", found, err)
		}
		// Moved anew with their will, the old link does nothing more.
		w.set("acme", "acme-teammate", func(u *store.User) { u.Password, u.PasswordChanged = "hash of mine", w.Now() })
		_, err = w.ChangeEmail(ctx, manage.Operator("op"), "acme", u.ID, "mine@new.test")
		w.must(err)
		w.must(second(links.Revoke(ctx, token(back))))
		if u := w.read("acme", "acme-teammate"); u.Email != "mine@new.test" {
			t.Errorf("a link that was used brought back %s", u.Email)
		}
	})
}

func TestAfterThreeDaysAnAddressStays(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, links := t.Context(), manage.Links{Book: w.book, Manager: w.Manager}
		toProve := w.moving("new@new.test")[letter.AddressToProve]
		_, err := w.Prove(ctx, w.open(toProve.Letter.Link, "new@new.test"))
		w.must(err)
		back := w.mailed()[letter.AddressChanged].Letter.NotMe
		w.Push(ticket.UndoLife + time.Second)
		_, _ = links.Revoke(ctx, token(back))
		if u := w.read("acme", "acme-teammate"); u.Email != "new@new.test" {
			t.Errorf("brought back %s", u.Email)
		}
	})
}

func TestAChangeOfAddressCanBeStopped(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, links := t.Context(), manage.Links{Book: w.book, Manager: w.Manager}
		stop := map[string]func(map[string]outbox.Draft) error{
			"the old mailbox": func(m map[string]outbox.Draft) error {
				return second(links.Revoke(ctx, token(m[letter.AddressAsked].Letter.NotMe)))
			},
			"the new mailbox": func(m map[string]outbox.Draft) error {
				return second(links.Revoke(ctx, token(m[letter.AddressToProve].Letter.NotMe)))
			},
			"the admin": func(map[string]outbox.Draft) error {
				return second(w.KeepEmail(ctx, w.as("acme", "admin"), "acme", "acme-teammate"))
			},
		}
		for who, stop := range stop {
			mails := w.moving("new@new.test")
			w.must(stop(mails))
			if u := w.read("acme", "acme-teammate"); u.Moving != nil || u.Email != "teammate@acme.test" {
				t.Errorf("%s: user is %+v", who, u)
			}
			f, err := w.book.Find(ctx, token(mails[letter.AddressToProve].Letter.Link))
			if err == nil {
				_, err = w.Prove(ctx, f)
			}
			if err == nil {
				t.Errorf("%s: proved all the same", who)
			}
			w.Push(time.Hour)
		}
		// The way "this was not me" came must be one that says so.
		mails := w.moving("new@new.test")
		if _, err := links.Revoke(ctx, token(mails[letter.AddressToProve].Letter.Link)); !errors.Is(err, ticket.ErrNone) {
			t.Errorf("a link that proves took back: %v", err)
		}
	})
}

func TestTheOldLinkProvesNoOtherAddress(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		first := w.moving("first@new.test")[letter.AddressToProve]
		w.Push(time.Minute)
		f := w.open(first.Letter.Link, "first@new.test")
		next := w.moving("second@new.test")[letter.AddressToProve]
		if _, err := w.Prove(ctx, f); !errors.Is(err, ticket.ErrNone) {
			t.Errorf("the link before: %v", err)
		}
		if _, err := w.book.TryAddress(ctx, token(next.Letter.Link), "first@new.test"); !errors.Is(err, ticket.ErrWrong) {
			t.Errorf("the address before: %v", err)
		}
		w.Push(ticket.AddressLife + time.Second)
		f, err := w.book.Find(ctx, token(next.Letter.Link))
		w.must(err)
		if f.Cause != cause.LinkExpired {
			t.Errorf("after a day: %s", f.Cause)
		}
		var spent *ticket.Spent
		if _, err := w.Prove(ctx, f); !errors.As(err, &spent) {
			t.Errorf("proved after a day: %v", err)
		}
		w.must(w.Again(ctx, f))
		again := w.mailed()[letter.AddressToProve]
		if again.To != "second@new.test" || again.Letter.By != "admin" {
			t.Errorf("mailed again: %+v", again)
		}
		_, err = w.Prove(ctx, w.open(again.Letter.Link, "second@new.test"))
		w.must(err)
	})
}

func TestOfTwoWhoMoveToOneAddressTheFirstHasIt(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		here := w.moving("one@new.test")[letter.AddressToProve]
		_, err := w.ChangeEmail(ctx, w.as("rival", "admin"), "rival", "rival-teammate", "one@new.test")
		w.must(err)
		there := w.mailed()[letter.AddressToProve]
		_, err = w.Prove(ctx, w.open(there.Letter.Link, "one@new.test"))
		w.must(err)
		if _, err := w.Prove(ctx, w.open(here.Letter.Link, "one@new.test")); !errors.Is(err, directory.ErrTaken) {
			t.Errorf("the second: %v", err)
		}
		if u := w.read("acme", "acme-teammate"); u.Email != "teammate@acme.test" {
			t.Errorf("moved to %s", u.Email)
		}
	})
}

func TestInADomainOfTheAccountAnAddressCountsAtOnce(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, domains := t.Context(), []string{"own.test"}
		_, err := w.EditAccount(ctx, w.support(), "acme", manage.AccountEdit{Domains: &domains})
		w.must(err)
		c, err := w.ChangeEmail(ctx, w.as("acme", "admin"), "acme", "acme-teammate", "jan@own.test")
		w.must(err)
		mails := w.mailed()
		if c.Pending || c.User.Email != "jan@own.test" || mails[letter.AddressChanged].To != "teammate@acme.test" || mails[letter.AddressYours].To != "jan@own.test" {
			t.Errorf("%+v, mailed %+v", c, mails)
		}
		if found, err := w.dir.FindByEmail(ctx, "jan@own.test"); err != nil || found.ID != "acme-teammate" {
			t.Errorf("found %+v %v", found, err)
		}
		// Not below it, nor for others.
		for _, at := range [][2]string{{"acme", "jan@sub.own.test"}, {"rival", "piet@own.test"}} {
			c, err := w.ChangeEmail(ctx, w.as(at[0], "admin"), at[0], at[0]+"-teammate", at[1])
			if err != nil || !c.Pending {
				t.Errorf("%s: %+v %v", at, c, err)
			}
		}
		// What somebody elsewhere has is not given away.
		w.post.Take()
		w.user("rival", "squatter", "teammate")
		w.must(second(w.dir.ChangeEmail(ctx, "rival", "rival-squatter", "boss@own.test")))
		c, err = w.ChangeEmail(ctx, w.as("acme", "admin"), "acme", "acme-teammate", "boss@own.test")
		if err != nil || !c.Pending {
			t.Errorf("%+v %v", c, err)
		}
	})
}
