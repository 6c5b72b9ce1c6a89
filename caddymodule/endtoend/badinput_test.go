package endtoend_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/store"
)

const formType = "application/x-www-form-urlencoded"

// bad are bodies that no login page sends.
func bad() map[string]kit.Option {
	escaped, huge := url.QueryEscape(kit.Password), strings.Repeat("x", 1<<20)
	right := "email=teammate%40demo.test&password=" + escaped
	return map[string]kit.Option{
		"nothing":               kit.Body(formType, ""),
		"no password":           kit.Body(formType, "email=teammate%40demo.test"),
		"no address":            kit.Body(formType, "password="+escaped),
		"empty fields":          kit.Body(formType, "email=&password="),
		"two addresses":         kit.Body(formType, right+"&email=client%40demo.test"),
		"two passwords":         kit.Body(formType, right+"&password=x"),
		"bad percent":           kit.Body(formType, "email=%zz&password=%"),
		"semicolons":            kit.Body(formType, "email=teammate%40demo.test;password="+escaped),
		"not UTF-8":             kit.Body(formType, "email=%ff%fe%40demo.test&password=%ff"),
		"not UTF-8, raw":        kit.Body(formType, "email=\xff\xfe@demo.test&password=\xc3\x28"),
		"NUL":                   kit.Body(formType, "email=teammate%00%40demo.test&password=%00"),
		"line breaks":           kit.Body(formType, "email=teammate%40demo.test%0d%0aX-Injected:+1&password=a%0d%0ab"),
		"a megabyte":            kit.Body(formType, "email=teammate%40demo.test&password="+huge),
		"address of a megabyte": kit.Body(formType, "password=x&email="+huge),
		"many fields":           kit.Body(formType, strings.Repeat("a=b&", 5000)+right),
		"long password":         kit.Body(formType, "email=teammate%40demo.test&password="+strings.Repeat("y", 8000)),
		"JSON":                  kit.Body("application/json", `{"email":"teammate@demo.test","password":"`+kit.Password+`"}`),
		"multipart":             kit.Body("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nteammate@demo.test\r\n--b--\r\n"),
		"no type":               kit.Body("", right),
		"odd type":              kit.Body("application/x-www-form-urlencoded; =;", right),
		"angle brackets":        kit.Body(formType, "email=%3Cscript%3Ealert(1)%3C/script%3E%40demo.test&password=x"),
		"template":              kit.Body(formType, "email={{.}}%40demo.test&password={http.request.uri}"),
		"long domain":           kit.Body(formType, "password=x&email=a%40"+strings.Repeat("a.", 3000)+"test"),
		"unfinished punycode":   kit.Body(formType, "password=x&email=a%40xn--.test"),
		"NUL in the store key":  kit.Body(formType, "password=x&email=%22a%00b%22%40demo.test"),
	}
}

func TestBadFormsAreRefusedClearly(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, app := town(t, s, kit.Site{})
		for name, body := range bad() {
			v := kit.Visit(t, g.URL)
			a, err := v.Try(http.MethodPost, "/gateway/login", kit.Bare, body)
			if err != nil {
				continue // it hung up on a body that is too large, as it may
			}
			if a.Status != http.StatusBadRequest && a.Status != http.StatusUnauthorized && a.Status != http.StatusTooManyRequests {
				t.Errorf("%s: %s", name, a)
			}
			if !a.Own() || a.Cause() == "" || !strings.Contains(a.Body, `name="password"`) || v.Cookie("gateway_session") != "" {
				t.Errorf("%s: no form, no cause, or a session: %s", name, a)
			}
			if strings.Contains(a.Body, "<script>alert") || a.Header.Get("X-Injected") != "" {
				t.Errorf("%s: what was typed got out of its place: %s", name, a)
			}
		}
		if seen := app.Seen(""); len(seen) != 0 {
			t.Errorf("reached the app: %v", seen)
		}
		command(t, g, "attempts", "clear", "teammate@demo.test")
		sentTo(t, kit.Visit(t, g.URL).Login("teammate", kit.Password), "/")
	})
}

