package docs_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/store"
)

// audience is what docs/headers.md calls the site.
const audience = "https://app.example.com"

// snippet returns the block of docs/headers.md in a language, under a heading.
func snippet(t *testing.T, heading, language string) string {
	t.Helper()
	_, part, ok := strings.Cut(read(t, "docs/headers.md"), "\n"+heading+"\n")
	_, block, fenced := strings.Cut(part, "```"+language+"\n")
	block, _, _ = strings.Cut(block, "```")
	if !ok || !fenced || block == "" {
		t.Fatalf("docs/headers.md has no %s block under %q", language, heading)
	}
	return block
}

// What is written around the snippets of docs/headers.md so that they answer a
// request: "user|account|name" of whoever it is, or 403.
var around = map[string]func(snippet, addr string) string{
	"PHP": func(s, _ string) string { return s + `echo "$user|$account|$name";` },
	"Node": func(s, addr string) string {
		return `const http = require("node:http");` + s + `
const [host, port] = "` + addr + `".split(":");
http.createServer((req, res) => {
  const who = identity(req);
  res.statusCode = who ? 200 : 403;
  res.end(who ? [who.user, who.account, who.name].join("|") : "");
}).listen(Number(port), host);`
	},
	"Python": func(s, addr string) string {
		return s + `
import socket
from wsgiref.simple_server import make_server

socket.getfqdn = lambda name="": name  # no question to a DNS that may not be there

def app(environ, start):
    who = identity(environ)
    start("200 OK" if who else "403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
    return ["|".join([who["user"], who["account"], who["name"]]).encode() if who else b""]

host, port = "` + addr + `".split(":")
make_server(host, int(port), app).serve_forever()
`
	},
	"Go": func(s, addr string) string {
		return "package main\n\nimport (\n\"fmt\"\n\"net/http\"\n\"net/url\"\n)\n" + s + `
func main() {
	_ = http.ListenAndServe("` + addr + `", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, account, name, ok := identity(r)
		if !ok {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprint(w, user+"|"+account+"|"+name)
	}))
}`
	},
}

// apps are how they are started: the language of the block, the file, the program.
func apps(addr string) map[string][]string {
	return map[string][]string{
		"PHP":    {"php", "app.php", "php", "-S", addr, "app.php"},
		"Node":   {"js", "app.cjs", "node", "app.cjs"},
		"Python": {"python", "app.py", "python3", "app.py"},
		"Go":     {"go", "app.go", "./app"},
	}
}

// serve starts the app of a snippet and returns where it listens.
func serve(t *testing.T, language string) (addr string) {
	t.Helper()
	addr = kit.FreeAddr(t)
	how := apps(addr)[language]
	home := t.TempDir()
	text := around[language](snippet(t, "### "+language, how[0]), addr)
	if err := os.WriteFile(filepath.Join(home, how[1]), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if language == "Go" {
		// Built and then run: a program of `go run` outlives it.
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", "app", "app.go")
		cmd.Dir, cmd.Env = home, append(os.Environ(), "GO111MODULE=off", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		how[2] = filepath.Join(home, "app")
	}
	program, err := exec.LookPath(how[2])
	if err != nil {
		t.Fatalf("%v: run make, which installs it", err)
	}
	awaits(t, kit.Run(t, home, nil, program, how[3:]...), addr)
	return addr
}

// people are those whose names break apps.
var people = map[string]string{
	"zoe": "Zoë van 't Hof", "celik": "Çelik", "li": "李", "smile": "Jan 😀 + 5%", "plain": "Jan",
}

func TestTheSnippetsReadEveryName(t *testing.T) {
	s := kit.Bolt(t)
	s.Town().With(func(e store.Engine) {
		d := directory.New(e, directory.Options{})
		u, err := d.User(context.Background(), "acme", "teammate")
		if err != nil {
			t.Fatal(err)
		}
		for id, name := range people {
			err := d.CreateUser(context.Background(), &store.User{
				ID: id, Account: "acme", Email: id + "@demo.test", Name: name, Type: "teammate", Password: u.Password,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	proxy := ""
	addrs := map[string]string{}
	for language := range around {
		addrs[language] = serve(t, language)
		proxy += "handle /" + language + " {\nreverse_proxy " + addrs[language] + "\n}\n"
	}
	g := kit.Start(t, kit.Site{Store: s.Line, Upstream: "127.0.0.1:1", Proxy: proxy})
	for id, name := range people {
		v := kit.Visit(t, g.URL).Enter(id)
		for language := range around {
			a := v.Get("/"+language, kit.With("Remote-Name", "forged"), kit.With("Remote_Name", "forged"))
			if want := id + "|acme|" + name; a.Status != http.StatusOK || a.Body != want {
				t.Errorf("%s reads %q, want %q", language, a.Body, want)
			}
		}
	}
	for language, addr := range addrs {
		res, err := kit.Visit(t, "http://"+addr).Try(http.MethodGet, "/")
		if err != nil || res.Status != http.StatusForbidden {
			t.Errorf("%s past the gateway: %s, %v", language, res, err)
		}
	}
}

// The assertion, by a second library: jose of Node, with the snippet of
// docs/headers.md and the keys that the gateway publishes.
func TestTheSnippetVerifiesTheAssertion(t *testing.T) {
	modules, err := filepath.Abs(filepath.Join(root, ".build/node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "jose")); err != nil {
		t.Fatalf("%v: run make, which installs jose from npm", err)
	}
	app := kit.NewApp(t)
	g := kit.Start(t, kit.Site{Store: kit.Bolt(t).Town().Line, Upstream: app.Addr, Words: "assertion " + audience})
	token := kit.Visit(t, g.URL).Enter("teammate").Get("/x").Decode(t).Header.Get("Remote-Assertion")
	home := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(home, "node_modules")); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(snippet(t, "## The signed assertion", "js"), audience+"/gateway", g.URL+"/gateway")
	text += `
const [, , token, other] = process.argv;
const said = await proven({ headers: { "remote-assertion": token } });
for (const bad of [token.slice(0, -8) + "AAAAAAAA", other, "", token + "x"]) {
  const taken = await proven({ headers: { "remote-assertion": bad } }).then(() => true, () => false);
  if (taken) throw new Error("a forged assertion was taken: " + bad);
}
console.log([said.sub, said.account, said.type, said.amr.join(), said.iss].join("|"));
`
	if err := os.WriteFile(filepath.Join(home, "verify.mjs"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// One of another gateway, for the same site.
	strange := kit.Start(t, kit.Site{Store: kit.Bolt(t).Town().Line, Upstream: app.Addr, NoSecret: true, Words: "assertion " + audience})
	other := kit.Visit(t, strange.URL).Enter("teammate").Get("/x").Decode(t).Header.Get("Remote-Assertion")
	out, err := exec.CommandContext(t.Context(), nodeFrom(t, modules), filepath.Join(home, "verify.mjs"), token, other).CombinedOutput()
	if want := "teammate|acme|teammate|pwd|" + g.URL; err != nil || strings.TrimSpace(string(out)) != want || other == "" {
		t.Errorf("jose says %q, %v; want %q", out, err, want)
	}
}

// nodeFrom is the Node of npm, or that of the machine where npm has none for it.
func nodeFrom(t *testing.T, modules string) string {
	t.Helper()
	arch := strings.NewReplacer("amd64", "x64").Replace(runtime.GOARCH)
	path := filepath.Join(modules, "node-"+runtime.GOOS+"-"+arch, "bin", "node")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	path, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("%v: run make, which installs it", err)
	}
	return path
}
