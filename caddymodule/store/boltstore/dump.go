package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

var _ store.Dumper = (*Store)(nil)

// Dump implements store.Dumper, in one transaction: all records are as they were
// at one moment. Writers that have to enlarge the file wait for it to end, so fn
// must not wait for a network.
func (s *Store) Dump(ctx context.Context, fn func(store.Record) error) error {
	var failed error // of fn: the caller knows it again
	began := s.opts.Now()
	err := s.view(func(tx *bbolt.Tx) error {
		failed = nil
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			kind, ok := bytes.CutPrefix(name, bucketName(""))
			if !ok {
				return nil
			}
			return b.ForEach(func(k, v []byte) error {
				r, live, err := record(string(kind), k, v, began)
				if err == nil {
					err = ctx.Err()
				}
				if err == nil && live {
					failed = fn(r)
					err = failed
				}
				return err
			})
		})
	})
	switch {
	case err == nil || failed != nil:
		return failed
	case ctx.Err() != nil:
		return fmt.Errorf("dumping the store: %w", ctx.Err())
	}
	return unavailable("dumping the store", err)
}

func record(kind string, k, v []byte, now time.Time) (r store.Record, live bool, err error) {
	tag, id, _ := bytes.Cut(k, []byte{0})
	r.Key = store.Key{Tag: string(tag), Kind: store.Kind{Name: kind}, ID: string(id)}
	r.Value, r.Expires, live, err = engine.Unseal(v, now)
	return r, live, err
}

// Load implements store.Dumper. The records of one call are one commit.
func (s *Store) Load(ctx context.Context, records []store.Record) error {
	for _, r := range records {
		if err := r.Key.Check(); err != nil {
			return err
		}
	}
	return s.alone(ctx, "loading records", func(tx *bbolt.Tx) error {
		now := s.opts.Now().UnixMilli()
		for _, r := range records {
			if at := engine.Millis(r.Expires); at != 0 && at <= now {
				continue
			}
			b, err := tx.CreateBucketIfNotExists(bucketName(r.Key.Kind.Name))
			if err != nil {
				return err
			}
			if err := b.Put(recordKey(r.Key.Tag, r.Key.ID), engine.Seal(r.Value, r.Expires)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Clear implements store.Dumper.
func (s *Store) Clear(ctx context.Context, keep store.Key) error {
	err := s.alone(ctx, "clearing the store", func(tx *bbolt.Tx) error {
		kept := bytes.Clone(rawRecord(tx, keep.Kind.Name, keep.Tag, keep.ID))
		var names [][]byte
		err := tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			if bytes.HasPrefix(name, bucketName("")) {
				names = append(names, bytes.Clone(name))
			}
			return nil
		})
		for _, name := range names {
			if err == nil {
				err = tx.DeleteBucket(name)
			}
		}
		if err != nil || kept == nil {
			return err
		}
		b, err := tx.CreateBucket(bucketName(keep.Kind.Name))
		if err != nil {
			return err
		}
		return b.Put(recordKey(keep.Tag, keep.ID), kept)
	})
	if err == nil {
		s.hub.Deliver(store.Change{Lost: true})
	}
	return err
}

// alone runs fn in a commit of its own.
func (s *Store) alone(ctx context.Context, doing string, fn func(*bbolt.Tx) error) error {
	s.writing.RLock()
	defer s.writing.RUnlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	err := s.db.Load().Update(fn)
	s.noteWrite(err)
	if err != nil {
		return unavailable(doing, err)
	}
	return nil
}
