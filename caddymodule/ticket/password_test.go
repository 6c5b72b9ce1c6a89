package ticket_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

var ofJan = outbox.OfUser("acme", "jan")

func TestAMailedPasswordToKeep(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		first, one := w.ask(w.jan, ticket.Password, ticket.Keep)
		_, two := w.ask(w.jan, ticket.Password, ticket.Keep)
		_, magic := w.ask(w.jan, ticket.Magic, "")
		if w.reread().Password != "old" {
			w.t.Error("asking changed the password")
		}
		f, err := w.other.Pending(ctx, ofJan, " "+one.Letter.Password+"\u200b\n")
		if err != nil || f.Ticket.ID != first.ID || f.Cause != cause.None {
			w.t.Fatalf("pending: %+v, %v", f, err)
		}
		s, err := w.book.Settle(ctx, w.jan, first.ID)
		if err != nil || s.Fresh || s.User.Epoch != 1 {
			w.t.Fatalf("settled: %+v, %v", s, err)
		}
		u := w.reread()
		if u.Password != "hash of "+one.Letter.Password || u.Epoch != 1 || !u.PasswordChanged.Equal(w.Now()) {
			w.t.Errorf("the user is %+v", u)
		}
		if last := w.post.last(); last.Letter.Kind != letter.PasswordChanged || last.To != "jan@acme.test" || last.Letter.NotMe == "" {
			w.t.Errorf("told by %+v", last)
		}
		if f, err := w.book.Pending(ctx, ofJan, two.Letter.Password); err != nil || f.Cause != cause.LinkSuperseded {
			w.t.Errorf("the other password: %v, %v", f, err)
		}
		if f, err := w.book.Find(ctx, token(magic.Letter.Link)); err != nil || f.Cause != cause.LinkSuperseded {
			w.t.Errorf("the link: %v, %v", f, err)
		}
		if _, err := w.book.Pending(ctx, outbox.OfUser("acme", "piet"), one.Letter.Password); !errors.Is(err, ticket.ErrNone) {
			w.t.Errorf("at somebody else: %v", err)
		}
	})
}

func TestAMailedPasswordThatWorksOnceLeadsToAFreshOne(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		asked, mail := w.ask(w.jan, ticket.Password, ticket.OneTime)
		if _, err := w.book.Fresh(ctx, w.jan); !errors.Is(err, ticket.ErrNone) {
			w.t.Errorf("fresh before: %v", err)
		}
		if s, err := w.book.Settle(ctx, w.jan, asked.ID); err != nil || !s.Fresh {
			w.t.Fatalf("settled: %+v, %v", s, err)
		}
		fresh, err := w.other.Fresh(ctx, w.jan)
		if err != nil || fresh == mail.Letter.Password || w.reread().Password != "hash of "+fresh {
			w.t.Errorf("fresh %v", err)
		}
		if again, err := w.book.Fresh(ctx, w.jan); err != nil || again != fresh {
			w.t.Errorf("it does not come back: %v", err)
		}
		if err := w.book.Stored(ctx, w.jan); err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.other.Fresh(ctx, w.jan); !errors.Is(err, ticket.ErrNone) {
			w.t.Errorf("fresh after it was stored: %v", err)
		}
		w.ask(w.jan, ticket.Password, ticket.OneTime)
		asked, _ = w.ask(w.jan, ticket.Password, ticket.OneTime)
		if _, err := w.book.Settle(ctx, w.reread(), asked.ID); err != nil {
			w.t.Fatal(err)
		}
		w.Push(ticket.FreshLife)
		if _, err := w.book.Fresh(ctx, w.jan); !errors.Is(err, ticket.ErrNone) {
			w.t.Errorf("fresh after a week: %v", err)
		}
	})
}

