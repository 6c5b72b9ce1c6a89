package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a program that this one started, and ends.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
	begun time.Time
}

// start starts a program whose output goes to <dir>/<name>.log.
func start(dir, name, program string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	// No context: a context kills, and a server is to end by itself first.
	cmd := exec.Command(program, args...) //nolint:noctx // programs of our own choice, ended by stop
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, dir
	// Nothing may reach the operator's own Caddy files.
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	p := &process{name: name, cmd: cmd, log: log, ended: make(chan struct{}), begun: time.Now()}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", name, err), log.Close())
	}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process, by force when it takes too long.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	_ = p.log.Close()
}

// failure is err with the last lines of the log, which tell why.
func (p *process) failure(err error) error {
	text, _ := os.ReadFile(p.log.Name())
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	tail := strings.Join(lines[max(0, len(lines)-5):], "\n")
	return fmt.Errorf("%s: %w; the end of its log:\n%s", p.name, err, tail)
}

// await calls ready until it is nil, the process ends, or patience runs out.
func (p *process) await(ctx context.Context, patience, pause time.Duration, ready func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return p.failure(errors.New("it ended"))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		if time.Now().After(deadline) {
			return p.failure(fmt.Errorf("not ready after %s: %w", patience, err))
		}
	}
}

// awaitPort waits until somebody listens.
func (p *process) awaitPort(ctx context.Context, addr string) error {
	return p.await(ctx, 30*time.Second, 20*time.Millisecond, func() error {
		d := net.Dialer{Timeout: time.Second}
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// freeAddr returns an address on loopback where nobody listens.
func freeAddr(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
