package caddymodule_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cookie"
)

func TestLoggingInByLinkInTheBrowserThatAsked(t *testing.T) {
	inTown(t, func(w *town) {
		desk := w.browser("Firefox / Linux", "192.0.2.1")
		mail := desk.asks("Jan@acme.test", "/clients/12?tab=notes")
		waiting := desk.to()
		desk.get(mail.Link).wants("OK")
		if !strings.Contains(desk.res.Body.String(), "Log hier in") || desk.in() != "" {
			t.Error("the page has no button, or opening it was enough")
		}
		desk.send(mail.Link)
		if desk.in() != "jan" || desk.to() != "/clients/12?tab=notes" {
			t.Errorf("in as %q, sent to %q", desk.in(), desk.to())
		}
		desk.get(mail.Link).wants("Gone link_used")
		if !strings.Contains(desk.res.Body.String(), `href="/clients/12?tab=notes"`) {
			t.Error("whoever is logged in already has no way on")
		}
		desk.get(waiting).wants("Gone link_used")
		if w.heard.logins["magic ok"] != 1 || w.heard.logins["magic link_used"] != 1 {
			t.Errorf("heard %v", w.heard.logins)
		}
	})
}

func TestLoggingInByCode(t *testing.T) {
	inTown(t, func(w *town) {
		desk := w.browser("Firefox / Linux", "192.0.2.1")
		mail := desk.asks("jan@acme.test", "/clients")
		waiting := desk.to()
		other := w.browser("Safari / iPhone", "198.51.100.7")
		other.get("/gateway/login")
		other.send(waiting, "code", mail.Code).wants("Conflict other_browser")
		other.get(waiting).wants("Conflict other_browser")
		desk.send(waiting, "code", "12").wants("Unauthorized wrong_password")
		desk.send("/gateway/magic", "code", mail.Code[:3]+" "+mail.Code[3:]) // no field but this one is needed
		if desk.in() != "jan" || desk.to() != "/clients" || other.in() != "" {
			t.Errorf("in as %q, sent to %q", desk.in(), desk.to())
		}
		desk.send(waiting, "code", mail.Code).wants("Gone link_used")
	})
}

func TestAScannerUsesNothingUp(t *testing.T) {
	inTown(t, func(w *town) {
		desk := w.browser("Firefox / Linux", "192.0.2.1")
		mail := desk.asks("jan@acme.test", "/clients")
		scanner := w.browser("Chrome / Windows", "203.0.113.5")
		for range 3 {
			for _, link := range []string{mail.Link, mail.NotMe} {
				before := len(scanner.cookies)
				for range 7 {
					scanner.get(link).do(http.MethodHead, link, nil).do(http.MethodOptions, link, nil)
				}
				if len(scanner.cookies) != before {
					t.Fatalf("looking sets %v", scanner.cookies)
				}
				scanner.send(link)                                            // the button
				scanner.send(link, "email", "").send(link, "match", "")       // the other ones
				scanner.send(link, "email", "test@scanner.test", "match", "") // and one that types
				scanner.send(link+"?again=1").get(link+"?again=1").send("/gateway/magic?ask="+mail.Link[len(mail.Link)-43:][:19], "go", "1")
			}
			scanner.get("/gateway/login").get("/gateway/magic") // follows links, keeps cookies
		}
		if scanner.in() != "" || scanner.cookies[cookie.Session] != "" {
			t.Fatal("the scanner is in")
		}
		if desk.get(mail.Link).send(mail.Link); desk.in() != "jan" {
			t.Errorf("the person is not: %s", desk.told())
		}
		if len(w.post.letters) != 1 {
			t.Errorf("the scanner had %d mails sent", len(w.post.letters)-1)
		}
	})
}

