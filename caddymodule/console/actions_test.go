package console_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
)

// leads checks that an answer leads to a page that says what was done.
func leads(t *testing.T, w *world, as string, a answer, to, says string) answer {
	t.Helper()
	if a.Code != http.StatusSeeOther || !strings.HasPrefix(a.to(), "/gateway/admin"+to+"?done=") {
		t.Fatalf("%d to %q, want %s: %s", a.Code, a.to(), to, a.body)
	}
	page := w.get(as, strings.TrimPrefix(a.to(), "/gateway/admin"))
	if page.Code != http.StatusOK || !strings.Contains(page.body, says) {
		t.Errorf("%s: %d, want %q: %s", a.to(), page.Code, says, page.body)
	}
	return page
}

func TestBlockAndUnblock(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.enter("acme-teammate")
		a := w.submit("acme-admin", of("acme-teammate", "/block"), "why", "Left us", "until", "2027-03-31")
		page := leads(t, w, "acme-admin", a, of("acme-teammate", ""), "is blocked")
		for _, want := range []string{"blocked by \u2068Person acme-admin\u2069", "31 March 2027", "Left us"} {
			if !strings.Contains(page.body, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
		// To the end of the last day where the account lives: midnight in Amsterdam.
		if b := w.find("acme-teammate").Block; b == nil || !b.Until.Equal(time.Date(2027, 3, 31, 22, 0, 0, 0, time.UTC)) {
			t.Errorf("blocked: %+v", b)
		}
		if list := w.get("acme-admin", "/accounts/acme/users?show=user_blocked"); !strings.Contains(list.body, "1 of 5 users") || !strings.Contains(list.body, "blocked up to and including") {
			t.Errorf("the overview: %s", list.body)
		}
		leads(t, w, "acme-admin", w.submit("acme-admin", of("acme-teammate", "/unblock")), of("acme-teammate", ""), "The block was lifted")
		if b := w.find("acme-teammate").Block; b != nil {
			t.Errorf("still blocked: %+v", b)
		}
	})
}

func TestANewPasswordIsShownOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.change("acme-teammate", func(u *store.User) { u.SecondStep = true })
		a := w.submit("acme-superadmin", of("acme-teammate", "/password"))
		m := regexp.MustCompile(`<code id="secret" translate="no">([^<]+)</code>`).FindStringSubmatch(a.body)
		if a.Code != http.StatusOK || m == nil || a.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s", a.Code, a.body)
		}
		u := w.find("acme-teammate")
		if u.Password != "hash of "+m[1] || u.SecondStep {
			t.Errorf("the password shown is not the one: %+v", u)
		}
		for _, path := range []string{of("acme-teammate", ""), of("acme-teammate", "/password"), "/accounts/acme/users"} {
			if page := w.get("acme-superadmin", path); strings.Contains(page.body, m[1]) {
				t.Errorf("%s shows the password again", path)
			}
		}
		for _, l := range w.lines("acme") {
			if text, err := json.Marshal(l); err != nil || strings.Contains(string(text), m[1]) {
				t.Errorf("the log holds the password: %s %v", text, err)
			}
		}
	})
}

// lines are the audit log of an account.
func (w *world) lines(account string) (all []*store.AuditLine) {
	w.t.Helper()
	items, err := store.AuditLines.Scan(w.t.Context(), w.store, store.AccountTag(account), "", "", 500)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, i := range items {
		all = append(all, i.Value)
	}
	return all
}

// A sensitive deed with an old proof asks for one, and carries what was typed.
func TestAFreshProofIsAskedForAndNothingIsLost(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.enter("acme-superadmin")
		w.Push(10*time.Minute + time.Second)
		why := `Left "us" <b> & co`
		a := w.submit("acme-superadmin", of("acme-teammate", "/block"), "why", why, "until", "2027-03-31")
		if a.Code != http.StatusUnauthorized || a.cause() != "fresh_proof_required" || w.find("acme-teammate").Block != nil {
			t.Fatalf("%d %q", a.Code, a.cause())
		}
		fields := hidden(a.body)
		if fields.Get("why") != why || fields.Get("until") != "2027-03-31" {
			t.Fatalf("carried: %v", fields)
		}
		send := func(name, value string) answer {
			form := url.Values{}
			for n, v := range fields {
				form[n] = v
			}
			form.Set(name, value)
			return w.send("acme-superadmin", http.MethodPost, of("acme-teammate", "/block"), form)
		}
		wrong := send("fresh_password", "nope")
		if wrong.Code != http.StatusUnauthorized || wrong.cause() != "wrong_password" || hidden(wrong.body).Get("why") != why {
			t.Fatalf("a wrong password: %d %q", wrong.Code, wrong.cause())
		}
		if strings.Contains(wrong.body, "nope") {
			t.Error("what was typed comes back")
		}
		leads(t, w, "acme-superadmin", send("fresh_password", password), of("acme-teammate", ""), "is blocked")
		if b := w.find("acme-teammate").Block; b == nil || b.Why != why {
			t.Errorf("blocked: %+v", b)
		}
		// It counts for the next ten minutes, and no longer.
		w.Push(9 * time.Minute)
		leads(t, w, "acme-superadmin", w.submit("acme-superadmin", of("acme-teammate", "/unblock")), of("acme-teammate", ""), "lifted")
		w.Push(2 * time.Minute)
		if a := w.submit("acme-superadmin", of("acme-teammate", "/block")); a.Code != http.StatusUnauthorized {
			t.Errorf("after eleven minutes: %d", a.Code)
		}
	})
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

