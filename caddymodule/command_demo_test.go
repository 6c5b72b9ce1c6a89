package caddymodule_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// demonstration is a running demo.
type demonstration struct {
	out  testkit.Log
	url  string
	done chan int
	stop context.CancelFunc
}

func startDemo(t *testing.T, args ...string) *demonstration {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	d := &demonstration{done: make(chan int, 1), stop: stop}
	go func() {
		d.done <- caddymodule.RunCommand(ctx, append([]string{"demo", "--listen", "localhost:0"}, args...), &d.out, &d.out)
	}()
	address := regexp.MustCompile(`open (http://localhost:\d+)`)
	for range 600 {
		if m := address.FindStringSubmatch(d.out.String()); m != nil && strings.Contains(d.out.String(), "Ctrl-C") {
			d.url = m[1]
			return d
		}
		select {
		case code := <-d.done:
			t.Fatalf("the demo ended with %d: %s", code, d.out.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("the demo does not start: %s", d.out.String())
	return nil
}

func (d *demonstration) end(t *testing.T) {
	t.Helper()
	d.stop()
	if code := <-d.done; code != 0 {
		t.Errorf("the demo ended with %d: %s", code, d.out.String())
	}
}

// as logs somebody in and returns what the app behind says it received.
func (d *demonstration) as(t *testing.T, email, password string) map[string][]string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	response, err := client.PostForm(d.url+"/gateway/login", url.Values{"email": {email}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response, err = client.Get(d.url + "/echo"); err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var seen struct{ Headers map[string][]string }
	if err := json.Unmarshal(body, &seen); err != nil {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	return seen.Headers
}

func TestTheDemoIsTheWholeProduct(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	d := startDemo(t, "--password", "een twee drie")
	for _, user := range []string{
		"owner", "admin", "teammate", "client", "twostep", "trial", "trial-ended", "arrears", "cancelled", "suspended",
		"blocked", "notype", "support",
	} {
		if !strings.Contains(d.out.String(), "\n"+user+"@demo.test ") {
			t.Errorf("%s is not in the table", user)
		}
	}
	if h := d.as(t, "owner@demo.test", "een twee drie"); len(h["Remote-Email"]) != 1 || h["Remote-Email"][0] != "owner@demo.test" {
		t.Errorf("owner: %v", h)
	}
	if h := d.as(t, "blocked@demo.test", "een twee drie"); h != nil {
		t.Errorf("blocked: %v", h)
	}
	mails, err := (&http.Client{}).Get(d.url + "/gateway/demo/mail")
	if err != nil {
		t.Fatal(err)
	}
	if mails.Body.Close(); mails.StatusCode != http.StatusOK || !strings.Contains(d.out.String(), d.url+"/gateway/demo/mail\n") {
		t.Errorf("the mail page answers %d", mails.StatusCode)
	}
	configs, err := filepath.Glob(filepath.Join(temp, "cliendo-demo-*", "demo.json"))
	if err != nil || len(configs) != 1 {
		t.Fatalf("the config for commands: %v %v", configs, err)
	}
	if r := run(t, "why", "arrears@demo.test", "--config", configs[0]); !strings.Contains(r.out, "account_arrears") {
		t.Errorf("a command on the demo: %+v", r)
	}
	d.end(t)
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestADemoInAFolderGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	first := startDemo(t, "--dir", dir, "--password", "een twee drie")
	first.end(t)
	again := startDemo(t, "--dir", dir)
	defer again.end(t)
	password := regexp.MustCompile(`(?m)^owner@demo\.test +(\S+)`).FindStringSubmatch(again.out.String())
	if password == nil {
		t.Fatal(again.out.String())
	}
	if h := again.as(t, "owner@demo.test", password[1]); h["Remote-User"] == nil {
		t.Error("the generated password does not log in")
	}
}

func TestTheDemoStaysOnThisMachine(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":8080", "example.com:80", "192.0.2.1:80", "[::]:0", "localhost", "localhost:port", ""} {
		if r := run(t, "demo", "--listen", listen); r.code == 0 || r.err == "" {
			t.Errorf("%q: %+v", listen, r)
		}
	}
	d := startDemo(t)
	defer d.end(t)
	if r := run(t, "demo", "--listen", strings.TrimPrefix(d.url, "http://")); r.code != 1 || !strings.Contains(r.err, "--listen") {
		t.Errorf("a port that is taken: %+v", r)
	}
}
