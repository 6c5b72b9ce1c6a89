package boltstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

// Update implements store.Updater. Updates that come while a commit is under way
// share the next one and its fsync. A panic in fn surfaces here, in the goroutine
// of the caller; the others are not touched by it.
func (s *Store) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	start := time.Now()
	if err := store.CheckTag(tag); err != nil {
		return err
	}
	changes, fnErr, err := s.commit(ctx, tag, fn)
	s.observe("update", start, &err)
	if err != nil {
		return err
	}
	s.hub.Deliver(changes...)
	return fnErr
}

// commit keeps the answer of fn apart from that of the file: a run that fails
// writes nothing, and is no reason to undo the others in its batch.
func (s *Store) commit(ctx context.Context, tag string, fn func(store.Tx) error) (changes []store.Change, fnErr, err error) {
	s.writing.RLock()
	defer s.writing.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("updating: %w", err)
	}
	j := s.share(tag, fn)
	if j.err != nil {
		return nil, nil, unavailable("updating", j.err)
	}
	return j.changes, j.fnErr, nil
}

func (s *Store) noteWrite(err error) {
	if !errors.Is(err, berrors.ErrDatabaseNotOpen) {
		s.writeFailed.Store(err != nil)
	}
}

func apply(btx *bbolt.Tx, tag string, writes []engine.Write) error {
	for _, w := range writes {
		bucket, err := btx.CreateBucketIfNotExists(bucketName(w.Kind.Name))
		if err != nil {
			return err
		}
		key := recordKey(tag, w.ID)
		if w.Raw == nil {
			err = bucket.Delete(key)
		} else {
			err = bucket.Put(key, w.Raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Watch implements store.Watcher.
func (s *Store) Watch(fn func(store.Change)) (stop func()) { return s.hub.Watch(fn) }

// InSync implements store.Watcher: there are no other nodes.
func (s *Store) InSync() time.Time { return s.opts.Now() }