func TestALinkThatShowsThePasswordDoesSoOnce(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		asked, mail := w.ask(w.jan, ticket.Password, ticket.Link)
		if mail.Letter.Password != "" || mail.Letter.Link == "" {
			w.t.Errorf("mailed %+v", mail.Letter)
		}
		if _, err := w.book.Settle(ctx, w.jan, asked.ID); !errors.Is(err, ticket.ErrNone) {
			w.t.Errorf("used before it was shown: %v", err)
		}
		shown, err := w.other.Reveal(ctx, token(mail.Letter.Link))
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.book.Reveal(ctx, token(mail.Letter.Link)); spent(err) != "link_used" {
			w.t.Errorf("shown twice: %v", err)
		}
		if f, err := w.book.Pending(ctx, ofJan, shown); err != nil || f.Ticket.Mode != ticket.Keep {
			w.t.Errorf("pending: %v, %v", f, err)
		}
		if _, err := w.book.Settle(ctx, w.jan, asked.ID); err != nil || w.reread().Password != "hash of "+shown {
			w.t.Errorf("settled: %v", err)
		}
	})
}

func TestAnOldMailedPasswordIsToldApart(t *testing.T) {
	onNodes(t, func(w *world) {
		_, mail := w.ask(w.jan, ticket.Password, ticket.Keep)
		w.Push(ticket.PasswordLife)
		f, err := w.book.Pending(w.t.Context(), ofJan, mail.Letter.Password)
		if err != nil || f.Cause != cause.PasswordPendingExpired {
			w.t.Errorf("%v, %v", f, err)
		}
	})
}

func TestAProofOlderThanALogOutOfAllIsWorthNothing(t *testing.T) {
	onNodes(t, func(w *world) {
		for _, purpose := range []string{ticket.Magic, ticket.Password} {
			u := w.reread()
			asked, _ := w.ask(u, purpose, ticket.Keep)
			if err := w.dir.EndSessions(w.t.Context(), "acme", "jan"); err != nil {
				w.t.Fatal(err)
			}
			if _, err := w.book.Settle(w.t.Context(), u, asked.ID); spent(err) != "session_ended" {
				w.t.Errorf("%s: %v", purpose, err)
			}
		}
	})
}

func TestNotMeTakesBackWhatTheMailCouldOpen(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		_, one := w.ask(w.jan, ticket.Magic, "")
		_, two := w.ask(w.jan, ticket.Magic, "")
		f, err := w.other.Revoke(ctx, token(one.Letter.NotMe))
		if err != nil || f.User != "jan" || f.Ticket.State != ticket.Open {
			w.t.Fatalf("revoked %+v, %v", f, err)
		}
		for _, mail := range []outbox.Draft{one, two} {
			if f, err := w.book.Find(ctx, token(mail.Letter.Link)); err != nil || f.Cause != cause.LinkSuperseded {
				w.t.Errorf("afterwards %v, %v", f, err)
			}
		}
		if w.reread().Epoch != 0 {
			w.t.Error("sessions ended that nothing had begun")
		}
		asked, used := w.ask(w.jan, ticket.Magic, "")
		if _, err := w.book.Settle(ctx, w.jan, asked.ID); err != nil {
			w.t.Fatal(err)
		}
		if err := w.book.Began(ctx, w.jan, asked.ID, "handle"); err != nil {
			w.t.Fatal(err)
		}
		for range 2 {
			if f, err := w.book.Revoke(ctx, token(used.Letter.NotMe)); err != nil || f.Ticket.Sessions[0] != "handle" {
				w.t.Errorf("revoked %+v, %v", f, err)
			}
		}
		if u := w.reread(); u.Epoch != 1 || u.Password != "old" {
			w.t.Errorf("epoch %d, password %q", u.Epoch, u.Password)
		}
	})
}

func TestNotMeAfterANewPasswordTakesThatPasswordAndNoLaterOne(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		for _, mode := range []string{ticket.Keep, ticket.OneTime} {
			w.Push(time.Minute)
			u := w.reread()
			asked, mail := w.ask(u, ticket.Password, mode)
			s, err := w.book.Settle(ctx, u, asked.ID)
			if err != nil {
				w.t.Fatal(err)
			}
			notice := w.post.last().Letter.NotMe
			for _, link := range []string{mail.Letter.NotMe, notice} {
				if _, err := w.book.Revoke(ctx, token(link)); err != nil {
					w.t.Fatal(err)
				}
			}
			now := w.reread()
			if now.Password != "" || now.Epoch <= s.User.Epoch {
				w.t.Errorf("%s: password %q, epoch %d", mode, now.Password, now.Epoch)
			}
			if _, err := w.book.Fresh(ctx, now); !errors.Is(err, ticket.ErrNone) {
				w.t.Errorf("%s: the fresh password is still shown: %v", mode, err)
			}
		}
		u := w.reread()
		asked, _ := w.ask(u, ticket.Password, ticket.Keep)
		if _, err := w.book.Settle(ctx, u, asked.ID); err != nil {
			w.t.Fatal(err)
		}
		notice := w.post.last().Letter.NotMe
		w.Push(time.Minute)
		u = w.reread()
		asked, mail := w.ask(u, ticket.Password, ticket.Keep)
		if _, err := w.book.Settle(ctx, u, asked.ID); err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.book.Revoke(ctx, token(notice)); err != nil {
			w.t.Fatal(err)
		}
		if got := w.reread().Password; got != "hash of "+mail.Letter.Password {
			w.t.Errorf("the later password went: %q", got)
		}
	})
}

