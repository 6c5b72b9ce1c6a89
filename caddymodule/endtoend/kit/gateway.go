package kit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Gateway is a running gateway.
type Gateway struct {
	*Process
	// Addr is host and port of the site, URL the same with its scheme.
	Addr, URL string
	// Admin is host and port of Caddy's admin endpoint.
	Admin string
	// File is the Caddyfile, Home the folder of the process.
	File, Home string

	t    testing.TB
	site Site
}

// Start runs a gateway with this site and waits until it answers.
func Start(t testing.TB, s Site) *Gateway {
	t.Helper()
	g := Prepare(t, s)
	g.Run()
	g.WaitLive()
	return g
}

// Prepare writes the Caddyfile of a gateway and starts nothing.
func Prepare(t testing.TB, s Site) *Gateway {
	t.Helper()
	g := &Gateway{Addr: FreeAddr(t), Admin: FreeAddr(t), Home: t.TempDir(), t: t, site: s}
	g.URL = "http://" + g.Addr
	if s.HTTPS {
		g.URL = "https://" + g.Addr
		certify(t, g.Home)
	}
	g.File = filepath.Join(g.Home, "Caddyfile")
	g.write(s)
	return g
}

func (g *Gateway) write(s Site) {
	g.t.Helper()
	must(g.t, os.WriteFile(g.File, []byte(s.Caddyfile(g.Addr, g.Admin)), 0o600))
}

// Run starts the process, again after a Stop or Kill.
func (g *Gateway) Run() {
	g.t.Helper()
	g.Process = Run(g.t, g.Home, g.site.Env, Binary(g.t), "run", "--config", g.File)
}

// started is what Caddy prints when all its apps run.
const started = "serving initial configuration"

// WaitLive waits until the gateway answers. It does not ask before Caddy has
// started whole: its app for TLS (2.11.9) races with handshakes that come while it
// still starts.
func (g *Gateway) WaitLive() {
	g.t.Helper()
	v := Visit(g.t, g.URL)
	for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		select {
		case <-g.Done():
			g.t.Fatalf("the gateway does not start:\n%s", g.tail())
		default:
		}
		if !strings.Contains(g.Output(), started) {
			continue
		}
		prefix := "/gateway"
		if _, after, ok := strings.Cut(g.site.Words, "prefix "); ok {
			prefix = strings.Fields(after)[0]
		}
		if a, err := v.Try(http.MethodGet, prefix+"/health/live"); err == nil && a.Status == http.StatusOK && a.Own() {
			return
		}
	}
	g.t.Fatalf("the gateway does not answer:\n%s", g.tail())
}

// Load replaces the configuration of the running gateway, as `caddy reload` does,
// and waits until the sockets of the one before are closed: Caddy answers before they
// are, and connections that still wait in them are reset then.
func (g *Gateway) Load(s Site) error {
	return g.LoadText(s.Caddyfile(g.Addr, g.Admin))
}

// LoadText is Load for a Caddyfile.
func (g *Gateway) LoadText(caddyfile string) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.Admin+"/load", strings.NewReader(caddyfile))
	if err != nil {
		return fmt.Errorf("loading a config: %w", err)
	}
	req.Header.Set("Content-Type", "text/caddyfile")
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("loading a config: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("loading a config: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var said struct{ Error string }
		_ = json.Unmarshal(body, &said) // what is no JSON says nothing
		return fmt.Errorf("loading a config: status %d, %s", res.StatusCode, said.Error)
	}
	Eventually(g.t, "the end of the sockets from before", func() bool {
		return listeners(g.t, g.Addr) <= 1 && listeners(g.t, g.Admin) <= 1
	})
	return nil
}

// client talks to admin endpoints.
var client = &http.Client{Timeout: Patience}

// Metrics returns what the admin endpoint exposes to Prometheus.
func (g *Gateway) Metrics() string {
	g.t.Helper()
	res, err := client.Get("http://" + g.Admin + "/metrics") //nolint:noctx // the client has a time limit
	must(g.t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	must(g.t, err)
	return string(body)
}

// Metric returns the value of one series, named as Metrics names it.
func (g *Gateway) Metric(series string) float64 {
	g.t.Helper()
	for line := range strings.SplitSeq(g.Metrics(), "\n") {
		if text, ok := strings.CutPrefix(line, series+" "); ok {
			value, err := strconv.ParseFloat(text, 64)
			must(g.t, err)
			return value
		}
	}
	g.t.Fatalf("the metrics lack %s", series)
	return 0
}

// Result is what came of a command.
type Result struct {
	Stdout, Stderr string
	Exit           int
}

// Command runs `cliendo <args>` beside the gateway and waits for it.
func (g *Gateway) Command(args ...string) Result {
	g.t.Helper()
	return Command(g.t, g.Home, args...)
}

// Gateway runs `cliendo gateway <args>` against the running gateway.
func (g *Gateway) Gateway(args ...string) Result {
	g.t.Helper()
	return g.Command(append(append([]string{"gateway"}, args...), "--config", g.File)...)
}

// Command runs the binary once, with home as its folder.
func Command(t testing.TB, home string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, Binary(t), args...) //nolint:gosec // our own arguments
	cmd.Dir, cmd.Env = home, Environ(home)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("running %v: %v", args, err)
	}
	if strings.Contains(errs.String(), "panic:") || strings.Contains(errs.String(), "DATA RACE") {
		t.Errorf("%v printed:\n%s", args, errs.String())
	}
	return Result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}
