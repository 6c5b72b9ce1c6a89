package endtoend_test

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// press presses the button of a provider on the login page.
func (b *tab) press(name string) {
	b.t.Helper()
	b.do(chromedp.Click(`[data-provider="`+name+`"]`, chromedp.NodeReady))
}

// picks is somebody on the page of a certified provider.
func (b *tab) picks(name, who string) {
	b.t.Helper()
	b.shows(name + ": choose an account")
	b.do(chromedp.Click("#account-"+who, chromedp.NodeReady))
}

// One of two providers goes away. Who was on the login page already is told at the
// press of its button and gets in another way; who comes now reads it in the place
// of the button, and gets in by the other provider. Nobody loses where they were
// going.
func TestAProviderThatIsDownInTwoBrowsers(t *testing.T) {
	t.Parallel()
	f := openFair(t, kit.Bolt(t), "google", "linkedin")
	owner := kit.Visit(t, f.g.URL).Enter("teammate")
	f.links(owner, "google", "anna")
	f.links(owner, "linkedin", "anna")
	f.servers["linkedin"].Choose("")
	f.servers["google"].Choose("")
	early, late := newTab(t, chromium(t, "en", ""), false), newTab(t, chromium(t, "nl", ""), true)
	late.open(f.g.URL + "/clients/1")
	late.press("google")
	late.picks("google", "anna")
	late.at(f.g.URL + "/clients/1")
	late.leave(f.g.URL)
	early.open(f.g.URL + "/clients/2?tab=notes")
	early.shows(`data-provider="google"`)

	v := kit.Visit(t, f.g.URL)
	back := f.goes(v, "google", "anna", "/")
	inside := kit.Visit(t, f.g.URL)
	inside.Get(f.goes(inside, "google", "anna", "/"))
	f.servers["google"].Stop()
	arrived(t, inside.Get("/clients/1"), "teammate") // sessions here do not hang on it
	refused(t, v.Get(back), http.StatusBadGateway, "provider_unavailable")

	early.press("google")
	early.shows(`data-cause="provider_unavailable"`)
	early.shows("Google does not work at the moment")
	early.do(chromedp.Click(".links .primary", chromedp.NodeReady))
	early.shows(`data-away="google"`)
	early.shows("Logging in with Google does not work at the moment")
	early.login("client", kit.Password, `"Remote-User":["client"]`)
	early.at(f.g.URL + "/clients/2?tab=notes")
	early.quiet()

	late.open(f.g.URL + "/clients/3?tab=notes")
	late.shows("Inloggen met Google lukt nu even niet")
	if strings.Contains(late.html(), `data-provider="google"`) {
		t.Error("its button is still there")
	}
	late.press("linkedin")
	late.picks("linkedin", "anna")
	late.at(f.g.URL + "/clients/3?tab=notes")
	late.leave(f.g.URL)

	f.servers["google"].Resume()
	f.servers["google"].Choose("")
	kit.Eventually(t, "the button is back", func() bool { return f.button("google") })
	late.open(f.g.URL + "/clients/4")
	late.press("google")
	late.picks("google", "anna")
	late.at(f.g.URL + "/clients/4")
	late.quiet()
}

// silent takes connections and never answers.
type silent struct {
	net.Listener
	mu    sync.Mutex
	held  map[net.Conn]bool // who is still waiting for an answer
	begun int
}

func keepSilent(t *testing.T) *silent {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &silent{Listener: l, held: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.hold(c)
		}
	}()
	return s
}

// hold reads until the other side gives up.
func (s *silent) hold(c net.Conn) {
	s.mu.Lock()
	s.held[c] = true
	s.begun++
	s.mu.Unlock()
	for buf := make([]byte, 1024); ; {
		if _, err := c.Read(buf); err != nil {
			break
		}
	}
	_ = c.Close()
	s.mu.Lock()
	delete(s.held, c)
	s.mu.Unlock()
}

// waiting are those who wait for an answer now.
func (s *silent) waiting() (all []net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.held {
		all = append(all, c)
	}
	return all
}

func (s *silent) waits(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[c]
}

