package smtptest

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
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
)

// Exim is Debian's mail server, with a configuration and a spool of its own in a
// temporary folder. It runs without privileges and ends with the test.
type Exim struct {
	t    testing.TB
	dir  string
	port string
	pool *x509.CertPool
}

// eximPatience is how long it may take to deliver.
const eximPatience = 30 * time.Second

// StartExim starts it. Without exim4 the test fails.
func StartExim(t testing.TB) *Exim {
	t.Helper()
	path, err := exec.LookPath("exim4")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/exim4"); err != nil {
			t.Fatalf("exim4 is missing: install the Debian package exim4-daemon-light (%v)", err)
		}
	}
	e := &Exim{t: t, dir: t.TempDir()}
	e.furnish()
	e.listen(path)
	return e
}

// Addr returns host and port.
func (e *Exim) Addr() string { return net.JoinHostPort("localhost", e.port) }

// Roots returns what makes its certificate trusted.
func (e *Exim) Roots() *x509.CertPool { return e.pool }

// Inbox waits until something was delivered that contains text, and returns it.
func (e *Exim) Inbox(text string) string {
	e.t.Helper()
	for end := time.Now().Add(eximPatience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		body, _ := os.ReadFile(filepath.Join(e.dir, "inbox"))
		if strings.Contains(string(body), text) {
			return string(body)
		}
	}
	e.t.Fatalf("exim4 delivers nothing with %q:\n%s", text, e.Log())
	return ""
}

// Log returns what it wrote about itself.
func (e *Exim) Log() string {
	var all strings.Builder
	files, _ := filepath.Glob(filepath.Join(e.dir, "log", "*"))
	for _, f := range append(files, filepath.Join(e.dir, "output")) {
		body, _ := os.ReadFile(filepath.Clean(f))
		all.Write(body)
	}
	return all.String()
}

// furnish writes certificate and configuration.
func (e *Exim) furnish() {
	e.t.Helper()
	uid, gid := runAs()
	config, pool := certificate(e.t, false)
	e.pool = pool
	key, err := x509.MarshalECPrivateKey(config.Certificates[0].PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		e.t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: config.Certificates[0].Certificate[0]})
	for name, body := range map[string][]byte{
		"cert.pem": certificate, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}),
		"exim.conf": fmt.Appendf(nil, eximConfig, e.dir, uid, gid),
	} {
		if err := os.WriteFile(filepath.Join(e.dir, name), body, 0o600); err != nil {
			e.t.Fatal(err)
		}
	}
	for _, name := range []string{"spool", "log"} {
		if err := os.Mkdir(filepath.Join(e.dir, name), 0o700); err != nil {
			e.t.Fatal(err)
		}
	}
	e.give()
}

// eximConfig takes mails for everybody but "nosuch" and puts them into one file.
const eximConfig = `
DIR = %s
exim_user = %d
exim_group = %d
primary_hostname = localhost
spool_directory = DIR/spool
log_file_path = DIR/log/%%slog
pid_file_path = DIR/exim.pid
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = DIR/cert.pem
tls_privatekey = DIR/key.pem
acl_smtp_rcpt = check
acl_smtp_data = accept
keep_environment =
deliver_drop_privilege = true
rfc1413_query_timeout = 0s

begin acl
check:
  deny
    local_parts = nosuch
    message = 5.1.1 no such user
  accept
    encrypted = *

begin routers
all:
  driver = accept
  transport = inbox

begin transports
inbox:
  driver = appendfile
  file = DIR/inbox
`

// listen starts one exim for each connection, as inetd does: only root may start
// it as a daemon.
func (e *Exim) listen(path string) {
	e.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends with the test
	if err != nil {
		e.t.Fatal(err)
	}
	e.port = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { e.serve(ctx, path, c) })
		}
	})
	e.t.Cleanup(func() {
		cancel()
		_ = l.Close()
		all.Wait()
	})
}

// serve hands one connection to an exim, over a pair of sockets: one from an
// ordinary port it takes from root only.
func (e *Exim) serve(ctx context.Context, path string, c net.Conn) {
	defer func() { _ = c.Close() }()
	ours, theirs, err := socketPair()
	if err != nil {
		e.t.Error(err)
		return
	}
	defer func() { _ = ours.Close() }()
	output, err := os.OpenFile(filepath.Join(e.dir, "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		e.t.Error(err)
		return
	}
	defer func() { _ = output.Close() }()
	cmd := exec.CommandContext(ctx, path, "-C", filepath.Join(e.dir, "exim.conf"), "-bs") //nolint:gosec // our own words
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = theirs, theirs, output, e.dir
	unprivileged(cmd)
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		e.t.Error(err)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(ours, c); _ = ours.Close() })
	both.Go(func() { _, _ = io.Copy(c, ours); _ = c.Close() })
	if err := cmd.Wait(); err != nil && ctx.Err() == nil {
		_, _ = fmt.Fprintln(output, err)
	}
	_ = ours.Close()
	_ = c.Close()
	both.Wait()
}

// socketPair returns two ends of a connection, the second for a child.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	end := os.NewFile(uintptr(fds[0]), "ours")
	defer func() { _ = end.Close() }()
	ours, err := net.FileConn(end)
	return ours, os.NewFile(uintptr(fds[1]), "theirs"), err
}
