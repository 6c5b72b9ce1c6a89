// Package redistest runs a real redis-server for tests: on a free port of the
// loopback interface, in a folder of its own, with every change on the disk
// before it is acknowledged. It can be stopped, killed and started again on the
// same port and data.
package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience is how long the server may take to start or to stop.
const patience = 20 * time.Second

// Server is a redis-server. It ends with the test.
type Server struct {
	t    testing.TB
	dir  string
	port int
	args []string
	// sentinel is the path of its configuration, if this is a Sentinel.
	sentinel string

	mu  sync.Mutex // Stop and Kill may come from any goroutine
	run *run
}

// run is one process.
type run struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts a server. args are added to its command line, for example
// "--maxmemory-policy", "allkeys-lru". Without redis-server the test fails.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), args: args}
	s.begin()
	return s
}

func (s *Server) begin() {
	s.t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		s.t.Fatalf("redis-server is missing: install the Debian package redis-server (%v)", err)
	}
	s.t.Cleanup(s.Kill)
	// Another process may take the port between our look and the server's.
	for range 5 {
		s.port = freePort(s.t)
		if s.start() {
			return
		}
	}
	s.t.Fatalf("redis-server does not start:\n%s", s.log())
}

// URL returns the address as redisstore.Open takes it, without a trailing slash.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// Addr returns host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Client returns a plain client to look behind the store's back. It is closed
// when the test ends.
func (s *Server) Client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), Protocol: 2, DisableIdentity: true, PipelinePoolSize: -1})
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// Stop ends the server the way an operator does. It does nothing when it is not
// running.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server at once, as kill -9 and a crash do.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Restart starts the server again on the same port and data, after stopping it
// if it runs.
func (s *Server) Restart() {
	s.t.Helper()
	if !s.start() {
		s.t.Fatalf("redis-server does not start again:\n%s", s.log())
	}
}

// Freeze stops the server in its tracks: connections stay, answers do not come.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		_ = s.run.cmd.Process.Signal(signal)
	}
}

// LoseData kills the server and starts it again with nothing in it.
func (s *Server) LoseData() {
	s.t.Helper()
	s.Kill()
	if err := os.RemoveAll(filepath.Join(s.dir, "appendonlydir")); err != nil {
		s.t.Fatal(err)
	}
	s.Restart()
}

func (s *Server) end(signal syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(signal)
}

func (s *Server) endLocked(signal syscall.Signal) {
	if s.run == nil {
		return
	}
	_ = s.run.cmd.Process.Signal(signal)
	select {
	case <-s.run.done:
	case <-time.After(patience):
		_ = s.run.cmd.Process.Kill()
		<-s.run.done
		s.t.Errorf("redis-server did not end:\n%s", s.log())
	}
	s.run = nil
}

// start ends the server that runs, if any, and starts another. It reports whether
// that one answers and is ours.
func (s *Server) start() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(syscall.SIGTERM)
	cmd := exec.Command("redis-server", s.commandLine()...) //nolint:gosec,noctx // a test's own arguments; ended by end
	s.run = &run{cmd, make(chan struct{})}
	started := make(chan error)
	go s.run.wait(started)
	if err := <-started; err != nil {
		s.t.Fatalf("starting redis-server: %v", err)
	}
	return s.answers()
}

func (s *Server) commandLine() []string {
	args := []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir, "--logfile", s.logPath()}
	if s.sentinel != "" {
		return append([]string{s.sentinel, "--sentinel"}, args...)
	}
	args = append(args, "--appendonly", "yes", "--appendfsync", "always", "--save", "",
		"--repl-diskless-sync-delay", "0")
	return append(args, s.args...)
}

// answers waits until the process that holds the port is ours and has loaded its
// data.
func (s *Server) answers() bool {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1})
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ours := fmt.Sprintf("process_id:%d\r\n", s.run.cmd.Process.Pid)
	for ctx.Err() == nil {
		if info, err := c.Info(ctx, "server").Result(); err == nil && c.Ping(ctx).Err() == nil {
			return strings.Contains(info, ours)
		}
		select {
		case <-s.run.done:
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
	return false
}

func (s *Server) logPath() string { return filepath.Join(s.dir, "redis.log") }

func (s *Server) log() string {
	text, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func (r *run) start(started chan<- error) {
	defer close(r.done)
	err := r.cmd.Start()
	started <- err
	if err == nil {
		_ = r.cmd.Wait()
	}
}
