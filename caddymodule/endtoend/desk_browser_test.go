package endtoend_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/emersion/go-smtp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/outbox/smtptest"
	"github.com/cliendo/gateway/caddymodule/store"
)

// helper is somebody who answers the phone, at the admin path, and counts what they
// have to do.
type helper struct {
	*tab
	url    string
	clicks int
}

func answers(t *testing.T, g *kit.Gateway, as string) *helper {
	t.Helper()
	h := &helper{tab: newTab(t, chromium(t, "nl", ""), true), url: g.URL}
	h.open(g.URL + "/gateway/admin/find")
	h.login(as, kit.Password, `id="q"`)
	return h
}

// asks types what the caller says into the one box.
func (h *helper) asks(what, wanted string) {
	h.t.Helper()
	h.clicks = 1
	h.open(h.url + "/gateway/admin/find")
	h.do(chromedp.SendKeys("#q", what+"\r", chromedp.NodeReady))
	h.shows(wanted)
}

// press presses the button, or follows the link, with this text.
func (h *helper) press(text, wanted string) {
	h.t.Helper()
	h.clicks++
	pressed, err := chromedp.Run(h.ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(() => {
		const one = [...document.querySelectorAll("main button, main a.button")].find(e => e.textContent.trim() === %q);
		if (one) one.click();
		return !!one;
	})()`, text)))
	if err != nil || !pressed {
		h.t.Fatalf("at %s: no button %q (%v): %.3000s", h.place(), text, err, h.html())
	}
	h.shows(wanted)
}

// solved checks that it took few clicks.
func (h *helper) solved(most int) {
	h.t.Helper()
	if h.clicks > most {
		h.t.Errorf("it took %d clicks, want %d at most", h.clicks, most)
	}
	h.quiet()
}

// tries is a person at the login page, who tells the reference they see.
func tries(t *testing.T, g *kit.Gateway, user, password string) (reference string, in bool) {
	t.Helper()
	a := kit.Visit(t, g.URL).Post("/gateway/login", url.Values{"email": {kit.Address(user)}, "password": {password}})
	if m := seenReference.FindStringSubmatch(a.Body); m != nil {
		reference = m[1]
	}
	return reference, a.Status == http.StatusSeeOther && !strings.Contains(a.To(), "second-step")
}

var (
	seenReference = regexp.MustCompile(`data-reference="([^"]+)"`)
	shownPassword = regexp.MustCompile(`<code[^>]*>([A-Za-z0-9]{10,40})</code>`)
)

// Five calls, from what the caller says to solved, as the admin of the team where
// they may and as support, each with a few clicks.
func TestFiveSupportCalls(t *testing.T) {
	t.Parallel()
	s := kit.Bolt(t)
	relay := smtptest.Start(t, smtptest.Options{NoTLS: true})
	s.Town().Alter("acme", "client", func(u *store.User) { u.SecondStep = true })
	s.Alter("acme", "teammate", func(u *store.User) { u.SecondStep = true })
	app := kit.NewApp(t)
	g := kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr, App: "mail {\n from gateway@demo.test\n smtp " + relay.Addr() + " {\n tls off\n }\n}"})
	roles := []*helper{answers(t, g, "admin"), answers(t, g, "support")}

	// Lost phone: the caller cannot give a code any more.
	for i, user := range []string{"client", "teammate"} {
		if _, in := tries(t, g, user, kit.Password); in {
			t.Fatalf("%s got in without a second step", user)
		}
		h := roles[i]
		h.asks(kit.Address(user), "Telefoon kwijt?")
		h.press("Zet de extra stap uit", "Person "+user)
		if strings.Contains(h.html(), "/second-step-off") && strings.HasSuffix(h.place(), "/second-step-off") {
			t.Fatalf("at %s: %.2000s", h.place(), h.html())
		}
		kit.Eventually(t, "the password alone to do", func() bool { _, in := tries(t, g, user, kit.Password); return in })
		h.solved(2)
	}

	// Wrong address: it was another one until a while ago.
	if r := g.Gateway("users", "set", kit.Address("client"), "--email", kit.Address("client.new")); r.Exit != 0 {
		t.Fatalf("%+v", r)
	}
	reference, _ := tries(t, g, "client", kit.Password)
	for _, h := range roles {
		h.asks(reference, "typte een oud ")
		h.shows(kit.Address("client.new"))
		h.press("Mail een inloglink naar "+kit.Address("client.new"), "inloglink gemaild")
		h.solved(2)
	}

	// Old password: the browser still fills it in.
	if r := g.Gateway("users", "password", kit.Address("teammate")); r.Exit != 0 {
		t.Fatalf("%+v", r)
	}
	reference, in := tries(t, g, "teammate", kit.Password)
	if in || reference == "" {
		t.Fatal("the old password still works")
	}
	for _, h := range roles {
		kit.Eventually(t, "the old password to be recognised", func() bool {
			h.asks(reference, "Wat er aan de hand is")
			return strings.Contains(h.html(), "typte een oud wachtwoord")
		})
		h.press("Mail een inloglink", "inloglink gemaild")
		h.solved(2)
	}

	// Arrears: only support changes accounts.
	reference, _ = tries(t, g, "owed", kit.Password)
	roles[0].asks(reference, "Met ‘"+reference+"’ is niets gevonden")
	h := roles[1]
	h.asks(reference, "betalingsachterstand")
	h.press("Wijzig de toestand van het account", `id="state"`)
	h.do(chromedp.SetValue("#st", "active", chromedp.NodeReady), chromedp.SetValue("#reason", "betaald", chromedp.NodeReady))
	h.press("Toestand wijzigen", "De toestand is gewijzigd")
	if _, in := tries(t, g, "owed", kit.Password); !in {
		t.Error("the account is still closed")
	}
	h.solved(4)

	// Mail bounced: what the server said is there, and another way in.
	for _, h := range roles {
		refusal := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "mailbox unavailable"}
		relay.Set(smtptest.Behaviour{Rcpt: []*smtp.SMTPError{refusal, refusal, refusal, refusal}})
		kit.Visit(t, g.URL).Post("/gateway/recover", url.Values{"email": {kit.Address("teammate")}})
		kit.Eventually(t, "the mail to be refused", func() bool {
			h.asks(kit.Address("teammate"), "Wat er aan de hand is")
			return strings.Contains(h.html(), "mailbox unavailable")
		})
		h.press("Toon een nieuw wachtwoord", "<code")
		shown := shownPassword.FindStringSubmatch(h.html())
		if shown == nil {
			t.Fatalf("no password at %s: %.3000s", h.place(), h.html())
		}
		if _, in := tries(t, g, "teammate", shown[1]); !in {
			t.Error("the password that was shown does not work")
		}
		relay.Set(smtptest.Behaviour{})
		h.solved(2)
	}
}
