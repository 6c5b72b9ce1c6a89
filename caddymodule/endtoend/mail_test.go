package endtoend_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// mailing is a town that can mail.
func mailing(t *testing.T, s *kit.Store, more string) (*kit.Gateway, *kit.Mailbox) {
	t.Helper()
	box := kit.NewMailbox(t)
	g, _ := town(t, s, kit.Site{App: box.Words() + "\n" + more, Before: "log"})
	return g, box
}

// ask has a visitor ask for a login by mail, and returns where the page is that
// waits for it.
func ask(t *testing.T, v *kit.Visitor, user, query string) string {
	t.Helper()
	v.Get("/gateway/magic" + query)
	a := v.Post("/gateway/magic"+query, url.Values{"email": {kit.Address(user)}})
	if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.To(), "/gateway/magic?") {
		t.Fatalf("asking for a login by mail: %s", a)
	}
	return a.To()
}

func TestLoginByTheCodeOfAMail(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "")
		v := kit.Visit(t, g.URL)
		waiting := ask(t, v, "teammate", "?to=%2Fclients%2F12%3Ftab%3Dnotes")
		m := box.Wait("teammate", 1)
		if a := kit.Visit(t, g.URL).Post(waiting, url.Values{"code": {m.Code()}}); a.Cause() != "other_browser" {
			t.Errorf("the code in another browser: %s", a)
		}
		a := v.Post(waiting, url.Values{"code": {"000000"}})
		if a.Status == http.StatusSeeOther {
			t.Fatalf("a wrong code: %s", a)
		}
		sentTo(t, v.Post(waiting, url.Values{"code": {m.Code()}}), "/clients/12?tab=notes")
		seen := arrived(t, v.Get("/clients/12?tab=notes"), "teammate")
		if amr := seen.Header.Get("Remote-Amr"); amr == "" || amr == "pwd" {
			t.Errorf("the app is told amr %q", amr)
		}
		if a := v.Post(waiting, url.Values{"code": {m.Code()}}); a.Status == http.StatusOK || kit.Visit(t, g.URL).Get("/").FromApp() {
			t.Errorf("the code for a second time: %s", a)
		}
	})
}

// A million codes are few: they die of what the operator allows to be guessed, by mail
// and by hour. The link of the mail goes on working.
func TestCodesDieOfTheGuessesThatAreAllowed(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "limits {\nmailed_code {\nper_mail 1\nper_hour 2\n}\n}")
		v := kit.Visit(t, g.URL)
		for n := 1; n <= 3; n++ {
			waiting := ask(t, v, "teammate", "")
			m := box.Wait("teammate", n)
			if n <= 2 {
				v.Post(waiting, url.Values{"code": {otherThan(m.Code())}})
			}
			refused(t, v.Post(waiting, url.Values{"code": {m.Code()}}), http.StatusTooManyRequests, "too_many_attempts")
			if n == 3 {
				sentTo(t, v.Post(m.Links()[0], nil), "/")
				arrived(t, v.Get("/"), "teammate")
			}
		}
	})
}

// otherThan is a code that this one is not.
func otherThan(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// landed follows a new browser over the page that sees whether its cookie came
// back.
func landed(v *kit.Visitor, a kit.Answer) kit.Answer {
	if strings.HasPrefix(a.To(), "/gateway/login?check=1") {
		return v.Get(a.To())
	}
	return a
}

// P1, P5: whatever a scanner does with a link, the person it was mailed to logs in
// with it afterwards, in whichever browser.
func TestAScannerUsesNothingUp(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "")
		ask(t, kit.Visit(t, g.URL), "teammate", "?to=%2Fclients")
		m := box.Wait("teammate", 1)
		if len(m.Links()) != 2 {
			t.Fatalf("links %q in:\n%s", m.Links(), m.Text)
		}
		for _, link := range m.Links() {
			scanner := kit.Visit(t, g.URL)
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodGet} {
				if a := scanner.Do(method, link); !a.Own() || scanner.Cookie("gateway_session") != "" {
					t.Errorf("%s by a scanner: %s", method, a)
				}
			}
			for _, form := range []url.Values{nil, {"email": {""}}, {"email": {"scanner@example.test"}}, {"match": {""}}} {
				if a := scanner.Post(link, form); a.Status == http.StatusSeeOther || scanner.Cookie("gateway_session") != "" {
					t.Errorf("pressed with %v by a scanner: %s", form, a)
				}
			}
		}
		phone := kit.Visit(t, g.URL)
		phone.Get(m.Links()[0])
		sentTo(t, landed(phone, phone.Post(m.Links()[0], url.Values{"email": {"Teammate@Demo.test "}})), "/clients")
		arrived(t, phone.Get("/clients"), "teammate")
		late := kit.Visit(t, g.URL).Get(m.Links()[0])
		refused(t, late, http.StatusGone, "link_used")
	})
}

