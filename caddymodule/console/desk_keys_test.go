package console_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestKeysAreShownOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		if a := w.submit("saskia", "/keys", "name", "x"); a.Code != http.StatusBadRequest {
			t.Errorf("a key that may do nothing: %d", a.Code)
		}
		if a := w.submit("saskia", "/keys", "name", "x", "account", "nope", "scope_users_read", "1"); a.Code != http.StatusBadRequest {
			t.Errorf("a key for no account: %d", a.Code)
		}
		a := w.submit("saskia", "/keys", "name", "<i>Billing</i>", "account", "acme", "scope_users_read", "1", "scope_everything", "1")
		i := strings.Index(a.body, "cgk_")
		if a.Code != http.StatusOK || i < 0 {
			t.Fatalf("%d %s", a.Code, a.body)
		}
		key := a.body[i : i+strings.IndexByte(a.body[i:], '<')]
		list := w.get("saskia", "/keys")
		if strings.Contains(list.body, key) || strings.Contains(list.body, "<i>Billing") || !strings.Contains(list.body, "&lt;i&gt;Billing") {
			t.Errorf("the list shows %s", list.body)
		}
		keys, err := w.keys.List(t.Context(), "")
		if err != nil || len(keys) != 1 || len(keys[0].Scopes) != 1 || keys[0].Account != "acme" {
			t.Fatalf("%+v, %v", keys, err)
		}
		if a := w.submit("saskia", "/keys/"+keys[0].ID+"/revoke"); a.Code != http.StatusSeeOther {
			t.Errorf("%d", a.Code)
		}
		if keys, err = w.keys.List(t.Context(), ""); err != nil || keys[0].Live() {
			t.Errorf("still good: %+v, %v", keys, err)
		}
		for _, account := range []string{"acme", directory.StaffAccount} {
			if lines := w.logged(account); !slices.Contains(lines, "key.made  by support") || !slices.Contains(lines, "key.revoked  by support") {
				t.Errorf("the log of %s: %v", account, lines)
			}
		}
		if a := w.submit("saskia", "/keys/none/revoke"); a.Code != http.StatusNotFound {
			t.Errorf("no such key: %d", a.Code)
		}
	})
}

// upload sends a file to the import page.
func (w *world) upload(as, mode, name, content string) answer {
	w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if mode != "" {
		_ = form.WriteField("mode", mode)
	}
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		w.t.Fatal(err)
	}
	_, _ = part.Write([]byte(content))
	_ = form.Close()
	r := httptest.NewRequest(http.MethodPost, "http://localhost/gateway/admin/import", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	if w.cookies[as] == "" {
		w.enter(as)
	}
	r.AddCookie(&http.Cookie{Name: cookie.Session, Value: w.cookies[as]})
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return answer{rec, rec.Body.String()}
}

func TestImportRehearsesFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		const file = "record,account,email,name,type,state\naccount,nieuw,,Nieuw,,active\nuser,nieuw,an@nieuw.nl,An,teammate,\nuser,nieuw,geen-mail,<b>Bo</b>,teammate,\n"
		for _, mode := range []string{"", "rehearse", "Import "} {
			a := w.upload("saskia", mode, "users.csv", file)
			if a.Code != http.StatusOK || strings.Contains(a.body, "<b>Bo") {
				t.Fatalf("%q: %d %s", mode, a.Code, a.body)
			}
			if _, err := w.dir.FindByEmail(t.Context(), "an@nieuw.nl"); err == nil {
				t.Fatalf("mode %q imports", mode)
			}
		}
		if a := w.upload("saskia", "import", "users.csv", file); a.Code != http.StatusOK {
			t.Fatalf("%d %s", a.Code, a.body)
		}
		if u, err := w.dir.FindByEmail(t.Context(), "an@nieuw.nl"); err != nil || u.Account != "nieuw" {
			t.Errorf("%+v, %v", u, err)
		}
		if lines := w.logged(directory.StaffAccount); !slices.Contains(lines, "users.imported  by support") {
			t.Errorf("the log of the staff: %v", lines)
		}
		for name, want := range map[string]int{"users.exe": http.StatusBadRequest, "users.csv": http.StatusBadRequest} {
			if a := w.upload("saskia", "import", name, "PK\x03\x04 no text"); a.Code != want {
				t.Errorf("%s: %d", name, a.Code)
			}
		}
		if a := w.upload("saskia", "", "users.csv", "record,account\n"+strings.Repeat("x", 65<<20)); a.Code != http.StatusRequestEntityTooLarge && a.Code != http.StatusBadRequest {
			t.Errorf("too long: %d", a.Code)
		}
		w.Push(11 * time.Minute)
		if a := w.upload("saskia", "import", "users.csv", file); a.Code != http.StatusUnauthorized || a.cause() != "fresh_proof_required" {
			t.Errorf("with an old proof: %d %s", a.Code, a.cause())
		}
	})
}

// badLines has something wrong in each of its lines.
const badLines = `record,account,email,name,type,state,password_hash,password_scheme
account,nieuw,,Nieuw,,nergens,,
user,acme,geen-mail,<b>Bo</b>,teammate,,,
user,acme,acme-admin@demo.test,Twee,teammate,,,
user,acme,ACME-admin@demo.test,Drie,teammate,,,
user,acme,vier@acme.test,Vier,koning,,,
user,acme,vijf@acme.test,Vijf,teammate,,onbekend,
user,acme,zes@acme.test,Zes,teammate,,$2y$99$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvwxyz01234,
user,acme,zeven@acme.test,Zeven,teammate,,$2y$10$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvwxyz01234,bcript
`

// What is wrong with a line is said in the language of whoever sent the file; the
// command line says the same in English.
func TestImportSaysWhatIsWrongInTheLanguageOfThePerson(t *testing.T) {
	w := onBolt(t)
	w.change("saskia", func(u *store.User) { u.Locale = "nl" })
	a := w.upload("saskia", "rehearse", "users.csv", badLines)
	for _, want := range []string{
		"account nieuw", "gebruiker geen-mail", "deze state is er hier niet", "kies uit trial, active, arrears, cancelled, suspended",
		"er staat geen @ in", "schrijf het als naam@example.com", ", anders geschreven", "deze type is er hier niet",
		"het begint als geen enkel bekend schema", "bcrypt met kosten 99: dat moet van 4 tot 14 zijn", "bedoel je bcrypt?",
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(a.body, "<b>Bo") || strings.Contains(a.body, "said: ") || strings.Contains(a.body, "there is no") || strings.Contains(a.body, "must be") {
		t.Errorf("the page says what it should not: %s", a.body)
	}
	if a := w.upload("saskia", "rehearse", "users.csv", "rekord,account\n"); a.Code != http.StatusBadRequest ||
		!strings.Contains(a.body, "er is geen kolom") || !strings.Contains(a.body, "bedoel je record?") {
		t.Errorf("a file with an unknown column: %d %s", a.Code, a.body)
	}
	w.change("saskia", func(u *store.User) { u.Locale = "en" })
	if a := w.upload("saskia", "rehearse", "users.csv", badLines); !strings.Contains(a.body, "line 4 has this address, written differently") {
		t.Errorf("in English: %s", a.body)
	}
}
