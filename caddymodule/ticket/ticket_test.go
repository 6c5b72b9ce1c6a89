package ticket_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

func TestALoginByLinkIsGoodOnce(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		first, mail := w.ask(w.jan, ticket.Magic, "")
		if mail.To != "jan@acme.test" || mail.Letter.Kind != letter.Magic || mail.Letter.Locale != "nl" {
			w.t.Errorf("mailed to %q: %+v", mail.To, mail.Letter)
		}
		if !strings.HasPrefix(mail.Letter.Link, origin+"/m/") || len(mail.Letter.Link) > 100 {
			w.t.Errorf("link %q", mail.Letter.Link)
		}
		_, second := w.ask(w.jan, ticket.Magic, "")
		f, err := w.other.Find(ctx, token(mail.Letter.Link))
		if err != nil || f.Cause != cause.None || f.User != "jan" || f.Account != "acme" || f.Ticket.Target != "/clients" || f.Revoking {
			w.t.Fatalf("found %+v, %v", f, err)
		}
		if !f.Asked("browser") || f.Asked("another") || f.Asked("") {
			w.t.Error("which browser asked is not known")
		}
		if s, err := w.book.Settle(ctx, w.jan, first.ID); err != nil || s.User.ID != "jan" || s.Fresh {
			w.t.Fatalf("settled %+v, %v", s, err)
		}
		_, err = w.other.Settle(ctx, w.jan, first.ID)
		if got := spent(err); got != "link_used" {
			w.t.Errorf("a second time: %s", got)
		}
		for link, want := range map[string]cause.Cause{mail.Letter.Link: cause.LinkUsed, second.Letter.Link: cause.LinkSuperseded} {
			if f, err := w.book.Find(ctx, token(link)); err != nil || f.Cause != want {
				w.t.Errorf("afterwards %v, %v, want %s", f, err, want)
			}
		}
		w.Push(25 * time.Hour)
		w.ask(w.jan, ticket.Magic, "") // writing drops what is a day old
		if _, err := w.book.Find(ctx, token(mail.Letter.Link)); !errors.Is(err, ticket.ErrNone) {
			w.t.Errorf("a day later: %v", err)
		}
	})
}

func TestThreeAreGoodSideBySideAndTheFourthEndsTheOldest(t *testing.T) {
	onNodes(t, func(w *world) {
		var links []string
		for range 4 {
			_, mail := w.ask(w.jan, ticket.Magic, "")
			links = append(links, mail.Letter.Link)
			w.Push(time.Minute)
		}
		_, password := w.ask(w.jan, ticket.Password, ticket.Keep)
		for i, link := range links {
			want := cause.None
			if i == 0 {
				want = cause.LinkSuperseded
			}
			if f, err := w.book.Find(w.t.Context(), token(link)); err != nil || f.Cause != want {
				w.t.Errorf("link %d: %v, %v", i, f, err)
			}
		}
		w.Push(27 * time.Minute)
		if f, err := w.book.Find(w.t.Context(), token(links[1])); err != nil || f.Cause != cause.LinkExpired {
			w.t.Errorf("after half an hour: %v, %v", f, err)
		}
		owner := outbox.OfUser("acme", "jan")
		if f, err := w.book.Pending(w.t.Context(), owner, password.Letter.Password); err != nil || f.Cause != cause.None {
			w.t.Errorf("the password: %v, %v", f, err)
		}
	})
}

func TestABookStaysShort(t *testing.T) {
	onNodes(t, func(w *world) {
		for range 50 {
			w.ask(w.jan, ticket.Magic, "")
			w.Push(time.Minute)
		}
		_, mail := w.ask(w.jan, ticket.Magic, "")
		book, err := store.Books.Get(w.t.Context(), w.store, store.AccountTag("acme"), "jan")
		if err != nil || len(book.Tickets) != 32 {
			w.t.Errorf("%d tickets, %v", len(book.Tickets), err)
		}
		if f, err := w.book.Find(w.t.Context(), token(mail.Letter.Link)); err != nil || f.Cause != cause.None {
			w.t.Errorf("the newest: %v, %v", f, err)
		}
	})
}

