package boltstore

import (
	"bytes"
	"context"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

const (
	// sweepEvery and sweepLook bound the work of the sweeper: a million records
	// are looked at in about half an hour, a step takes well under a millisecond.
	sweepEvery = time.Second
	sweepLook  = 500
	// sweepHurry is the pause after a step that found mostly expired records.
	sweepHurry = 50 * time.Millisecond
)

// place is where the sweeper goes on: in which bucket, after which key.
type place struct{ bucket, key []byte }

// sweepForever removes expired records from the file, a few at a time. They are
// gone for readers the moment they expire; this only gives their room back.
func (s *Store) sweepForever(ctx context.Context) {
	var at place
	pause := sweepEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		next, removed, err := s.sweepStep(at)
		pause = sweepEvery
		if err == nil {
			at = next
			if removed > sweepLook/2 {
				pause = sweepHurry
			}
		}
	}
}

// Purge removes every record that has expired, in small steps between which
// others read and write, and returns how many there were.
func (s *Store) Purge(ctx context.Context) (removed int, err error) {
	var at place
	for {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		next, n, err := s.sweepStep(at)
		removed += n
		if err != nil {
			return removed, err
		}
		if next.bucket == nil {
			return removed, nil
		}
		at = next
	}
}

// sweepStep looks at some records from at on and removes the expired ones. The
// place it returns is the zero place after the last record of the last bucket.
func (s *Store) sweepStep(at place) (next place, removed int, err error) {
	var expired [][]byte
	err = s.view(func(tx *bbolt.Tx) error {
		at, next, expired = look(tx, at, s.opts.Now())
		return nil
	})
	if err != nil || len(expired) == 0 {
		return next, 0, err
	}
	removed, err = s.remove(at.bucket, expired)
	return next, removed, err
}

// look collects keys of expired records. here is at, or the first place of the
// bucket that comes next when that of at is gone or done.
func look(tx *bbolt.Tx, at place, now time.Time) (here, next place, expired [][]byte) {
	from := at.bucket
	if from == nil {
		from = bucketName("")
	}
	name, _ := tx.Cursor().Seek(from)
	if !bytes.HasPrefix(name, bucketName("")) {
		return place{}, place{}, nil
	}
	here = place{bucket: bytes.Clone(name)}
	if bytes.Equal(name, at.bucket) {
		here.key = at.key
	}
	c := tx.Bucket(name).Cursor()
	k, v := c.Seek(here.key)
	for n := 0; k != nil && n < sweepLook; n++ {
		if _, _, live, err := engine.Unseal(v, now); err == nil && !live {
			expired = append(expired, bytes.Clone(k))
		}
		k, v = c.Next()
	}
	if k == nil {
		// The name that follows this one in order begins the next bucket.
		return here, place{bucket: append(bytes.Clone(name), 0)}, expired
	}
	return here, place{bucket: here.bucket, key: bytes.Clone(k)}, expired
}

// remove deletes those of keys that are still expired: a login may have written
// one anew since it was looked at.
func (s *Store) remove(bucket []byte, keys [][]byte) (removed int, err error) {
	s.writing.RLock()
	defer s.writing.RUnlock()
	err = s.db.Load().Update(func(tx *bbolt.Tx) error {
		removed = 0
		b := tx.Bucket(bucket)
		if b == nil {
			return nil
		}
		for _, k := range keys {
			raw := b.Get(k)
			if _, _, live, err := engine.Unseal(raw, s.opts.Now()); err != nil || live {
				continue
			}
			if err := b.Delete(k); err != nil {
				return err
			}
			removed++
		}
		return nil
	})
	s.noteWrite(err)
	return removed, err
}
