package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed load.lua
var loadScript []byte

// loaded is what wrk saw.
type loaded struct {
	Requests int `json:"requests"`
	Micros   int `json:"micros"`
	P50      int `json:"p50"` // microseconds
	P99      int `json:"p99"`
	Failed   int `json:"failed"` // answers of 400 and more
	Broken   int `json:"broken"` // connections and timeouts
}

func (l loaded) perSecond() float64 { return float64(l.Requests) / float64(l.Micros) * 1e6 }

// wrk loads s over so many connections, each of which pauses after an answer.
func (b *bench) wrk(ctx context.Context, s *server, connections int, pause, length time.Duration) (loaded, error) {
	cookies := filepath.Join(b.dir, s.name+".cookies")
	if err := os.WriteFile(cookies, []byte(strings.Join(s.cookies[:s.spread], "\n")+"\n"), 0o600); err != nil {
		return loaded{}, err
	}
	cmd := exec.CommandContext(ctx, "wrk", "-t", "1", "-c", strconv.Itoa(connections),
		"-d", strconv.Itoa(max(int(length/time.Second), 1)), "--timeout", "10", "-s", b.script,
		"http://"+s.site.addr+s.path, "--", cookies, strconv.FormatInt(pause.Milliseconds(), 10))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return loaded{}, fmt.Errorf("running wrk: %w: %s", err, out)
	}
	_, line, ok := strings.Cut(string(out), "BENCH")
	if !ok {
		return loaded{}, fmt.Errorf("wrk printed no figures: %s", out)
	}
	var l loaded
	if err := json.NewDecoder(strings.NewReader(line)).Decode(&l); err != nil {
		return loaded{}, fmt.Errorf("reading the figures of wrk: %w", err)
	}
	if l.Failed > 0 || l.Broken > 0 || l.Requests == 0 {
		return l, fmt.Errorf("%s: %d of %d requests failed, %d broke", s.name, l.Failed, l.Requests, l.Broken)
	}
	return l, nil
}
