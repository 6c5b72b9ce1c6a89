package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

var (
	metaBucket = []byte("meta")
	schemaKey  = []byte("schema")
)

// prepareSchema marks a new file, refuses one that is not ours or too new, and
// brings an older one up to date.
func (s *Store) prepareSchema(db *bbolt.DB) error {
	found, err := readSchema(db)
	if err != nil {
		return err
	}
	switch {
	case found == s.opts.Schema:
		return nil
	case found == 0:
		return db.Update(s.writeSchema)
	case found > s.opts.Schema:
		return fmt.Errorf("%w: its records have schema %d, this gateway knows up to %d; use the newer gateway again or restore a backup",
			store.ErrNewerSchema, found, s.opts.Schema)
	}
	return s.migrate(db, found)
}

// readSchema returns the schema version of the file, 0 for an empty file.
func readSchema(db *bbolt.DB) (version int, err error) {
	err = db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		if meta == nil {
			if name, _ := tx.Cursor().First(); name != nil {
				return errors.New("this file belongs to another program; name another file")
			}
			return nil
		}
		version, err = strconv.Atoi(string(meta.Get(schemaKey)))
		if err != nil || version < 1 {
			return errors.New("the file has no schema version; restore a backup or name another file")
		}
		return nil
	})
	return version, err
}

func (s *Store) writeSchema(tx *bbolt.Tx) error {
	meta, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return err
	}
	return meta.Put(schemaKey, []byte(strconv.Itoa(s.opts.Schema)))
}

func (s *Store) migrate(db *bbolt.DB, found int) error {
	steps, err := engine.Steps(s.opts.Migrations, found, s.opts.Schema)
	if err != nil {
		return err
	}
	if err := copyAside(db, fmt.Sprintf("%s.schema%d", s.path, found)); err != nil {
		return fmt.Errorf("copying the file before migration: %w", err)
	}
	return db.Update(func(tx *bbolt.Tx) error {
		now := s.opts.Now()
		err := tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			if kind, ok := bytes.CutPrefix(name, bucketName("")); ok {
				return migrateBucket(b, string(kind), steps, now)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return s.writeSchema(tx)
	})
}

// migrateBucket collects before it writes: a bucket must not change under its
// cursor. Expired records are dropped, so that no step meets them.
func migrateBucket(b *bbolt.Bucket, kind string, steps []store.Migration, now time.Time) error {
	changed := map[string][]byte{}
	err := b.ForEach(func(k, v []byte) error {
		tag, id, _ := bytes.Cut(k, []byte{0})
		key := store.Key{Tag: string(tag), Kind: store.Kind{Name: kind}, ID: string(id)}
		raw, err := engine.Migrate(steps, key, v, now)
		if err != nil {
			return err
		}
		if !bytes.Equal(raw, v) {
			changed[string(k)] = raw
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k, raw := range changed {
		if raw == nil {
			err = b.Delete([]byte(k))
		} else {
			err = b.Put([]byte(k), raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyAside writes a copy of the file that is complete or not there.
func copyAside(db *bbolt.DB, path string) error {
	partial := path + ".partial"
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode) //nolint:gosec // beside the store
	if err != nil {
		return err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	return syncFolder(path)
}
