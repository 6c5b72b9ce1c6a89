package docs_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// The addresses of the documentation.
const (
	docGateway, docApp = "10.0.0.7:8080", "10.0.0.5:9000"
	docHost            = "app.example.com"
)

// recipe returns the block of docs/proxies.md under a heading, in a language.
func recipe(t *testing.T, heading, language string) string {
	t.Helper()
	_, part, ok := strings.Cut(read(t, "docs/proxies.md"), "\n## "+heading+"\n")
	_, block, fenced := strings.Cut(part, "```"+language+"\n")
	block, _, _ = strings.Cut(block, "```")
	if !ok || !fenced || block == "" {
		t.Fatalf("docs/proxies.md has no %s block under %q", language, heading)
	}
	return block
}

// behind is a gateway that other proxies ask, and the app that only they reach.
func behind(t *testing.T) (*kit.Gateway, *kit.App) {
	t.Helper()
	app := kit.NewApp(t)
	g := kit.Start(t, kit.Site{
		Store: kit.Bolt(t).Town().Line, Upstream: app.Addr, Words: "public /assets/*\nassertion https://app.example.com",
		Proxy: "respond 404",
	})
	return g, app
}

// place puts the addresses of the test into a recipe.
func place(text string, g *kit.Gateway, app *kit.App) string {
	return strings.NewReplacer(docGateway, g.Addr, docApp, app.Addr).Replace(text)
}

// asksFor holds a proxy at url to what docs/proxies.md promises of all of them.
// redirects: it sends scripts to the login as well.
func asksFor(t *testing.T, url string, app *kit.App, redirects bool) {
	t.Helper()
	visitor := kit.Visit(t, url)
	if a := visitor.Get("/x?a=1&b=2"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/gateway/login?to=%2Fx%3Fa%3D1%26b%3D2" {
		t.Errorf("nobody: %s", a)
	}
	if a := visitor.Get("/x", kit.Bare); a.Status != http.StatusUnauthorized != redirects {
		t.Errorf("a script of nobody: %s", a)
	}
	forge := []kit.Option{kit.With("Remote-User", "boss"), kit.With("Remote-Groups", "superadmin"), func(r *http.Request) {
		r.Header["remote_user"], r.Header["Remote_Groups"] = []string{"boss"}, []string{"superadmin"}
	}}
	if a := visitor.Get("/assets/x.css", forge...); a.Status != http.StatusOK || identity(a.Decode(t).Header) != "" {
		t.Errorf("a public path, with forged headers: %s", a)
	}
	for name, value := range map[string]string{
		"X-Forwarded-Uri": "/assets/x.css", "X-Original-URI": "/assets/x.css", "X-Forwarded-Method": "OPTIONS", "X-Original-URL": "/assets/",
	} {
		if a := visitor.Get("/secret", kit.With(name, value)); a.FromApp() {
			t.Errorf("%s of a visitor opened the app: %s", name, a)
		}
	}
	visitor.Enter("teammate")
	a := visitor.Get("/x", forge...)
	h := a.Decode(t).Header
	if h.Get("Remote-User") == "" || h.Get("Remote-Email") != "teammate@demo.test" || h.Get("Remote-Groups") != "teammate" || h.Get("Remote-Assertion") == "" {
		t.Errorf("logged in, the app is told:\n%s", identity(h))
	}
	if said := identity(h); strings.Contains(said, "boss") || strings.Contains(said, "superadmin") {
		t.Errorf("what a visitor claimed reached the app: %s", said)
	}
	visitor.Post("/gateway/logout", nil)
	if a := visitor.Get("/x"); a.FromApp() {
		t.Errorf("after the log-out: %s", a)
	}
	if n := len(app.Seen("/secret")); n != 0 {
		t.Errorf("the app saw %d requests for what is protected", n)
	}
}

// identity is all that headers say about who it is, in whatever spelling.
func identity(h http.Header) string {
	var said []string
	for name, values := range h {
		if strings.HasPrefix(strings.ToLower(strings.ReplaceAll(name, "_", "-")), "remote-") {
			said = append(said, name+": "+strings.Join(values, ", "))
		}
	}
	return strings.Join(said, "\n")
}

func TestTheRecipeForNginxWorks(t *testing.T) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatalf("nginx is missing: install the Debian package nginx (%v)", err)
	}
	g, app := behind(t)
	home, addr := t.TempDir(), kit.FreeAddr(t)
	server := strings.NewReplacer("listen 80;", "listen "+addr+";").Replace(place(recipe(t, "nginx", "nginx"), g, app))
	config := "daemon off;\nmaster_process off;\nerror_log stderr;\npid " + home + "/pid;\nevents {}\nhttp {\naccess_log off;\n" +
		regexp.MustCompile(`(?m)^`).ReplaceAllString(
			"client_body_temp_path "+home+"/b;\nproxy_temp_path "+home+"/p;\nfastcgi_temp_path "+home+"/f;\nuwsgi_temp_path "+home+"/u;\nscgi_temp_path "+home+"/s;\n", "\t") +
		server + "}\n"
	file := filepath.Join(home, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := kit.Run(t, home, nil, program, "-c", file, "-p", home, "-e", "stderr")
	awaits(t, p, addr)
	asksFor(t, "http://"+addr, app, true)
}

