package caddymodule_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
)

// another is a person of another account.
func (w *town) another() (email string) {
	w.t.Helper()
	err := w.dir.CreateAccount(w.t.Context(), &store.Account{ID: "beta", Name: "Beta", State: directory.Active})
	if err == nil {
		err = w.dir.CreateUser(w.t.Context(), &store.User{
			ID: "bea", Account: "beta", Email: "bea@beta.test", Name: "bea", Type: "superadmin", Locale: "nl", Password: "old",
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return "bea@beta.test"
}

// waits has somebody ask for a mail and leaves their tab at the page that waits.
func (b *tab) waits(email string) (mail letter.Letter, waiting string) {
	b.w.t.Helper()
	mail = b.asks(email, "/")
	waiting = b.to()
	b.get(waiting).wants("OK")
	return mail, waiting
}

// token is what a mailed link ends with: the id of the mail, then its key.
func token(link string) (id, key string) {
	whole := link[strings.LastIndexByte(link, '/')+1:]
	return whole[:len(whole)-24], whole[len(whole)-24:]
}

// What is mailed to somebody of one account opens nothing of anybody of another,
// however the pieces of two mails are put together.
func TestMailsOfTwoAccountsDoNotMix(t *testing.T) {
	inTown(t, func(w *town) {
		bea := w.another()
		jan, her := w.browser("Firefox / Linux", "192.0.2.1"), w.browser("Safari / Mac", "198.51.100.1")
		mail, waiting := jan.waits("jan@acme.test")
		hers, herWaiting := her.waits(bea)
		digits := her.match()
		id, key := token(mail.Link)
		herID, herKey := token(hers.Link)
		revoke, herRevoke := "", ""
		_, revoke = token(mail.NotMe)
		_, herRevoke = token(hers.NotMe)
		thief := w.browser("curl", "203.0.113.9")
		for what, act := range map[string]func(){
			"her address behind his link":           func() { thief.send(mail.Link, "email", bea) },
			"his address behind her link":           func() { thief.send(hers.Link, "email", "jan@acme.test") },
			"her digits behind his link":            func() { thief.send(mail.Link, "match", digits) },
			"her code in his tab":                   func() { jan.send(waiting, "code", hers.Code) },
			"his code in her tab":                   func() { her.send(herWaiting, "code", mail.Code) },
			"her code, by her mail, in his browser": func() { jan.send(herWaiting, "code", hers.Code) },
			"his code, by her mail, in his browser": func() { jan.send(herWaiting, "code", mail.Code) },
			"her tab in his browser":                func() { jan.send(herWaiting, "go", "1") },
			"his mail with her key":                 func() { jan.send("/gateway/m/" + id + herKey) },
			"her mail with his key":                 func() { jan.send("/gateway/m/" + herID + key) },
			"his mail with the key to revoke hers":  func() { jan.send("/gateway/m/" + id + herRevoke) },
			"her mail with the key to revoke his":   func() { jan.send("/gateway/m/" + herID + revoke) },
			"her link with his address as well":     func() { jan.do("POST", hers.Link, url.Values{"email": {"jan@acme.test", bea}}) },
			"her link in his browser":               func() { jan.send(hers.Link) },
		} {
			act()
			for name, b := range map[string]*tab{"the thief": thief, "he": jan, "she": her} {
				if in := b.in(); in != "" {
					t.Fatalf("%s: %s is in as %s", what, name, in)
				}
			}
		}
		// Nobody was let in meanwhile, and both still get in, each as themselves.
		if her.send(herWaiting, "go", "1"); her.in() != "" {
			t.Error("her tab was let in")
		}
		if jan.send(mail.Link); jan.in() != "jan" {
			t.Errorf("he is in as %q: %s", jan.in(), jan.told())
		}
		// A browser in which he is logged in is no browser of hers.
		if jan.send(hers.Link); jan.in() != "jan" {
			t.Errorf("by her link his browser is that of %q", jan.in())
		}
		if her.send(herWaiting, "code", hers.Code); her.in() != "bea" {
			t.Errorf("she is in as %q: %s", her.in(), her.told())
		}
	})
}

// Letting a tab in is about that tab: digits of a tab of one's own, typed behind
// the link of somebody else, let nobody in, and saying "this was not me" about the
// one mail leaves the other.
func TestWhatOneAccountRevokesLeavesTheOther(t *testing.T) {
	inTown(t, func(w *town) {
		bea := w.another()
		jan, her := w.browser("Firefox / Linux", "192.0.2.1"), w.browser("Safari / Mac", "198.51.100.1")
		mail, _ := jan.waits("jan@acme.test")
		hers, _ := her.waits(bea)
		if jan.send(mail.Link); jan.in() != "jan" {
			t.Fatal("not in")
		}
		her.send(hers.NotMe).wants("OK")
		if jan.in() != "jan" {
			t.Error("her \"this was not me\" logged him out")
		}
		if her.send(hers.Link); her.in() != "" {
			t.Error("what she revoked still opens")
		}
		herSecond, _ := her.waits(bea)
		jan.send(mail.NotMe).wants("OK")
		if jan.in() != "" {
			t.Error("he revoked, and is in")
		}
		if her.send(herSecond.Link); her.in() != "bea" {
			t.Errorf("his \"this was not me\" ended hers: %s", her.told())
		}
	})
}