func TestBadCookiesAreNobody(t *testing.T) {
	t.Parallel()
	g, rec := forging(t, kit.Bolt(t), "", "")
	good := kit.Visit(t, g.URL).Enter("teammate").Cookie("gateway_session")
	flipped := []byte(good)
	flipped[len(flipped)/2] ^= 1
	for name, value := range map[string]string{
		"empty": "", "nonsense": "x", "cut": good[:len(good)-4], "longer": good + "AAAA", "flipped": string(flipped),
		"twice in one": good + good, "not base64": "%%%%", "binary": "\x01\x02\xff", "huge": strings.Repeat("A", 4000),
		"quoted": `"` + good[:10] + `"`, "of another purpose": kit.Visit(t, g.URL).Enter("client").Cookie("gateway_device"),
		"many": strings.Repeat("x; gateway_session=", 200) + "x",
	} {
		for path, want := range map[string]int{"/closed": http.StatusUnauthorized, "/open/x": http.StatusOK, "/gateway/login": http.StatusOK} {
			a := kit.Raw(t, g.Addr, "GET "+path+" HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\nCookie: gateway_session="+value+
				"; gateway_flow="+value+"; gateway_device="+value+"\r\n\r\n")
			if a.Status != want && a.Status != http.StatusBadRequest {
				t.Errorf("%s cookie at %s: %s", name, path, a)
			}
		}
	}
	if got := rec.Requests("/closed"); len(got) != 0 {
		t.Errorf("reached the app: %q", got)
	}
	// A cookie that somebody planted beside the good one does not log anybody out.
	a := kit.Raw(t, g.Addr, "GET /closed HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\nCookie: gateway_session=planted; gateway_session="+good+"\r\n\r\n")
	if a.Status != http.StatusOK || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("a planted cookie beside a good one: %s", a)
	}
}

func TestHugeHeadersAreSurvived(t *testing.T) {
	t.Parallel()
	// Caddy takes 16 KiB; a site may take more.
	g, rec := forging(t, kit.Bolt(t), "", "max_header_size 2MB")
	many := strings.Repeat("X-Filler: "+strings.Repeat("y", 90)+"\r\n", 1000)
	for _, part := range []string{
		many, "X-One: " + strings.Repeat("z", 100000) + "\r\n", "Accept-Language: " + strings.Repeat("nl,", 30000) + "\r\n",
		"Cookie: " + strings.Repeat("a=b; ", 20000) + "\r\n", "Accept: " + strings.Repeat("text/html,", 10000) + "\r\n",
		"User-Agent: " + strings.Repeat("Mozilla ", 12000) + "\r\n", "Referer: http://" + g.Addr + "/" + strings.Repeat("r", 90000) + "\r\n",
		"X-Forwarded-For: " + strings.Repeat("1.2.3.4, ", 10000) + "\r\n",
	} {
		for _, line := range []string{"GET /closed", "GET /gateway/login", "POST /closed"} {
			a := kit.Raw(t, g.Addr, line+" HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\nContent-Length: 0\r\n"+part+"\r\n")
			if a.Status >= 500 || a.FromApp() {
				t.Errorf("%s with %.20s...: %s", line, part, a)
			}
		}
	}
	long := "GET /" + strings.Repeat("a", 50000) + "?" + strings.Repeat("b", 50000)
	a := kit.Raw(t, g.Addr, long+" HTTP/1.1\r\nHost: "+g.Addr+"\r\nConnection: close\r\nAccept: text/html\r\n\r\n")
	if a.Status != http.StatusSeeOther || len(a.To()) > 8000 {
		t.Errorf("a long address: status %d, to %d bytes", a.Status, len(a.To()))
	}
	if got := rec.Requests(""); len(got) != 0 {
		t.Errorf("%d requests reached the app", len(got))
	}
}

// Records that cannot be read are a fault of the store, not a missing session: it
// is said, nobody passes, and no cookie is touched.
func TestBrokenRecordsAreNotTakenForAnything(t *testing.T) {
	t.Parallel()
	for _, kind := range []store.Kind{store.Sessions.Kind, store.Users.Kind, store.Accounts.Kind} {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
				g, app := town(t, s, kit.Site{})
				v := kit.Visit(t, g.URL).Enter("teammate")
				for what, value := range map[string]string{
					"nothing": "", "text": "hello", "newer": `9{}`,
					"wrong type": `1{"id":[1],"epoch":"x","user":7,"state":{}}`,
				} {
					s.Behind(g, func(e store.Engine) { spoil(t, e, kind, value) })
					kit.Eventually(t, "the gateway to notice "+what, func() bool { return !v.Get("/").FromApp() })
					reached := len(app.Seen(""))
					unavailable(t, v.Get("/"))
					if kind != store.Sessions.Kind {
						a := kit.Visit(t, g.URL).Login("teammate", kit.Password)
						if a.Status == http.StatusSeeOther || a.Status == http.StatusInternalServerError || !a.Own() {
							t.Errorf("%s: logging in: %s", what, a)
						}
					}
					if now := len(app.Seen("")); now != reached {
						t.Errorf("%s: %d requests reached the app", what, now-reached)
					}
				}
			})
		})
	}
}

// oddTypes are no types of users. Some look like those that may do more.
var oddTypes = map[string]string{
	"owner": "", "admin": "Superadmin", "teammate": "superadmin ", "client": "king", "trial": "admin\x00\r\n",
	"support": strings.Repeat("superadmin,", 500),
}

