package endtoend_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// securityKey gives the tab one on USB, without a PIN: it does not know who holds
// it, and logs nobody in by itself.
func (b *tab) securityKey() *device {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	made := call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb, AutomaticPresenceSimulation: true,
	}})
	return &device{b, made.AuthenticatorID}
}

// Somebody without a phone for an app: a security key without a PIN becomes the
// second step, by itself. It is tried first, the recovery codes are stored, and from
// then on it is asked for after the password. As a proof it counts with the password.
func TestASecurityKeyAsTheSecondStepInABrowser(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	b := newTab(t, chromium(t, "nl", ""), true)
	b.byHand()
	b.open(url + "/gateway/login?to=%2Fclients")
	key := b.securityKey()
	b.login("teammate", demoPassword, inside("teammate"))

	steps := url + "/gateway/security/second-step"
	b.open(steps)
	b.do(chromedp.Click("details.reason summary", chromedp.NodeReady))
	b.shows("Voeg er eerst een toe")
	b.adds(url, "Sleutel", demoPassword)
	b.shows("Voor de extra stap, niet om mee in te loggen")
	b.open(steps)
	b.do(chromedp.Click("details.reason summary", chromedp.NodeReady), chromedp.SendKeys("#password-keys", demoPassword+"\r", chromedp.NodeReady))
	b.shows("<h1>Probeer je sleutel</h1>")
	b.pick(`<pre class="codes"`)
	codes := strings.Split(strings.TrimSpace(shownCodes.FindStringSubmatch(b.html())[1]), "\n")
	b.do(chromedp.Click("#stored", chromedp.NodeReady), chromedp.Click("#turn-on button", chromedp.NodeReady))
	b.shows(`data-second-step="on"`)
	told(t, url, "teammate", "extra stap staat aan")
	b.leave(url)

	// After the password the key is asked for, not a code of an app.
	const asked = `data-cause="second_step_required"`
	b.open(url + "/clients/12?tab=notes#bottom")
	b.login("teammate", demoPassword, asked)
	if html := b.html(); strings.Contains(html, `id="code"`) || !strings.Contains(html, "Bevestig nu met een passkey of beveiligingssleutel") {
		t.Errorf("asked for: %s", html)
	}
	b.pick(inside("teammate"))
	b.at(url + "/clients/12?tab=notes#bottom")
	b.leave(url)

	// The key is at home: a recovery code.
	key.held(false)
	b.open(url + "/clients/13")
	b.login("teammate", demoPassword, asked)
	b.code("recovery", codes[0], inside("teammate"))
	key.held(true)

	// A proof: the touch alone says too little, with the password it is enough.
	b.open(steps)
	b.do(chromedp.Click("details:has(#off) summary", chromedp.NodeReady), chromedp.Click("#off "+passkeyButton, chromedp.NodeVisible))
	b.shows("Deze sleutel controleert niet wie je bent")
	b.do(chromedp.SendKeys("#password-off", demoPassword, chromedp.NodeReady), chromedp.Click("#off "+passkeyButton, chromedp.NodeReady))
	b.at(steps + "?done=off")
	b.shows(`data-second-step="off"`)
	told(t, url, "teammate", "extra stap staat uit")
	b.quiet()
}
