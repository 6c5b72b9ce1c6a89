package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

func bucketName(kind string) []byte { return append([]byte("k:"), kind...) }

// recordKey is unambiguous: neither a tag nor an id holds a NUL.
func recordKey(tag, id string) []byte {
	key := make([]byte, 0, len(tag)+1+len(id))
	key = append(key, tag...)
	key = append(key, 0)
	return append(key, id...)
}

// Get implements store.Reader.
func (s *Store) Get(ctx context.Context, key store.Key) (value []byte, err error) {
	defer s.observe("get", time.Now(), &err)
	if err := key.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", key.Kind.Name, err)
	}
	found := false
	err = s.view(func(tx *bbolt.Tx) error {
		raw := rawRecord(tx, key.Kind.Name, key.Tag, key.ID)
		if raw == nil {
			return nil
		}
		v, _, live, err := engine.Unseal(raw, s.opts.Now())
		if err != nil {
			return err
		}
		// v lies in the mapped file and is gone when the transaction ends.
		value, found = bytes.Clone(v), live
		return nil
	})
	if err != nil {
		return nil, unavailable("reading "+key.Kind.Name, err)
	}
	if !found {
		return nil, store.ErrNotFound
	}
	return value, nil
}

func rawRecord(tx *bbolt.Tx, kind, tag, id string) []byte {
	bucket := tx.Bucket(bucketName(kind))
	if bucket == nil {
		return nil
	}
	return bucket.Get(recordKey(tag, id))
}

// Scan implements store.Reader.
func (s *Store) Scan(ctx context.Context, tag string, kind store.Kind, prefix, after string, limit int) (entries []store.Entry, err error) {
	defer s.observe("scan", time.Now(), &err)
	if err := engine.CheckScan(tag, kind, prefix, after); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("listing %s: %w", kind.Name, err)
	}
	err = s.view(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bucketName(kind.Name))
		if bucket == nil {
			return nil
		}
		entries, err = scan(bucket.Cursor(), tag, prefix, after, limit, s.opts.Now())
		return err
	})
	if err != nil {
		return nil, unavailable("listing "+kind.Name, err)
	}
	return entries, nil
}

func scan(c *bbolt.Cursor, tag, prefix, after string, limit int, now time.Time) ([]store.Entry, error) {
	var entries []store.Entry
	within := recordKey(tag, prefix)
	last := recordKey(tag, after)
	k, v := c.Seek(recordKey(tag, max(prefix, after)))
	for ; k != nil && bytes.HasPrefix(k, within) && len(entries) < limit; k, v = c.Next() {
		if bytes.Equal(k, last) {
			continue
		}
		value, expires, live, err := engine.Unseal(v, now)
		if err != nil {
			return nil, err
		}
		if live {
			id := string(k[len(tag)+1:])
			entries = append(entries, store.Entry{ID: id, Value: bytes.Clone(value), Expires: expires})
		}
	}
	return entries, nil
}

// view runs fn in a read transaction of the current file, also when Compact
// replaces that file at this moment.
func (s *Store) view(fn func(*bbolt.Tx) error) error {
	for {
		db := s.db.Load()
		err := db.View(fn)
		if errors.Is(err, berrors.ErrDatabaseNotOpen) && s.db.Load() != db {
			continue
		}
		return err
	}
}

// unavailable marks an error of the file as "nobody knows".
func unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, store.ErrUnavailable, err)
}

// observe reports an operation. That there is no such record is an answer, no
// failure.
func (s *Store) observe(operation string, start time.Time, err *error) {
	failure := *err
	if errors.Is(failure, store.ErrNotFound) {
		failure = nil
	}
	s.opts.Observe(operation, time.Since(start), failure)
}
