package kit

import (
	"context"
	"math"
	"os"
	"strconv"
	"strings"
)

// room is what a store that fills up still takes, about.
const room = 200 << 10

// FillsUp leaves little room in the store of a running gateway: it takes some
// more, and then refuses what needs room. A Redis does so at its maxmemory, a file
// where the process may not make it longer.
func (s *Store) FillsUp(g *Gateway) {
	s.t.Helper()
	if s.Redis != nil {
		s.maxMemory(s.usedMemory() + room)
		return
	}
	info, err := os.Stat(s.Path)
	must(s.t, err)
	limitFiles(s.t, g.Pid(), uint64(info.Size())) //nolint:gosec // the size of a file is not negative
}

// Full leaves no room at all.
func (s *Store) Full(g *Gateway) {
	s.t.Helper()
	if s.Redis != nil {
		s.maxMemory(1)
		return
	}
	limitFiles(s.t, g.Pid(), 0)
}

// Roomy gives it room again.
func (s *Store) Roomy(g *Gateway) {
	s.t.Helper()
	if s.Redis != nil {
		s.maxMemory(0)
		return
	}
	limitFiles(s.t, g.Pid(), math.MaxUint64)
}

func (s *Store) maxMemory(bytes int) {
	s.t.Helper()
	must(s.t, s.Redis.Client().ConfigSet(context.Background(), "maxmemory", strconv.Itoa(bytes)).Err())
}

func (s *Store) usedMemory() int {
	s.t.Helper()
	info, err := s.Redis.Client().Info(context.Background(), "memory").Result()
	must(s.t, err)
	_, rest, _ := strings.Cut(info, "used_memory:")
	text, _, _ := strings.Cut(rest, "\r\n")
	used, err := strconv.Atoi(text)
	must(s.t, err)
	return used
}
