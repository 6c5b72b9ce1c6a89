package page_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

// TestLoginForm is the contract with password managers and with whoever posts
// by hand: one real form, both fields in it, no hidden field.
func TestLoginForm(t *testing.T) {
	p := newPages(t)
	for _, s := range states()[:8] {
		t.Run(s.name, func(t *testing.T) {
			d := open(t, p, s, "/gateway/login")
			form := d.one(t, "form", "method", "post")
			if _, ok := attribute(form, "action"); ok {
				t.Error("on its own address the form has an action, which drops the #fragment without script")
			}
			email := d.one(t, "input", "name", "email")
			password := d.one(t, "input", "name", "password")
			remember := d.one(t, "input", "name", "remember")
			for _, want := range []struct{ got, want string }{
				{get(email, "type"), "email"},
				{get(email, "autocomplete"), "username webauthn"},
				{get(email, "inputmode"), "email"},
				{get(email, "autocapitalize"), "none"},
				{get(email, "spellcheck"), "false"},
				{get(password, "type"), "password"},
				{get(password, "autocomplete"), "current-password"},
				{get(password, "value"), ""},
				{get(remember, "type"), "checkbox"},
			} {
				if want.got != want.want {
					t.Errorf("got %q, want %q", want.got, want.want)
				}
			}
			if n := len(d.all("input")); n != 3 {
				t.Errorf("%d inputs, want 3: no hidden field is mandatory", n)
			}
			for _, id := range []string{"email", "password", "remember"} {
				if text(d.one(t, "label", "for", id)) == "" {
					t.Errorf("no label for %s", id)
				}
			}
			d.one(t, "button", "type", "submit")
			if _, hidden := attribute(d.one(t, "button", "type", "button"), "hidden"); !hidden {
				t.Error("show password is visible where script cannot make it work")
			}
		})
	}
}

func TestLoginErrorIsAnnounced(t *testing.T) {
	d := open(t, newPages(t), states()[2], "/gateway/login")
	summary := d.one(t, "*", "role", "alert")
	if get(summary, "id") != "error" || get(summary, "tabindex") != "-1" {
		t.Error("the summary cannot take the focus")
	}
	if _, ok := attribute(summary, "autofocus"); !ok {
		t.Error("the summary does not take the focus without script")
	}
	for _, name := range []string{"email", "password"} {
		input := d.one(t, "input", "name", name)
		if get(input, "aria-invalid") != "true" || !strings.Contains(get(input, "aria-describedby"), "error") {
			t.Errorf("%s is not marked as wrong and described by the summary", name)
		}
	}
	if title := text(d.one(t, "title")); title != "Fout: Inloggen | De Praktijk" {
		t.Errorf("title %q", title)
	}
	main := d.one(t, "main")
	if get(main, "data-cause") != "wrong_password" || get(main, "data-reference") != "K7Q-4MD" {
		t.Errorf("cause %q, reference %q", get(main, "data-cause"), get(main, "data-reference"))
	}
	for _, want := range []string{"K7Q-4MD", "@gmail.com", "spatie", "Caps Lock"} {
		if !strings.Contains(text(summary), want) {
			t.Errorf("summary lacks %q: %s", want, text(summary))
		}
	}
	if _, ok := attribute(d.one(t, "input", "name", "remember"), "checked"); !ok {
		t.Error("the tick of stay logged in is lost")
	}
}

// TestUnknownAddressLooksLikeWrongPassword compares every byte.
func TestUnknownAddressLooksLikeWrongPassword(t *testing.T) {
	p := newPages(t)
	show := func(c cause.Cause) string {
		w := httptest.NewRecorder()
		p.Login(w, httptest.NewRequest(http.MethodPost, "/gateway/login", http.NoBody), http.StatusUnauthorized,
			page.Login{Email: "a@b.test", Cause: c, Reference: "K7Q-4MD"})
		return w.Body.String()
	}
	if diff := cmp.Diff(show(cause.WrongPassword), show(cause.UnknownEmail)); diff != "" {
		t.Error(diff)
	}
}