// One button is enough in the browser that asked, and only there.
func TestTheBrowserThatAskedNeedsOneButton(t *testing.T) {
	t.Parallel()
	g, box := mailing(t, kit.Bolt(t), "")
	v := kit.Visit(t, g.URL)
	ask(t, v, "teammate", "")
	m := box.Wait("teammate", 1)
	// Somebody else's browser, where they are logged in: it did not ask.
	other := kit.Visit(t, g.URL).Enter("client")
	if a := other.Post(m.Links()[0], nil); a.Status == http.StatusSeeOther {
		t.Errorf("one button in a browser that did not ask: %s", a)
	}
	v.Get(m.Links()[0])
	sentTo(t, v.Post(m.Links()[0], nil), "/")
	arrived(t, v.Get("/"), "teammate")
}

func TestFiftyAtOnceWithOneLinkAreOneSession(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "")
		ask(t, kit.Visit(t, g.URL), "teammate", "")
		link := box.Wait("teammate", 1).Links()[0]
		var mu sync.Mutex
		in := 0
		var wg sync.WaitGroup
		for range 50 {
			v := kit.Visit(t, g.URL)
			wg.Go(func() {
				if v.Post(link, url.Values{"email": {"teammate@demo.test"}}).Status == http.StatusSeeOther && v.Get("/").FromApp() {
					mu.Lock()
					in++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if in != 1 {
			t.Errorf("%d got in by one link", in)
		}
	})
}

// P6: nobody is locked out by somebody else asking for a new password, and the
// one who asked is in with what was mailed.
func TestANewPasswordByMail(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "")
		elsewhere := kit.Visit(t, g.URL).Enter("teammate")
		v := kit.Visit(t, g.URL)
		v.Get("/gateway/recover")
		if a := v.Post("/gateway/recover", url.Values{"email": {"teammate@demo.test"}}); a.Status != http.StatusSeeOther {
			t.Fatalf("asking for a new password: %s", a)
		}
		mailed := box.Wait("teammate", 1).Password()
		if mailed == "" {
			t.Fatal("no password in the mail")
		}
		kit.Visit(t, g.URL).Enter("teammate") // the old one works until then
		arrived(t, elsewhere.Get("/"), "teammate")
		a := v.Login("teammate", " "+mailed+" ")
		if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.To(), "/gateway/recover/keep") {
			t.Fatalf("logging in with the mailed password: %s", a)
		}
		if a := elsewhere.Get("/"); a.FromApp() {
			t.Error("sessions elsewhere go on")
		}
		if a := kit.Visit(t, g.URL).Login("teammate", kit.Password); a.Cause() != "wrong_password" {
			t.Errorf("the password from before: %s", a)
		}
		page := v.Get(a.To())
		fresh := freshPassword(page.Body)
		if fresh == "" || fresh == mailed {
			t.Fatalf("fresh password %q on %s", fresh, page)
		}
		if a := kit.Visit(t, g.URL).Login("teammate", mailed); a.Status == http.StatusSeeOther {
			t.Errorf("the mailed password for a second time: %s", a)
		}
		again := kit.Visit(t, g.URL)
		if a := again.Login("teammate", fresh); !strings.HasPrefix(a.To(), "/gateway/recover/keep") {
			t.Errorf("the page does not come back: %s", a)
		}
		if a := again.Post("/gateway/recover/keep?to=%2Fclients", url.Values{}); a.To() != "/clients" {
			t.Errorf("stored it: %s", a)
		}
		sentTo(t, kit.Visit(t, g.URL).Login("teammate", fresh), "/")
		if m := box.Wait("teammate", 2); m.Password() != "" || strings.Contains(m.Text, fresh) {
			t.Errorf("the mail that says so holds a secret:\n%s", m.Text)
		}
	})
}

func TestAddressesOfNobodyLookLikeThoseOfSomebody(t *testing.T) {
	t.Parallel()
	g, box := mailing(t, kit.Bolt(t), "")
	for _, path := range []string{"/gateway/magic", "/gateway/recover"} {
		var pages []string
		for _, email := range []string{"teammate@demo.test", "stranger@demo.test"} {
			v := kit.Visit(t, g.URL)
			v.Get(path)
			a := v.Post(path, url.Values{"email": {email}})
			next := v.Get(a.To())
			text := named.ReplaceAllString(strings.ReplaceAll(next.Body, email, "ADDRESS"), "")
			pages = append(pages, digitsOut(text), digitsOut(strings.Join([]string{http.StatusText(a.Status), http.StatusText(next.Status)}, " ")))
		}
		if pages[0] != pages[2] || pages[1] != pages[3] {
			t.Errorf("%s tells who is known:\n%s\n%s", path, pages[0], pages[2])
		}
	}
	if m := box.Wait("stranger", 1); len(m.Links()) != 0 || m.Code() != "" || m.Password() != "" {
		t.Errorf("a mail to nobody opens something:\n%s", m.Text)
	}
}