func hidden(body string) url.Values {
	form := url.Values{}
	unescape := strings.NewReplacer("&#34;", `"`, "&lt;", "<", "&gt;", ">", "&amp;", "&", "&#39;", "'", "&#43;", "+")
	for _, m := range hiddenField.FindAllStringSubmatch(body, -1) {
		form.Add(m[1], unescape.Replace(m[2]))
	}
	return form
}

// Guesses of the proof use up the same budget as those of a login.
func TestProofsAreLimitedLikeLogins(t *testing.T) {
	w := onBolt(t)
	w.enter("acme-superadmin")
	w.Push(11 * time.Minute)
	statuses := map[int]int{}
	for range 20 {
		a := w.submit("acme-superadmin", of("acme-teammate", "/delete"), "sure", "1", "fresh_password", "wrong")
		statuses[a.Code]++
	}
	if statuses[http.StatusTooManyRequests] < 10 || w.hasher.Compared.Load() > 10 {
		t.Errorf("20 guesses: %v, %d comparisons", statuses, w.hasher.Compared.Load())
	}
	if a := w.submit("acme-superadmin", of("acme-teammate", "/delete"), "sure", "1", "fresh_password", password); a.Code != http.StatusTooManyRequests || w.find("acme-teammate") == nil {
		t.Errorf("the right one while waiting: %d", a.Code)
	}
}

func TestAProofByMail(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.enter("acme-superadmin")
		w.Push(11 * time.Minute)
		block := func(fields ...string) answer {
			return w.submit("acme-superadmin", of("acme-teammate", "/block"), append(fields, "why", "Left")...)
		}
		if a := block("fresh_mail", "1"); a.Code != http.StatusUnauthorized || !strings.Contains(a.body, `name="fresh_mailed"`) || hidden(a.body).Get("why") != "Left" {
			t.Fatalf("asking for a code: %d %s", a.Code, a.body)
		}
		mails := w.post.Take()
		if len(mails) != 1 || mails[0].Letter.Kind != letter.ProofCode || mails[0].To != "acme-superadmin@demo.test" || len(mails[0].Letter.Code) != 6 {
			t.Fatalf("mailed: %+v", mails)
		}
		code := mails[0].Letter.Code
		if a := block("fresh_mailed", "000"+code[:3]); a.Code != http.StatusUnauthorized || w.find("acme-teammate").Block != nil {
			t.Errorf("a wrong code: %d", a.Code)
		}
		// It is of no use to somebody else.
		w.enter("acme-second")
		w.Push(-time.Hour) // so that their proof is old, and the code is not
		w.enter("acme-second")
		w.Push(time.Hour)
		if a := w.submit("acme-second", of("acme-teammate", "/block"), "fresh_mailed", code); a.Code != http.StatusUnauthorized {
			t.Errorf("another's code: %d", a.Code)
		}
		leads(t, w, "acme-superadmin", block("fresh_mailed", code[:3]+" "+code[3:]), of("acme-teammate", ""), "is blocked")
		// And good once.
		w.Push(11 * time.Minute)
		if a := w.submit("acme-superadmin", of("acme-teammate", "/unblock"), "fresh_mailed", code); a.Code != http.StatusUnauthorized {
			t.Errorf("the code again: %d", a.Code)
		}
	})
}

