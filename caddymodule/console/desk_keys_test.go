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
