// Package providertest runs providers for tests: npm's certified oidc-provider in
// the shapes of those we know, and one of our own that lies on demand.
package providertest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

//go:embed server.mjs
var serverScript []byte

// Shape is which provider is played.
type Shape string

// The shapes. Their names are kinds of package provider, but for the fourth.
const (
	Google         Shape = "google"
	Microsoft      Shape = "microsoft" // two tenants and personal accounts
	LinkedIn       Shape = "linkedin"
	LinkedInFormer Shape = "linkedin-former" // its tokens have the issuer of before 2024
	OIDC           Shape = "oidc"            // ES256, basic, the address in userinfo only
)

// Tenants of the shape of Microsoft.
const (
	TenantA        = "aaaaaaaa-0000-4000-8000-00000000000a"
	TenantB        = "bbbbbbbb-0000-4000-8000-00000000000b"
	PersonalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

// Person has an account at the provider.
type Person struct {
	// ID is the `sub`, and the name by which tests choose: Choose, and the button
	// with the id "account-" + ID.
	ID       string `json:"id"`
	Email    string `json:"email"`
	Verified *bool  `json:"verified"` // nil: the provider says nothing of it
	Name     string `json:"name"`

	Tenant string   `json:"tenant,omitempty"` // of Microsoft
	Object string   `json:"object,omitempty"` // likewise: the object id there
	Domain string   `json:"domain,omitempty"` // of Google's Workspace
	Amr    []string `json:"amr,omitempty"`
	Acr    string   `json:"acr,omitempty"`
}

// People are whom every shape has: anna (in TenantA), bram (in TenantB; at OIDC
// with amr "mfa" and acr "mfa"), and carla (a personal account at Microsoft).
func People(shape Shape) []Person {
	yes := true
	all := []Person{
		{ID: "anna", Email: "anna@work.test", Verified: &yes, Name: "Anna de Vries", Domain: "work.test", Tenant: TenantA},
		{ID: "bram", Email: "bram@elders.test", Verified: &yes, Name: "Bram Bakker", Tenant: TenantB, Amr: []string{"pwd", "mfa"}, Acr: "mfa"},
		{ID: "carla", Email: "carla@private.test", Verified: &yes, Name: "Carla Smit", Tenant: PersonalTenant},
	}
	for i := range all {
		switch shape {
		case Microsoft:
			all[i].Domain, all[i].Verified = "", nil
		case Google:
			all[i].Tenant = ""
		case LinkedIn, LinkedInFormer, OIDC:
			all[i].Tenant, all[i].Domain = "", ""
		}
		if shape != OIDC {
			all[i].Amr, all[i].Acr = nil, ""
		}
		if all[i].Tenant != "" {
			all[i].Object = fmt.Sprintf("00000000-0000-4000-8000-%012d", i+1)
		}
	}
	return all
}

// Options of Start.
type Options struct {
	// People in the place of People(shape).
	People []Person
	// Choose is who is logged in without being asked.
	Choose string
}

// Server is a running provider.
type Server struct {
	Shape Shape
	// Base is its address, for the configuration: base_url, or the issuer of OIDC.
	Base                   string
	ClientID, ClientSecret string
	People                 []Person

	t       testing.TB
	keys    json.RawMessage
	port    int
	mu      sync.Mutex
	command *exec.Cmd
	stdin   io.Closer
	choose  string
}

// Start runs a provider until the test ends. What is missing of Node and its
// packages fails the test: make installs it.
func Start(t testing.TB, shape Shape, options ...Options) *Server {
	t.Helper()
	s := &Server{Shape: shape, ClientID: "gateway-at-" + string(shape), ClientSecret: "a secret of " + string(shape) + " & co", t: t, keys: makeKeys(t)}
	s.People = People(shape)
	for _, o := range options {
		if o.People != nil {
			s.People = o.People
		}
		s.choose = o.Choose
	}
	t.Cleanup(s.Stop)
	s.Resume()
	return s
}

// Stop makes the provider go away. Its address is free, until Resume.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.command == nil {
		return
	}
	_ = s.stdin.Close()
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
	s.command = nil
}

// Resume brings it back at the same address, with the same keys; who was logged
// in there is not any more.
func (s *Server) Resume() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.command != nil {
		return
	}
	packages := modules(s.t)
	script := filepath.Join(s.t.TempDir(), "server.mjs")
	if err := os.WriteFile(script, serverScript, 0o600); err != nil {
		s.t.Fatal(err)
	}
	settings, err := json.Marshal(map[string]any{
		"shape": s.Shape, "modules": packages, "client": s.ClientID, "secret": s.ClientSecret, "people": s.People,
		"choose": s.choose, "jwks": s.keys, "port": s.port,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	command := exec.Command(node(s.t, packages), script) //nolint:gosec,noctx // the program is ours to choose; Stop ends it
	command.Env = append(os.Environ(), "OPTIONS="+string(settings), "NODE_NO_WARNINGS=1")
	var said bytes.Buffer
	command.Stderr = &said
	stdin, err := command.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.command, s.stdin = command, stdin
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	var ready struct{ Base string }
	if err != nil || json.Unmarshal(line, &ready) != nil || ready.Base == "" {
		_ = command.Process.Kill()
		_ = command.Wait()
		s.command = nil
		s.t.Fatalf("the provider does not start; is everything there? .ci/install puts it there: %v\n%s%s", err, line, &said)
	}
	s.Base = ready.Base
	_, port, _ := strings.Cut(strings.TrimPrefix(ready.Base, "http://"), ":")
	s.port, _ = strconv.Atoi(port)
}

// Choose says who is logged in from now on without being asked; nobody: the page
// that asks is shown.
func (s *Server) Choose(id string) {
	s.t.Helper()
	s.choose = id
	status, _ := s.get(&http.Client{Timeout: 20 * time.Second}, s.Base+"/choose?account="+url.QueryEscape(id))
	if status != http.StatusOK {
		s.t.Fatalf("choosing %s: %d", id, status)
	}
}

// Walk does what a browser does between Begin and Finish: from the address at
// the provider to the one of our callback, as the person that Choose named. It
// returns what the callback is given.
func (s *Server) Walk(authURL string) url.Values {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for range 12 {
		status, next := s.get(client, authURL)
		if next == nil {
			s.t.Fatalf("%s: %d, and leads nowhere", authURL, status)
		}
		if strings.HasSuffix(next.Path, "callback") {
			return next.Query()
		}
		authURL = next.String()
	}
	s.t.Fatal("the provider leads in circles")
	return nil
}

func (s *Server) get(client *http.Client, address string) (status int, next *url.URL) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	next, _ = answer.Location()
	return answer.StatusCode, next
}

// modules is where the packages of npm lie.
func modules(t testing.TB) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	path, err := filepath.Abs(filepath.Join(filepath.Dir(file), "../../../.build/node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, "oidc-provider")); err != nil {
		t.Fatalf("%v: run make, which installs oidc-provider from npm", err)
	}
	return path
}

// node is the one from npm, as oidc-provider wants a newer one than Debian has.
func node(t testing.TB, modules string) string {
	t.Helper()
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	path := filepath.Join(modules, "node-"+runtime.GOOS+"-"+arch, "bin", "node")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	path, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("%v: run make, which installs it", err)
	}
	return path
}

// makeKeys are the keys of one provider, private parts included.
func makeKeys(t testing.TB) json.RawMessage {
	t.Helper()
	first, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: first, KeyID: "rsa", Algorithm: "RS256", Use: "sig"}, {Key: second, KeyID: "ec", Algorithm: "ES256", Use: "sig"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
