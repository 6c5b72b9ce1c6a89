package caddymodule_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

const fileOfPeople = `account,id,email,name,type,password_hash
zuid,,,Praktijk Zuid,,
zuid,u1,jan@zuid.nl,Jan,superadmin,$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW
zuid,u2,els@zuid.nl,"=Els, de",client,
zuid,u3,ELS@zuid.nl,Els,client,
`

func (p *place) write(name, text string) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// A file goes into a store that nobody uses, and into one that a running gateway
// uses, in the same way.
func TestImportAndExport(t *testing.T) {
	for _, running := range []bool{false, true} {
		t.Run(fmt.Sprintf("running %t", running), func(t *testing.T) {
			p := newPlace(t)
			if running {
				p.start()
			}
			file := p.write("people.csv", fileOfPeople)
			r := p.run("import", file, "--dry-run")
			if r.code != 1 || !strings.Contains(r.out, "line 5: user ELS@zuid.nl: email: line 4 has this address, written differently") ||
				!strings.Contains(r.out, "This was a rehearsal") || !strings.Contains(r.out, "2 of the users may log in; 1 of them have no password yet") {
				t.Errorf("rehearsal: %d\n%s%s", r.code, r.out, r.err)
			}
			if r := p.must("accounts", "list"); strings.Contains(r.out, "zuid") {
				t.Error("a rehearsal wrote something")
			}
			if r := p.run("import", file); r.code != 1 || strings.Contains(r.out, "rehearsal") {
				t.Errorf("import: %d\n%s%s", r.code, r.out, r.err)
			}
			r = p.run("import", "--json", file)
			var sum struct {
				Users    struct{ Unchanged int }
				Problems []struct{ Line int }
			}
			if err := json.Unmarshal([]byte(r.out), &sum); err != nil || r.code != 1 || sum.Users.Unchanged != 2 || len(sum.Problems) != 1 || sum.Problems[0].Line != 5 {
				t.Errorf("again: %d %v\n%s", r.code, err, r.out)
			}
			if r := p.must("users", "show", "jan@zuid.nl"); !strings.Contains(r.out, "Jan") {
				t.Error(r.out)
			}
			r = p.must("export")
			if !strings.Contains(r.out, "'=Els, de") || strings.Contains(r.out, "$2a$") || !strings.Contains(r.err, "1 accounts and 2 users") {
				t.Errorf("export: %s%s", r.out, r.err)
			}
			out := filepath.Join(p.dir, "out.jsonl")
			p.must("export", out, "--passwords")
			body, err := os.ReadFile(out)
			info, err2 := os.Stat(out)
			if err != nil || err2 != nil || info.Mode().Perm() != 0o600 || !strings.Contains(string(body), "$2a$05$") {
				t.Errorf("export of hashes: %v %v %s\n%s", err, err2, info.Mode(), body)
			}
			if r := p.run("export", out); r.code != 2 || !strings.Contains(r.err, "there is a file") {
				t.Errorf("over a file: %d %s", r.code, r.err)
			}
			if r := p.run("export", "--passwords"); r.code != 2 || !strings.Contains(r.err, "hashes go into a file only") || r.out != "" {
				t.Errorf("hashes on the terminal: %d %s", r.code, r.err)
			}
			if left, _ := filepath.Glob(filepath.Join(p.dir, ".out*")); len(left) > 0 {
				t.Errorf("left behind: %s", left)
			}
		})
	}
}

func TestFilesThatCannotBeImported(t *testing.T) {
	for _, running := range []bool{false, true} {
		p := newPlace(t)
		if running {
			p.start()
		}
		for _, c := range []struct {
			name string
			args []string
			want string
		}{
			{"missing", []string{"import", p.dir + "/none.csv"}, "there is no file"},
			{"a folder", []string{"import", p.dir}, "folder"},
			{"no format", []string{"import", p.write("people.dat", fileOfPeople)}, "--format csv or --format jsonl"},
			{"strange format", []string{"import", p.dir + "/people.dat", "--format", "xml"}, "take csv or jsonl"},
			{"strange column", []string{"import", p.write("odd.csv", "acount,email\n")}, `did you mean account?`},
			{"no file", []string{"import"}, "FILE is missing"},
			{"unknown flag", []string{"import", "x.csv", "--dryrun", "x"}, "there is no such flag"},
			{"megabytes", []string{"import", p.write("long.csv", strings.Repeat("x", 5<<20))}, "longer than 64 KiB"},
		} {
			if r := p.run(c.args...); r.code != 2 || !strings.Contains(r.err, c.want) {
				t.Errorf("running %t, %s: %d %s%s", running, c.name, r.code, r.out, r.err)
			}
		}
		if running {
			p.stop()
		}
	}
}