func TestCalmCausesAreNoError(t *testing.T) {
	p := newPages(t)
	for _, c := range []cause.Cause{cause.NotLoggedIn, cause.SessionExpired, cause.SessionEnded} {
		d := open(t, p, login("", http.StatusUnauthorized, page.Login{Cause: c}), "/gateway/login")
		if len(d.all("*", "role", "alert")) != 0 || strings.HasPrefix(text(d.one(t, "title")), "Fout") {
			t.Errorf("%s frightens people who only have to log in", c)
		}
		if get(d.one(t, "main"), "data-cause") != string(c) {
			t.Errorf("%s is not on the page", c)
		}
	}
}

func TestMarkedFields(t *testing.T) {
	p := newPages(t)
	for _, tc := range []struct {
		cause           cause.Cause
		hints           []string
		email, password string
	}{
		{cause.WrongPassword, []string{"hint.caps_lock"}, "true", "true"},
		{cause.BadRequest, nil, "true", "true"},
		{cause.BadRequest, []string{"hint.email_shape"}, "true", ""},
		{cause.BadRequest, []string{"hint.password_empty"}, "", "true"},
		{cause.TooManyAttempts, []string{"hint.caps_lock"}, "", ""},
		{cause.StoreUnavailable, nil, "", ""},
	} {
		d := open(t, p, login("", http.StatusUnauthorized, page.Login{Cause: tc.cause, Hints: tc.hints}), "/gateway/login")
		email, password := get(d.one(t, "input", "name", "email"), "aria-invalid"), get(d.one(t, "input", "name", "password"), "aria-invalid")
		if email != tc.email || password != tc.password {
			t.Errorf("%s %v: e-mail %q, password %q", tc.cause, tc.hints, email, password)
		}
	}
}

// TestLostFormIsSaid: whoever posted to the app while logged out must know that
// it was not saved.
func TestLostFormIsSaid(t *testing.T) {
	p := newPages(t)
	for _, tc := range []struct{ method, path, want string }{
		{http.MethodPost, "/clients/5", "nog niet opgeslagen"},
		{http.MethodGet, "/clients/5", "Je was een tijd weg"},
		{http.MethodPost, "/gateway/login", "Je was een tijd weg"},
	} {
		d := visit(t, p, login("", http.StatusUnauthorized, page.Login{Cause: cause.SessionExpired}), httptest.NewRequest(tc.method, tc.path, http.NoBody))
		if got := text(d.one(t, "p", "class", "notice")); !strings.Contains(got, tc.want) {
			t.Errorf("%s %s: %q", tc.method, tc.path, got)
		}
	}
}

func BenchmarkLogin(b *testing.B) {
	p := newPages(b)
	r := httptest.NewRequest(http.MethodGet, "/gateway/login?to=/clients", http.NoBody)
	b.ReportAllocs()
	for b.Loop() {
		p.Login(httptest.NewRecorder(), r, http.StatusOK, page.Login{})
	}
}

// TestTargetIsKept wants the deep link in the form and on every way out.
func TestTargetIsKept(t *testing.T) {
	target := `/clients/5?tab=files&q=caf#x`
	address := "/form?" + url.Values{"to": {target}, "lang": {"en"}, "junk": {"1"}}.Encode()
	d := open(t, newPages(t), states()[0], address)
	addresses := []string{get(d.one(t, "form"), "action")}
	for _, a := range d.all("a", "data-keep-hash", "") {
		if !strings.HasPrefix(get(a, "class"), "language") {
			addresses = append(addresses, get(a, "href"))
		}
	}
	if len(addresses) != 4 {
		t.Fatalf("addresses %q", addresses)
	}
	for i, name := range []string{"login", "magic", "recover", "help"} {
		got, err := url.Parse(addresses[i])
		if err != nil {
			t.Fatal(err)
		}
		if got.Path != "/gateway/"+name || got.Query().Get("to") != target || got.Query().Get("lang") != "en" || got.Query().Has("junk") {
			t.Errorf("%s leads to %s", name, addresses[i])
		}
	}
	language, err := url.Parse(get(d.one(t, "a", "hreflang", "nl"), "href"))
	if err != nil || language.Query().Get("to") != target || language.Query().Get("lang") != "nl" {
		t.Errorf("language switch leads to %v (%v)", language, err)
	}
}

