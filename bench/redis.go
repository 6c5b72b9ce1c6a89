package main

import (
	"context"
	"net"
	"os"
	"strings"
	"time"
)

// startRedis starts a redis-server with its files in dir, durable as the manual
// of the gateway asks for.
func (b *bench) startRedis(ctx context.Context, name, dir string) (addr string, p *process, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	if addr, err = freeAddr(ctx); err != nil {
		return "", nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	p, err = b.start(name, "redis-server", "--bind", host, "--port", port, "--dir", dir, "--save", "",
		"--appendonly", "yes", "--maxmemory-policy", "noeviction")
	if err != nil {
		return "", nil, err
	}
	if err := p.awaitPort(ctx, addr); err != nil {
		return "", nil, err
	}
	// It listens before it has read its file.
	return addr, p, p.await(ctx, 5*time.Minute, 50*time.Millisecond, func() error { return pingRedis(ctx, addr) })
}

type redisError string

func (e redisError) Error() string { return "redis-server: " + string(e) }

func pingRedis(ctx context.Context, addr string) error {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer := make([]byte, 128)
	n, err := conn.Read(answer)
	if err != nil {
		return err
	}
	if text := string(answer[:n]); !strings.HasPrefix(text, "+PONG") {
		return redisError(strings.TrimSpace(text))
	}
	return nil
}
