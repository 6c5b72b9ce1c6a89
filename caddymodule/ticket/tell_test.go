package ticket_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

func (w *world) tell(kind string) {
	w.t.Helper()
	if err := w.book.Tell(w.t.Context(), w.jan, ticket.Telling{Kind: kind, Origin: origin, Locale: "en", Reference: "K7Q-4MD"}); err != nil {
		w.t.Error(err)
	}
}

// A stranger who keeps guessing, or keeps logging in, does not fill the mailbox.
func TestPeopleAreToldSoOftenADay(t *testing.T) {
	onNodes(t, func(w *world) {
		kinds := func() (n map[string]int) {
			n = map[string]int{}
			for _, m := range w.post.mails {
				n[m.Letter.Kind]++
			}
			return n
		}
		for range 6 {
			w.tell(letter.LimitReached)
			w.tell(letter.NewDevice)
		}
		if n := kinds(); n[letter.LimitReached] != 1 || n[letter.NewDevice] != 3 {
			w.t.Errorf("told %v", n)
		}
		for _, m := range w.post.mails {
			if m.To != "jan@acme.test" || m.Letter.Reference != "K7Q-4MD" || (m.Letter.NotMe == "") != (m.Letter.Kind == letter.LimitReached) {
				w.t.Errorf("told %+v", m)
			}
		}
		w.Push(25 * time.Hour)
		w.tell(letter.LimitReached)
		if n := kinds(); n[letter.LimitReached] != 2 {
			w.t.Errorf("the day after: %v", n)
		}
	})
}

// "This was not me" ends all sessions and leaves the password alone: that of
// somebody whose password was never changed, too.
func TestANewDeviceThatIsNobodysIsShutOut(t *testing.T) {
	onNodes(t, func(w *world) {
		w.tell(letter.NewDevice)
		link := token(w.post.last().Letter.NotMe)
		if f, err := w.book.Find(w.t.Context(), link); err != nil || !f.Revoking {
			w.t.Fatalf("the link: %+v, %v", f, err)
		}
		before := w.reread()
		for range 2 { // pressed twice
			if _, err := w.book.Revoke(w.t.Context(), link); err != nil {
				w.t.Fatal(err)
			}
		}
		if u := w.reread(); u.Epoch != before.Epoch+1 || u.Password != before.Password {
			w.t.Errorf("the user was %+v and is %+v", before, u)
		}
	})
}

// What an admin or operator gives somebody by hand is in force alone: neither a
// password that was mailed before nor the fresh one of such a mail outlives it.
func TestAPasswordGivenByHandEndsTheMailedOnes(t *testing.T) {
	byHand := func(w *world) {
		w.Push(time.Minute)
		_, err := w.dir.UpdateUser(w.t.Context(), "acme", "jan", func(u *store.User) error {
			u.Password, u.PasswordChanged = "by hand", w.Now()
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		first, _ := w.ask(w.jan, ticket.Password, ticket.OneTime)
		if _, err := w.book.Settle(ctx, w.jan, first.ID); err != nil {
			w.t.Fatal(err)
		}
		if fresh, err := w.book.Fresh(ctx, w.jan); err != nil || fresh == "" {
			w.t.Fatalf("fresh %q, %v", fresh, err)
		}
		byHand(w)
		if fresh, err := w.book.Fresh(ctx, w.jan); !errors.Is(err, ticket.ErrNone) {
			w.t.Errorf("the page shows %q, which opens nothing, %v", fresh, err)
		}
		second, _ := w.ask(w.reread(), ticket.Password, ticket.OneTime)
		byHand(w)
		var spent *ticket.Spent
		if _, err := w.book.Settle(ctx, w.reread(), second.ID); !errors.As(err, &spent) || spent.Cause != cause.LinkSuperseded {
			w.t.Errorf("a password mailed before: %v", err)
		}
		if w.reread().Password != "by hand" {
			w.t.Errorf("the password is %q", w.reread().Password)
		}
	})
}

// What was linked since that login would let the stranger in again; what was linked
// before is the person's own.
func TestNotMeTakesWhatWasLinkedSince(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx, book := w.t.Context(), identity.New(w.store, w.Now)
		link := func(n identity.Named) {
			err := book.Link(ctx, w.jan, n, "", func(ctx context.Context, step identity.Step) error {
				return w.store.Update(ctx, store.AccountTag("acme"), func(tx store.Tx) error { return step(ctx, tx, w.jan) })
			})
			if err != nil {
				w.t.Fatal(err)
			}
		}
		mine, theirs := identity.Named{Issuer: "i", Subject: "mine"}, identity.Named{Issuer: "i", Subject: "theirs"}
		link(mine)
		w.Push(time.Hour)
		w.tell(letter.NewDevice)
		w.Push(time.Minute)
		link(theirs)
		if _, err := w.book.Revoke(ctx, token(w.post.last().Letter.NotMe)); err != nil {
			w.t.Fatal(err)
		}
		if _, _, err := book.Find(ctx, theirs); !errors.Is(err, identity.ErrNone) {
			w.t.Errorf("theirs: %v", err)
		}
		if u, _, err := book.Find(ctx, mine); err != nil || u.ID != "jan" {
			w.t.Errorf("mine: %v", err)
		}
	})
}