func TestBackupAndRestore(t *testing.T) {
	p := newPlace(t).start()
	file := p.write("people.csv", strings.Replace(fileOfPeople, "zuid,u3,ELS@zuid.nl,Els,client,\n", "", 1))
	p.must("import", file)
	backup := filepath.Join(p.dir, "all.backup")
	r := p.must("backup", backup)
	info, err := os.Stat(backup)
	if err != nil || info.Mode().Perm() != 0o600 || !strings.Contains(r.out, "user 2") {
		t.Fatalf("%v %s\n%s", err, info.Mode(), r.out)
	}
	before := p.must("export").out
	if r := p.run("restore", backup); r.code != 4 || !strings.Contains(r.err, "a running gateway uses this store") {
		t.Errorf("restore under a running gateway: %d %s", r.code, r.err)
	}
	p.stop()
	if r := p.run("restore", backup); r.code != 4 || !strings.Contains(r.err, "not empty") {
		t.Errorf("restore over records: %d %s", r.code, r.err)
	}
	p.must("accounts", "add", "later")
	p.must("restore", backup, "--replace")
	if after := p.must("export").out; after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	broken := p.write("broken.backup", "cliendo gateway backup 1\nnonsense")
	if r := p.run("restore", broken, "--replace"); r.code != 2 || !strings.Contains(r.err, "damaged") {
		t.Errorf("a broken backup: %d %s", r.code, r.err)
	}
	other := newPlace(t)
	other.must("restore", backup)
	other.start()
	if after := other.must("export").out; after != before {
		t.Errorf("elsewhere:\n%s", after)
	}
}

// Where a restore was cut short neither commands nor a gateway use the store.
func TestHalfAStoreIsNotUsed(t *testing.T) {
	p := newPlace(t)
	p.must("accounts", "add", "zuid")
	backup := filepath.Join(p.dir, "all.backup")
	p.must("backup", backup)
	p.markUnfinished()
	for _, args := range [][]string{{"accounts", "list"}, {"export"}, {"backup", p.dir + "/again"}} {
		if r := p.run(args...); r.code != 4 || !strings.Contains(r.err, "a restore of this store was cut short") {
			t.Errorf("%v: %d %s", args, r.code, r.err)
		}
	}
	body, err := os.ReadFile(p.file())
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(body, true); err == nil || !strings.Contains(err.Error(), "restore the same backup again") {
		t.Errorf("a gateway started: %v", err)
	}
	p.stop()
	p.must("restore", backup, "--replace")
	if r := p.must("accounts", "list"); !strings.Contains(r.out, "zuid") {
		t.Error(r.out)
	}
}

func TestTheStreamOfTheAdminEndpointRefusesWhatIsNoCommand(t *testing.T) {
	p := newPlace(t).start()
	header := func(command string) http.Header {
		h := storeHeader(p)
		h.Set("Login-Gateway-Command", base64.StdEncoding.EncodeToString([]byte(command)))
		return h
	}
	const path = "/login_gateway/stream"
	for _, c := range []struct {
		name, key string
		header    http.Header
		code      int
	}{
		{"no key", "", header(`{"group":"export"}`), http.StatusUnauthorized},
		{"wrong key", "x", header(`{"group":"export"}`), http.StatusUnauthorized},
		{"no command", p.key(), storeHeader(p), http.StatusBadRequest},
		{"no JSON", p.key(), header(`{`), http.StatusBadRequest},
		{"no file", p.key(), header(`{"group":"accounts","verb":"list"}`), http.StatusBadRequest},
		{"unknown", p.key(), header(`{"group":"nonsense"}`), http.StatusBadRequest},
		{"restore", p.key(), header(`{"group":"restore","args":["x"]}`), http.StatusUnprocessableEntity},
		{"fine", p.key(), header(`{"group":"export"}`), http.StatusOK},
	} {
		if code, answer := p.admin(http.MethodPost, path, c.key, c.header, strings.NewReader("")); code != c.code {
			t.Errorf("%s: %d %s", c.name, code, answer)
		}
	}
	if code, answer := p.admin(http.MethodPost, "/login_gateway/run", p.key(), storeHeader(p), strings.NewReader(`{"group":"import","args":["x.csv"]}`)); code != http.StatusUnprocessableEntity || !strings.Contains(answer, "a file travels") {
		t.Errorf("import without its file: %d %s", code, answer)
	}
}