func TestFiftyAtOnceAreOne(t *testing.T) {
	onNodes(t, func(w *world) {
		for _, mode := range []string{"", ticket.Keep, ticket.OneTime} {
			purpose := ticket.Magic
			if mode != "" {
				purpose = ticket.Password
			}
			u := w.user("u" + strings.ReplaceAll(mode, "_", "") + "x")
			asked, _ := w.ask(u, purpose, mode)
			var wg sync.WaitGroup
			var mu sync.Mutex
			outcomes := map[string]int{}
			for i := range 50 {
				wg.Go(func() {
					book := w.book
					if i%2 == 1 {
						book = w.other
					}
					_, err := book.Settle(w.t.Context(), u, asked.ID)
					mu.Lock()
					defer mu.Unlock()
					outcomes[spent(err)]++
				})
			}
			wg.Wait()
			if outcomes[""] != 1 || outcomes["link_used"] != 49 {
				w.t.Errorf("%s %s: %v", purpose, mode, outcomes)
			}
		}
	})
}

func TestCodesAreForTheTabThatAsked(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		asked, mail := w.ask(w.jan, ticket.Magic, "")
		code := mail.Letter.Code
		_, err := w.book.TryCode(ctx, asked.ID, "another", code)
		if got := spent(err); got != "other_browser" {
			w.t.Errorf("in another browser: %s", got)
		}
		if _, err := w.book.Waiting(ctx, asked.ID, "another"); spent(err) != "other_browser" {
			w.t.Errorf("waiting in another browser: %v", err)
		}
		if f, err := w.other.Waiting(ctx, asked.ID, "browser"); err != nil || f.Ticket.Match != asked.Match || len(asked.Match) != 4 {
			w.t.Errorf("waiting: %v, %v", f, err)
		}
		for _, typed := range []string{"12345", "", "letters", "1234567"} {
			if _, err := w.book.TryCode(ctx, asked.ID, "browser", typed); !errors.Is(err, ticket.ErrWrong) {
				w.t.Errorf("%q: %v", typed, err)
			}
		}
		if f, err := w.other.TryCode(ctx, asked.ID, "browser", " "+code[:3]+" "+code[3:]+" "); err != nil || f.User != "jan" {
			w.t.Errorf("the code: %v, %v", f, err)
		}
		w.Push(ticket.CodeLife)
		if _, err := w.book.TryCode(ctx, asked.ID, "browser", code); spent(err) != "link_expired" {
			w.t.Errorf("after ten minutes: %v", err)
		}
		if f, err := w.book.Find(ctx, token(mail.Letter.Link)); err != nil || f.Cause != cause.None {
			w.t.Errorf("the link lives on: %v, %v", f, err)
		}
	})
}

// other returns a code that is not this one.
func other(code string, i int) string {
	for {
		if guess := fmt.Sprintf("%06d", i); guess != code {
			return guess
		}
		i += 1000
	}
}

func TestGuessesAtOnceNeverExceedWhatIsAllowed(t *testing.T) {
	onNodes(t, func(w *world) {
		outcomes := map[string]int{}
		for range 3 {
			asked, mail := w.ask(w.jan, ticket.Magic, "")
			var wg sync.WaitGroup
			var mu sync.Mutex
			for i := range 30 {
				wg.Go(func() {
					book := w.book
					if i%2 == 1 {
						book = w.other
					}
					_, err := book.TryCode(w.t.Context(), asked.ID, "browser", other(mail.Letter.Code, i))
					kind := spent(err)
					var wait *ticket.Wait
					if errors.As(err, &wait) {
						kind = "wait"
					}
					mu.Lock()
					defer mu.Unlock()
					outcomes[kind]++
				})
			}
			wg.Wait()
		}
		book, err := store.Books.Get(w.t.Context(), w.store, store.AccountTag("acme"), "jan")
		if err != nil {
			w.t.Fatal(err)
		}
		looked := 0
		for _, mailed := range book.Tickets {
			looked += mailed.CodeTries
			if mailed.CodeTries > ticket.DefaultCodes().PerMail {
				w.t.Errorf("%d guesses at one mail", mailed.CodeTries)
			}
		}
		if looked != ticket.DefaultCodes().PerHour || outcomes["wait"] != 30 {
			w.t.Errorf("%d guesses of one person were looked at; %v", looked, outcomes)
		}
		asked, mail := w.ask(w.jan, ticket.Magic, "")
		var wait *ticket.Wait
		if _, err := w.book.TryCode(w.t.Context(), asked.ID, "browser", mail.Letter.Code); !errors.As(err, &wait) || !wait.Until.Equal(w.Now().Add(time.Hour)) {
			w.t.Errorf("the right one: %v", err)
		}
		if _, err := w.book.Settle(w.t.Context(), w.jan, asked.ID); err != nil {
			w.t.Errorf("the link: %v", err)
		}
	})
}

