package manage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

const jan = "acme-teammate"

// self is a context in which jan does what is done.
func (w *world) self() context.Context {
	return audit.As(w.t.Context(), audit.Actor{Kind: audit.ByUser, ID: jan, Account: "acme", Name: "teammate", Network: "192.0.2.1/32"})
}

// asks has jan ask for another address in the session "s1", and returns the mails.
func (w *world) asks(address string) map[string]outbox.Draft {
	w.t.Helper()
	w.Push(time.Minute)
	u, err := w.MoveOwn(w.self(), w.read("acme", jan), "s1", address)
	w.must(err)
	if u.Moving == nil || u.Email == u.Moving.Email {
		w.t.Fatalf("user is %+v", u)
	}
	return w.mailed()
}

// moves has jan change it, and returns the link that undoes it.
func (w *world) moves(address string) (undo string) {
	w.t.Helper()
	prove := w.asks(address)[letter.AddressToProve]
	w.Push(time.Minute)
	_, err := w.Prove(w.t.Context(), w.open(prove.Letter.Link, address))
	w.must(err)
	return w.mailed()[letter.AddressChanged].Letter.NotMe
}

func (w *world) notMe(link string) (*ticket.Found, map[string]outbox.Draft) {
	w.t.Helper()
	w.Push(time.Minute)
	f, err := manage.Links{Book: w.book, Manager: w.Manager}.Revoke(w.t.Context(), token(link))
	w.must(err)
	return f, w.mailed()
}

func (w *world) told(kind string, since time.Time) (link string) {
	w.t.Helper()
	w.must(w.book.Tell(w.t.Context(), w.read("acme", jan), ticket.Telling{Kind: kind, Origin: origin, Since: since}))
	return w.mailed()[kind].Letter.NotMe
}

func TestSomebodyChangesTheirOwnAddress(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		mails := w.asks("Jan@Home.test")
		asked, prove := mails[letter.AddressAsked], mails[letter.AddressToProve]
		if asked.To != "teammate@acme.test" || asked.Letter.By != "" || asked.Letter.NotMe == "" || prove.To != "jan@home.test" || prove.Letter.Link == "" {
			t.Fatalf("mailed %+v", mails)
		}
		before := w.read("acme", jan)
		start, err := event.New(w.store, event.Options{Now: w.Now}).End(ctx)
		w.must(err)
		u, err := w.Prove(ctx, w.open(prove.Letter.Link, "jan@home.test"))
		w.must(err)
		if u.Email != "jan@home.test" || u.Display != "Jan@Home.test" || u.Moving != nil || u.Epoch != before.Epoch+1 || u.Password != before.Password {
			t.Errorf("user is %+v", u)
		}
		if len(w.sessions.kept) == 0 || w.sessions.kept[len(w.sessions.kept)-1] != "s1" {
			t.Errorf("the session it was asked in goes on: %v", w.sessions.kept)
		}
		told := w.mailed()[letter.AddressChanged]
		if told.To != "teammate@acme.test" || told.Letter.By != "" || told.Until.Sub(w.Now()) != ticket.UndoLife {
			t.Errorf("the old mailbox is told %+v", told)
		}
		events, _, err := event.New(w.store, event.Options{Now: w.Now}).After(ctx, start, "acme", 100)
		w.must(err)
		if len(events) != 1 || events[0].User != jan || events[0].Kind != event.Changed {
			t.Errorf("the app hears %+v", events)
		}
		lines, err := w.options.Audit.(*audit.Log).List(ctx, "acme", audit.Query{User: jan, Action: audit.UserEmailChanged})
		w.must(err)
		if len(lines.Entries) != 1 || lines.Entries[0].Actor.ID != jan {
			t.Errorf("the log says %+v", lines.Entries)
		}
		// It is nothing to move to.
		for address, want := range map[string]error{"jan@home.test": manage.ErrSame, "no address": directory.ErrInvalid} {
			if _, err := w.MoveOwn(w.self(), u, "s1", address); !errors.Is(err, want) {
				t.Errorf("to %q: %v", address, err)
			}
		}
		// Somebody whose sessions were ended between the look at theirs and here.
		if _, err := w.MoveOwn(w.self(), before, "s1", "other@home.test"); !errors.Is(err, manage.ErrOver) {
			t.Errorf("from a session that is over: %v", err)
		}
	})
}

