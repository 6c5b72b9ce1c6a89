package demo_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/demo"
)

const twoParts = "Date: Sun, 22 Nov 2026 12:34:00 +0100\r\n" +
	"From: \"Demo\" <login@demo.test>\r\nTo: <anna@demo.test>\r\n" +
	"Subject: =?UTF-8?q?Nieuw_wachtwoord_=C3=A9=C3=A9n?=\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/alternative; boundary=abc\r\n\r\n" +
	"--abc\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"=C3=A9=C3=A9n keer:\r\nhttp://localhost:8080/gateway/m/abc=3D1\r\n<script>alert(1)</script>\r\n" +
	"--abc\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"PHAgY2xhc3M9InEiPsOpw6luPC9wPg==\r\n--abc--\r\n"

func write(t *testing.T, dir, name, content string, at time.Time) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func get(b *demo.Mailbox, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/gateway/demo/mail", http.NoBody)
	r.Host = "localhost:8080"
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

func TestMailsOldestFirst(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	write(t, dir, "a.eml", strings.Replace(twoParts, "=C3=A9=C3=A9n?=", "2?=", 1), now)
	write(t, dir, "b.eml", twoParts, now.Add(-time.Second))
	write(t, dir, "c.eml", "half a ma", now)
	write(t, dir, "d.eml.tmp", twoParts, now)
	write(t, dir, "e.txt", twoParts, now)
	w := get(&demo.Mailbox{Dir: dir}, "application/json")
	var got []struct {
		To, Subject, Text, HTML string
		At                      time.Time
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if len(got) != 2 {
		t.Fatalf("%d mails: %s", len(got), w.Body)
	}
	first := got[0]
	if first.To != "anna@demo.test" || first.Subject != "Nieuw wachtwoord één" || first.HTML != `<p class="q">één</p>` ||
		!strings.HasPrefix(first.Text, "één keer:\nhttp://localhost:8080/gateway/m/abc=1\n") || first.At.Format(time.RFC3339) != "2026-11-22T12:34:00+01:00" {
		t.Errorf("%+v", first)
	}
	if got[1].Subject != "Nieuw wachtwoord 2" {
		t.Errorf("last: %+v", got[1])
	}
	for _, key := range []string{`"to":`, `"subject":`, `"text":`, `"html":`, `"at":`} {
		if !strings.Contains(w.Body.String(), key) {
			t.Errorf("no %s", key)
		}
	}
}

func TestNoMailYet(t *testing.T) {
	b := &demo.Mailbox{Dir: filepath.Join(t.TempDir(), "mail")}
	if w := get(b, "application/json"); strings.TrimSpace(w.Body.String()) != "[]" || w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(b, "text/html,*/*"); !strings.Contains(w.Body.String(), "No mail yet") {
		t.Errorf("%s", w.Body)
	}
}

// TestTheMailPage shows the newest first, links that work, and nothing that runs.
func TestTheMailPage(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		write(t, dir, fmt.Sprintf("%d.eml", i), strings.Replace(twoParts, "=C3=A9=C3=A9n?=", fmt.Sprintf("nr%d?=", i), 1), time.Now().Add(time.Duration(i)*time.Second))
	}
	w := get(&demo.Mailbox{Dir: dir}, "text/html,application/xhtml+xml,*/*;q=0.8")
	body := w.Body.String()
	if strings.Index(body, "nr2") > strings.Index(body, "nr0") || !strings.Contains(body, "nr0") {
		t.Error("the newest is not first")
	}
	if !strings.Contains(body, `<a href="http://localhost:8080/gateway/m/abc=1">`) || strings.Contains(body, "<script>") {
		t.Errorf("%s", body)
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "script") {
		t.Errorf("policy %q", policy)
	}
	if !strings.Contains(body, `sandbox="allow-popups allow-popups-to-escape-sandbox"`) {
		t.Error("no sandbox")
	}
}

// TestOnlyUnderTheNamesOfThisMachine: a site whose own name leads here reads nothing.
func TestOnlyUnderTheNamesOfThisMachine(t *testing.T) {
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "demo.localhost": 200,
		"evil.test": 403, "evil.test:8080": 403, "localhost.evil.test": 403, "127.0.0.1.evil.test:80": 403, "": 403,
	} {
		r := httptest.NewRequest(http.MethodGet, "/gateway/demo/mail", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		(&demo.Mailbox{Dir: t.TempDir()}).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
}

func FuzzParseMail(f *testing.F) {
	f.Add(twoParts)
	f.Add("Content-Type: multipart/mixed; boundary=\r\n\r\nx")
	f.Fuzz(func(t *testing.T, raw string) {
		_, _ = demo.ParseMail(strings.NewReader(raw)) // must not panic
	})
}
