package caddymodule_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
)

// object is a JSON object as it is written down here.
type object = map[string]any

const goodSecret = "q8Zr1vX0c7Lk2mNp9sTu4wYb6dEf3gHj"

// place is a folder with the config of a gateway on a file in it.
type place struct {
	t      *testing.T
	dir    string
	config object
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir := t.TempDir()
	return &place{t: t, dir: dir, config: object{
		"admin":   object{"listen": "unix/" + filepath.Join(dir, "admin.sock"), "config": object{"persist": false}},
		"storage": object{"module": "file_system", "root": filepath.Join(dir, "caddy")},
		"logging": object{"logs": object{"default": object{"level": "FATAL"}}},
		"apps":    object{"login_gateway": object{"store": object{"backend": "bolt", "path": filepath.Join(dir, "gateway.db")}}},
	}}
}

func (p *place) app() object { return p.config["apps"].(object)["login_gateway"].(object) }

// site adds an HTTP server with these handlers.
func (p *place) site(handlers ...object) *place {
	p.config["apps"].(object)["http"] = object{"grace_period": "1s", "servers": object{"srv": object{
		"listen": []string{"127.0.0.1:" + freePort(p.t)}, "automatic_https": object{"disable": true},
		"protocols": []string{"h1"}, "routes": []object{{"handle": handlers}},
	}}}
	return p
}

// address is where the site answers.
func (p *place) address() string {
	servers := p.config["apps"].(object)["http"].(object)["servers"].(object)
	return "http://" + servers["srv"].(object)["listen"].([]string)[0]
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// file writes the config down and returns its name.
func (p *place) file() string {
	p.t.Helper()
	body, err := json.Marshal(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	name := filepath.Join(p.dir, "caddy.json")
	if err := os.WriteFile(name, body, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return name
}

// start runs the config in this process until the test ends.
func (p *place) start() *place {
	p.t.Helper()
	body, err := os.ReadFile(p.file())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := caddy.Load(body, true); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.stop)
	return p
}

func (p *place) stop() {
	if err := caddy.Stop(); err != nil {
		p.t.Error(err)
	}
}

// ran is what came of a command.
type ran struct {
	code     int
	out, err string
}

func (p *place) run(args ...string) ran {
	p.t.Helper()
	return run(p.t, append(args, "--config", p.file())...)
}

func run(t *testing.T, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	code := caddymodule.RunCommand(t.Context(), args, &out, &errs)
	return ran{code: code, out: out.String(), err: errs.String()}
}

func (p *place) must(args ...string) ran {
	p.t.Helper()
	r := p.run(args...)
	if r.code != 0 {
		p.t.Fatalf("%v: exit %d\n%s%s", args, r.code, r.out, r.err)
	}
	return r
}

// admin sends a request to the admin endpoint of the running config.
func (p *place) admin(method, path, key string, header http.Header, body io.Reader) (int, string) {
	p.t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(p.dir, "admin.sock"))
		},
	}}
	r, err := http.NewRequest(method, "http://127.0.0.1"+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, values := range header {
		r.Header[name] = values
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// key is what the running gateway left for commands.
func (p *place) key() string {
	p.t.Helper()
	body, err := os.ReadFile(filepath.Join(p.dir, "gateway.db.adminkey"))
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(string(body))
}

// markUnfinished leaves the mark of a restore that was cut short.
func (p *place) markUnfinished() {
	p.t.Helper()
	s, err := boltstore.Open(filepath.Join(p.dir, "gateway.db"), store.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	defer s.Close()
	err = s.Update(p.t.Context(), store.GatewayTag, func(tx store.Tx) error {
		return store.Restores.Put(tx, "", &store.RestoreMark{Digest: "x"}, time.Time{})
	})
	if err != nil {
		p.t.Fatal(err)
	}
}
