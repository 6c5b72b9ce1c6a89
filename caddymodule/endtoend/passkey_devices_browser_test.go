package endtoend_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// inside says that somebody is in the app of the demo, and who.
func inside(user string) string { return `id="email">` + user }

// makes goes to the page on which the browser makes a passkey, after a proof.
func (b *tab) makes(url, name, password string) {
	b.t.Helper()
	b.open(url + "/gateway/security/passkeys")
	b.do(chromedp.SendKeys("#name", name, chromedp.NodeReady), chromedp.SendKeys("#password-add", password+"\r", chromedp.NodeReady))
	b.shows("data-passkey-options")
}

// adds makes a passkey, which is in the list then.
func (b *tab) adds(url, name, password string) {
	b.t.Helper()
	b.makes(url, name, password)
	b.do(chromedp.Click(passkeyButton, chromedp.NodeVisible))
	b.at(url + "/gateway/security/passkeys?done=added")
	b.shows("<strong>" + name + "</strong>")
}

// byHand has the tab offer no passkeys by itself, so that only its buttons use them.
func (b *tab) byHand() {
	b.t.Helper()
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: "if (window.PublicKeyCredential) delete PublicKeyCredential.isConditionalMediationAvailable",
	})
}

// pick presses the button for passkeys.
func (b *tab) pick(wanted string) {
	b.t.Helper()
	b.do(chromedp.Click(passkeyButton, chromedp.NodeVisible))
	b.shows(wanted)
}

// only is the one passkey on a device.
func (d *device) only() *webauthn.Credential {
	d.b.t.Helper()
	all := call(d.b, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: d.id}).Credentials
	if len(all) != 1 {
		d.b.t.Fatalf("%d passkeys on the device", len(all))
	}
	return all[0]
}

// takes puts a passkey onto a device, as whoever copied it would.
func (d *device) takes(c *webauthn.Credential) {
	d.b.t.Helper()
	// Not as webauthn.AddCredential: its parameters hold more than this sort of
	// authenticator knows, and it refuses them.
	add := cdp.Command[map[string]any, cdp.Empty]{Method: webauthn.AddCredential.Method}
	call(d.b, add, map[string]any{"authenticatorId": d.id, "credential": map[string]any{
		"credentialId": c.CredentialID, "isResidentCredential": c.IsResidentCredential, "rpId": c.RpID, "privateKey": c.PrivateKey,
		"userHandle": c.UserHandle, "signCount": c.SignCount,
	}})
}

// lies has a device answer without having looked at who holds it.
func (d *device) lies() {
	yes := true
	call(d.b, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: d.id, IsBadUV: &yes})
}

// A phone and a laptop in browsers of their own, each with a passkey of the same
// person. One is deleted from the other, after a proof by passkey: it opens nothing
// from then on, and the other goes on.
func TestTwoDevicesWithAPasskeyEach(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	phone, laptop := newTab(t, chromium(t, "nl", ""), true), newTab(t, chromium(t, "en", ""), true)
	for _, b := range []*tab{phone, laptop} {
		b.byHand()
		b.open(url + "/gateway/login?to=%2Fclients")
	}
	mine, other := phone.device(), laptop.device()
	phone.login("teammate", demoPassword, inside("teammate"))
	phone.adds(url, "Telefoon", demoPassword)
	laptop.login("teammate", demoPassword, inside("teammate"))
	laptop.adds(url, "Laptop", demoPassword)
	phone.open(url + "/clients")
	phone.shows(`data-cause="session_ended"`) // a new way in ends what is elsewhere
	phone.pick(inside("teammate"))
	laptop.leave(url)
	laptop.open(url + "/clients/2")
	laptop.pick(inside("teammate"))
	laptop.at(url + "/clients/2")
	if mine.keys() != 1 || other.keys() != 1 {
		t.Fatalf("%d and %d passkeys on the devices", mine.keys(), other.keys())
	}

	phone.open(url + "/gateway/security/passkeys")
	phone.do(chromedp.Click(`a[aria-label$="Laptop"]`, chromedp.NodeReady))
	phone.shows("<h1>Passkey: Laptop</h1>")
	mine.known(false) // the proof is broken off: nothing happens
	phone.do(chromedp.Click("#remove "+passkeyButton, chromedp.NodeVisible))
	phone.gaveUp("NotAllowedError", "Er is niets gebeurd", "name")
	mine.known(true)
	phone.do(chromedp.Click("#remove "+passkeyButton, chromedp.NodeVisible))
	phone.at(url + "/gateway/security/passkeys?done=removed")
	if html := phone.html(); strings.Contains(html, "<strong>Laptop</strong>") || !strings.Contains(html, "<strong>Telefoon</strong>") {
		t.Errorf("the list is %s", html)
	}
	told(t, url, "teammate", "Passkey verwijderd")
	laptop.open(url + "/clients/3")
	laptop.shows(`data-cause="session_ended"`)
	laptop.pick(`data-cause="passkey_refused"`)
	laptop.login("teammate", demoPassword, inside("teammate")) // the form is right there
	phone.leave(url)
	phone.open(url + "/clients/4")
	phone.pick(inside("teammate"))
	phone.at(url + "/clients/4")
	phone.quiet()
	laptop.quiet()
}

