package caddymodule_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var addAnna = []string{
	"users", "add", "anna@example.nl", "--account", "zuid", "--name", "Anna", "--type", "superadmin",
}

// The same commands do the same to a gateway that runs and to one that does not.
func TestCommandsWorkOnAStoppedAndOnARunningGateway(t *testing.T) {
	for name, prepare := range map[string]func(*place){
		"stopped": func(*place) {},
		"running": func(p *place) { p.start() },
		"running with a secret": func(p *place) {
			p.app()["secret"] = goodSecret
			p.start()
			if err := os.Remove(filepath.Join(p.dir, "gateway.db.adminkey")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			prepare(p)
			p.must("accounts", "add", "zuid")
			if r := p.must(addAnna...); !strings.Contains(r.out, "anna@example.nl") {
				t.Errorf("users add: %q", r.out)
			}
			var list struct {
				Users []struct{ Email string }
			}
			if err := json.Unmarshal([]byte(p.must("users", "list", "--json").out), &list); err != nil || len(list.Users) != 1 {
				t.Errorf("users list: %v %+v", err, list)
			}
			p.must("users", "block", "anna@example.nl", "--reason", "test", "--force", "yes")
			if r := p.run("why", "anna@example.nl"); !strings.Contains(r.out, "user_blocked") {
				t.Errorf("why: %+v", r)
			}
		})
	}
}

func TestExitCodesAndErrorsAreThoseOfTheTable(t *testing.T) {
	for name, running := range map[string]bool{"stopped": false, "running": true} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			if running {
				p.start()
			}
			p.must("accounts", "add", "zuid")
			for _, c := range []struct {
				code int
				says string
				args []string
			}{
				{2, "--account", []string{"users", "add", "x@example.nl"}},
				{2, "--stat", []string{"accounts", "add", "noord", "--stat", "active"}},
				{2, "no command", []string{"acounts", "list"}},
				{3, "x@example.nl", []string{"users", "show", "x@example.nl"}},
				{4, "taken", []string{"accounts", "add", "zuid"}},
			} {
				r := p.run(c.args...)
				if r.code != c.code || !strings.Contains(r.err, c.says) || r.out != "" {
					t.Errorf("%v: %+v, want exit %d and %q on the error stream", c.args, r, c.code, c.says)
				}
				r = p.run(append(c.args, "--json")...)
				var failure struct {
					Error struct {
						Exit    int
						Message string
					}
				}
				if err := json.Unmarshal([]byte(r.out), &failure); err != nil || failure.Error.Exit != c.code || r.code != c.code {
					t.Errorf("%v --json: %+v (%v)", c.args, r, err)
				}
			}
		})
	}
}

// Who may not give a running gateway commands must not get round it either.
func TestWithoutAKeyARunningGatewayTakesNoCommand(t *testing.T) {
	p := newPlace(t)
	p.app()["secret"] = goodSecret
	p.start()
	if err := os.Remove(filepath.Join(p.dir, "gateway.db.adminkey")); err != nil {
		t.Fatal(err)
	}
	for says, secret := range map[string]string{"no key": "", "another secret": "A" + goodSecret} {
		delete(p.app(), "secret")
		if secret != "" {
			p.app()["secret"] = secret
		}
		r := p.run("accounts", "list")
		if r.code != 5 || !strings.Contains(r.err, "locked") || !strings.Contains(r.err, says) {
			t.Errorf("%q: %+v, want exit 5 that says why", secret, r)
		}
	}
}

// A key file that others may read is no key.
func TestAKeyFileThatIsOpenToOthersIsNotUsed(t *testing.T) {
	p := newPlace(t).start()
	key := filepath.Join(p.dir, "gateway.db.adminkey")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode of the key: %v %v, want 0600", info.Mode(), err)
	}
	p.must("accounts", "list")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := p.run("accounts", "list"); r.code != 5 {
		t.Errorf("exit %d, want 5", r.code)
	}
}

// Another gateway on the admin port is not the one that is meant.
func TestARunningGatewayWithAnotherStoreIsLeftAlone(t *testing.T) {
	running := newPlace(t)
	running.app()["secret"] = goodSecret
	running.start()
	stopped := newPlace(t)
	stopped.app()["secret"] = goodSecret
	stopped.config["admin"] = running.config["admin"]
	stopped.must("accounts", "add", "hier")
	if r := running.must("accounts", "list"); strings.Contains(r.out, "hier") {
		t.Error("the command reached the wrong gateway")
	}
	if r := stopped.must("accounts", "list"); !strings.Contains(r.out, "hier") {
		t.Errorf("the account is nowhere: %q", r.out)
	}
}

func TestAnAdminEndpointThatIsOffMeansTheStoreIsOpened(t *testing.T) {
	p := newPlace(t)
	p.config["admin"] = object{"disabled": true}
	p.must("accounts", "add", "zuid")
	if r := p.run("accounts", "list", "--address", "nonsense:1-5"); r.code != 0 {
		t.Errorf("no key, so no question: %+v", r)
	}
	p.app()["secret"] = goodSecret
	if r := p.run("accounts", "list", "--address", "localhost:1-5"); r.code != 2 || !strings.Contains(r.err, "localhost:2019") {
		t.Errorf("an impossible address: %+v", r)
	}
	if r := p.run("accounts", "list", "--address", "127.0.0.1:"+freePort(t)); r.code != 0 {
		t.Errorf("nobody there: %+v", r)
	}
}

func TestAConfigThatCannotBeReadIsExplained(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for says, args := range map[string][]string{
		"--config FILE":           {filepath.Join(dir, "nowhere")},
		"Caddyfile.bad:3":         {write("Caddyfile.bad", "{\n\tlogin_gateway {\n\t\tpublic_ulr x\n\t}\n}\n")},
		"reading JSON":            {write("bad.json", "{")},
		"unknown field":           {write("word.json", `{"apps":{"login_gateway":{"publc_url":"x"}}}`)},
		"no adapter yaml-ish":     {write("x.yaml", "a: b"), "--adapter", "yaml-ish"},
		"login_gateway.stores.my": {write("store.json", `{"apps":{"login_gateway":{"store":{"backend":"my"}}}}`)},
	} {
		r := run(t, append([]string{"accounts", "list", "--config"}, args...)...)
		if r.code != 2 || !strings.Contains(r.err, says) {
			t.Errorf("%v: %+v, want exit 2 and %q", args, r, says)
		}
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	for _, args := range [][]string{nil, {"help"}, {"--help"}} {
		r := run(t, args...)
		for _, word := range []string{"accounts add", "why", "check", "demo", "--config FILE", "--json", "5  the store"} {
			if r.code != 0 || !strings.Contains(r.out, word) {
				t.Errorf("%v: exit %d, lacks %q", args, r.code, word)
			}
		}
	}
	for _, command := range []string{"check", "demo"} {
		if r := run(t, command, "--help"); r.code != 0 || !strings.Contains(r.out, "Flags:") {
			t.Errorf("%s --help: %+v", command, r)
		}
		if r := run(t, command, "--nonsense"); r.code != 2 {
			t.Errorf("%s --nonsense: exit %d, want 2", command, r.code)
		}
		if r := run(t, command, "too", "much"); r.code != 2 {
			t.Errorf("%s too much: exit %d, want 2", command, r.code)
		}
	}
}