func TestInAnotherBrowserThePersonTypesTheirAddress(t *testing.T) {
	inTown(t, func(w *town) {
		desk, phone := w.browser("Firefox / Linux", "192.0.2.1"), w.browser("Safari / iPhone", "198.51.100.7")
		phone.lang = "en"
		mail := desk.asks("jan@acme.test", "/clients")
		phone.get(mail.Link).wants("Conflict other_browser")
		if text := phone.res.Body.String(); !strings.Contains(text, "Firefox op Linux") || !strings.Contains(text, "192.0.2.1") ||
			!strings.Contains(text, "10:00") || !strings.Contains(text, `lang="nl"`) {
			t.Errorf("which tab asked is not said in the language of the person: %s", text)
		}
		phone.send(mail.Link, "email", "piet@acme.test").wants("Conflict other_browser")
		phone.send(mail.Link, "email", "jan@acme.test")
		if phone.in() != "jan" || phone.to() != "/clients" || desk.in() != "" {
			t.Errorf("phone %q, desk %q", phone.in(), desk.in())
		}
		// The phone is a known device from now on: one button is enough.
		mail = desk.asks("jan@acme.test", "/")
		delete(phone.cookies, cookie.Session)
		if phone.get(mail.Link).wants("OK").send(mail.Link); phone.in() != "jan" {
			t.Errorf("a known device: %s", phone.told())
		}
		stranger := w.browser("Chrome / Windows", "203.0.113.5")
		mail = desk.asks("jan@acme.test", "/")
		for range 5 {
			stranger.send(mail.Link, "email", "guess@acme.test")
		}
		if stranger.send(mail.Link, "email", "jan@acme.test"); stranger.in() != "" {
			t.Error("a sixth address was looked at")
		}
		if desk.send(mail.Link); desk.in() != "jan" {
			t.Error("guesses elsewhere closed the link for the browser that asked")
		}
	})
}

func TestLettingTheTabInThatAsked(t *testing.T) {
	inTown(t, func(w *town) {
		desk, phone := w.browser("Firefox / Linux", "192.0.2.1"), w.browser("Safari / iPhone", "198.51.100.7")
		mail := desk.asks("jan@acme.test", "/clients")
		waiting := desk.to()
		match := desk.get(waiting).match()
		state := "/gateway/magic/state?" + waiting[strings.Index(waiting, "?")+1:]
		if got := desk.get(state).res.Body.String(); !strings.Contains(got, `"waiting"`) {
			t.Errorf("state %s", got)
		}
		desk.send(waiting, "go", "1").wants("OK")
		if desk.in() != "" {
			t.Fatal("in before anybody said so")
		}
		wrong := "0000"
		if match == wrong {
			wrong = "0001"
		}
		phone.send(mail.Link, "match", wrong).wants("Conflict other_browser")
		phone.send(mail.Link, "match", match).wants("OK")
		if got := phone.get(state).res.Body.String(); !strings.Contains(got, `"over"`) {
			t.Errorf("state for another browser: %s", got)
		}
		if got := desk.get(state).res.Body.String(); !strings.Contains(got, `"approved"`) || desk.in() != "" {
			t.Errorf("state %s, in as %q", got, desk.in())
		}
		phone.send(waiting, "go", "1").wants("Conflict other_browser")
		desk.send(waiting, "go", "1")
		if desk.in() != "jan" || desk.to() != "/clients" || phone.in() != "" {
			t.Errorf("desk %q, phone %q", desk.in(), phone.in())
		}
	})
}

// The attacker asks for a mail to the victim and hopes that they let the
// attacker's tab in.
func TestAVictimDoesNotApproveAStrangersTab(t *testing.T) {
	inTown(t, func(w *town) {
		attacker, victim := w.browser("Chrome / Windows", "203.0.113.5"), w.browser("Safari / iPhone", "198.51.100.7")
		mail := attacker.asks("jan@acme.test", "https://evil.example/")
		waiting := attacker.to()
		victim.get(mail.Link)
		if text := victim.res.Body.String(); !strings.Contains(text, "Chrome op Windows") || !strings.Contains(text, "203.0.113.5") {
			t.Error("the victim does not see whose tab it is")
		}
		victim.send(mail.Link).send(mail.Link, "email", "jan@acme.test")
		if victim.in() != "jan" || victim.to() != "/" {
			t.Errorf("the victim is in as %q, sent to %q", victim.in(), victim.to())
		}
		attacker.send(waiting, "go", "1")
		if attacker.in() != "" {
			t.Error("what the victim did let the attacker in")
		}
		mail = attacker.asks("jan@acme.test", "/")
		waiting = attacker.to()
		victim.send(mail.NotMe).wants("OK")
		attacker.send(waiting, "go", "1").wants("Gone link_superseded")
		attacker.send(waiting, "code", mail.Code).wants("Gone link_superseded")
		victim.get(mail.Link).wants("Gone link_superseded")
	})
}

