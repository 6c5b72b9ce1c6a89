package endtoend_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// square is a gateway that people reach under several names, all of this machine.
type square struct {
	g    *kit.Gateway
	site kit.Site
	port string
}

// openSquare starts one at app.localhost, at beside.localhost and at a number.
func openSquare(t *testing.T, on *kit.Store) *square {
	t.Helper()
	app := kit.NewApp(t)
	s := &square{site: kit.Site{Store: on.Town().Line, Upstream: app.Addr}}
	s.g = kit.Start(t, s.site)
	_, s.port, _ = strings.Cut(s.g.Addr, ":")
	s.load(t, "")
	return s
}

// at is the address under a name.
func (s *square) at(name string) string { return "http://" + name + ":" + s.port }

// named has a visitor come to app.localhost, which not every machine can look up.
func (s *square) named() kit.Option {
	return func(r *http.Request) {
		r.Host = "app.localhost:" + s.port
		if r.Header.Get("Origin") != "" {
			r.Header.Set("Origin", s.at("app.localhost"))
		}
	}
}

// load configures the gateway for its names, and for passkeys with these words.
func (s *square) load(t *testing.T, passkeys string) {
	t.Helper()
	text := s.site.Caddyfile(s.g.Addr, s.g.Admin)
	text = strings.Replace(text, "public_url http://"+s.g.Addr, "public_url "+s.at("app.localhost")+"\n"+passkeys, 1)
	text = strings.Replace(text, "\nhttp://"+s.g.Addr+" {", "\n"+s.at("app.localhost")+", "+s.at("beside.localhost")+", "+s.at("127.0.0.1")+" {", 1)
	if err := s.g.LoadText(text); err != nil {
		t.Fatal(err)
	}
}

const inTheApp = `"Remote-User":["teammate"]`

// Passkeys are made for one address. At another one, and at a number, nobody is
// offered what cannot work: the page says so, and where it does; every other way in
// is there. Where the domain of the configuration is one that the browser refuses,
// the browser's word is said beside the button.
func TestPasskeysAtTheWrongAddress(t *testing.T) {
	t.Parallel()
	s := openSquare(t, kit.Bolt(t))
	b := newTab(t, chromium(t, "nl", ""), true)
	b.byHand()
	home := s.at("app.localhost")
	b.open(home + "/gateway/login?to=%2Fclients")
	b.device()
	b.login("teammate", kit.Password, inTheApp)
	b.adds(home, "Telefoon", kit.Password)
	b.leave(home)
	b.open(home + "/clients")
	b.pick(inTheApp)

	for _, name := range []string{"beside.localhost", "127.0.0.1"} {
		b.open(s.at(name) + "/clients/1")
		b.shows(`id="password"`)
		if strings.Contains(b.html(), "data-passkey-button") {
			t.Errorf("%s: a button that cannot work", name)
		}
		b.login("teammate", kit.Password, inTheApp)
		b.at(s.at(name) + "/clients/1")
		b.open(s.at(name) + "/gateway/security/passkeys")
		b.shows("data-no-passkeys")
		b.shows("Passkeys werken alleen op app.localhost:" + s.port)
		b.shows("<strong>Telefoon</strong>")
		if strings.Contains(b.html(), `id="password-add"`) {
			t.Errorf("%s: a form that cannot work", name)
		}
	}

	// Another domain: the key of before is lost, and marked so. This one the browser
	// does not give to a page at app.localhost.
	s.load(t, "passkeys {\nrp_id localhost\n}")
	b.open(home + "/gateway/security/passkeys")
	b.shows("hij werkt hier niet meer.")
	b.makes(home, "Laptop", kit.Password)
	b.do(chromedp.Click(passkeyButton, chromedp.NodeVisible))
	b.shows(`data-error="SecurityError"`)
	b.shows("werken passkeys niet. Log in op een andere manier.")
	b.leave(home)
	b.open(home + "/clients/2")
	b.do(chromedp.Click(passkeyButton, chromedp.NodeVisible))
	b.gaveUp("SecurityError", "werken passkeys niet. Log in", "email")
	b.login("teammate", kit.Password, inTheApp)
	b.at(home + "/clients/2")

	// A gateway that has but a number has no passkeys at all.
	if err := s.g.Load(s.site); err != nil {
		t.Fatal(err)
	}
	b.open(s.g.URL + "/gateway/security/passkeys")
	b.shows("data-no-passkeys")
	b.shows("want het is een nummer (een IP-")
	b.quiet()
}

