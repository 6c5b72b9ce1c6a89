package guard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

// demanding is a site with rules that ask for more, and people who meet them or not.
func demanding(t testing.TB) (*guard.Guard, sessions) {
	t.Helper()
	s := site()
	s.Public = append(s.Public, guard.Public{Pattern: guard.NewPattern("/admin/logo")})
	s.Require = []guard.Require{
		{Pattern: guard.NewPattern("/admin/*"), SecondStep: true},
		{Pattern: guard.NewPattern("/pay"), Fresh: 10 * time.Minute},
		{Pattern: guard.NewPattern("/billing/*"), Fresh: time.Hour},
		{Pattern: guard.NewPattern("/both/*"), Fresh: time.Hour, SecondStep: true},
	}
	g := newGuard(t, s)
	all := g.Sessions.(sessions)
	user := func(second bool) *session.Person {
		return session.NewPerson(&store.User{ID: "jan", Name: "Jan", Account: "praktijk", SecondStep: second})
	}
	as := func(name string, second bool, age time.Duration, amr ...string) {
		all[name] = facts(func(f *session.Facts) {
			f.User = user(second)
			f.Session = session.NewRecord(&store.Session{Handle: "handle", Amr: amr, AuthTime: time.Now().Add(-age)})
		})
	}
	as("fresh", false, time.Minute, "pwd")
	as("old", false, 11*time.Minute, "pwd")
	as("older", false, 2*time.Hour, "pwd")
	as("trusted", true, time.Minute, "pwd")
	as("second", true, time.Minute, "pwd", "otp", "mfa")
	as("second-old", true, 2*time.Hour, "pwd", "otp", "mfa")
	as("ahead", false, -time.Hour, "pwd", "mfa")
	all["never"] = facts(func(f *session.Facts) {
		f.User, f.Session = user(false), session.NewRecord(&store.Session{Handle: "handle"})
	})
	all["repair-old"] = facts(func(f *session.Facts) {
		f.User, f.Session = all["older"].User, all["older"].Session
		f.Cause, f.Repair = "account_arrears", true
	})
	return g, all
}

func TestSensitivePathsAskForMore(t *testing.T) {
	const setUp, prove = "/gateway/security/second-step", "/gateway/prove"
	g, _ := demanding(t)
	for _, c := range []struct {
		target, session string
		reason, page    string // empty: reaches the app
	}{
		{"/admin/users", "second", "", ""},
		{"/admin/users", "second-old", "", ""},
		{"/admin/users", "trusted", "second_step_required", prove},
		{"/admin/users", "fresh", "second_step_required", setUp},
		{"/Admin/users", "fresh", "second_step_required", setUp},
		{"/ADMIN", "fresh", "second_step_required", setUp},
		{"/admin/", "fresh", "second_step_required", setUp},
		{"/administrator", "fresh", "", ""},
		{"/x/../admin/users", "fresh", "second_step_required", setUp},
		{"/admin%2fusers", "fresh", "second_step_required", setUp},
		{"//admin/users", "fresh", "second_step_required", setUp},
		{"/;/admin", "fresh", "second_step_required", setUp},
		{`/\admin`, "second", "", ""},
		{"//", "second-old", "fresh_proof_required", prove},
		{"/pay", "fresh", "", ""},
		{"/pay", "old", "fresh_proof_required", prove},
		{"/PAY/", "old", "fresh_proof_required", prove},
		{"/pay/x", "old", "", ""},
		{"/pay", "never", "fresh_proof_required", prove},
		{"/pay", "ahead", "fresh_proof_required", prove},
		{"/billing/x", "old", "", ""},
		{"/billing/x", "older", "fresh_proof_required", prove},
		{"/billing/x", "repair-old", "fresh_proof_required", prove},
		{"/both/x", "fresh", "second_step_required", setUp},
		{"/both/x", "second-old", "fresh_proof_required", prove},
		{"/both/x", "second", "", ""},
		{"/other", "older", "", ""},
		{"/admin/logo", "fresh", "second_step_required", setUp},
	} {
		a := &app{}
		w := ask(t, g, a, request("GET", c.target), c.session)
		if c.reason == "" {
			if a.calls != 1 {
				t.Errorf("%s as %s: %d %s; want it to reach the app", c.target, c.session, w.Code, w.Body)
			}
			continue
		}
		body := w.Body.String()
		if a.calls != 0 || w.Code != 401 || !strings.Contains(body, `"reason":"`+c.reason+`"`) || !strings.Contains(body, `"prove_url":"`+c.page+`"`) ||
			!strings.Contains(body, `"login_url":"/gateway/login"`) {
			t.Errorf("%s as %s: %d %s; want reason %s and prove_url %s", c.target, c.session, w.Code, body, c.reason, c.page)
		}
		a = &app{}
		w = ask(t, g, a, request("GET", c.target+"?a=1&b", "Accept", "text/html"), c.session)
		if to := w.Header().Get("Location"); a.calls != 0 || w.Code != 303 || !strings.HasPrefix(to, c.page) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s as %s, as a page: %d to %q", c.target, c.session, w.Code, to)
		}
	}
}

