package endtoend_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// device is a phone or laptop that keeps passkeys, as far as the browser can tell.
type device struct {
	b  *tab
	id webauthn.AuthenticatorID
}

// device gives the tab one, whose owner holds it and answers at once.
func (b *tab) device() *device {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	made := call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
		HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	return &device{b, made.AuthenticatorID}
}

func call[P, R any](b *tab, c cdp.Command[P, R], p P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, c, p)
	if err != nil {
		b.t.Fatalf("%s: %v", c.Method, err)
	}
	return r
}

// held says whether somebody is there who touches the device.
func (d *device) held(yes bool) {
	d.b.t.Helper()
	call(d.b, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: d.id, Enabled: yes})
}

// known says whether it recognises who holds it; if not, it gives up.
func (d *device) known(yes bool) {
	d.b.t.Helper()
	call(d.b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: d.id, IsUserVerified: yes})
}

// keys counts the passkeys on it.
func (d *device) keys() int {
	d.b.t.Helper()
	return len(call(d.b, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: d.id}).Credentials)
}

const passkeyButton = "[data-passkey-button]"

// gaveUp waits until the page says so beside the button, and returns the form's
// field of that id as it is then.
func (b *tab) gaveUp(failure, text, field string) string {
	b.t.Helper()
	b.shows(`data-error="` + failure + `"`)
	b.shows(text)
	typed, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.getElementById("`+field+`").value`))
	if err != nil {
		b.t.Fatal(err)
	}
	return typed
}

// leave logs out.
func (b *tab) leave(url string) {
	b.t.Helper()
	b.open(url + "/gateway/logout")
	b.do(chromedp.Click(`form[action="/gateway/logout"] button`, chromedp.NodeReady))
	b.at(url + "/gateway/logout?done=here")
}

// As people do it: log in with the password, add a passkey, and from then on pick
// it from the list under the address field.
func TestPasskeysInABrowser(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	b := newTab(t, chromium(t, "nl", ""), true)
	b.open(url + "/gateway/login?to=%2Fclients")
	phone := b.device()
	b.login("teammate", demoPassword, `id="email">teammate`)

	b.open(url + "/gateway/security/passkeys")
	b.do(chromedp.SendKeys("#name", "Mijn telefoon", chromedp.NodeReady), chromedp.SendKeys("#password-add", "mistyped\r", chromedp.NodeReady))
	b.shows(`data-cause="wrong_password"`)
	b.do(chromedp.SendKeys("#password-add", demoPassword+"\r", chromedp.NodeReady))
	b.shows("data-passkey-options")
	b.do(chromedp.Click(passkeyButton, chromedp.NodeVisible))
	b.at(url + "/gateway/security/passkeys?done=added")
	b.shows("<strong>Mijn telefoon</strong>")
	if n := phone.keys(); n != 1 {
		t.Fatalf("%d passkeys on the device", n)
	}
	b.leave(url)

	// Nobody touches the device: the form is what it always is. Somebody whom the
	// device does not know: words beside the button, and what was typed stays.
	phone.held(false)
	b.open(url + "/clients/12?tab=notes#bottom")
	b.do(chromedp.SendKeys("#email", "teammate@demo.t", chromedp.NodeReady))
	phone.known(false)
	phone.held(true)
	b.do(chromedp.Click(passkeyButton, chromedp.NodeVisible))
	if typed := b.gaveUp("NotAllowedError", "Er is niets gebeurd", "email"); typed != "teammate@demo.t" {
		t.Errorf("the address has become %q", typed)
	}
	if strings.Contains(b.html(), "data-cause=") || !strings.Contains(b.place(), "/gateway/login") {
		t.Errorf("cancelling led to %s", b.place())
	}

	// The list under the field, which the owner picks from at once.
	phone.known(true)
	b.open(url + "/clients/12?tab=notes#bottom")
	b.at(url + "/clients/12?tab=notes#bottom")
	b.shows(`id="email">teammate`)
	b.quiet()

	stepByKey(t, b, phone, url)
}

// stepByKey has somebody who has a passkey and switches a second step on take it
// with the passkey.
func stepByKey(t *testing.T, b *tab, phone *device, url string) {
	t.Helper()
	b.open(url + "/gateway/security/second-step")
	b.do(chromedp.SendKeys("#password-start", demoPassword+"\r", chromedp.NodeReady))
	b.shows(`<svg class="qr"`)
	key := shownKey.FindStringSubmatch(b.html())[1]
	b.do(chromedp.SendKeys("#code", totpCode(t, key, time.Now())+"\r", chromedp.NodeReady))
	b.shows(`<pre class="codes"`)
	b.do(chromedp.Click("#stored", chromedp.NodeReady), chromedp.Click("#turn-on button", chromedp.NodeReady))
	b.shows(`data-second-step="on"`)
	b.leave(url)

	phone.held(false)
	b.open(url + "/clients/13")
	b.login("teammate", demoPassword, `data-cause="second_step_required"`)
	phone.held(true)
	b.do(chromedp.Click(passkeyButton, chromedp.NodeVisible))
	b.at(url + "/clients/13")
	b.shows(`id="email">teammate`)
	b.leave(url)
	// As the login itself it is both steps.
	b.open(url + "/clients/14")
	b.at(url + "/clients/14")
	b.shows(`id="email">teammate`)
	b.quiet()
}

// Without a device that has a passkey, and in a browser that has none at all, the
// form works as ever.
func TestNoPasskeyAtHand(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	english := chromium(t, "en", "")
	b := newTab(t, english, true)
	b.open(url + "/gateway/login?to=%2Fclients")
	b.device()
	b.do(chromedp.Click(passkeyButton, chromedp.NodeVisible))
	b.gaveUp("NotAllowedError", "Nothing has happened", "email")
	b.login("client", demoPassword, `id="email">client`)
	b.quiet()

	old := newTab(t, english, true)
	call(old, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "delete window.PublicKeyCredential"})
	old.open(url + "/gateway/login?to=%2Fclients")
	if shown, err := chromedp.Run(old.ctx, chromedp.Evaluate[bool](`document.querySelector("`+passkeyButton+`").checkVisibility()`)); err != nil || shown {
		t.Errorf("a button that cannot work is shown: %v, %v", shown, err)
	}
	old.login("client", demoPassword, `id="email">client`)
	old.quiet()
}