// P33: what is mailed stands in the mail and nowhere else.
func TestWhatIsMailedStaysOutOfLogs(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "")
		v := kit.Visit(t, g.URL)
		waiting := ask(t, v, "teammate", "")
		m := box.Wait("teammate", 1)
		v.Post("/gateway/recover", url.Values{"email": {"client@demo.test"}})
		password := box.Wait("client", 1).Password()
		planted := map[string]string{"the code": m.Code(), "the mailed password": password}
		for i, link := range m.Links() {
			planted["a link"+strings.Repeat("'", i)] = link[len("/gateway/m/"):]
			v.Get(link, kit.With("Referer", g.URL+link))
			kit.Visit(t, g.URL).Post(link, url.Values{"email": {"somebody@else.test"}})
			kit.Visit(t, g.URL).Get(link + "x")
		}
		v.Post(waiting, url.Values{"code": {m.Code()}})
		page := kit.Visit(t, g.URL)
		to := page.Login("client", password).To()
		planted["the fresh password"] = freshPassword(page.Get(to).Body)
		told := g.Metrics() + g.Gateway("mail", "list", "--json").Stdout + g.Gateway("why", "teammate@demo.test").Stdout +
			g.Gateway("why", "client@demo.test", "--json").Stdout
		g.Stop()
		for what, text := range planted {
			if text == "" {
				t.Errorf("%s was not there", what)
				continue
			}
			if i := strings.Index(g.Output(), text); i >= 0 {
				t.Errorf("%s stands in the log: ...%s", what, g.Output()[max(0, i-300):min(len(g.Output()), i+60)])
			}
			if strings.Contains(told, text) {
				t.Errorf("a command tells %s", what)
			}
		}
	})
}

var freshField = regexp.MustCompile(`<input[^>]*\bname="password"[^>]*>|<input[^>]*\bautocomplete="new-password"[^>]*>`)

// freshPassword is the one that the page asks to store.
func freshPassword(page string) string {
	for _, input := range freshField.FindAllString(page, -1) {
		if _, rest, ok := strings.Cut(input, `value="`); ok {
			value, _, _ := strings.Cut(rest, `"`)
			return value
		}
	}
	return ""
}

// named are the names of this one mail and attempt, wherever they stand.
var named = regexp.MustCompile(`[a-z2-7]{19}|[A-Z0-9]{3}-[A-Z0-9]{3}`)

var number = regexp.MustCompile(`\d+`)

// digitsOut has pages compared without the times and numbers on them.
func digitsOut(text string) string { return number.ReplaceAllString(text, "#") }

// A login on a device that was not seen before is told, and taken back by the
// person with one link; a stranger who keeps guessing is told of once.
func TestPeopleAreToldWhatHappensInTheirName(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "")
		own := kit.Visit(t, g.URL).Enter("teammate")
		if a := own.Post("/gateway/logout", nil); a.Status != http.StatusSeeOther {
			t.Fatal(a)
		}
		own.Enter("teammate") // the first login of all, and a known device: nothing to tell
		thief := kit.Visit(t, g.URL).Enter("teammate")
		var told []kit.Mail
		kit.Eventually(t, "a mail about the new device", func() bool { told = box.Whole("teammate"); return len(told) > 0 })
		if len(told) != 1 || len(told[0].Links()) != 1 || !kit.AboutDevices.MatchString(told[0].Subject) {
			t.Fatalf("told %d times: %+v", len(told), told)
		}
		link := told[0].Links()[0]
		kit.Visit(t, g.URL).Post(link, nil) // a scanner
		arrived(t, thief.Get("/"), "teammate")
		own.Get(link)
		if a := own.Post(link, nil); a.Status >= http.StatusBadRequest {
			t.Errorf("this was not me: %s", a)
		}
		if thief.Get("/").FromApp() {
			t.Error("the stranger is still in")
		}
		for range 8 {
			kit.Visit(t, g.URL).Login("client", "wrong-"+kit.Password)
		}
		if a := kit.Visit(t, g.URL).Login("client", "wrong-"+kit.Password); a.Cause() != "too_many_attempts" {
			t.Fatalf("after many guesses: %s", a)
		}
		m := box.Wait("client", 1)
		if len(m.Links()) != 0 || m.Code() != "" || m.Password() != "" {
			t.Errorf("a mail about guesses opens something:\n%s", m.Text)
		}
		kit.Visit(t, g.URL).Login("client", "wrong-"+kit.Password)
		if list := g.Gateway("mail", "list", "--json").Stdout; strings.Count(list, "limit_reached") != 1 {
			t.Errorf("told more than once:\n%s", list)
		}
	})
}
