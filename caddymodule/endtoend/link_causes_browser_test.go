package endtoend_test

import (
	"context"
	"encoding/json"
	"html"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/store"
)

// wordsOf reads the words of a language as they are written down.
func wordsOf(t *testing.T, lang string) func(id string) string {
	t.Helper()
	raw, err := os.ReadFile("../../assets/words/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]any{}
	if err := json.Unmarshal(raw, &words); err != nil {
		t.Fatal(err)
	}
	return func(id string) string {
		text, ok := words[id].(string)
		if !ok {
			t.Errorf("no word %q in %s", id, lang)
		}
		return text
	}
}

// lapse has the tickets of somebody be over since a minute, as if time had passed.
func lapse(t *testing.T, s *kit.Store, user string) {
	t.Helper()
	s.With(func(e store.Engine) {
		err := e.Update(context.Background(), store.AccountTag("acme"), func(tx store.Tx) error {
			book, err := store.Books.Read(tx, user)
			if err != nil {
				return err
			}
			for i := range book.Tickets {
				book.Tickets[i].Until = time.Now().Add(-time.Minute)
			}
			return store.Books.Put(tx, user, book, time.Now().Add(time.Hour))
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

var aReference = regexp.MustCompile(`data-reference="[A-Z0-9]{3}-[A-Z0-9]{3}"`)

// causeStory is one person whose mailed links end in every way there is.
type causeStory struct {
	t          *testing.T
	s          *kit.Store
	g          *kit.Gateway
	box        *kit.Mailbox
	lang, user string
	tab        func() *tab
	word       func(id string) string
	mails      int
}

// mail asks for a login by mail in a tab and returns the link.
func (s *causeStory) mail(b *tab) (link string) {
	s.t.Helper()
	b.open(s.g.URL + "/gateway/magic?to=%2Fclients")
	b.do(chromedp.SendKeys("#magic #email", kit.Address(s.user)+"\r", chromedp.NodeReady))
	b.shows(`id="code"`)
	return s.next()
}

// next waits for the next mail and returns its link.
func (s *causeStory) next() (link string) {
	s.t.Helper()
	s.mails++
	return s.g.URL + s.box.Wait(s.user, s.mails).Links()[0]
}

// over opens a link that is of no use, wants the whole of its cause, and goes on
// with the fresh one that the page mails in one click.
func (s *causeStory) over(link, cause string) {
	s.t.Helper()
	b := s.tab()
	b.open(link)
	b.shows(`data-cause="` + cause + `"`)
	page := html.UnescapeString(b.html())
	for _, part := range []string{".title", ".text", ".way"} {
		if want := s.word("cause." + cause + part); !strings.Contains(page, want) {
			s.t.Errorf("%s does not say %q: %s", cause, want, page)
		}
	}
	if m := language.FindStringSubmatch(page); m == nil || m[1] != s.lang {
		s.t.Errorf("%s is in %v", cause, m)
	}
	if !aReference.MatchString(page) {
		s.t.Errorf("%s has no reference", cause)
	}
	b.do(chromedp.Click(`main form[action*="again"] button`, chromedp.NodeReady))
	b.shows(`id="code"`) // the tab that waits, in the browser that asks now
	b.open(s.next())
	b.do(chromedp.Click(`#act button`, chromedp.NodeReady))
	b.at(s.g.URL + "/clients")
	b.shows(s.user)
	b.quiet()
}

func (s *causeStory) run() {
	desk := s.tab()
	first := s.mail(desk)
	lapse(s.t, s.s, s.user)
	s.over(first, "link_expired")
	older := s.mail(desk)
	newer := s.mail(desk)
	// In another browser the address is wanted; that logs in, and ends the other.
	phone := s.tab()
	phone.open(newer)
	phone.shows(`data-cause="other_browser"`)
	if page := html.UnescapeString(phone.html()); !strings.Contains(page, s.word("mailed.magic.address")) {
		s.t.Errorf("another browser does not say what is the matter: %s", page)
	}
	phone.do(chromedp.SendKeys("#act #email", kit.Address(s.user)+"\r", chromedp.NodeReady))
	phone.at(s.g.URL + "/clients")
	phone.quiet()
	s.over(older, "link_superseded")
	s.over(newer, "link_used")
}

// Every way in which a mailed link can be of no use is said in the language of
// the mail, and a fresh one that works is one click away.
func TestEveryCauseOfAMailedLinkInABrowser(t *testing.T) {
	t.Parallel()
	s, box := kit.Redis(t), kit.NewMailbox(t)
	mail := strings.Replace(box.Words(), "mail {", "mail {\nlimits {\naddress 50\nnetwork 100\n}", 1)
	g, _ := town(t, s, kit.Site{App: mail})
	for lang, user := range map[string]string{"nl": "teammate", "en": "client"} {
		t.Run(lang, func(t *testing.T) {
			browser := chromium(t, lang, "")
			(&causeStory{
				t: t, s: s, g: g, box: box, lang: lang, user: user, word: wordsOf(t, lang),
				tab: func() *tab { return newTab(t, browser, true) },
			}).run()
		})
	}
}
