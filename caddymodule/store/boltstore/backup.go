package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"
)

// compactStep is how many bytes one transaction of a compaction writes.
const compactStep = 16 << 20

// Backup writes the file as it is at this moment to w, while others read and
// write. What it writes can be opened as a store.
func (s *Store) Backup(w io.Writer) error {
	err := s.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(w)
		return err
	})
	if err != nil {
		return fmt.Errorf("backing up the store: %w", err)
	}
	return nil
}

// Size returns how many bytes of the file are in use or were. The file is longer by
// up to 16 MiB, ahead of writes.
func (s *Store) Size() (bytes int64, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		bytes = tx.Size()
		return nil
	})
	return bytes, err
}

// Compact rewrites the file without its free pages and returns its length before
// and after. Reads go on meanwhile, Updates wait: a second or so per 100 MB.
func (s *Store) Compact(ctx context.Context) (before, after int64, err error) {
	if _, err := s.Purge(ctx); err != nil {
		return 0, 0, fmt.Errorf("compacting the store: %w", err)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if before, err = s.Size(); err != nil {
		return 0, 0, fmt.Errorf("compacting the store: %w", err)
	}
	if err := s.replaceFile(); err != nil {
		return before, before, fmt.Errorf("compacting the store: %w", err)
	}
	after, err = s.Size()
	return before, after, err
}

// replaceFile swaps in a compact copy. Both files are locked until the old one is
// no longer reachable by name, so no other process gets in between.
func (s *Store) replaceFile() error {
	old, partial := s.db.Load(), s.path+".compact"
	if err := os.Remove(partial); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	fresh, err := openFile(partial)
	if err != nil {
		return err
	}
	// Each transaction need not reach the disk, only the whole before the rename.
	fresh.NoSync = true
	err = bbolt.Compact(fresh, old, compactStep)
	fresh.NoSync = false
	if err == nil {
		err = fresh.Sync()
	}
	if err == nil {
		err = os.Rename(partial, s.path)
	}
	if err != nil {
		return errors.Join(err, fresh.Close(), os.Remove(partial))
	}
	s.db.Store(fresh)
	return errors.Join(syncFolder(s.path), old.Close())
}
