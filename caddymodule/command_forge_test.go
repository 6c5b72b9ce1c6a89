package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forged runs the check on a Caddyfile, and returns what it says of forging.
func forged(t *testing.T, caddyfile string, more ...string) (findings []finding, code int) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	store := filepath.Join(dir, "gateway.db")
	text := fmt.Sprintf("{\n\tadmin off\n\tgrace_period 1s\n\tstorage file_system %s\n\tlogin_gateway {\n\t\tstore bolt %s\n\t\tsecret %s\n\t}\n}\n",
		filepath.Join(dir, "caddy"), store, goodSecret) + caddyfile
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, append([]string{"check", "--json", "--config", file}, more...)...)
	var report struct{ Findings []finding }
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v\n%s%s", err, r.out, r.err)
	}
	for _, f := range report.Findings {
		if f.Part == "forge" {
			findings = append(findings, f)
		}
	}
	if _, err := os.Stat(store); err == nil && len(more) == 1 {
		t.Error("the real store was made")
	}
	return findings, r.code
}

func level(findings []finding, level string) (messages string) {
	for _, f := range findings {
		if f.Level == level {
			messages += f.Message + "\n"
		}
	}
	return messages
}

const safeSite = `
app.example.com, www.example.com {
	login_gateway {
		public /assets/*
		public POST /hook
		api_paths /api/*
		header user X-App-User
		require second_step /admin/*
		assertion https://app.example.com
	}
	handle_path /api/* {
		reverse_proxy api.internal:9001 {
			stream_close_delay 5m
			header_up X-Request-Start {time.now.unix_ms}
		}
	}
	handle /assets/* {
		reverse_proxy https://cdn.internal {
			stream_close_delay 5m
		}
	}
	@socket header Connection *Upgrade*
	handle @socket {
		reverse_proxy socket.internal:9002 {
			stream_close_delay 5m
		}
	}
	handle {
		reverse_proxy 10.0.0.5:9000 10.0.0.6:9000 {
			stream_close_delay 5m
			lb_policy ip_hash
			health_uri /up
		}
	}
}
shared.example.com {
	login_gateway {
		cookie_domain example.com
	}
	reverse_proxy 10.0.0.7:9000 {
		stream_close_delay 5m
	}
}
elsewhere.example.org {
	reverse_proxy 10.9.9.9:80
}
`

func TestForgeFindsNothingWhereNothingIs(t *testing.T) {
	findings, code := forged(t, safeSite, "--forge")
	if code != 0 || level(findings, "error") != "" || !strings.Contains(level(findings, "ok"), "no forged header reached an app") {
		t.Errorf("exit %d: %+v", code, findings)
	}
	if warned := level(findings, "warning"); strings.Contains(warned, "10.0.0.") || strings.Contains(warned, ".internal") {
		t.Errorf("some apps were not tried:\n%s", warned)
	}
}

