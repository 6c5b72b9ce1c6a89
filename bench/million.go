package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// touched are the sessions that are brought into memory.
	touched = 100_000
	// keeps is how long a seeded store is used again: its sessions go idle after
	// two weeks.
	keeps = 10 * 24 * time.Hour
	// perUser is the room on disk one user, session and their claims take at most.
	perUser = 8 << 10
)

// seedNote tells whether a kept store is of use.
type seedNote struct {
	Users   int       `json:"users"`
	Schema  int       `json:"schema"`
	At      time.Time `json:"at"`
	Cookies []string  `json:"cookies"`
}

// million seeds a store that is kept in the folder of the bench, unless it is
// there, and returns the cookies of its first users. make writes the people into
// the empty folder dir.
func (b *bench) million(ctx context.Context, dir string, make func(*people) error) ([]string, error) {
	note := filepath.Join(dir, "seeded.json")
	if kept := readSeedNote(note); kept != nil && !b.fresh && kept.Users == b.users {
		return kept.Cookies, nil
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	if err := room(dir, uint64(b.users)*perUser); err != nil {
		return nil, err
	}
	b.say("  seeding %d users and sessions", b.users)
	begun := time.Now()
	p, err := newPeople(ctx, b.secret, b.users, min(b.users, touched))
	if err != nil {
		return nil, err
	}
	if err := make(p); err != nil {
		return nil, err
	}
	b.say("  seeded in %s", time.Since(begun).Round(time.Second))
	text, err := json.Marshal(seedNote{b.users, store.SchemaVersion, p.at, p.cookies})
	if err != nil {
		return nil, err
	}
	return p.cookies, os.WriteFile(note, text, 0o600)
}

// readSeedNote returns nil when there is no store of use.
func readSeedNote(path string) *seedNote {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var n seedNote
	if json.Unmarshal(text, &n) != nil || n.Schema != store.SchemaVersion || time.Since(n.At) > keeps {
		return nil
	}
	return &n
}

// room is nil when the disk has so many bytes left.
func room(dir string, want uint64) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("looking for room on the disk: %w", err)
	}
	if have := fs.Bavail * uint64(fs.Bsize); have < want {
		return fmt.Errorf("the disk has %d MiB left, %d are needed; choose fewer with --users", have>>20, want>>20)
	}
	return nil
}

// heap returns the live memory of s in bytes, after a collection.
func (s *server) heap(ctx context.Context) (float64, error) {
	text, err := s.admin(ctx, "GET", "/debug/pprof/heap?gc=1&debug=1", "")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "# HeapAlloc = ")
	var n float64
	if _, err := fmt.Sscanf(rest, "%f", &n); err != nil {
		return 0, fmt.Errorf("reading the heap profile: %w", err)
	}
	return n, nil
}
