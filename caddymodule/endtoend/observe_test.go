package endtoend_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

func TestMetricsTellLoginsAndRefusals(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		begun := time.Now()
		g, _ := town(t, s, kit.Site{})
		lastLogin(t, g, begun, time.Now())
		kit.Visit(t, g.URL).Enter("teammate").Get("/")
		begun = time.Now()
		kit.Visit(t, g.URL).Enter("client").Get("/")
		in := time.Now()
		kit.Visit(t, g.URL).Login("teammate", "wrong")
		kit.Visit(t, g.URL).Login("nobody", "wrong")
		kit.Visit(t, g.URL).Login("blocked", kit.Password)
		kit.Visit(t, g.URL).Get("/closed", kit.Bare)
		lastLogin(t, g, begun, in)
		out := g.Metrics()
		for _, line := range []string{
			`login_gateway_logins_total{method="password",outcome="ok"} 2`,
			`login_gateway_logins_total{method="password",outcome="wrong_password"} 1`,
			`login_gateway_logins_total{method="password",outcome="unknown_email"} 1`,
			`login_gateway_logins_total{method="password",outcome="user_blocked"} 1`,
			`login_gateway_refusals_total{cause="not_logged_in"} 1`,
			`login_gateway_refusals_total{cause="user_blocked"} 1`,
		} {
			if !strings.Contains(out, "\n"+line+"\n") {
				t.Errorf("the metrics lack %s", line)
			}
		}
		if t.Failed() {
			for line := range strings.SplitSeq(out, "\n") {
				if strings.HasPrefix(line, "login_gateway") {
					t.Log(line)
				}
			}
		}
	})
}

// P10: behind a proxy that nobody named all visitors are one.
func TestAProxyThatNobodyNamedIsNoticed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		site     kit.Site
		doubtful bool
	}{
		"named":     {kit.Site{}, false},
		"not named": {kit.Site{Trusted: "10.0.0.0/8"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, _ := town(t, kit.Bolt(t), c.site)
			v := kit.Visit(t, g.URL).From("203.0.113.9").In("en").Enter("support")
			desk := v.Get("/gateway/admin/find").Body
			seen := "We see you at this address: 203.0.113.9"
			if c.doubtful {
				seen = "We see you at this address: 127.0.0.1"
			}
			if !strings.Contains(desk, seen) {
				t.Errorf("the desk does not say: %s", seen)
			}
			for where, text := range map[string]string{
				"desk": desk, "log": g.Output(), "metrics": g.Metrics(),
			} {
				wanted := map[string]string{
					"desk": "A proxy that is not trusted", "log": "a proxy that is not trusted says",
					"metrics": `login_gateway_address_doubts_total{reason="forwarded"} 1`,
				}[where]
				if strings.Contains(text, wanted) != c.doubtful {
					t.Errorf("%s: %q there, want %t", where, wanted, c.doubtful)
				}
			}
		})
	}
}

// decisions are the log lines of logins and refusals with a reference.
func decisions(t *testing.T, g *kit.Gateway) map[string]map[string]any {
	t.Helper()
	lines := map[string]map[string]any{}
	for line := range strings.SplitSeq(g.Output(), "\n") {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil {
			continue
		}
		if ref, _ := fields["reference"].(string); ref != "" {
			if _, twice := lines[ref]; twice {
				t.Errorf("two lines for %s", ref)
			}
			lines[ref] = fields
		}
	}
	return lines
}

// Each decision has one line, which its reference finds, in the log and by `why`.
func TestReferencesLeadToTheStory(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		answers := map[string]kit.Answer{
			"wrong_password":    kit.Visit(t, g.URL).Login("teammate", "wrong"),
			"unknown_email":     kit.Visit(t, g.URL).Login("nobody", "wrong"),
			"user_blocked":      kit.Visit(t, g.URL).Login("blocked", kit.Password),
			"account_suspended": kit.Visit(t, g.URL).Login("suspended", kit.Password),
			"type_denied":       kit.Visit(t, g.URL).Login("notype", kit.Password),
		}
		for cause, a := range answers { // the log is read from a pipe, which may lag
			kit.Eventually(t, "a line in the log for "+cause, func() bool { return decisions(t, g)[a.Reference()] != nil })
		}
		lines := decisions(t, g)
		for cause, a := range answers {
			line := lines[a.Reference()]
			if line == nil || line["outcome"] != cause || line["network"] != "127.0.0.1/32" {
				t.Errorf("%s: the line of %s is %v", cause, a.Reference(), line)
			}
			typed := strings.ToLower(strings.ReplaceAll(a.Reference(), "-", " "))
			if r := g.Gateway("why", typed); !strings.Contains(r.Stdout, cause) {
				t.Errorf("why %s: exit %d, %s%s", typed, r.Exit, r.Stdout, r.Stderr)
			}
		}
		for user, cause := range map[string]string{"blocked": "user_blocked", "arrears": "account_arrears", "teammate": ""} {
			r := g.Gateway("why", user+"@demo.test", "--json")
			if cause != "" && !strings.Contains(r.Stdout, cause) || !strings.Contains(r.Stdout, user) {
				t.Errorf("why %s: exit %d, %s%s", user, r.Exit, r.Stdout, r.Stderr)
			}
		}
	})
}

// P33: no secret stands in any log, on any page, or in the answer of a command.
func TestSecretsStayOutOfLogs(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{Before: "log", Words: "cors https://app.example"})
		v := kit.Visit(t, g.URL).Enter("teammate")
		v.Get("/")
		typed := []kit.Answer{
			kit.Visit(t, g.URL).Login("teammate", "wrong-"+kit.Password),
			kit.Visit(t, g.URL).Post("/gateway/login", url.Values{"email": {kit.Password}, "password": {"x"}}),
			kit.Visit(t, g.URL).Post("/gateway/login", url.Values{"email": {kit.Password + "@x"}, "password": {kit.Password}}),
			kit.Visit(t, g.URL).Post("/gateway/login", kit.Form("blocked@demo.test", kit.Password)),
			kit.Visit(t, g.URL).Do(http.MethodPost, "/gateway/login", kit.Body("application/json", `{"password":"`+kit.Password+`"}`)),
			kit.Visit(t, g.URL).Do(http.MethodPost, "/closed", kit.Body(formType, "password="+kit.Password)),
		}
		for i, a := range typed {
			if strings.Contains(a.Body, kit.Password) && i != 2 {
				t.Errorf("page %d shows what was typed: %s", i, a)
			}
		}
		told := g.Gateway("attempts", "list", "teammate@demo.test", "--json").Stdout + g.Gateway("why", "teammate@demo.test").Stdout +
			g.Gateway("users", "show", "teammate@demo.test", "--json").Stdout + g.Metrics()
		planted := map[string]string{
			"the password": kit.Password, "the session cookie": v.Cookie("gateway_session"), "the device cookie": v.Cookie("gateway_device"),
			"the secret of the gateway": kit.Secret, "a password hash": "$argon2id$",
		}
		g.Stop()
		for what, secret := range planted {
			if i := strings.Index(g.Output(), secret); i >= 0 {
				t.Errorf("%s stands in the log: ...%s", what, g.Output()[max(0, i-300):i])
			}
			if strings.Contains(told, secret) {
				t.Errorf("a command tells %s", what)
			}
		}
	})
}
