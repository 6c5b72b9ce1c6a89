package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

const (
	// lockTimeout is how long Open waits for the process that holds the file: long
	// enough for one that is just ending, short enough to read the error.
	lockTimeout = 1500 * time.Millisecond
	fileMode    = 0o600
)

// Store is a store.Engine on a bbolt file. Its methods may be called from many
// goroutines at once.
type Store struct {
	path string
	opts store.Options
	hub  engine.Hub

	db atomic.Pointer[bbolt.DB] // replaced by Compact
	// writing is held shared by every Update, and alone by Compact and Close.
	writing sync.RWMutex
	batches batches
	// writeFailed is true from a commit that failed until one that did not.
	writeFailed atomic.Bool

	stopSweep context.CancelFunc
	swept     sync.WaitGroup
	closing   sync.Once
	closeErr  error
}

var _ store.Engine = (*Store)(nil)

// Open opens the file at path, and creates it (mode 0600) when there is none.
// Its folder must exist. When another process holds the file the error is
// store.ErrLocked and names that process; when a newer gateway wrote it,
// store.ErrNewerSchema. A file with an older schema is copied to
// "<path>.schema<N>" and then migrated in one step.
func Open(path string, opts store.Options) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("opening store %s: %w", path, err)
	}
	s := &Store{path: abs, opts: opts.WithDefaults()}
	s.batches.full = make(chan struct{}, 1)
	db, err := openFile(abs)
	if err != nil {
		return nil, fmt.Errorf("opening store %s: %w", abs, err)
	}
	s.db.Store(db)
	if err := s.prepareSchema(db); err != nil {
		return nil, errors.Join(fmt.Errorf("opening store %s: %w", abs, err), db.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stopSweep = cancel
	s.swept.Go(func() { s.sweepForever(ctx) })
	return s, nil
}

// openFile opens and locks a bbolt file. bbolt panics on some damaged files: that
// is an error here, the process has other sites to serve.
func openFile(path string) (db *bbolt.DB, err error) {
	_, statErr := os.Stat(path)
	var file *os.File
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, errors.Join(fmt.Errorf("the file is damaged (%v): restore a backup", p), closeFile(file))
		}
	}()
	db, err = bbolt.Open(path, fileMode, &bbolt.Options{
		Timeout:      lockTimeout,
		FreelistType: bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, mode) //nolint:gosec // the path is the operator's
			file = f
			return f, err
		},
	})
	if err != nil {
		return nil, explain(path, err)
	}
	if err := sameAsPath(file, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if errors.Is(statErr, os.ErrNotExist) {
		return db, syncFolder(path)
	}
	return db, nil
}

func explain(path string, err error) error {
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("%w%s; to change a running gateway use `caddy reload`, "+
			"and the gateway's commands talk to it by themselves", store.ErrLocked, holder(path))
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return fmt.Errorf("the file is damaged or not a store (%w): restore a backup or name another file", err)
	}
	return err
}

// sameAsPath notices that the file was replaced (by Compact in another process)
// while this one waited for its lock: what it holds now is a dead copy.
func sameAsPath(file *os.File, path string) error {
	mine, err := file.Stat()
	if err != nil {
		return err
	}
	current, err := os.Stat(path)
	if err != nil || !os.SameFile(mine, current) {
		return fmt.Errorf("%w, which has just replaced the file; try again", store.ErrLocked)
	}
	return nil
}

func closeFile(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// syncFolder makes a file that was created or renamed survive a power cut.
func syncFolder(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	// Some file systems refuse to sync a folder; they are not the worse for it.
	_ = dir.Sync()
	return dir.Close()
}

// Close ends the store once Updates under way are done. Calls after the first do
// nothing and return the same.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.stopSweep()
		s.swept.Wait()
		s.writing.Lock()
		defer s.writing.Unlock()
		s.closeErr = s.db.Load().Close()
	})
	return s.closeErr
}

// Path returns the absolute path of the file.
func (s *Store) Path() string { return s.path }