// Somebody copied the passkey of a phone. The copy is behind the phone's counter: it
// is refused with its cause, its owner is told by mail and in the list, and goes on.
func TestACopiedPasskeyInTwoBrowsers(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	own, thief := newTab(t, chromium(t, "nl", ""), true), newTab(t, chromium(t, "nl", ""), true)
	own.byHand()
	thief.byHand()
	own.open(url + "/gateway/login?to=%2Fclients")
	phone := own.device()
	own.login("teammate", demoPassword, inside("teammate"))
	own.adds(url, "Telefoon", demoPassword)
	copied := phone.only()
	for range 2 {
		own.leave(url)
		own.open(url + "/clients")
		own.pick(inside("teammate"))
	}
	if now := phone.only().SignCount; now != copied.SignCount+2 {
		t.Fatalf("the counter went from %g to %g", copied.SignCount, now)
	}
	thief.open(url + "/gateway/login?to=%2Fclients")
	thief.device().takes(copied)
	thief.pick(`data-cause="passkey_refused"`)
	thief.shows("lijkt een kopie te zijn")
	shown := kit.Answer{Body: thief.html()}.Reference()
	thief.open(url + "/clients")
	thief.shows(`id="password"`)
	if m := told(t, url, "teammate", "Een passkey van jou is geweigerd"); shown == "" || !strings.Contains(m.Text, "gekopieerd") || !strings.Contains(m.Text, shown) {
		t.Errorf("the mail does not say what is the matter, with the reference %q:\n%s", shown, m.Text)
	}
	own.open(url + "/gateway/security")
	own.shows("Een ervan is misschien gekopieerd")
	own.open(url + "/gateway/security/passkeys")
	own.shows("data-copied")
	own.leave(url)
	own.open(url + "/clients/2")
	own.pick(inside("teammate"))
	own.quiet()
	thief.quiet()
}

// Making a passkey is broken off: nothing is added, and the same button works again.
// A device that does not look at who holds it logs nobody in, and is told so.
func TestADeviceThatDoesNotKnowItsHolder(t *testing.T) {
	t.Parallel()
	url := startDemo(t)
	b := newTab(t, chromium(t, "nl", ""), true)
	b.byHand()
	b.open(url + "/gateway/login?to=%2Fclients")
	phone := b.device()
	b.login("teammate", demoPassword, inside("teammate"))
	b.makes(url, "Telefoon", demoPassword)
	phone.known(false)
	b.do(chromedp.Click(passkeyButton, chromedp.NodeVisible))
	b.shows(`data-error="NotAllowedError"`)
	b.shows("Er is niets gebeurd")
	if n := phone.keys(); n != 0 {
		t.Fatalf("%d passkeys on the device", n)
	}
	phone.known(true)
	b.do(chromedp.Click(passkeyButton, chromedp.NodeVisible))
	b.at(url + "/gateway/security/passkeys?done=added")
	// Once more on the same device: it has one already, and says so.
	b.makes(url, "Nog een", demoPassword)
	b.do(chromedp.Click(passkeyButton, chromedp.NodeVisible))
	b.shows("Op dit apparaat staat al een passkey van jou")
	b.leave(url)

	phone.lies()
	b.open(url + "/clients/12?tab=notes")
	b.pick(`data-cause="passkey_refused"`)
	b.shows("Je apparaat heeft niet gevraagd of jij het bent")
	b.login("teammate", demoPassword, inside("teammate"))
	b.at(url + "/clients/12?tab=notes")
	b.quiet()
}
