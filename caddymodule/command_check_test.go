package caddymodule_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

func gateway(words ...any) object {
	h := object{"handler": "login_gateway"}
	for i := 0; i < len(words); i += 2 {
		h[words[i].(string)] = words[i+1]
	}
	return h
}

func proxy(words ...any) object {
	h := object{
		"handler": "reverse_proxy", "upstreams": []object{{"dial": "127.0.0.1:9"}}, "stream_close_delay": "5m",
	}
	for i := 0; i < len(words); i += 2 {
		h[words[i].(string)] = words[i+1]
	}
	return h
}

// mailToFiles sends nothing.
func mailToFiles(folder string) object {
	return object{"from": "login@example.com", "mailer": object{"via": "file", "folder": folder}}
}

// finding is a line of check.
type finding struct {
	Part, Level, Message, Fix string
}

// check returns the findings, and the exit code.
func check(p *place) ([]finding, int) {
	p.t.Helper()
	r := p.run("check", "--json")
	var report struct {
		Findings         []finding
		Errors, Warnings int
	}
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		p.t.Fatalf("check --json: %v\n%s%s", err, r.out, r.err)
	}
	return report.Findings, r.code
}

func TestCheckFindsNothingWrongWhereNothingIs(t *testing.T) {
	p := newPlace(t).site(gateway("public", []object{{"paths": []string{"/robots.txt"}}}), proxy())
	p.app()["public_url"] = "https://app.example.com"
	p.app()["secret"] = goodSecret
	p.app()["mail"] = mailToFiles(t.TempDir())
	p.must("accounts", "list") // makes the store
	for _, running := range []bool{false, true} {
		if running {
			p.start()
		}
		findings, code := check(p)
		for _, f := range findings {
			if f.Level != "ok" {
				t.Errorf("running %v: %+v", running, f)
			}
		}
		if code != 0 {
			t.Errorf("exit %d", code)
		}
		expect(t, findings, "ok", "open", "/robots.txt")
		expect(t, findings, "ok", "durability", "")
		expect(t, findings, "ok", "clock", "")
		if running {
			expect(t, findings, "ok", "running", "admin.sock")
		}
	}
}

func expect(t *testing.T, findings []finding, level, part, says string) {
	t.Helper()
	for _, f := range findings {
		if f.Level == level && f.Part == part && strings.Contains(f.Message+" "+f.Fix, says) {
			return
		}
	}
	t.Errorf("no %s about %s that says %q in %+v", level, part, says, findings)
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		level, part, says string
		spoil             func(*place)
	}{
		"no site": {"error", "sites", "nothing is protected", func(p *place) { p.site(proxy()) }},
		"no grace period": {"warning", "sites", "grace_period", func(p *place) {
			delete(p.config["apps"].(object)["http"].(object), "grace_period")
		}},
		"visitors choose their address": {"warning", "sites", "trusted_proxies_strict", func(p *place) {
			srv := p.config["apps"].(object)["http"].(object)["servers"].(object)["srv"].(object)
			srv["trusted_proxies"] = object{"source": "static", "ranges": []string{"10.0.0.0/8"}}
		}},
		"streams are cut": {"warning", "sites", "stream_close_delay", func(p *place) {
			p.site(gateway(), proxy("stream_close_delay", 0))
		}},
		"proxy before the gateway": {"warning", "sites", "does not stand behind", func(p *place) { p.site(proxy(), gateway()) }},
		"weak secret":              {"error", "secret", "openssl rand", func(p *place) { p.app()["secret"] = "short" }},
		"secret not there":         {"error", "secret", "is the variable set", func(p *place) { p.app()["secret"] = "{env.NOT_SET_ANYWHERE}" }},
		"no public URL":            {"warning", "public_url", "mails", func(p *place) { delete(p.app(), "public_url") }},
		"public URL in the clear":  {"error", "public_url", "must be https", func(p *place) { p.app()["public_url"] = "http://app.example.com" }},
		"refused by Caddy":         {"error", "config", "no_such_handler", func(p *place) { p.site(gateway(), object{"handler": "no_such_handler"}) }},
		"no store yet": {"warning", "store", "does not exist yet", func(p *place) {
			p.app()["store"] = object{"backend": "bolt", "path": filepath.Join(p.dir, "new.db")}
		}},
		"redis away": {"error", "store", "redis", func(p *place) {
			p.app()["store"] = object{"backend": "redis", "url": "redis://127.0.0.1:" + freePort(p.t)}
		}},
		"redis misspelt": {"error", "config", "scheme", func(p *place) {
			p.app()["store"] = object{"backend": "redis", "url": "rdis://127.0.0.1"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t).site(gateway(), proxy())
			p.app()["public_url"] = "https://app.example.com"
			p.must("accounts", "list")
			c.spoil(p)
			findings, code := check(p)
			expect(t, findings, c.level, c.part, c.says)
			if want := map[string]int{"error": 1, "warning": 0}[c.level]; code != want {
				t.Errorf("exit %d, want %d: %+v", code, want, findings)
			}
			if r := p.run("check"); !strings.Contains(r.out, c.says) {
				t.Errorf("for people: %s", r.out)
			}
		})
	}
}

// A server that forgets or is not durable is named before it costs anybody.
func TestCheckLooksIntoRedis(t *testing.T) {
	server := redistest.Start(t)
	p := newPlace(t).site(gateway(), proxy())
	p.app()["store"] = object{"backend": "redis", "url": server.URL(), "prefix": "check:"}
	findings, code := check(p)
	if code != 0 {
		t.Errorf("exit %d: %+v", code, findings)
	}
	expect(t, findings, "ok", "durability", "appendfsync always")
	expect(t, findings, "ok", "clock", "apart")
	p.must("accounts", "add", "zuid")
	p.start()
	findings, _ = check(p)
	expect(t, findings, "ok", "running", "admin.sock")
	if r := p.must("accounts", "list"); !strings.Contains(r.out, "zuid") {
		t.Errorf("through the running gateway: %q", r.out)
	}
}

// adrift is a store whose clock is off.
type adrift struct {
	store.Engine
	off time.Duration
	err error
}

func (a adrift) Clock(context.Context) (time.Time, error) { return time.Now().Add(a.off), a.err }

// Sessions and codes live by the clocks of both.
func TestCheckNoticesAClockThatIsOff(t *testing.T) {
	for engine, want := range map[store.Engine]string{
		adrift{off: 0}: "ok", adrift{off: time.Second}: "ok", adrift{off: 3 * time.Second}: "warning", adrift{off: -3 * time.Second}: "warning",
		adrift{off: 2 * time.Minute}: "error", adrift{off: -2 * time.Minute}: "error", adrift{err: store.ErrUnavailable}: "warning",
	} {
		f := caddymodule.ClockFinding(t.Context(), engine)
		if f.Part != "clock" || f.Level != want || (f.Fix == "") != (want == "ok" || engine.(adrift).err != nil) {
			t.Errorf("%+v: %+v, want %s", engine, f, want)
		}
	}
}