func TestNobodyCostsAsMuchAsSomebody(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		type cost struct{ reads, writes, hashes int64 }
		measure := func(do func()) cost {
			r, wr, h := w.store.Reads.Load(), w.store.Writes.Load(), w.hash.Computed.Load()
			do()
			return cost{w.store.Reads.Load() - r, w.store.Writes.Load() - wr, w.hash.Computed.Load() - h}
		}
		nobody := outbox.OfNobody(attempt.Subject("", "nobody@else.test"))
		for _, mode := range []string{"", ticket.Keep, ticket.OneTime, ticket.Link} {
			purpose := ticket.Password
			if mode == "" {
				purpose = ticket.Magic
			}
			var id, none string
			known := measure(func() { a, _ := w.ask(w.jan, purpose, mode); id = a.ID })
			unknown := measure(func() {
				a, mail := w.ask(nil, purpose, mode)
				none = a.ID
				if l := mail.Letter; l.Kind != letter.Nobody || l.Code+l.Password+l.Link+l.Name != "" || mail.To != "nobody@else.test" {
					w.t.Errorf("nobody is mailed %+v", mail)
				}
			})
			silent := measure(func() {
				if _, err := w.book.Ask(ctx, ticket.Ask{Owner: nobody, Purpose: purpose, Mode: mode, Silent: true}); err != nil {
					w.t.Fatal(err)
				}
			})
			if known != unknown || known != silent {
				w.t.Errorf("asking for %s %s costs %v, %v for nobody, %v in silence", purpose, mode, known, unknown, silent)
			}
			known = measure(func() { _, _ = w.book.Waiting(ctx, id, "browser") })
			unknown = measure(func() { _, _ = w.book.Waiting(ctx, none, "browser") })
			if known != unknown {
				w.t.Errorf("waiting costs %v, %v for nobody", known, unknown)
			}
			if purpose != ticket.Magic {
				continue
			}
			var errs [2]error
			known = measure(func() { _, errs[0] = w.book.TryCode(ctx, id, "browser", "000000") })
			unknown = measure(func() { _, errs[1] = w.book.TryCode(ctx, none, "browser", "000000") })
			if known != unknown || !errors.Is(errs[0], ticket.ErrWrong) || !errors.Is(errs[1], ticket.ErrWrong) {
				w.t.Errorf("a code costs %v, %v for nobody; %v", known, unknown, errs)
			}
		}
		known := measure(func() { _, _ = w.book.Pending(ctx, ofJan, "wrong") })
		unknown := measure(func() { _, _ = w.book.Pending(ctx, nobody, "wrong") })
		if known != unknown {
			w.t.Errorf("comparing costs %v, %v for nobody", known, unknown)
		}
	})
}

func TestAStoreThatIsAwayIsNoWrongCode(t *testing.T) {
	onNodes(t, func(w *world) {
		asked, _ := w.ask(w.jan, ticket.Password, ticket.OneTime)
		w.post.down = true
		if _, err := w.book.Settle(w.t.Context(), w.jan, asked.ID); err == nil || spent(err) == "link_used" {
			w.t.Errorf("settled without a mail: %v", err)
		}
		if w.reread().Password != "old" {
			w.t.Error("half of it was done")
		}
		w.post.down = false
		if _, err := w.book.Settle(w.t.Context(), w.jan, asked.ID); err != nil {
			w.t.Errorf("afterwards: %v", err)
		}
	})
}
