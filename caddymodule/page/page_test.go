package page_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

// newPages makes a renderer with the brand of a made-up practice.
func newPages(t testing.TB, change ...func(*page.Options)) *page.Renderer {
	t.Helper()
	o := page.Options{Passkeys: func(host string) bool { return host == "passkeys.test" }, Brand: page.Brand{
		Name: "De Praktijk", SupportPhone: "030 123 45 67", SupportMail: "help@praktijk.test",
		SupportURL: "https://praktijk.test/help", AppointmentURL: "https://praktijk.test/afspraak",
	}}
	for _, f := range change {
		f(&o)
	}
	p, err := page.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEveryPage holds for each page in each language: complete, sealed, small.
func TestEveryPage(t *testing.T) {
	p := newPages(t)
	for _, s := range states() {
		for _, locale := range []string{"nl", "en"} {
			t.Run(s.name+"/"+locale, func(t *testing.T) {
				d := open(t, p, s, "/gateway/login?lang="+locale)
				if got := get(d.one(t, "html"), "lang"); got != locale {
					t.Errorf("lang %q", got)
				}
				if n := len(d.all("h1")); n != 1 {
					t.Errorf("%d headings of the first level", n)
				}
				body := d.answer.Body.String()
				if left := regexp.MustCompile(`\{[a-z_]+\}|ZgotmplZ|(?:cause|login|hint|notice|later|link|help|retry|support)\.[a-z_]+[.<]`).FindString(body); left != "" {
					t.Errorf("a word was not filled in: %s", left)
				}
				checkSealed(t, d, strings.HasPrefix(s.name, "framed"))
				checkWeight(t, p, d)
			})
		}
	}
}

// checkSealed wants the headers of own pages and nothing inline. The page for
// frames differs in what frames, and in nothing to post.
func checkSealed(t *testing.T, d document, framed bool) {
	t.Helper()
	header := d.answer.Header()
	for name, want := range map[string]string{
		"X-Login-Gateway": "1", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "strict-origin",
		"Content-Type":    "text/html; charset=utf-8",
	} {
		if header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, header.Get(name), want)
		}
	}
	if opener := header.Get("Cross-Origin-Opener-Policy"); (opener == "same-origin") == framed {
		t.Errorf("Cross-Origin-Opener-Policy: %q", opener)
	}
	policy, forms, ancestors := header.Get("Content-Security-Policy"), "form-action 'self'", "frame-ancestors 'none'"
	if framed {
		forms, ancestors = "form-action 'none'", "frame-ancestors *"
		policy = strings.Replace(policy, ancestors, "frame-ancestors 'all'", 1)
		ancestors = "frame-ancestors 'all'"
	}
	for _, want := range []string{"default-src 'none'", forms, ancestors, "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "data:") {
		t.Errorf("policy is lax: %s", policy)
	}
	for _, n := range d.all("*") {
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("inline %s on <%s>", a.Key, n.Data)
			}
		}
		if n.Data == "style" || n.Data == "script" && n.FirstChild != nil {
			t.Errorf("inline <%s>", n.Data)
		}
	}
}

// checkWeight fetches all that the page refers to and wants 60 KB at most.
func checkWeight(t *testing.T, p renderer, d document) {
	t.Helper()
	total, seen := d.answer.Body.Len(), map[string]bool{}
	for _, n := range d.all("*") {
		address := get(n, "src")
		if n.Data == "link" {
			address = get(n, "href")
		}
		if address == "" || seen[address] {
			continue
		}
		seen[address] = true
		w := httptest.NewRecorder()
		p.Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, http.NoBody))
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: status %d, %q", address, w.Code, w.Header().Get("Cache-Control"))
		}
		total += w.Body.Len()
	}
	if len(seen) < 3 || total > 60_000 {
		t.Errorf("%d bytes in %d files, want at most 60,000", total, len(seen))
	}
}

