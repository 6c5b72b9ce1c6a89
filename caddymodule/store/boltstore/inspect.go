package boltstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// pingRoom is the room on the disk without which a write is likely to fail.
	pingRoom = 1 << 20
	// fewRoom is when Inspect begins to warn.
	fewRoom = 256 << 20
)

// Ping implements store.Maintainer. It writes only when the last write failed:
// then nothing but a write that works proves that the disk is well again.
func (s *Store) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("checking the store: %w", err)
	}
	if err := s.view(func(*bbolt.Tx) error { return nil }); err != nil {
		return unavailable("checking the store", err)
	}
	if s.writeFailed.Load() {
		return s.probe()
	}
	if free, ok := diskFree(s.path); ok && free < pingRoom {
		return unavailable("checking the store", fmt.Errorf("the disk of %s is full", s.path))
	}
	return nil
}

func (s *Store) probe() error {
	s.writing.RLock()
	defer s.writing.RUnlock()
	err := s.db.Load().Update(s.writeSchema)
	s.noteWrite(err)
	if err != nil {
		return unavailable("checking the store with a write", err)
	}
	return nil
}

// Inspect implements store.Maintainer.
func (s *Store) Inspect(ctx context.Context) ([]store.Finding, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("inspecting the store: %w", err)
	}
	size, err := s.sizeFinding()
	if err != nil {
		return nil, unavailable("inspecting the store", err)
	}
	return []store.Finding{
		{Part: "durability", Level: "ok", Message: "every acknowledged change is on the disk (fsync at each commit)"},
		size, s.diskFinding(), s.modeFinding(), s.writeFinding(ctx),
	}, nil
}

func (s *Store) sizeFinding() (store.Finding, error) {
	f := store.Finding{Part: "size", Level: "ok"}
	size, err := s.Size()
	if err != nil {
		return f, err
	}
	db := s.db.Load()
	stats := db.Stats()
	free := int64(stats.FreePageN+stats.PendingPageN) * int64(os.Getpagesize())
	f.Message = fmt.Sprintf("%s has %s, of which %s free for reuse", s.path, megabytes(size), megabytes(free))
	if free > 64<<20 && free > size/2 {
		f.Fix = "the file never shrinks by itself; `cliendo gateway compact` gives the room back"
	}
	return f, nil
}

func (s *Store) diskFinding() store.Finding {
	f := store.Finding{Part: "disk", Level: "ok"}
	folder := filepath.Dir(s.path)
	free, ok := diskFree(s.path)
	switch {
	case !ok:
		f.Message = "how much room is left on the disk is not known on this system"
	case free < fewRoom:
		f.Level = "warning"
		f.Message = fmt.Sprintf("only %s left on the disk of %s", megabytes(free), folder)
		f.Fix = "make room: when the disk is full nobody can log in"
	default:
		f.Message = fmt.Sprintf("%s left on the disk of %s", megabytes(free), folder)
	}
	return f
}

func (s *Store) modeFinding() store.Finding {
	f := store.Finding{Part: "file mode", Level: "ok", Message: "only the owner can read the file"}
	info, err := os.Stat(s.path)
	switch {
	case err != nil:
		f.Level = "error"
		f.Message = fmt.Sprintf("%s is gone although the gateway has it open: %v", s.path, err)
		f.Fix = "stop the gateway, put the file or a backup back, start it"
	case info.Mode().Perm()&0o077 != 0:
		f.Level = "warning"
		f.Message = fmt.Sprintf("%s can be read by others (mode %04o)", s.path, info.Mode().Perm())
		f.Fix = "chmod 600 " + s.path
	}
	return f
}

func (s *Store) writeFinding(ctx context.Context) store.Finding {
	if err := s.Ping(ctx); err != nil {
		return store.Finding{
			Part: "writes", Level: "error", Message: err.Error(),
			Fix: "see that the disk has room and is not mounted read-only",
		}
	}
	return store.Finding{Part: "writes", Level: "ok", Message: "the last write reached the disk"}
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }
