package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Names of the candidates.
const (
	plain = "plain"
	twin  = "twin"
	bolt  = "bolt"
	redis = "redis"
)

// withAssertion is a candidate that sends the app a signed assertion as well.
func withAssertion(name string) string { return name + asserted }

const asserted = "+assertion"

// server is one running candidate.
type server struct {
	*process
	name    string
	site    site
	path    string   // what is asked of it
	cookies []string // of logged-in users
	spread  int      // how many of them the load uses
	client  *http.Client
	helper  *process // the redis-server behind it
}

// server returns a candidate, started at its first use.
func (b *bench) server(ctx context.Context, name string) (*server, error) {
	if s, ok := b.servers[name]; ok {
		return s, nil
	}
	s, err := b.launch(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	b.servers[name] = s
	return s, nil
}

// all returns several candidates.
func (b *bench) all(ctx context.Context, names ...string) ([]*server, error) {
	list := make([]*server, 0, len(names))
	for _, name := range names {
		s, err := b.server(ctx, name)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func (b *bench) launch(ctx context.Context, name string) (*server, error) {
	s := &server{name: name, path: pathApp, spread: fewSessions}
	who, err := b.everybody(ctx)
	if err != nil {
		return nil, err
	}
	s.cookies = who.cookies
	store, signs := strings.CutSuffix(name, asserted)
	if signs {
		s.site.audience = "https://app.bench.test"
	}
	switch store {
	case plain:
		s.path = pathRaw
	case twin:
		s.site.twin = true
	case bolt:
		file := filepath.Join(b.dir, name+".db")
		if err := who.intoBolt(ctx, file); err != nil {
			return nil, err
		}
		s.site.store = "bolt " + file
	case redis:
		addr, helper, err := b.startRedis(ctx, "redis-server of "+name, filepath.Join(b.dir, name))
		if err != nil {
			return nil, err
		}
		s.helper = helper
		if err := who.intoRedis(ctx, "redis://"+addr); err != nil {
			return nil, err
		}
		s.site.store = "redis redis://" + addr
	}
	return s, b.run(ctx, s)
}

// run gives s addresses and starts it.
func (b *bench) run(ctx context.Context, s *server) (err error) {
	s.site.up, s.site.secret = b.upAddr, b.secret
	if s.site.addr, err = freeAddr(ctx); err != nil {
		return err
	}
	if s.site.admin, err = freeAddr(ctx); err != nil {
		return err
	}
	s.client = newClient(4096)
	return b.boot(ctx, s)
}

// boot starts s and waits for the first answer to a logged-in user. s.begun is
// when the process was started.
func (b *bench) boot(ctx context.Context, s *server) (err error) {
	file := filepath.Join(b.dir, s.name+".Caddyfile")
	if err := os.WriteFile(file, []byte(s.site.caddyfile()), 0o600); err != nil {
		return err
	}
	if s.process, err = b.start(s.name, b.binary, "run", "--config", file, "--adapter", "caddyfile"); err != nil {
		return err
	}
	return s.await(ctx, time.Minute, 2*time.Millisecond, func() error { return s.get(ctx, s.cookies[0], "") })
}

// get asks for the page as a logged-in user; mark, if not empty, must be set on
// the answer.
func (s *server) get(ctx context.Context, cookie, mark string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.site.addr+s.path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Cookie", cookie)
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("GET %s: %s, %s", s.path, resp.Status, resp.Header.Get("Location"))
	case mark != resp.Header.Get("X-Mark"):
		return errors.New("answered under another config")
	}
	return nil
}

// admin asks Caddy's admin endpoint.
func (s *server) admin(ctx context.Context, method, path, body string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.site.admin+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/caddyfile")
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, text)
	}
	return text, err
}

// newClient returns a client that keeps connections and follows no redirects.
func newClient(idle int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{MaxIdleConns: idle, MaxIdleConnsPerHost: idle, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
		Timeout: time.Minute,
	}
}