func TestWhoeverHoldsTheLinkTypesTheirAddressOrTheMatchCode(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		asked, mail := w.ask(w.jan, ticket.Magic, "")
		link := token(mail.Letter.Link)
		if f, err := w.book.TryAddress(ctx, link, " Jan@ACME.test "); err != nil || f.User != "jan" {
			w.t.Errorf("the address: %v, %v", f, err)
		}
		if _, err := w.book.TryMatch(ctx, token(mail.Letter.NotMe), asked.Match); !errors.Is(err, ticket.ErrNone) {
			w.t.Errorf("the match code behind another link: %v", err)
		}
		if f, err := w.book.Waiting(ctx, asked.ID, "browser"); err != nil || !f.Ticket.Approved.IsZero() {
			w.t.Errorf("approved by nobody: %v, %v", f, err)
		}
		if _, err := w.book.TryMatch(ctx, link, asked.Match); err != nil {
			w.t.Errorf("the match code: %v", err)
		}
		if f, err := w.other.Waiting(ctx, asked.ID, "browser"); err != nil || f.Ticket.Approved.IsZero() {
			w.t.Errorf("not approved: %v, %v", f, err)
		}
		for i := range 5 {
			want := ticket.ErrWrong
			if i == 4 {
				want = ticket.ErrDead
			}
			if _, err := w.book.TryAddress(ctx, link, "piet@acme.test"); !errors.Is(err, want) {
				w.t.Errorf("address %d: %v", i, err)
			}
			if _, err := w.book.TryMatch(ctx, link, other("00"+asked.Match, i)[2:]); !errors.Is(err, want) {
				w.t.Errorf("match code %d: %v", i, err)
			}
		}
		if _, err := w.book.TryAddress(ctx, link, "jan@acme.test"); !errors.Is(err, ticket.ErrDead) {
			w.t.Errorf("a sixth address: %v", err)
		}
	})
}

func TestTokensThatAreNone(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		_, mail := w.ask(w.jan, ticket.Magic, "")
		link := token(mail.Letter.Link)
		piet := w.user("piet")
		_, his := w.ask(piet, ticket.Magic, "")
		for _, bad := range []string{
			"", "x", link[:42], link + "a", strings.ToUpper(link), link[:19] + token(his.Letter.Link)[19:],
			token(his.Letter.Link)[:19] + link[19:], strings.Repeat("a", 43), link[:42] + "\x00", "../" + link[3:],
		} {
			if f, err := w.book.Find(ctx, bad); !errors.Is(err, ticket.ErrNone) {
				w.t.Errorf("%q found %+v, %v", bad, f, err)
			}
			if _, err := w.book.TryAddress(ctx, bad, "jan@acme.test"); !errors.Is(err, ticket.ErrNone) {
				w.t.Errorf("%q: %v", bad, err)
			}
			if _, err := w.book.Revoke(ctx, bad); !errors.Is(err, ticket.ErrNone) {
				w.t.Errorf("%q: %v", bad, err)
			}
		}
		if _, err := w.book.Settle(ctx, piet, link[:19]); !errors.Is(err, ticket.ErrNone) {
			w.t.Errorf("somebody else's ticket: %v", err)
		}
		if _, err := w.book.Revoke(ctx, link); !errors.Is(err, ticket.ErrNone) {
			w.t.Errorf("revoked by the link that opens: %v", err)
		}
		if _, err := w.book.Reveal(ctx, link); !errors.Is(err, ticket.ErrNone) {
			w.t.Errorf("a password for a login: %v", err)
		}
	})
}