// Who has a type that nobody declared, whatever it looks like, is kept out and told
// so, in a session that is there already as well. Operators see it, and mend it.
func TestTypesThatNobodyDeclaredOpenNothing(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, app := town(t, s, kit.Site{Words: "repair_paths /billing/*"})
		visitors := map[string]*kit.Visitor{}
		for user := range oddTypes {
			visitors[user] = kit.Visit(t, g.URL).Enter(user)
		}
		g.Stop()
		for user, kind := range oddTypes {
			account := map[string]string{"trial": "trying", "support": directory.StaffAccount}[user]
			if account == "" {
				account = "acme"
			}
			s.Alter(account, user, func(u *store.User) { u.Type = kind })
		}
		g.Run()
		g.WaitLive()
		reached := len(app.Seen(""))
		for user, v := range visitors {
			for _, path := range []string{"/clients", "/billing/now", "/gateway/admin", "/gateway/admin/accounts/acme"} {
				refused(t, v.Get(path), http.StatusForbidden, "type_denied")
			}
			refused(t, kit.Visit(t, g.URL).Login(user, kit.Password), http.StatusForbidden, "type_denied")
			if why := command(t, g, "why", kit.Address(user)); !strings.Contains(why, "type_denied") {
				t.Errorf("why %s: %s", user, why)
			}
		}
		if n := len(app.Seen("")); n != reached {
			t.Errorf("%d requests reached the app", n-reached)
		}
		command(t, g, "users", "set", "teammate@demo.test", "--type", "client")
		arrived(t, visitors["teammate"].Get("/clients"), "teammate")
	})
}

// spoil writes value over all records of a kind of the account acme.
func spoil(t *testing.T, e store.Engine, kind store.Kind, value string) {
	t.Helper()
	ctx := context.Background()
	ids := []string{"acme"}
	if kind.Listed {
		entries, err := e.Scan(ctx, store.AccountTag("acme"), kind, "", "", 1000)
		if err != nil || len(entries) == 0 {
			t.Fatalf("nothing to spoil: %v", err)
		}
		ids = nil
		for _, entry := range entries {
			ids = append(ids, entry.ID)
		}
	}
	err := e.Update(ctx, store.AccountTag("acme"), func(tx store.Tx) error {
		for _, id := range ids {
			if err := tx.Put(kind, id, []byte(value), time.Time{}); err != nil {
				return err
			}
			tx.Announce(kind, id)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// everything is all records of the store, but for the places in the order of events
// that were taken for what then did not happen.
func everything(t *testing.T, s *kit.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	s.With(func(e store.Engine) {
		err := e.(store.Dumper).Dump(t.Context(), func(r store.Record) error {
			if r.Key.Tag != store.EventsTag || strings.Contains(string(r.Value), `"state":"done"`) {
				all[fmt.Sprint(r.Key)] = string(r.Value)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	return all
}

// What operators type is checked before anything is written.
func TestBadCommandsWriteNothing(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		g.Stop()
		before := everything(t, s)
		g.Run()
		g.WaitLive()
		for _, args := range badCommands {
			r := g.Gateway(args...)
			if r.Exit == 0 || r.Stderr == "" || strings.Contains(r.Stderr, "goroutine") {
				t.Errorf("%q: exit %d, %q", args, r.Exit, r.Stderr)
			}
		}
		g.Stop()
		if diff := cmp.Diff(before, everything(t, s)); diff != "" {
			t.Errorf("something was written (+):\n%s", diff)
		}
	})
}

var badCommands = [][]string{
	{"users", "add", "new@demo.test", "--account", "acme", "--name", "a\r\nb", "--type", "client"},
	{"users", "add", "new@demo.test", "--account", "acme", "--name", "\xff\xfe", "--type", "client"},
	{"users", "add", "new\n@demo.test", "--account", "acme", "--name", "N", "--type", "client"},
	{"users", "add", "Teammate@demo.test", "--account", "acme", "--name", "N", "--type", "client"},
	{"users", "add", "new@demo.test", "--account", "nowhere", "--name", "N", "--type", "client"},
	{"users", "add", "new@demo.test", "--account", "acme", "--name", "N", "--type", "king"},
	{"users", "add", "new@demo.test", "--account", "acme", "--name", "N", "--type", "support"},
	{"users", "add", "new@demo.test", "--account", "acme", "--name", strings.Repeat("n", 5000), "--type", "client"},
	{"users", "set", "client@demo.test", "--email", "teammate@demo.test"},
	{"users", "set", "client@demo.test", "--name", "N", "--type", "king"},
	{"users", "block", "nobody@demo.test", "--reason", "x"},
	{"users", "block", "client@demo.test", "--until", "yesterday"},
	{"users", "frobnicate"},
	{"users", "list", "--limit", "many"},
	{"why"},
	{"accounts", "add", "Bad Id"},
	{"accounts", "add", "acme"},
	{"accounts", "set", "acme", "--state", "asleep"},
	{"accounts", "set", "acme", "--name", "New", "--state", "trial"},
	{"attempts", "clear", "teammate@demo.test", "--network", "everywhere"},
}