func TestNotMeEndsTheSessionsBegunWithTheMail(t *testing.T) {
	inTown(t, func(w *town) {
		thief, owner := w.browser("Chrome / Windows", "203.0.113.5"), w.browser("Safari / iPhone", "198.51.100.7")
		mail := thief.asks("jan@acme.test", "/")
		if thief.send(mail.Link); thief.in() != "jan" {
			t.Fatal("not in")
		}
		owner.get(mail.NotMe).wants("OK").send(mail.NotMe).wants("Conflict other_browser")
		if thief.in() != "jan" {
			t.Error("a bare click was enough in a browser that nobody knows")
		}
		owner.send(mail.NotMe, "email", "jan@acme.test").wants("OK")
		if thief.in() != "" {
			t.Error("the thief is still in")
		}
	})
}

func TestDeadLinksGiveAFreshOneInOneClick(t *testing.T) {
	inTown(t, func(w *town) {
		desk := w.browser("Firefox / Linux", "192.0.2.1")
		mail := desk.asks("jan@acme.test", "/clients")
		w.push(31 * time.Minute)
		desk.get(mail.Link).wants("Gone link_expired").send(mail.Link).wants("Gone link_expired")
		button := regexp.MustCompile(`action="([^"]*again=1)"`).FindStringSubmatch(desk.res.Body.String())
		if button == nil {
			t.Fatal("there is no button")
		}
		phone := w.browser("Safari / iPhone", "198.51.100.7")
		phone.send(button[1])
		if len(w.post.letters) != 2 || w.post.letters[1].To != "jan@acme.test" || phone.res.Code != http.StatusSeeOther {
			t.Fatalf("%d letters, %s", len(w.post.letters), phone.told())
		}
		fresh := w.post.letters[1].Letter
		if phone.get(phone.to()).wants("OK").send(fresh.Link); phone.in() != "jan" || phone.to() != "/clients" {
			t.Errorf("in as %q, sent to %q", phone.in(), phone.to())
		}
		if text := desk.get("/gateway/m/" + strings.Repeat("a", 43)).wants("Gone link_expired").res.Body.String(); strings.Contains(text, "again=1") || !strings.Contains(text, "/gateway/magic") {
			t.Error("an unknown token has a button, or no way to ask")
		}
		for range 3 {
			phone.send(button[1])
		}
		phone.wants("Too Many Requests too_many_mails")
		if text := phone.res.Body.String(); !strings.Contains(text, "We mailden er net 3") || !strings.Contains(text, "10:46") {
			t.Errorf("when it works again is not said: %s", text)
		}
	})
}

// A tab whose mail is of no use any more says why, under a reference, to nobody as
// to somebody.
func TestATabThatWaitedInVainHasAReference(t *testing.T) {
	inTown(t, func(w *town) {
		for _, address := range []string{"jan@acme.test", "nobody@else.test"} {
			b := w.browser("Firefox / Linux", "192.0.2.1")
			b.asks(address, "/")
			waiting := b.to()
			w.push(31 * time.Minute)
			for _, act := range []func() *tab{
				func() *tab { return b.get(waiting) },
				func() *tab { return b.send(waiting, "go", "1") },
			} {
				if text := act().wants("Gone link_expired").res.Body.String(); !strings.Contains(text, `data-reference="`) {
					t.Errorf("%s: no reference: %s", address, text)
				}
			}
		}
	})
}

// The page that waits says from when another mail can be asked for, and sends who
// gets none to the right part of help.
func TestTheWaitingPageSaysWhenAnotherMailCanBeAsked(t *testing.T) {
	inTown(t, func(w *town) {
		for i, address := range []string{"jan@acme.test", "nobody@else.test"} {
			b := w.browser("Firefox / Linux", "192.0.2.1")
			started := w.now()
			for n := range 3 {
				b.asks(address, "/")
				b.get(b.to()).wants("OK")
				want := "Een nieuwe mail vragen kan meteen."
				if n == 2 {
					zone, err := time.LoadLocation("Europe/Amsterdam")
					if err != nil {
						t.Fatal(err)
					}
					want = "Een nieuwe mail vragen kan weer vanaf " + started.Add(15*time.Minute).In(zone).Format("15:04") + " uur."
				}
				if text := b.res.Body.String(); !strings.Contains(text, want) || !strings.Contains(text, "help?cause=no_mail") || strings.Contains(text, "too_many_mails") {
					t.Errorf("%s, mail %d: no %q in %s", address, n+1, want, text)
				}
			}
			w.push(15*time.Minute + time.Duration(i))
			b.asks(address, "/")
		}
	})
}
