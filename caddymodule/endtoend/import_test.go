package endtoend_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// People whose passwords came from another app, of three schemes.
const movedPeople = `account,id,email,name,type,password_hash,password_scheme,password_salt,password_template
verhuisd,,,Verhuisd,,,,,
verhuisd,m1,bcrypt@moved.test,B,teammate,$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW,,,
verhuisd,m2,md5@moved.test,M,teammate,0dbf4929f75c1dd837ab216451f6145a,md5,zout,%salt%:%password%
verhuisd,m3,none@moved.test,N,teammate,,,,
`

// Somebody who was imported into a running gateway logs in with the password
// they always had, and it is written anew.
func TestAnImportedPersonLogsIn(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		dir := t.TempDir()
		file := filepath.Join(dir, "people.csv")
		if err := os.WriteFile(file, []byte(movedPeople), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := g.Gateway("import", file); r.Exit != 0 || !strings.Contains(r.Stdout, "3 of the users may log in; 1 of them have no password yet") {
			t.Fatalf("%+v", r)
		}
		for i, c := range []struct{ email, password string }{{"bcrypt@moved.test", "U*U"}, {"md5@moved.test", "wachtwoord"}} {
			from := "192.0.2." + string(rune('1'+i))
			refused(t, guess(t, g.URL, from, c.email, c.password+"x"), http.StatusUnauthorized, "wrong_password")
			sentTo(t, guess(t, g.URL, from, c.email, c.password), "/")
		}
		renewed := func() int {
			out := filepath.Join(dir, time.Now().Format("150405.000000000")+".jsonl")
			if r := g.Gateway("export", out, "--passwords"); r.Exit != 0 {
				t.Fatalf("%+v", r)
			}
			body, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for line := range strings.Lines(string(body)) {
				if strings.Contains(line, "moved.test") && strings.Contains(line, "$argon2id$") {
					n++
				}
			}
			return n
		}
		kit.Eventually(t, "both hashes to be renewed", func() bool { return renewed() == 2 })
		sentTo(t, guess(t, g.URL, "192.0.2.9", "md5@moved.test", "wachtwoord"), "/")
		if r := g.Gateway("import", file); r.Exit != 0 || !strings.Contains(r.Stdout, "Nothing was to be changed.") {
			t.Errorf("again: %+v", r)
		}
	})
}
