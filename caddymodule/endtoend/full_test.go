package endtoend_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/store"
)

// crowd is more people than a store that fills up has room for.
const crowd = 600

// A store without room, as on a full disk: who asks for a mail or wants to log in
// is told to come back, nothing is half-done, those who are in go on, and with
// room everything goes on without a restart.
func TestAStoreThatIsFull(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		box := kit.NewMailbox(t)
		s.Town().Crowd(crowd)
		app := kit.NewApp(t)
		g := kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr, App: strings.Replace(box.Words(), "mail {", "mail {\nlimits {\naddress 50\nnetwork 100000\n}", 1)})
		in := kit.Visit(t, g.URL).Enter("owner")
		before := started(t, g, box)
		asked := fillUp(t, s, g)
		t.Logf("there was room for %d", asked)
		s.Full(g)
		for range 3 {
			nothingGoes(t, g, before)
			arrived(t, in.Get("/"), "owner")
		}
		if a := in.Get("/gateway/health/ready", kit.Bare); a.Status != http.StatusOK {
			t.Errorf("people who are in are served, and ready says %s", a)
		}
		s.Roomy(g)
		goesOn(t, g, box, before)
		arrived(t, in.Get("/"), "owner")
		for i := range asked {
			box.Wait(fmt.Sprintf("crowd%d", i), 1)
		}
		g.Stop()
		complete(t, s, asked)
	})
}

// begun is what people had begun before the store was full.
type begun struct {
	tab      *kit.Visitor // waits for a mail
	waiting  string       // its address
	magic    kit.Mail
	password string // mailed to the admin
}

func started(t *testing.T, g *kit.Gateway, box *kit.Mailbox) (b begun) {
	t.Helper()
	b.tab = kit.Visit(t, g.URL)
	b.waiting = ask(t, b.tab, "teammate", "")
	b.magic = box.Wait("teammate", 1)
	if a := kit.Visit(t, g.URL).Post("/gateway/recover", url.Values{"email": {kit.Address("admin")}}); a.Status != http.StatusSeeOther {
		t.Fatalf("asking for a new password: %s", a)
	}
	b.password = box.Wait("admin", 1).Password()
	return b
}

// fillUp has the crowd ask for mails until there is no room, and returns for how
// many there was. The one after them was refused on the way.
func fillUp(t *testing.T, s *kit.Store, g *kit.Gateway) (asked int) {
	t.Helper()
	s.FillsUp(g)
	for ; asked < crowd; asked++ {
		v := kit.Visit(t, g.URL).From(fmt.Sprintf("10.1.%d.%d", asked/250, asked%250))
		path := []string{"/gateway/magic", "/gateway/recover"}[asked%2]
		a := v.Post(path, url.Values{"email": {fmt.Sprintf("crowd%d@demo.test", asked)}})
		if a.Status != http.StatusSeeOther {
			unavailable(t, a)
			return asked
		}
	}
	t.Fatal("the store does not fill up")
	return 0
}

// nothingGoes tries everything that would write.
func nothingGoes(t *testing.T, g *kit.Gateway, b begun) {
	t.Helper()
	for _, path := range []string{"/gateway/magic", "/gateway/recover"} {
		for _, email := range []string{"client@demo.test", "stranger@demo.test"} {
			unavailable(t, kit.Visit(t, g.URL).Post(path, url.Values{"email": {email}}))
		}
	}
	unavailable(t, kit.Visit(t, g.URL).Login("client", kit.Password))
	unavailable(t, kit.Visit(t, g.URL).Login("client", "wrong-"+kit.Password))
	unavailable(t, kit.Visit(t, g.URL).Login("admin", b.password))
	unavailable(t, b.tab.Post(b.waiting, url.Values{"code": {b.magic.Code()}}))
	for _, link := range b.magic.Links() {
		unavailable(t, b.tab.Post(link, nil))
	}
	if b.tab.Cookie("gateway_session") != "" {
		t.Error("somebody is in who is not in the store")
	}
}

// goesOn wants all that was begun to come to its end, and new things to begin.
func goesOn(t *testing.T, g *kit.Gateway, box *kit.Mailbox, b begun) {
	t.Helper()
	sentTo(t, b.tab.Post(b.waiting, url.Values{"code": {b.magic.Code()}}), "/")
	arrived(t, b.tab.Get("/"), "teammate")
	if a := kit.Visit(t, g.URL).Login("admin", b.password); !strings.HasPrefix(a.To(), "/gateway/recover/keep") {
		t.Errorf("the mailed password, once there is room: %s", a)
	}
	v := kit.Visit(t, g.URL)
	waiting := ask(t, v, "client", "")
	sentTo(t, v.Post(waiting, url.Values{"code": {box.Wait("client", 1).Code()}}), "/")
	kit.Visit(t, g.URL).Enter("trial")
}

// complete wants every mail with its ticket and every ticket with its mail, for
// those who were told so and for nobody else.
func complete(t *testing.T, s *kit.Store, asked int) {
	t.Helper()
	ctx := context.Background()
	s.With(func(e store.Engine) {
		for i := range min(asked+20, crowd) {
			id := fmt.Sprintf("crowd%d", i)
			var tickets, mails []string
			if book, err := store.Books.Get(ctx, e, store.AccountTag("acme"), id); err == nil {
				for _, one := range book.Tickets {
					tickets = append(tickets, one.ID)
				}
			}
			all, err := store.Mails.Scan(ctx, e, store.AccountTag("acme"), id+".", "", 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range all {
				mails = append(mails, one.Value.ID)
			}
			if want := map[bool]int{true: 1}[i < asked]; len(tickets) != want || !slices.Equal(tickets, mails) {
				t.Errorf("%s of %d who were told that a mail comes: tickets %v, mails %v", id, asked, tickets, mails)
			}
		}
	})
}