// Who asks for an address must not learn whether somebody has it: a stranger, a
// colleague, or somebody who may want it back.
func TestATakenAddressIsAnsweredLikeAFreeOne(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		kept := audit.As(ctx, audit.Actor{Kind: audit.ByUser, ID: "rival-admin", Account: "rival"})
		u, err := w.MoveOwn(kept, w.read("rival", "rival-admin"), "s9", "boss@rival.test")
		w.must(err)
		_, err = w.Prove(ctx, w.open(w.mailed()[letter.AddressToProve].Letter.Link, "boss@rival.test"))
		w.must(err)
		w.post.Take()
		free := w.asks("free@home.test")
		for _, address := range []string{"admin@acme.test", "superadmin@rival.test", "boss@rival.test", u.Email} {
			w.Push(time.Hour)
			mails := w.asks(address)
			if len(mails) != len(free) || mails[letter.AddressAsked].To != free[letter.AddressAsked].To {
				t.Errorf("%s: %+v", address, mails)
			}
			prove := mails[letter.AddressToProve]
			if prove.To != address || prove.Letter.Link != "" || prove.Letter.NotMe != "" {
				t.Errorf("%s: the mail holds a link: %+v", address, prove)
			}
			if got := w.read("acme", jan); got.Moving == nil || got.Moving.Email != address {
				t.Errorf("%s: what the page shows: %+v", address, got.Moving)
			}
		}
		w.must(w.KeepOwn(w.self(), w.read("acme", jan)))
		if got := w.read("acme", jan); got.Moving != nil {
			t.Errorf("given up: %+v", got.Moving)
		}
	})
}

// An attacker who got through the proof moves on and on, and says "this was not me"
// in the mailboxes they have. The first owner undoes all of it.
func TestTheFirstOwnerUndoesAChainOfChanges(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		first := w.moves("thief@one.test")
		second := w.moves("thief@two.test")
		// In the mailbox in between: it takes back what came after it, no more.
		if f, _ := w.notMe(second); !has(f.Undone, ticket.UndoneAddress) || w.read("acme", jan).Email != "thief@one.test" {
			t.Errorf("undone %v: %+v", f.Undone, w.read("acme", jan))
		}
		third := w.moves("thief@three.test")
		w.Push(24 * time.Hour)
		// Nobody takes the address meanwhile: neither a stranger, nor an admin of theirs.
		for _, account := range []string{"rival", "acme"} {
			c := &store.User{Account: account, Email: "teammate@acme.test", Name: "x", Type: "teammate"}
			if err := w.dir.CreateUser(ctx, c); !errors.Is(err, directory.ErrTaken) {
				t.Errorf("claimed in %s: %v", account, err)
			}
		}
		if _, err := w.dir.FindByEmail(ctx, "teammate@acme.test"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("it logs somebody in: %v", err)
		}
		before := w.read("acme", jan)
		f, mails := w.notMe(first)
		u := w.read("acme", jan)
		if u.Email != "teammate@acme.test" || u.Password != "" || u.Epoch <= before.Epoch || u.Moving != nil {
			t.Errorf("user is %+v", u)
		}
		if m := mails[letter.Secured]; m.To != "teammate@acme.test" || m.Letter.Password == "" {
			t.Errorf("mailed %+v", mails)
		}
		if !has(f.Undone, ticket.UndoneAddress) || !has(f.Undone, ticket.UndoneSessions) || !has(f.Undone, ticket.UndonePassword) {
			t.Errorf("undone %v", f.Undone)
		}
		if found, err := w.dir.FindByEmail(ctx, "teammate@acme.test"); err != nil || found.ID != jan {
			t.Errorf("the address: %+v %v", found, err)
		}
		// The thief's links are dead, and pressing again changes nothing.
		w.notMe(third)
		w.notMe(first)
		if got := w.read("acme", jan); got.Email != u.Email || got.Epoch != u.Epoch {
			t.Errorf("pressed again: %+v", got)
		}
	})
}

func has(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}

func TestAnAddressIsHeldForThreeDaysAndNotForSomebodyGone(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.moves("jan@home.test")
		take := func() error {
			return w.dir.CreateUser(ctx, &store.User{Account: "rival", Email: "teammate@acme.test", Name: "x", Type: "teammate"})
		}
		w.Push(ticket.UndoLife - 2*time.Minute)
		if err := take(); !errors.Is(err, directory.ErrTaken) {
			t.Errorf("a moment before: %v", err)
		}
		w.Push(3 * time.Minute)
		w.must(take())
		// Of somebody who is deleted nothing is held.
		w.post.Take()
		_, err := w.MoveOwn(w.self(), w.read("acme", jan), "s1", "jan@work.test")
		w.must(err)
		_, err = w.Prove(ctx, w.open(w.mailed()[letter.AddressToProve].Letter.Link, "jan@work.test"))
		w.must(err)
		w.must(w.dir.DeleteUser(ctx, "acme", jan))
		w.Push(2 * time.Minute)
		w.must(w.dir.CreateUser(ctx, &store.User{Account: "rival", Email: "jan@home.test", Name: "y", Type: "teammate"}))
	})
}

