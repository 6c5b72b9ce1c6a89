package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// bench is what all rows share.
type bench struct {
	options
	folder   string // .build/bench: survives, for what is slow to make
	dir      string // of this run
	secret   string
	script   string // of wrk
	upstream *process
	upAddr   string
	running  []*process // what close ends, the latest last
	people   *people
	servers  map[string]*server // started by first use
	table    []line
}

// open builds the binary and starts the upstream.
func open(ctx context.Context, o options) (*bench, error) {
	folder, err := filepath.Abs(filepath.Join(".build", "bench"))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	b := &bench{options: o, folder: folder, servers: map[string]*server{}}
	if b.dir, err = os.MkdirTemp(folder, "run-"); err != nil {
		return nil, err
	}
	b.script = filepath.Join(b.dir, "load.lua")
	if err := os.WriteFile(b.script, loadScript, 0o600); err != nil {
		return nil, err
	}
	// Kept between runs: cookies of the seeded sessions are signed with it.
	if b.secret, err = keptSecret(filepath.Join(folder, "secret")); err != nil {
		return nil, err
	}
	if b.binary == "" {
		b.binary = filepath.Join(folder, "cliendo")
		b.say("building %s", b.binary)
		build := exec.CommandContext(ctx, "go", "build", "-o", b.binary, "./cmd/cliendo")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return nil, fmt.Errorf("building the binary: %w", err)
		}
	}
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return nil, err
	}
	if err := b.startUpstream(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) startUpstream(ctx context.Context) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if b.upAddr, err = freeAddr(ctx); err != nil {
		return err
	}
	if b.upstream, err = b.start("upstream", self, upstreamWord, b.upAddr); err != nil {
		return err
	}
	return b.upstream.awaitPort(ctx, b.upAddr)
}

// start starts a process that ends with the bench at the latest.
func (b *bench) start(name, program string, args ...string) (*process, error) {
	p, err := start(b.dir, name, program, args...)
	if err == nil {
		b.running = append(b.running, p)
	}
	return p, err
}

// stop ends a process before the end of the bench.
func (b *bench) stop(p *process) {
	p.stop()
	for i, r := range b.running {
		if r == p {
			b.running = append(b.running[:i], b.running[i+1:]...)
			return
		}
	}
}

func (b *bench) close() {
	for i := len(b.running) - 1; i >= 0; i-- {
		b.running[i].stop()
	}
	if b.keep {
		b.say("logs are in %s", b.dir)
		return
	}
	_ = os.RemoveAll(b.dir)
}

// say tells on stderr what is going on: a run takes minutes.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

func keptSecret(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return string(text), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	raw := make([]byte, 33)
	_, _ = rand.Read(raw)
	made := base64.RawStdEncoding.EncodeToString(raw)
	return made, os.WriteFile(path, []byte(made), 0o600)
}

// cores is how many processors there are for everything, the load included.
func cores() int { return runtime.NumCPU() }