// TestLanguageSwitchStaysHere keeps odd addresses from leading people away.
func TestLanguageSwitchStaysHere(t *testing.T) {
	p := newPages(t)
	for _, path := range []string{"//evil.test/x", "/\\evil.test", "///evil.test", "*", "", "/ok"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, "/", http.NoBody)
			r.URL = &url.URL{Path: path}
			d := visit(t, p, states()[0], r)
			href := get(d.one(t, "a", "hreflang", "en"), "href")
			if !strings.HasPrefix(href, "/") || strings.HasPrefix(href, "//") || strings.HasPrefix(href, "/\\") {
				t.Errorf("%s %q: switch leads to %q", method, path, href)
			}
		}
	}
}

func TestHostileAddressIsText(t *testing.T) {
	p := newPages(t)
	for name, email := range map[string]string{
		"markup": `"><script>alert(1)</script>@x.test`,
		"attr":   `x" onfocus="alert(1)@x.test`,
		"rtl":    "\u202egro.live@x.test\u2066",
		"long":   strings.Repeat("a", 2000) + "@x.test",
		"quotes": "o'brien&amp;@x.test",
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, p, login("", http.StatusUnauthorized, page.Login{Email: email, Cause: cause.WrongPassword}), "/gateway/login")
			input := d.one(t, "input", "name", "email")
			if get(input, "value") != email {
				t.Errorf("value %q, want %q", get(input, "value"), email)
			}
			if _, ok := attribute(input, "onfocus"); ok || len(d.all("script")) != 1 {
				t.Error("the address became markup")
			}
		})
	}
}

// TestTypedSecretIsNotEchoed: people type their password into the wrong field.
func TestTypedSecretIsNotEchoed(t *testing.T) {
	d := open(t, newPages(t), login("", http.StatusUnauthorized, page.Login{Email: "s3cretWord", Cause: cause.WrongPassword}), "/gateway/login")
	if strings.Contains(d.answer.Body.String(), "s3cretWord") {
		t.Error("what is no address came back")
	}
	for _, broken := range []string{"a\x00b\r\n@x.test", "\xff\xfe@x.test", strings.Repeat("\u00e9", 5000) + "@"} {
		d := open(t, newPages(t), login("", http.StatusUnauthorized, page.Login{Email: broken, Cause: cause.WrongPassword}), "/gateway/login")
		if value := get(d.one(t, "input", "name", "email"), "value"); strings.ContainsAny(value, "\x00\r\n\ufffd") || len(value) > 4096 {
			t.Errorf("broken address came back as %q", value)
		}
	}
}

func TestWait(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 30, 0, 0, time.UTC) // 14:30 in Amsterdam
	p := newPages(t, func(o *page.Options) { o.Now = func() time.Time { return now } })
	for _, tc := range []struct {
		wait          time.Duration
		seconds, want string
	}{
		{500 * time.Millisecond, "1", "Je kunt het over 1 seconde weer proberen, om 14:30 uur."},
		{30 * time.Second, "30", "Je kunt het over 30 seconden weer proberen, om 14:30 uur."},
		{61 * time.Second, "61", "Je kunt het over 2 minuten weer proberen, om 14:31 uur."},
		{15 * time.Minute, "900", "Je kunt het over 15 minuten weer proberen, om 14:45 uur."},
		{4 * time.Hour, "14400", "Je kunt het weer proberen vanaf 18:30 uur."},
		{48 * time.Hour, "172800", "Je kunt het weer proberen vanaf 03-07-2026 14:30 uur."},
	} {
		d := open(t, p, login("", http.StatusTooManyRequests, page.Login{Cause: cause.TooManyAttempts, RetryAfter: tc.wait}), "/gateway/login")
		if got := text(d.one(t, "p", "class", "retry")); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.wait, got, tc.want)
		}
		if got := d.answer.Header().Get("Retry-After"); got != tc.seconds {
			t.Errorf("%s: Retry-After %q, want %q", tc.wait, got, tc.seconds)
		}
		d.one(t, "form", "method", "post")
	}
}
