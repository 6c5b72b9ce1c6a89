package endtoend_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// radicale starts Debian's calendar server, which believes the header X-Remote-User,
// and returns its address.
func radicale(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("radicale")
	if err != nil {
		t.Fatalf("radicale is missing: install the Debian package radicale (%v)", err)
	}
	home, addr := t.TempDir(), kit.FreeAddr(t)
	config := filepath.Join(home, "config")
	text := "[server]\nhosts = " + addr + "\n[auth]\ntype = http_x_remote_user\n[rights]\ntype = owner_only\n" +
		"[storage]\nfilesystem_folder = " + filepath.Join(home, "collections") + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := kit.Run(t, home, nil, program, "--config", config)
	kit.Eventually(t, "radicale to listen", func() bool {
		select {
		case <-p.Done():
			t.Fatalf("radicale ended:\n%s", p.Output())
		default:
		}
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return addr
}

const whoAmI = `<?xml version="1.0"?><propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>`

// An app that somebody else wrote, and that trusts a header of its own choice.
func TestRadicaleBelievesTheGatewayOnly(t *testing.T) {
	t.Parallel()
	g := kit.Start(t, kit.Site{
		Store: kit.Bolt(t).Town().Line, Upstream: radicale(t), Words: "header user X-Remote-User\napi_paths /*",
	})
	propfind := func(v *kit.Visitor, options ...kit.Option) kit.Answer {
		options = append([]kit.Option{kit.Bare, kit.Body("application/xml", whoAmI), kit.With("Depth", "0")}, options...)
		return v.Do("PROPFIND", "/", options...)
	}
	v := kit.Visit(t, g.URL)
	forge := func(name string) kit.Option { return func(r *http.Request) { r.Header[name] = []string{"admin"} } }
	for _, name := range []string{"X-Remote-User", "x_remote_user", "X_REMOTE_USER", "X-Remote_User", "Remote-User", "X.Remote.User"} {
		refused(t, propfind(v, forge(name)), http.StatusUnauthorized, "not_logged_in")
	}
	v.Enter("teammate")
	for _, name := range []string{"X-Other", "X-Remote-User", "x_remote_user", "X_REMOTE_USER", "X-Remote_User", "X.Remote.User"} {
		a := propfind(v, forge(name))
		if a.Status != http.StatusMultiStatus || !strings.Contains(a.Body, "/teammate/") || strings.Contains(a.Body, "admin") {
			t.Errorf("with %s forged: %s", name, a)
		}
	}
	if a := v.Do("MKCALENDAR", "/teammate/work/", kit.Bare); a.Status != http.StatusCreated {
		t.Errorf("making a calendar: %s", a)
	}
	event := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n" +
		"DTSTART:20260101T000000Z\r\nSUMMARY:Intake\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	if a := v.Do(http.MethodPut, "/teammate/work/1.ics", kit.Bare, kit.Body("text/calendar", event)); a.Status != http.StatusCreated {
		t.Errorf("putting an appointment: %s", a)
	}
	if a := v.Get("/teammate/work/1.ics", kit.Bare); a.Status != http.StatusOK || !strings.Contains(a.Body, "SUMMARY:Intake") {
		t.Errorf("reading it back: %s", a)
	}
	other := kit.Visit(t, g.URL).Enter("client")
	if a := other.Get("/teammate/work/1.ics", kit.Bare, forge("X-Remote-User")); a.Status == http.StatusOK {
		t.Errorf("another user reads it: %s", a)
	}
	refused(t, kit.Visit(t, g.URL).Get("/teammate/work/1.ics", kit.Bare), http.StatusUnauthorized, "not_logged_in")
}