// A configuration that no browser could follow does not load, and says why.
func TestADomainThatIsNotOursIsRefused(t *testing.T) {
	t.Parallel()
	s := openSquare(t, kit.Bolt(t))
	text := strings.Replace(s.site.Caddyfile(s.g.Addr, s.g.Admin), "public_url http://"+s.g.Addr,
		"public_url "+s.at("app.localhost")+"\npasskeys {\nrp_id elsewhere.example\n}", 1)
	if err := s.g.LoadText(text); err == nil || !strings.Contains(err.Error(), "public_url is on app.localhost") {
		t.Errorf("loading it: %v", err)
	}
	v := kit.Visit(t, s.g.URL)
	kit.Eventually(t, "what was there to go on", func() bool { // a connection may be cut by a load, and tried again
		a, err := v.Try(http.MethodGet, "/gateway/passkey/options", s.named())
		return err == nil && a.Status == http.StatusOK && strings.Contains(a.Body, `"rpId":"app.localhost"`)
	})
}

// impatient has the browser give up soon on a device that never answers.
const impatient = `for (const way of ["get", "create"]) {
	const ask = navigator.credentials[way].bind(navigator.credentials);
	navigator.credentials[way] = function (o) { o.publicKey.timeout = 1; return ask(o); };
}`

// No authenticator at all. While the browser looks for one the page says what to do,
// and everything else on it works; when it gives up that is said in words. A browser
// that knows no passkeys says so where they are made.
func TestNoAuthenticatorAtAll(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	dutch := chromium(t, "nl", "")
	b := newTab(t, dutch, true)
	b.byHand()
	call(b, webauthn.Enable, webauthn.EnableParams{}) // and no device
	b.open(url + "/gateway/login?to=%2Fclients")
	b.do(chromedp.SendKeys("#email", "client@demo.test", chromedp.NodeReady))
	b.pick("Volg de stappen van je apparaat ...</p>")
	b.login("", demoPassword, inside("client"))
	b.makes(url, "Telefoon", demoPassword)
	b.pick("Volg de stappen van je apparaat ...</p>")
	b.do(chromedp.Click(".links a", chromedp.NodeReady)) // not now
	b.at(url + "/gateway/security/passkeys")
	b.shows("Je hebt nog geen passkeys")
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: impatient})
	b.makes(url, "Telefoon", demoPassword)
	b.pick(`data-error="NotAllowedError"`)
	b.shows("probeer het nog een keer of kies een andere manier")
	b.quiet()

	old := newTab(t, dutch, true)
	call(old, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "delete window.PublicKeyCredential"})
	old.open(url + "/gateway/login?to=%2Fgateway%2Fsecurity%2Fpasskeys")
	old.login("client", demoPassword, `id="password-add"`)
	if shown := old.says("[data-passkey-cannot]", "checkVisibility().toString()"); shown != "true" {
		t.Errorf("that this browser cannot make passkeys is not said: %s", shown)
	}
	old.quiet()
	// Without script the page says that it takes script.
	plain := newTab(t, dutch, false)
	plain.open(url + "/gateway/login?to=%2Fgateway%2Fsecurity%2Fpasskeys")
	plain.login("client", demoPassword, "Voor passkeys moet JavaScript aanstaan")
	plain.quiet()
}