func TestTheRecipeForCaddyWorks(t *testing.T) {
	g, app := behind(t)
	home, addr := t.TempDir(), kit.FreeAddr(t)
	site := strings.Replace(place(recipe(t, "Caddy", "caddyfile"), g, app), docHost, "http://"+addr, 1)
	file := filepath.Join(home, "Caddyfile")
	if err := os.WriteFile(file, []byte("{\n\tadmin off\n}\n"+site), 0o600); err != nil {
		t.Fatal(err)
	}
	p := kit.Run(t, home, nil, kit.Binary(t), "run", "--config", file)
	awaits(t, p, addr)
	asksFor(t, "http://"+addr, app, false)
}

// awaits waits until somebody listens at addr.
func awaits(t *testing.T, p *kit.Process, addr string) {
	t.Helper()
	v := kit.Visit(t, "http://"+addr)
	kit.Eventually(t, "the proxy to answer", func() bool {
		select {
		case <-p.Done():
			t.Fatalf("the proxy ended:\n%s", p.Output())
		default:
		}
		_, err := v.Try(http.MethodGet, "/gateway/health/live")
		return err == nil
	})
}

// Debian has no Traefik: its middleware is played here, as its documentation
// describes it, with the options of the recipe.
func TestTheRecipeForTraefikWorks(t *testing.T) {
	var options struct {
		HTTP struct {
			Middlewares map[string]struct {
				ForwardAuth struct {
					Address             string   `yaml:"address"`
					TrustForwardHeader  bool     `yaml:"trustForwardHeader"`
					AuthResponseHeaders []string `yaml:"authResponseHeaders"`
				} `yaml:"forwardAuth"`
			} `yaml:"middlewares"`
		} `yaml:"http"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(recipe(t, "Traefik", "yaml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&options); err != nil {
		t.Fatal(err)
	}
	auth := options.HTTP.Middlewares["login"].ForwardAuth
	if auth.TrustForwardHeader || auth.Address == "" {
		t.Fatalf("the recipe: %+v", auth)
	}
	g, app := behind(t)
	to := func(addr string) http.Handler {
		return httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	}
	traefik := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/gateway/") {
			to(g.Addr).ServeHTTP(w, r)
			return
		}
		ask, err := http.NewRequest(http.MethodGet, strings.Replace(auth.Address, docGateway, g.Addr, 1), nil)
		if err != nil {
			t.Error(err)
			return
		}
		ask.Header = r.Header.Clone()
		for name, value := range map[string]string{
			"X-Forwarded-Method": r.Method, "X-Forwarded-Proto": "http", "X-Forwarded-Host": r.Host,
			"X-Forwarded-Uri": r.URL.RequestURI(), "X-Forwarded-For": "192.0.2.7",
		} {
			ask.Header.Set(name, value)
		}
		ask.Host = strings.TrimPrefix(g.URL, "http://")
		answer, err := http.DefaultTransport.RoundTrip(ask)
		if err != nil {
			t.Error(err)
			return
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			for name, values := range answer.Header {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.StatusCode)
			_, _ = io.Copy(w, answer.Body)
			return
		}
		for _, name := range auth.AuthResponseHeaders {
			r.Header.Del(name)
			if values := answer.Header.Values(name); len(values) > 0 {
				r.Header[http.CanonicalHeaderKey(name)] = values
			}
		}
		to(app.Addr).ServeHTTP(w, r)
	}))
	t.Cleanup(traefik.Close)
	visitor := kit.Visit(t, traefik.URL)
	if a := visitor.Get("/x"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/gateway/login?to=%2Fx" {
		t.Errorf("nobody: %s", a)
	}
	if a := visitor.Get("/x", kit.Bare); a.Status != http.StatusUnauthorized || a.Header.Get("X-Login-URL") == "" {
		t.Errorf("a script of nobody: %s", a)
	}
	visitor.Enter("teammate")
	if a := visitor.Get("/x", kit.With("Remote-User", "boss")); a.Decode(t).Header.Get("Remote-Email") != "teammate@demo.test" ||
		a.Decode(t).Header.Get("Remote-User") == "boss" {
		t.Errorf("logged in: %s", a)
	}
}