// A login on a device that is not theirs, and the address changed in it: the letter
// about the device alone brings everything back, whichever is pressed first.
func TestNotMeOfADeviceBringsTheAddressBack(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		began := w.Now()
		device := w.told(letter.NewDevice, began)
		w.moves("thief@one.test")
		w.moves("thief@two.test")
		f, mails := w.notMe(device)
		u := w.read("acme", jan)
		if u.Email != "teammate@acme.test" || u.Password != "" {
			t.Errorf("user is %+v", u)
		}
		if m := mails[letter.Secured]; m.To != "teammate@acme.test" || len(mails) != 1 {
			t.Errorf("mailed %+v", mails)
		}
		if !has(f.Undone, ticket.UndoneAddress) {
			t.Errorf("undone %v", f.Undone)
		}
		lines, err := w.options.Audit.(*audit.Log).List(t.Context(), "acme", audit.Query{User: jan, Action: audit.UserDisowned})
		w.must(err)
		if len(lines.Entries) != 1 || lines.Entries[0].Actor.ID != jan {
			t.Errorf("the log says %+v", lines.Entries)
		}
	})
}

// What was changed before that login stays, and so does what others did to help.
func TestNotMeLeavesWhatWasThereBefore(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		w.moves("jan@home.test")
		w.Push(time.Hour)
		device := w.told(letter.NewDevice, w.Now())
		if _, mails := w.notMe(device); mails[letter.Secured].To != "jan@home.test" {
			t.Errorf("mailed %+v", mails)
		}
		if u := w.read("acme", jan); u.Email != "jan@home.test" || u.Password != "" {
			t.Errorf("user is %+v", u)
		}
		// An admin switched the second step off: their password is theirs still.
		w.set("acme", jan, func(u *store.User) { u.Password, u.SecondStep = "hash of mine", true })
		_, err := w.SecondStepOff(t.Context(), w.as("acme", "admin"), "acme", jan)
		w.must(err)
		link := w.mailed()[letter.SecondStepOff].Letter.NotMe
		if _, mails := w.notMe(link); len(mails) != 0 || w.read("acme", jan).Password == "" {
			t.Errorf("mailed %+v, user is %+v", mails, w.read("acme", jan))
		}
		// An admin set a password: it opens nothing any more, and a new one comes.
		_, err = w.NewPassword(t.Context(), w.as("acme", "admin"), "acme", jan)
		w.must(err)
		link = w.mailed()[letter.PasswordChanged].Letter.NotMe
		if _, mails := w.notMe(link); mails[letter.Secured].To != "jan@home.test" || w.read("acme", jan).Password != "" {
			t.Errorf("mailed %+v, user is %+v", mails, w.read("acme", jan))
		}
	})
}

func TestNobodyMovesMoreOftenThanCanBeUndone(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		for _, address := range []string{"a@one.test", "b@one.test", "c@one.test"} {
			w.moves(address)
		}
		var many *outbox.TooMany
		if _, err := w.MoveOwn(w.self(), w.read("acme", jan), "s1", "d@one.test"); !errors.As(err, &many) || !many.Until.After(w.Now()) {
			t.Errorf("a fourth time: %v", err)
		}
		w.Push(ticket.UndoLife)
		w.moves("d@one.test")
	})
}

// Pressed in two places at once, it is done once; and a hook that fails leaves all
// as it was.
func TestNotMeIsOneStep(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		failing := errors.New("no")
		o := w.options
		o.Undo = []manage.Undo{func(context.Context, store.Tx, *store.User, time.Time) (string, error) { return "", failing }}
		device, before := w.told(letter.NewDevice, w.Now()), w.read("acme", jan)
		if _, err := (manage.Links{Book: w.book, Manager: manage.New(o)}).Revoke(t.Context(), token(device)); !errors.Is(err, failing) {
			t.Errorf("a hook that fails: %v", err)
		}
		if u := w.read("acme", jan); u.Password != before.Password || u.Epoch != before.Epoch || len(w.mailed()) != 0 {
			t.Errorf("half of it was done: %+v", u)
		}
		var since time.Time
		began := w.Now().Add(-time.Minute)
		device = w.told(letter.NewDevice, began)
		o.Undo = []manage.Undo{func(_ context.Context, _ store.Tx, _ *store.User, at time.Time) (string, error) {
			since = at
			return "passkeys", nil
		}}
		links, done := manage.Links{Book: w.book, Manager: manage.New(o)}, make(chan error)
		for range 8 {
			go func() { done <- second(links.Revoke(t.Context(), token(device))) }()
		}
		for range 8 {
			w.must(<-done)
		}
		if n := len(w.post.Take()); n != 1 {
			t.Errorf("%d passwords were mailed", n)
		}
		if u := w.read("acme", jan); u.Epoch != before.Epoch+1 || !since.Equal(began) {
			t.Errorf("user is %+v, taken back since %s", u, since)
		}
	})
}
