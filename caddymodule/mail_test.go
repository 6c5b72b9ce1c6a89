package caddymodule_test

import (
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/outbox/smtptest"
)

// mailing is a place whose gateway mails over one relay, with more words of mail.
func mailing(t *testing.T, relay string, more ...object) (p *place, address string) {
	t.Helper()
	p = newPlace(t).site(gateway(), proxy())
	address = p.address()
	p.app()["public_url"] = address
	p.relay(relay)
	for _, words := range more {
		maps.Copy(p.app()["mail"].(object), words)
	}
	p.must("accounts", "add", "acme")
	p.must("users", "add", "anna@example.com", "--account", "acme", "--name", "Anna", "--type", "teammate")
	return p.start(), address
}

func (p *place) relay(relay string) {
	p.app()["mail"] = object{
		"from": "login@example.com", "mailer": object{"via": "smtp", "relays": []string{relay}, "tls": "off", "timeout": "2s"},
	}
}

// reload loads the config as it is now.
func (p *place) reload() {
	p.t.Helper()
	body, err := json.Marshal(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := caddy.Load(body, true); err != nil {
		p.t.Fatal(err)
	}
}

// here asks this machine, and follows nobody.
var here = &http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	response, err := here.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// metric is the value of a metric of ours. Those of earlier tests count on.
func (p *place) metric(series string) float64 {
	p.t.Helper()
	_, all := p.admin(http.MethodGet, "/metrics", "", nil, nil)
	_, line, _ := strings.Cut(all, "\nlogin_gateway_"+series+" ")
	text, _, _ := strings.Cut(line, "\n")
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.t.Fatalf("no metric %s: %v", series, err)
	}
	return value
}

// The relay is away: people get their page, ready says so, and after a reload to
// a relay that works every mail arrives once.
func TestMailsSurviveARelayThatIsAwayAndAReload(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	l.Close()
	p, address := mailing(t, dead)
	if code, body := get(t, address+"/gateway/health/ready?require=mail"); code != 200 || !strings.Contains(body, `"mail":"ok"`) {
		t.Errorf("%d %s", code, body)
	}
	told := func() (n [4]float64) {
		for i, outcome := range []string{"queued", "deferred", "accepted"} {
			n[i] = p.metric(`mails_total{outcome="` + outcome + `"}`)
		}
		n[3] = p.metric("mail_accepted_seconds_count")
		return n
	}
	before := told()
	for range 3 {
		response, err := here.PostForm(address+"/gateway/magic", url.Values{"email": {"anna@example.com"}})
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode >= 400 {
			t.Fatalf("asking for a mail: %s", response.Status)
		}
	}
	eventually(t, "ready says degraded", func() bool {
		_, body := get(t, address+"/gateway/health/ready")
		return strings.Contains(body, `"status":"degraded"`) && strings.Contains(body, `"mail":"degraded"`)
	})
	if code, _ := get(t, address+"/gateway/health/ready?require=mail"); code != http.StatusServiceUnavailable {
		t.Errorf("strict: %d", code)
	}
	eventually(t, "the metrics say so", func() bool {
		return p.metric("mails_waiting") == 3 && p.metric("mail_oldest_seconds") > 0 && told()[1] >= before[1]+3
	})
	var list struct {
		Mails []struct{ ID, State string }
	}
	if err := json.Unmarshal([]byte(p.must("mail", "list", "--json").out), &list); err != nil || len(list.Mails) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	s := smtptest.Start(t, smtptest.Options{NoTLS: true})
	p.relay(s.Addr())
	p.reload()
	for _, m := range list.Mails {
		if m.State != "deferred" {
			t.Errorf("mail %+v", m)
		}
		p.run("mail", "retry", m.ID) // it may have been sent by itself meanwhile
	}
	eventually(t, "all are accepted", func() bool {
		return strings.Count(p.must("mail", "list").out, "accepted") == 3
	})
	if got := s.Mails(); len(got) != 3 {
		t.Errorf("%d mails arrived", len(got))
	}
	eventually(t, "no mail waits", func() bool { return p.metric("mails_waiting") == 0 && p.metric("mail_oldest_seconds") == 0 })
	if after := told(); after[0] != before[0]+3 || after[2] != before[2]+3 || after[3] != before[3]+3 {
		t.Errorf("asked for, deferred, accepted and in which time: %v, and three mails later %v", before, after)
	}
	if out := p.must("mail", "test", "you@example.com").out; !strings.Contains(out, "250") {
		t.Error(out)
	}
	if got := s.Mails(); got[len(got)-1].To != "you@example.com" {
		t.Errorf("the test went to %s", got[len(got)-1].To)
	}
}

func TestCheckTriesTheRelay(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{NoTLS: true})
	p := newPlace(t).site(gateway(), proxy())
	p.app()["public_url"] = "https://app.example.com"
	levels := func() (level, message string) {
		findings, _ := check(p)
		for _, f := range findings {
			if f.Part == "mail" {
				return f.Level, f.Message
			}
		}
		return "", ""
	}
	if level, message := levels(); level != "warning" || !strings.Contains(message, "none is configured") {
		t.Errorf("no mail: %s %s", level, message)
	}
	p.relay(s.Addr())
	if level, message := levels(); level != "ok" || !strings.Contains(message, s.Addr()) {
		t.Errorf("a relay: %s %s", level, message)
	}
	s.Down()
	if level, message := levels(); level != "error" || !strings.Contains(message, "refused") {
		t.Errorf("a relay that is down: %s %s", level, message)
	}
	if len(s.Mails()) != 0 {
		t.Error("check sent a mail")
	}
}

func TestJSONOfMailIsCheckedLikeACaddyfile(t *testing.T) {
	file, smtp := object{"via": "file", "folder": "/tmp/x"}, func(words object) object {
		words["via"] = "smtp"
		return object{"from": "a@b.nl", "mailer": words}
	}
	for says, mail := range map[string]object{
		"no sender":              {"mailer": file},
		"no way to send":         {"from": "a@b.nl"},
		`mail from "a@b, c@d"`:   {"from": "a@b, c@d", "mailer": file},
		"no folder":              {"from": "a@b.nl", "mailer": object{"via": "file"}},
		"no relay":               smtp(object{}),
		"write host:port":        smtp(object{"relays": []string{"localhost"}}),
		`tls "maybe"`:            smtp(object{"relays": []string{"localhost:25"}, "tls": "maybe"}),
		"belong together":        smtp(object{"relays": []string{"localhost:25"}, "username": "u"}),
		"is the variable set":    smtp(object{"relays": []string{"localhost:25"}, "username": "u", "password": "{env.NOT_SET_ANYWHERE}"}),
		"limits address -1":      {"from": "a@b.nl", "mailer": file, "limits": object{"address": -1}},
		"mailers.pigeon":         {"from": "a@b.nl", "mailer": object{"via": "pigeon"}},
		"unknown field \"form\"": {"form": "a@b.nl"},
	} {
		p := newPlace(t).site(gateway())
		p.app()["public_url"], p.app()["mail"] = "https://app.example.com", mail
		if err := validate(t, p); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v; want an error that says %q", mail, err, says)
		}
	}
	p := newPlace(t).site(gateway())
	p.app()["mail"] = object{"from": "a@b.nl", "mailer": file}
	if err := validate(t, p); err == nil || !strings.Contains(err.Error(), "public_url") {
		t.Errorf("without a public_url: %v", err)
	}
	p.app()["recovery"] = "never"
	if err := validate(t, p); err == nil || !strings.Contains(err.Error(), "one_time") {
		t.Errorf("recovery: %v", err)
	}
}
