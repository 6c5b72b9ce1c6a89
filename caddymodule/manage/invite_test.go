package manage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

func (w *world) invite(account, email string) (*store.User, outbox.Draft) {
	w.t.Helper()
	u, err := w.Invite(w.t.Context(), w.as(account, "admin"), account, manage.Invitation{Email: email, Name: "New One", Type: "teammate", Locale: "nl"})
	w.must(err)
	mails := w.post.Take()
	if len(mails) != 1 || mails[0].Letter.Kind != letter.Invited {
		w.t.Fatalf("mailed %+v", mails)
	}
	return u, mails[0]
}

// open is somebody who opens a mailed link and shows that it is theirs.
func (w *world) open(link, address string) *ticket.Found {
	w.t.Helper()
	f, err := w.book.TryAddress(w.t.Context(), token(link), address)
	w.must(err)
	return f
}

// enter does with a proof what the dispatcher does.
func (w *world) enter(f *ticket.Found) (*store.User, error) {
	u, err := w.Come(w.t.Context(), f)
	if err != nil {
		return nil, err
	}
	if w.Rules().May(u, &store.Account{ID: u.Account, State: directory.Active}, w.Now()) != cause.None {
		return nil, errors.New("refused")
	}
	s, err := w.book.Settle(w.t.Context(), u, f.Ticket.ID)
	return s.User, err
}

func TestAnInvitationBringsSomebodyIn(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, mail := w.invite("acme", "New.One@Else.test")
		if mail.To != "new.one@else.test" || mail.Letter.By != "admin" || mail.Letter.Network != "" || u.Password != "" || u.Invited == nil {
			t.Errorf("invited %+v, mailed %+v", u, mail)
		}
		if _, err := w.dir.FindByEmail(ctx, mail.To); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the address is theirs before its mailbox is shown to be: %v", err)
		}
		for what, err := range map[string]error{
			"password": second(w.NewPassword(ctx, w.support(), "acme", u.ID)),
			"reset":    second(w.MailPassword(ctx, w.support(), "acme", u.ID)),
			"login":    second(w.MailLogin(ctx, w.support(), "acme", u.ID)),
		} {
			if !errors.Is(err, manage.ErrInvited) {
				t.Errorf("%s of somebody who has not come: %v", what, err)
			}
		}
		if _, err := w.book.TryAddress(ctx, token(mail.Letter.Link), "stranger@else.test"); !errors.Is(err, ticket.ErrWrong) {
			t.Errorf("forwarded to a stranger: %v", err)
		}
		in, err := w.enter(w.open(mail.Letter.Link, "new.one@else.test"))
		w.must(err)
		fresh, err := w.book.Fresh(ctx, in)
		w.must(err)
		if in.Password != "hash of "+fresh || in.Invited != nil {
			t.Errorf("in as %+v with %q", in, fresh)
		}
		if found, err := w.dir.FindByEmail(ctx, mail.To); err != nil || found.ID != u.ID {
			t.Errorf("found %+v, %v", found, err)
		}
		if mails := w.post.Take(); len(mails) != 0 {
			t.Errorf("told of their first password: %+v", mails)
		}
		if f, err := w.book.Find(ctx, token(mail.Letter.Link)); err != nil || f.Cause != cause.LinkUsed {
			t.Errorf("a second time: %+v %v", f, err)
		}
		if _, err := w.InviteAgain(ctx, w.as("acme", "admin"), "acme", u.ID); !errors.Is(err, manage.ErrNotInvited) {
			t.Errorf("invited who has come: %v", err)
		}
	})
}

func TestOfManyAtOnceOneComesIn(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		_, mail := w.invite("acme", "new@else.test")
		f := w.open(mail.Letter.Link, "new@else.test")
		u, err := w.Come(t.Context(), f)
		w.must(err)
		var wg sync.WaitGroup
		var mu sync.Mutex
		in := 0
		for range 20 {
			wg.Go(func() {
				if _, err := w.book.Settle(t.Context(), u, f.Ticket.ID); err == nil {
					mu.Lock()
					in++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if in != 1 {
			t.Errorf("%d came in", in)
		}
	})
}

func TestAnInvitationEnds(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, admin := t.Context(), w.as("acme", "admin")
		u, first := w.invite("acme", "new@else.test")
		w.Push(ticket.InviteLife + time.Second)
		if f, err := w.book.Find(ctx, token(first.Letter.Link)); err != nil || f.Cause != cause.InviteExpired {
			t.Errorf("after a week: %+v %v", f, err)
		}
		_, err := w.InviteAgain(ctx, admin, "acme", u.ID)
		w.must(err)
		again := w.post.Take()[0]
		if f, err := w.book.Find(ctx, token(again.Letter.Link)); err != nil || f.Cause != cause.None {
			t.Errorf("the fresh one: %+v %v", f, err)
		}
		// The person asks for one themselves, behind the old link.
		w.Push(time.Hour)
		f, err := w.book.Find(ctx, token(first.Letter.Link))
		w.must(err)
		w.must(w.Again(ctx, f))
		own := w.post.Take()[0]
		if own.To != "new@else.test" || own.Letter.By != "admin" {
			t.Errorf("mailed %+v", own)
		}
		if f, err := w.book.Find(ctx, token(again.Letter.Link)); err != nil || f.Cause != cause.LinkSuperseded {
			t.Errorf("the one before: %+v %v", f, err)
		}
		// Blocked while the link is under way.
		_, err = w.Block(ctx, admin, "acme", u.ID, "changed my mind", time.Time{})
		w.must(err)
		if _, err := w.enter(w.open(own.Letter.Link, "new@else.test")); err == nil {
			t.Error("somebody blocked came in")
		}
		if f, err := w.book.Find(ctx, token(own.Letter.Link)); err != nil || f.Cause != cause.None {
			t.Errorf("the link was used up by a refusal: %+v %v", f, err)
		}
		w.must(w.Delete(ctx, admin, "acme", u.ID))
		if _, err := w.book.TryAddress(ctx, token(own.Letter.Link), "new@else.test"); err == nil {
			t.Error("the link of somebody deleted fits")
		}
		w.invite("acme", "new@else.test") // free again
	})
}