// TestRefusals wants for each cause its status, its code, its reference and a way on.
func TestRefusals(t *testing.T) {
	p := newPages(t)
	for _, c := range cause.All() {
		for _, locale := range []string{"nl", "en"} {
			t.Run(string(c)+"/"+locale, func(t *testing.T) {
				v := refusal(c)
				v.Locale = locale
				d := open(t, p, state{show: func(p renderer, w http.ResponseWriter, r *http.Request) { p.Refusal(w, r, v) }}, "/clients/5")
				if d.answer.Code != c.Status() {
					t.Errorf("status %d, want %d", d.answer.Code, c.Status())
				}
				main := d.one(t, "main")
				if get(main, "data-cause") != string(c.Public()) || get(main, "data-reference") != v.Reference {
					t.Errorf("cause %q, reference %q", get(main, "data-cause"), get(main, "data-reference"))
				}
				if strings.Contains(d.answer.Body.String(), string(cause.UnknownEmail)) {
					t.Error("the page says that the address is unknown")
				}
				start := map[string]string{"nl": "Fout: ", "en": "Error: "}[locale]
				if !strings.HasPrefix(text(d.one(t, "title")), start) {
					t.Errorf("title %q", text(d.one(t, "title")))
				}
				d.one(t, "*", "role", "alert")
				if len(d.all("a", "class", "button primary"))+len(d.all("button", "class", "button primary")) != 1 {
					t.Error("no way on")
				}
				if (d.answer.Header().Get("Retry-After") != "") != (v.RetryAfter > 0) {
					t.Errorf("Retry-After %q", d.answer.Header().Get("Retry-After"))
				}
			})
		}
	}
}

// TestSuperadminIsToldWhatToDo and others whom to ask.
func TestSuperadminIsToldWhatToDo(t *testing.T) {
	p := newPages(t)
	show := func(superadmin bool) string {
		w := httptest.NewRecorder()
		p.Refusal(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody), page.Refusal{Cause: cause.AccountArrears, Superadmin: superadmin})
		return w.Body.String()
	}
	if !strings.Contains(show(true), "Betaal de openstaande facturen") || !strings.Contains(show(false), "Vraag de eigenaar") {
		t.Error("the way out does not depend on who reads it")
	}
}

func TestHostileNameIsText(t *testing.T) {
	v := page.Refusal{Cause: cause.UserBlocked, Name: `<img src=x onerror=alert(1)>`, Reference: `"><b>`}
	d := open(t, newPages(t), state{show: func(p renderer, w http.ResponseWriter, r *http.Request) { p.Refusal(w, r, v) }}, "/")
	if len(d.all("b")) != 0 || len(d.all("img", "src", "x")) != 0 || !strings.Contains(text(d.one(t, "main")), v.Name) {
		t.Error("a name became markup or got lost")
	}
}

// TestLogoutChangesNothing: the page only offers buttons that post.
func TestLogoutChangesNothing(t *testing.T) {
	d := open(t, newPages(t), state{show: func(p renderer, w http.ResponseWriter, r *http.Request) { p.Logout(w, r, page.Logout{}) }}, "/gateway/logout")
	d.one(t, "form", "method", "post", "action", "/gateway/logout")
	d.one(t, "form", "method", "post", "action", "/gateway/logout/all")
	if len(d.all("input")) != 0 {
		t.Error("log-out takes no field")
	}
}

func TestLaterStatus(t *testing.T) {
	p := newPages(t)
	for _, tc := range []struct {
		later page.Later
		want  int
	}{
		{page.Later{Kind: "magic"}, http.StatusNotImplemented},
		{page.Later{Kind: "magic", Status: http.StatusOK}, http.StatusOK},
		{page.Later{Kind: "nonsense"}, http.StatusNotFound},
	} {
		w := httptest.NewRecorder()
		p.Later(w, httptest.NewRequest(http.MethodGet, "/gateway/magic", http.NoBody), tc.later)
		if w.Code != tc.want {
			t.Errorf("%+v: status %d, want %d", tc.later, w.Code, tc.want)
		}
	}
}