func TestTheWayBackFromAProofIsKept(t *testing.T) {
	g, _ := demanding(t)
	w := ask(t, g, &app{}, request("GET", "/pay?a=1&b=%2F", "Accept", "text/html"), "old")
	if to := w.Header().Get("Location"); to != "/gateway/prove?to=%2Fpay%3Fa%3D1%26b%3D%252F" {
		t.Errorf("to %q", to)
	}
	w = ask(t, g, &app{}, request("GET", "//evil.example/pay", "Accept", "text/html"), "older")
	if to := w.Header().Get("Location"); strings.Contains(to, "evil") {
		t.Errorf("another host is a way back: %q", to)
	}
}

func TestNobodyIsNotAskedForMore(t *testing.T) {
	g, _ := demanding(t)
	for target, who := range map[string]string{"/admin/x": "", "/pay": "expired", "/admin/logo": ""} {
		a := &app{}
		w := ask(t, g, a, request("GET", target), who)
		if a.calls != 0 || w.Code != 401 || strings.Contains(w.Body.String(), "prove_url") {
			t.Errorf("%s as %q: %d %s; want a login", target, who, w.Code, w.Body)
		}
	}
	if w := ask(t, g, &app{}, request("GET", "/pay"), "blocked"); w.Code != 403 {
		t.Errorf("blocked: %d", w.Code)
	}
}

func TestAFormThatNeedsAProofIsNotLostInARedirect(t *testing.T) {
	g, _ := demanding(t)
	a := &app{}
	w := ask(t, g, a, request("POST", "/pay", "Accept", "text/html", "Content-Type", "application/x-www-form-urlencoded",
		"Referer", "http://localhost:8080/pay/form?x=1"), "old")
	body := w.Body.String()
	if a.calls != 0 || w.Code != 401 || !strings.Contains(body, `data-cause="fresh_proof_required"`) ||
		!strings.Contains(body, `href="/gateway/prove?to=%2Fpay%2Fform%3Fx%3D1"`) {
		t.Errorf("%d %s", w.Code, body)
	}
}

func TestSocketsAreAskedBeforeTheyOpen(t *testing.T) {
	g, _ := demanding(t)
	a := &app{}
	w := ask(t, g, a, request("GET", "/pay", "Upgrade", "websocket", "Connection", "Upgrade", "Accept", "text/html"), "old")
	if a.calls != 0 || w.Code != 401 || !strings.Contains(w.Body.String(), `"reason":"fresh_proof_required"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOtherProxiesLearnThatMoreIsAsked(t *testing.T) {
	g, _ := demanding(t)
	asks := func(uri string) []string {
		return []string{"X-Forwarded-Method", "GET", "X-Forwarded-Uri", uri, "Accept", "text/html"}
	}
	for _, c := range []struct {
		who, target, uri string
		status           int
		to               string
	}{
		{"second", verify, "/admin/x", 200, ""},
		{"trusted", verify, "/admin/x", 401, "/gateway/prove?to=%2Fadmin%2Fx"},
		{"fresh", verify, "/admin/x", 401, "/gateway/security/second-step?to=%2Fadmin%2Fx"},
		{"fresh", verify + "?redirect=1", "/admin/x", 303, "/gateway/security/second-step?to=%2Fadmin%2Fx"},
		{"old", verify + "?redirect=1", "/pay", 303, "/gateway/prove?to=%2Fpay"},
		{"", verify, "/admin/logo", 401, "/gateway/login?to=%2Fadmin%2Flogo"},
	} {
		w := subrequest(g, c.who, true, c.target, asks(c.uri)...)
		to := w.Header().Get("X-Login-Url")
		if c.status == 303 {
			to = w.Header().Get("Location")
		}
		if w.Code != c.status || to != c.to || (w.Header().Get("Remote-User") != "") != (c.status == 200) {
			t.Errorf("%s at %s: %d to %q, %v; want %d to %q", c.who, c.uri, w.Code, to, w.Header(), c.status, c.to)
		}
	}
	// Whoever describes no request in a way that can be believed meets all rules.
	if w := subrequest(g, "fresh", false, verify, asks("/other")...); w.Code != 401 || w.Header().Get("Remote-User") != "" {
		t.Errorf("a stranger: %d", w.Code)
	}
}

func TestRulesCostNoMemory(t *testing.T) {
	g, _ := demanding(t)
	plain := newGuard(t, site())
	r := request("GET", "/admin/users", "Cookie", "gateway_session=second")
	cookies := r.Header["Cookie"]
	measure := func(g *guard.Guard) float64 {
		w := &benchWriter{header: http.Header{}}
		return testing.AllocsPerRun(200, func() {
			r.Header["Cookie"] = cookies
			if err := g.Serve(w, r, guard.Original{Method: r.Method, URL: r.URL}, nil, benchApp{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	with := measure(g)
	plain.Sessions.(sessions)["second"] = g.Sessions.(sessions)["second"]
	if without := measure(plain); with > without {
		t.Errorf("%v allocations with rules, %v without", with, without)
	}
}