// shape is what an admin could see or count after doing something.
type shape struct {
	err             string
	reads, writes   int64
	mails           int
	tickets, kinds  string
	invited, moving bool
}

func (w *world) shapeOf(do func(ctx context.Context) (*store.User, error)) shape {
	w.t.Helper()
	reads, writes := w.store.Reads.Load(), w.store.Writes.Load()
	u, err := do(w.t.Context())
	s := shape{reads: w.store.Reads.Load() - reads, writes: w.store.Writes.Load() - writes, err: why(err)}
	for _, d := range w.post.Take() {
		s.mails++
		m, _, err := w.post.Mail(w.t.Context(), d.ID)
		w.must(err)
		s.kinds += m.Kind + " " + m.State + " " + m.Expires.String() + ";"
	}
	if u != nil {
		book, err := store.Books.Get(w.t.Context(), w.store, store.AccountTag(u.Account), u.ID)
		w.must(err)
		for _, t := range book.Tickets {
			s.tickets += fmt.Sprint(t.Purpose, t.Mode, t.State, t.Until, len(t.Secret), len(t.Revoke), t.Typed != "", ";")
		}
		s.invited, s.moving = u.Invited != nil, u.Moving != nil
	}
	return s
}

func TestAnAddressThatIsTakenElsewhereLooksLikeAFreeOne(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		admin := w.as("acme", "admin")
		invite := func(email string) shape {
			return w.shapeOf(func(ctx context.Context) (*store.User, error) {
				return w.Invite(ctx, admin, "acme", manage.Invitation{Email: email, Name: "X", Type: "teammate"})
			})
		}
		free, taken := invite("free@rival.test"), invite("teammate@rival.test")
		if free != taken || free.err != "" {
			t.Errorf("inviting:\nfree  %+v\ntaken %+v", free, taken)
		}
		// Once more: both are invited already.
		if free, taken := invite("free@rival.test"), invite("teammate@rival.test"); free != taken || free.err == "" {
			t.Errorf("inviting twice:\nfree  %+v\ntaken %+v", free, taken)
		}
		w.user("acme", "one", "teammate")
		w.user("acme", "two", "teammate")
		move := func(id, email string) shape {
			return w.shapeOf(func(ctx context.Context) (*store.User, error) {
				c, err := w.ChangeEmail(ctx, admin, "acme", id, email)
				return c.User, err
			})
		}
		free, taken = move("acme-one", "free2@rival.test"), move("acme-two", "admin@rival.test")
		if free != taken || free.err != "" || !free.moving || free.mails != 2 {
			t.Errorf("moving:\nfree  %+v\ntaken %+v", free, taken)
		}
		if u := w.read("rival", "rival-admin"); u.Email != "admin@rival.test" || u.Epoch != 0 {
			t.Errorf("the other one is %+v", u)
		}
		// Whose address it is reads that it is theirs already, and no link opens anything.
		all, err := w.post.List(t.Context(), "", 50)
		w.must(err)
		to := map[string]int{}
		for _, l := range all {
			to[l.Mail.To]++
		}
		for _, address := range []string{"free@rival.test", "teammate@rival.test", "free2@rival.test", "admin@rival.test"} {
			if to[address] != 1 {
				t.Errorf("%d mails to %s", to[address], address)
			}
		}
	})
}

func TestATakenAddressGetsNoLink(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		_, mail := w.invite("acme", "teammate@rival.test")
		if l := mail.Letter; l.Link != "" || l.NotMe != "" {
			t.Errorf("mailed %+v", l)
		}
		if c, err := w.ChangeEmail(t.Context(), w.as("acme", "admin"), "acme", "acme-teammate", "admin@rival.test"); err != nil || !c.Pending {
			t.Fatalf("%+v %v", c, err)
		}
		for _, d := range w.post.Take() {
			if d.To == "admin@rival.test" && (d.Letter.Link != "" || d.Letter.NotMe != "" || d.Letter.Address != "") {
				t.Errorf("mailed %+v", d.Letter)
			}
		}
	})
}