// Each of these is a way in which an app would believe a visitor.
func TestForgeNamesWhatReachesAnApp(t *testing.T) {
	for name, c := range map[string]struct {
		site string
		want []string // in the errors
	}{
		"a proxy in front of the gateway": {
			"app.example.com {\n\troute {\n\t\treverse_proxy /files/* 10.0.0.5:9000\n\t\tlogin_gateway\n\t\treverse_proxy 10.0.0.5:9000\n\t}\n}\n",
			[]string{"app.example.com/files/forge-check, passed on to 10.0.0.5:9000", "Remote-User reaches the app, as a visitor sent it", "Remote_user reaches the app", "reached without a login"},
		},
		"the same app on another host": {
			"app.example.com {\n\tlogin_gateway\n\treverse_proxy 10.0.0.5:9000\n}\nback.example.com {\n\treverse_proxy 10.0.0.5:9000\n}\n",
			[]string{"GET back.example.com/", "Remote-User reaches the app, as a visitor sent it", "reached without a login"},
		},
		"a header set again from another": {
			"app.example.com {\n\tlogin_gateway {\n\t\tpublic /open/*\n\t}\n\treverse_proxy 10.0.0.5:9000 {\n\t\theader_up Remote-Groups admin\n\t}\n}\n",
			[]string{"GET app.example.com/open/forge-check", "Remote-Groups reaches the app, which the gateway did not send, while nobody is logged in", "Remote-Groups reaches the app, which the gateway did not send, while somebody is logged in"},
		},
		"a header set again by an alias": {
			"app.example.com {\n\tlogin_gateway\n\treverse_proxy 10.0.0.5:9000 {\n\t\theader_up REMOTE_USER {http.request.header.User-Agent}x\n\t}\n}\n",
			[]string{"Remote_user reaches the app, which the gateway did not send, while somebody is logged in"},
		},
		"a header taken away by a visitor": {
			"app.example.com {\n\tlogin_gateway\n\trequest_header @forged -Remote-Account\n\t@forged header Keep-Alive *\n\treverse_proxy 10.0.0.5:9000\n}\n",
			[]string{"Remote-Account of the gateway is lost on the way to the app"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			findings, code := forged(t, c.site, "--forge")
			errors := level(findings, "error")
			if (code != 0) != (len(c.want) > 0) {
				t.Errorf("exit %d: %+v", code, findings)
			}
			for _, want := range c.want {
				if !strings.Contains(errors, want) {
					t.Errorf("no %q in:\n%s", want, errors)
				}
			}
		})
	}
}

func TestForgeSaysWhatItDidNotTry(t *testing.T) {
	findings, code := forged(t, `
app.example.com {
	login_gateway
	php_fastcgi unix//run/php.sock
	handle_errors {
		reverse_proxy 10.0.0.8:80
	}
}
`, "--forge")
	warned := level(findings, "warning")
	if code != 0 || !strings.Contains(warned, "php_fastcgi to unix//run/php.sock is tried as if it spoke HTTP") || !strings.Contains(warned, "10.0.0.8:80 is reached by an error only") {
		t.Errorf("exit %d: %+v", code, findings)
	}
}

// On a live site only what its page shows can be seen.
func TestForgeOnALiveSite(t *testing.T) {
	keep := func(name string) bool {
		letters := strings.NewReplacer("-", "", "_", "", ".", "", "!", "").Replace(strings.ToLower(name))
		return !strings.HasPrefix(letters, "remote") && letters != "xappuser"
	}
	for name, c := range map[string]struct {
		page http.HandlerFunc
		want string
	}{
		"safe": {func(w http.ResponseWriter, r *http.Request) {
			for name, v := range r.Header {
				if keep(name) {
					_, _ = fmt.Fprintln(w, name, v)
				}
			}
		}, ""},
		"unsafe": {func(w http.ResponseWriter, r *http.Request) { _ = json.NewEncoder(w).Encode(r.Header) }, "Remote-"},
		"underscores": {func(w http.ResponseWriter, r *http.Request) {
			for _, name := range slices.Sorted(maps.Keys(r.Header)) {
				if keep(name) || strings.Contains(name, "_") {
					_, _ = fmt.Fprintln(w, name, r.Header[name])
				}
			}
		}, "(sent: lower, with underscores)"},
		"blind": {func(http.ResponseWriter, *http.Request) {}, "shows no header"},
	} {
		server := httptest.NewServer(c.page)
		defer server.Close()
		findings, code := forged(t, safeSite, "--echo", server.URL+"/echo")
		if errors := level(findings, "error"); (code != 0) != (c.want != "") || !strings.Contains(errors, c.want) {
			t.Errorf("%s: exit %d: %+v", name, code, findings)
		}
	}
	if findings, code := forged(t, safeSite, "--echo", "app.example.com"); code == 0 {
		t.Errorf("no address: %+v", findings)
	}
}