// A provider that takes connections and never answers delays no page: the login page
// and a whole login by it are there while the gateway still waits.
func TestAProviderThatHangsDelaysNoPage(t *testing.T) {
	t.Parallel()
	hangs := keepSilent(t)
	g, _ := town(t, kit.Bolt(t), kit.Site{App: "provider oidc slow {\nlabel Slow\nissuer http://" + hangs.Addr().String() + "\nclient_id a\nclient_secret b\n}"})
	b := newTab(t, chromium(t, "nl", ""), true)
	// A page that waited would be there only once the gateway has given up on the
	// connection that was open before it. A look that ends just then proves nothing:
	// once more.
	delayed := true
	for range 4 {
		var before []net.Conn
		kit.Eventually(t, "the gateway to ask", func() bool {
			before = hangs.waiting()
			return len(before) > 0
		})
		b.open(g.URL + "/gateway/login?to=%2Fclients%2F5")
		b.shows(`id="password"`)
		if delayed = !hangs.waits(before[0]); !delayed {
			break
		}
	}
	if delayed {
		t.Error("the login page waits for the provider")
	}
	b.login("teammate", kit.Password, `"Remote-User":["teammate"]`)
	b.at(g.URL + "/clients/5")
	b.leave(g.URL)
	kit.Eventually(t, "the page to say that it does not work", func() bool {
		return strings.Contains(kit.Visit(t, g.URL).Get("/gateway/login").Body, `data-away="slow"`)
	})
	b.open(g.URL + "/clients/6")
	b.shows("Inloggen met Slow lukt nu even niet")
	b.quiet()
}

// Whoever picks an account that is not linked reads which one came back, masked,
// chooses another and is in, where they were going; in two browsers, at each
// provider, with script and without.
func TestTheWrongAccountInTwoBrowsers(t *testing.T) {
	t.Parallel()
	f := openFair(t, kit.Bolt(t), "google", "microsoft", "linkedin")
	owner := kit.Visit(t, f.g.URL).Enter("teammate")
	for _, name := range []string{"google", "microsoft", "linkedin"} {
		f.links(owner, name, "anna")
		f.servers[name].Choose("")
	}
	dutch, english := chromium(t, "nl", ""), chromium(t, "en", "")
	for _, c := range []struct{ name, label, wrong, whole, masked string }{
		{"google", "Google", "eve", "owner@demo.test", "o•••@demo.test"},
		{"microsoft", "Microsoft", "bram", "bram@elders.test", "b•••@elders.test"},
		{"linkedin", "LinkedIn", "bram", "bram@elders.test", "b•••@elders.test"},
	} {
		nl, en := "Dat account bij "+c.label+" is hier nog niet gekoppeld", "That "+c.label+" account is not linked here yet"
		for said, b := range map[string]*tab{nl: newTab(t, dutch, true), en: newTab(t, english, false)} {
			b.open(f.g.URL + "/clients/9?tab=notes")
			b.press(c.name)
			b.picks(c.name, c.wrong)
			b.shows(`data-cause="identity_not_linked"`)
			b.shows(c.masked)
			b.shows(said)
			if page := b.html(); strings.Contains(page, c.whole) || !reference.MatchString(page) {
				t.Errorf("%s: the address is not masked, or there is no reference: %s", c.name, page)
			}
			if c.name == "linkedin" { // nobody can choose there: the page says what to do first
				b.shows(map[bool]string{said == nl: "Log dan eerst uit bij LinkedIn", said == en: "Then log out of LinkedIn first"}[true])
				b.open(f.servers[c.name].Base + "/oauth/session/end")
				b.do(chromedp.Click("button[value=yes]", chromedp.NodeReady))
				b.shows("Sign-out Success")
				b.open(f.g.URL + "/clients/9?tab=notes")
				b.press(c.name)
				b.picks(c.name, "anna")
			} else {
				b.do(chromedp.Click(`.links a[href^="/gateway/provider/`+c.name+`"]`, chromedp.NodeReady))
				b.picks(c.name, "anna")
			}
			if said == en && c.name == "google" { // without script the provider asks once more
				b.do(chromedp.Click(`form[action$="/session/end/confirm"] button`, chromedp.NodeReady))
			}
			b.at(f.g.URL + "/clients/9?tab=notes")
			b.shows(`"Remote-User":["teammate"]`)
			// What came back first is linked to nobody by the way.
			b.open(f.g.URL + "/gateway/security/identities")
			b.shows("a•••@work.test")
			if page := b.html(); strings.Contains(page, c.masked) {
				t.Errorf("%s: the other account is linked: %s", c.name, page)
			}
			b.quiet()
		}
	}
}