func TestAnAddressOfTheSameAccountIsTaken(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, admin := t.Context(), w.as("acme", "admin")
		if _, err := w.Invite(ctx, admin, "acme", manage.Invitation{Email: "teammate@acme.test", Name: "X", Type: "teammate"}); !errors.Is(err, directory.ErrTaken) {
			t.Errorf("inviting a colleague: %v", err)
		}
		if _, err := w.ChangeEmail(ctx, admin, "acme", "acme-teammate", "superadmin@acme.test"); !errors.Is(err, directory.ErrTaken) {
			t.Errorf("the address of a colleague: %v", err)
		}
		for _, typ := range []string{"admin", "superadmin"} {
			if _, err := w.Invite(ctx, admin, "acme", manage.Invitation{Email: "n@acme.test", Name: "X", Type: typ}); why(err) != manage.WhyAdmin {
				t.Errorf("an admin invited a %s: %v", typ, err)
			}
		}
		if _, err := w.Invite(ctx, w.as("acme", "superadmin"), "acme", manage.Invitation{Email: "n@acme.test", Name: "X", Type: "support"}); !errors.Is(err, directory.ErrInvalid) {
			t.Errorf("a team invited support: %v", err)
		}
		if mails := w.post.Take(); len(mails) != 0 {
			t.Errorf("mailed %+v", mails)
		}
	})
}

func TestWhoeverShowsTheMailboxFirstHasTheAddress(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		_, here := w.invite("acme", "new@else.test")
		_, there := w.invite("rival", "new@else.test")
		_, err := w.enter(w.open(there.Letter.Link, "new@else.test"))
		w.must(err)
		if _, err := w.enter(w.open(here.Letter.Link, "new@else.test")); !errors.Is(err, directory.ErrTaken) {
			t.Errorf("the second: %v", err)
		}
		if u, err := w.dir.FindByEmail(t.Context(), "new@else.test"); err != nil || u.Account != "rival" {
			t.Errorf("it is %+v %v", u, err)
		}
	})
}

// Who mistyped the address of somebody they invited mends it: the invitation goes to
// the right one, and the link that went to a stranger is of no use any more.
func TestTheAddressOfSomebodyInvitedIsMended(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		ctx, admin := t.Context(), w.as("acme", "admin")
		u, wrong := w.invite("acme", "jna@else.test")
		c, err := w.ChangeEmail(ctx, admin, "acme", u.ID, "Jan@Else.test")
		w.must(err)
		mails := w.post.Take()
		if !c.Invited || c.Pending || c.User.Email != "jan@else.test" || c.User.Display != "Jan@Else.test" || c.User.Invited == nil {
			t.Errorf("changed: %+v", c)
		}
		if len(mails) != 1 || mails[0].To != "jan@else.test" || mails[0].Letter.Kind != wrong.Letter.Kind {
			t.Fatalf("mailed %+v", mails)
		}
		if f, err := w.book.Find(ctx, token(wrong.Letter.Link)); err != nil || f.Cause != cause.LinkSuperseded {
			t.Errorf("the link to the wrong mailbox: %+v %v", f, err)
		}
		// The wrong address is free again, the right one taken, in this team only.
		if _, err := w.Invite(ctx, admin, "acme", manage.Invitation{Email: "jan@else.test", Name: "Twee", Type: "teammate"}); !errors.Is(err, directory.ErrTaken) {
			t.Errorf("invited twice under one address: %v", err)
		}
		other, _ := w.invite("acme", "jna@else.test")
		if _, err := w.ChangeEmail(ctx, admin, "acme", other.ID, "jan@else.test"); !errors.Is(err, directory.ErrTaken) {
			t.Errorf("moved onto another one who is invited: %v", err)
		}
		if _, err := w.ChangeEmail(ctx, admin, "acme", other.ID, "teammate@acme.test"); !errors.Is(err, directory.ErrTaken) {
			t.Errorf("moved onto a colleague: %v", err)
		}
		w.post.Take()
		// An address of another team is answered like any, and its mail opens nothing.
		c, err = w.ChangeEmail(ctx, admin, "acme", other.ID, "teammate@rival.test")
		w.must(err)
		if mails := w.post.Take(); !c.Invited || len(mails) != 1 || mails[0].Letter.Link != "" {
			t.Errorf("to an address of a rival: %+v, mailed %+v", c, mails)
		}
		in, err := w.enter(w.open(mails[0].Letter.Link, "jan@else.test"))
		w.must(err)
		if found, err := w.dir.FindByEmail(ctx, "jan@else.test"); err != nil || found.ID != u.ID || in.Invited != nil {
			t.Errorf("came as %+v, found %+v %v", in, found, err)
		}
		page, err := audit.New(w.store, audit.Options{Now: w.Now}).List(ctx, "acme", audit.Query{N: 50, User: u.ID})
		w.must(err)
		if !slices.ContainsFunc(page.Entries, func(e audit.Entry) bool { return e.After["email"] == "jan@else.test" || e.Email == "jan@else.test" }) {
			t.Errorf("the log does not say it: %+v", page.Entries)
		}
	})
}
