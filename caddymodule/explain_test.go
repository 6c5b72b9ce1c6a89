package caddymodule_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// decided is what explain says to programs.
type decided struct {
	Site, Method, Path, Sort, Cause, As, Amr string
	Own, Overruled                           bool
	Opens, API, Asks                         []string
	Page, Program                            struct {
		Passes     bool
		Status     int
		Reason, To string
	}
	Headers []struct{ Name, Value string }
}

func explainOf(p *place, args ...string) (d decided) {
	p.t.Helper()
	r := p.must(append([]string{"explain", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(r.out), &d); err != nil {
		p.t.Fatalf("%v\n%s", err, r.out)
	}
	return d
}

// The same questions have the same answers on a config that is only read and on
// one that runs, and those are what the running one does.
func TestExplainSaysWhatIsDecided(t *testing.T) {
	p := newPlace(t).site(gateway(
		"public", []object{{"paths": []string{"/pub/*"}}, {"methods": []string{"POST"}, "paths": []string{"/hook"}}},
		"api_paths", []string{"/api/*"},
		"require", []object{{"second_step": true, "paths": []string{"/admin/*", "/pub/secret"}}, {"fresh_proof": "10m", "paths": []string{"/pay"}}},
	), proxy())
	p.must("accounts", "add", "praktijk")
	for _, who := range []string{"anna", "bert"} {
		p.must("users", "add", who+"@praktijk.example", "--account", "praktijk", "--name", who, "--type", "teammate")
	}
	p.must("users", "block", "bert@praktijk.example", "--reason", "weg")
	for _, running := range []bool{false, true} {
		if running {
			p.start()
		}
		for _, c := range []struct {
			args    string
			passes  bool
			status  int
			reason  string
			to      string
			matches string
		}{
			{"GET /clients?id=1", false, 401, "not_logged_in", "/gateway/login", ""},
			{"/clients --as anna@praktijk.example", true, 0, "", "", ""},
			{"/clients --as bert@praktijk.example", false, 403, "user_blocked", "", ""},
			{"/pub/x", true, 0, "", "", "public /pub/*"},
			{"POST /pub/x", false, 401, "not_logged_in", "/gateway/login", ""},
			{"POST /hook", true, 0, "", "", "public POST /hook"},
			{"/pub/../x", false, 401, "not_logged_in", "/gateway/login", "require second_step /admin/*"},
			{"/pub/secret", false, 401, "not_logged_in", "/gateway/login", "require second_step /pub/secret"},
			{"/ADMIN/x --as anna@praktijk.example", false, 401, "second_step_required", "/gateway/security/second-step", "require second_step /admin/*"},
			{"/pay --as anna@praktijk.example", true, 0, "", "", "require fresh_proof 10m /pay"},
			{"/API/x", false, 401, "not_logged_in", "/gateway/login", "/api/*"},
			{"/pub/%00", false, 400, "bad_request", "", ""},
			{"/gateway/login", false, 200, "", "", ""},
		} {
			d := explainOf(p, strings.Fields(c.args)...)
			got := d.Program
			if got.Passes != c.passes || got.Status != c.status || got.Reason != c.reason || got.To != c.to {
				t.Errorf("%s (running %v): %+v", c.args, running, d)
			}
			rules := strings.Join(append(append(d.Opens, d.Asks...), d.API...), "\n")
			if !strings.Contains(rules, c.matches) || c.matches == "" && rules != "" {
				t.Errorf("%s: rules %q, want %q", c.args, rules, c.matches)
			}
		}
		d := explainOf(p, "/clients", "--as", "anna@praktijk.example")
		if len(d.Headers) < 8 || d.Headers[1].Name != "Remote-Email" || d.Headers[1].Value != "anna@praktijk.example" || d.Amr != "pwd" {
			t.Errorf("headers: %+v", d)
		}
		if d := explainOf(p, "/clients"); d.Page.Status != 303 || d.Page.To != "/gateway/login?to=%2Fclients" {
			t.Errorf("a browser: %+v", d.Page)
		}
		text := p.must("explain", "GET", "/pub/secret").out
		for _, want := range []string{"public /pub/*", "But a rule that protects comes first", "303, to /gateway/login?to=%2Fpub%2Fsecret", "Session: none."} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in:\n%s", want, text)
			}
		}
	}
}

func TestExplainSaysWhatIsMissing(t *testing.T) {
	p := newPlace(t)
	hosts := func(host string) object {
		return object{"match": []object{{"host": []string{host}}}, "handle": []object{gateway(), proxy()}}
	}
	p.site()
	srv := p.config["apps"].(object)["http"].(object)["servers"].(object)["srv"].(object)
	srv["routes"] = []object{hosts("app.example.com"), hosts("*.example.net")}
	p.must("accounts", "list")
	for args, want := range map[string]string{
		"/x":                                    "app.example.com",
		"/x --site other.example.org":           "no site",
		"/x --site a.b.example.net":             "no site",
		"x --site app.example.com":              "no path",
		"GET":                                   "no path",
		"GET /x y":                              "one word too many",
		"":                                      "PATH is missing",
		"/x --site app.example.com --as nobody": "there is no user",
		"/%zz --site app.example.com":           "cannot be asked for",
	} {
		if r := p.run(append([]string{"explain"}, strings.Fields(args)...)...); r.code == 0 || !strings.Contains(r.err, want) {
			t.Errorf("explain %s: exit %d, %q; want %q", args, r.code, r.err, want)
		}
	}
	for _, host := range []string{"app.example.com", "APP.example.com:8443", "docs.example.net"} {
		if d := explainOf(p, "/x", "--site", host); d.Program.Status != 401 {
			t.Errorf("%s: %+v", host, d)
		}
	}
}