func TestTheLastSuperadminStays(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		leads(t, w, "acme-superadmin", w.submit("acme-superadmin", of("acme-second", "/type"), "type", "admin"), of("acme-second", ""), "The type was changed")
		for act, fields := range map[string][]string{"type": {"type", "teammate"}, "block": nil, "delete": {"sure", "1"}} {
			a := w.submit("saskia", of("acme-superadmin", "/"+act), fields...)
			if a.Code != http.StatusForbidden || !strings.Contains(a.body, "last owner") {
				t.Errorf("%s: %d %s", act, a.Code, a.body)
			}
		}
		// An admin touches no admins, and makes none.
		if a := w.submit("acme-admin", of("acme-second", "/block")); a.Code != http.StatusForbidden {
			t.Errorf("an admin blocks an admin: %d", a.Code)
		}
		if a := w.submit("acme-admin", of("acme-teammate", "/type"), "type", "superadmin"); a.Code != http.StatusForbidden || w.find("acme-teammate").Type != "teammate" {
			t.Errorf("an admin makes a superadmin: %d", a.Code)
		}
		if page := w.get("acme-admin", of("acme-teammate", "/type")); strings.Contains(page.body, `value="superadmin"`) {
			t.Error("the form offers what may not be given")
		}
	})
}

// Fields that a form does not have change nothing.
func TestExtraFieldsChangeNothing(t *testing.T) {
	w := onBolt(t)
	leads(t, w, "acme-admin", w.submit("acme-admin", of("acme-teammate", "/name"), "name", "Tess", "locale", "nl",
		"type", "superadmin", "account", "rival", "password", "x", "email", "x@demo.test", "second_step", "1", "id", "x"),
		of("acme-teammate", ""), "saved")
	u := w.find("acme-teammate")
	if u.Name != "Tess" || u.Locale != "nl" || u.Type != "teammate" || u.Account != "acme" || u.Password != "hash of "+password || u.Email != "acme-teammate@demo.test" {
		t.Errorf("%+v", u)
	}
	for _, body := range []string{"name=a&name=b", "%ff=1&name=a", "name=%ff"} {
		if a := w.raw("acme-admin", of("acme-teammate", "/name"), "application/x-www-form-urlencoded", body); a.Code != http.StatusBadRequest {
			t.Errorf("%q: %d", body, a.Code)
		}
	}
	if a := w.raw("acme-admin", of("acme-teammate", "/name"), "application/json", `{"name":"x"}`); a.Code != http.StatusBadRequest {
		t.Errorf("JSON: %d", a.Code)
	}
	if a := w.raw("acme-admin", of("acme-teammate", "/name"), "application/x-www-form-urlencoded", "name="+strings.Repeat("a", 70<<10)); a.Code != http.StatusBadRequest {
		t.Errorf("a body of 70 KiB: %d", a.Code)
	}
	if u := w.find("acme-teammate"); u.Name != "Tess" {
		t.Errorf("renamed %q", u.Name)
	}
}

// What support looked at is in the log of the team.
func TestSupportLeavesATrace(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.get("saskia", "/accounts/acme/users")
		w.get("saskia", of("acme-teammate", ""))
		w.get("acme-superadmin", "/accounts/acme/users")
		looked := map[string]int{}
		for _, l := range w.lines("acme") {
			if strings.HasPrefix(l.Action, "looked.") {
				looked[l.Action+" "+l.ActorKind]++
			}
		}
		if looked[audit.LookedUsers+" support"] != 1 || looked[audit.LookedUser+" support"] == 0 || looked[audit.LookedUsers+" user"] != 0 {
			t.Errorf("looked: %v", looked)
		}
	})
}

func TestNamesShowAsText(t *testing.T) {
	w := stage(t)
	for _, path := range []string{"/accounts/acme/users", of("hostile-a", ""), of("hostile-c", "/block"), of("hostile-b", "/name")} {
		body := w.get("acme-superadmin", path).body
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<b>bold") || strings.Contains(body, "/root") {
			t.Errorf("%s: a name is not text: %s", path, body)
		}
		if strings.ContainsAny(strings.ReplaceAll(body, hostile[1], ""), "\u202e") && !strings.Contains(path, "/name") {
			t.Errorf("%s: a mark that turns the direction gets through", path)
		}
	}
	if body := w.get("acme-superadmin", of("hostile-c", "")).body; !strings.Contains(body, "{env.HOME} {n} {{.Body}}") {
		t.Errorf("the placeholder is not there as it was written: %s", body)
	}
}

func TestDoneSaysOnlyWhatWeSay(t *testing.T) {
	w := onBolt(t)
	for _, word := range []string{"<b>x</b>", "nothing", strings.Repeat("a", 5000), "../title"} {
		if page := w.get("acme-superadmin", "/accounts/acme/users?done="+url.QueryEscape(word)); strings.Contains(page.body, `class="notice"`) {
			t.Errorf("%.40q is said", word)
		}
	}
}
