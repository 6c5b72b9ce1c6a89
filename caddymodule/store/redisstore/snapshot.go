package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// snapshotLife is how long a snapshot outlives the last sign of its dump: then a
// dump that was killed no longer costs memory, nor stands in the way of another.
const snapshotLife = time.Minute

// errOtherDump and errSnapshotLost say why a dump cannot go on.
var (
	errOtherDump    = errors.New("another backup of this Redis is being made: try again when it is done, or a minute after it was broken off")
	errSnapshotLost = errors.New("what Redis kept for this backup is gone, or it stood still for a minute: make it again")
)

// A snapshot is all records at the moment when it began, while nodes go on writing:
// as long as its hash is there, an update puts into it what a record was before
// (updateScript). Field "" has the name of the dump it belongs to. A Cluster has
// none: a script there sees the records of one tag only.
type snapshot struct {
	*Store
	hash, id string // "" on a Cluster
	told     time.Time
}

// beginScript begins a snapshot, or answers 0 when there is one.
//
//	KEYS  the snapshot    ARGV  the dump, how long it lives
var beginScript = newScript(`
if redis.call('HSETNX', KEYS[1], '', ARGV[1]) == 0 then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`)

// endScript ends it.
//
//	KEYS  the snapshot    ARGV  the dump
var endScript = newScript(`
if redis.call('HGET', KEYS[1], '') == ARGV[1] then redis.call('UNLINK', KEYS[1]) end
return 1`)

// momentScript answers records as they were when the snapshot began, "" for those
// that were not there, and nothing at all when the snapshot is lost.
//
//	KEYS  the snapshot, the records    ARGV  the dump, how long it lives
var momentScript = newScript(`
if redis.call('HGET', KEYS[1], '') ~= ARGV[1] then return {} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local found = {}
for i = 2, #KEYS do
  found[i - 1] = redis.call('HGET', KEYS[1], KEYS[i]) or redis.call('GET', KEYS[i]) or ''
end
return found`)

func (s *Store) beginSnapshot(ctx context.Context) (*snapshot, error) {
	if s.settings.topology == cluster {
		return &snapshot{Store: s}, nil
	}
	snap := &snapshot{Store: s, hash: s.keys.snapshot(), id: rand.Text()}
	begun, err := 0, error(nil)
	err = s.try(ctx, "beginning a dump", func() error {
		begun, err = s.run(ctx, beginScript, []string{snap.hash}, []any{snap.id, snapshotLife.Milliseconds()}).Int()
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case begun == 0:
		return nil, errOtherDump
	}
	snap.told = time.Now()
	return snap, nil
}

// alive has it live on while the dump looks which records there are.
func (s *snapshot) alive(ctx context.Context) error {
	if s.id == "" || time.Since(s.told) < snapshotLife/6 {
		return nil
	}
	s.told = time.Now()
	return s.read(ctx, "dumping the store", func() error { return s.client.PExpire(ctx, s.hash, snapshotLife).Err() })
}

// end lets it go, also after ctx has ended. Where that fails it lapses.
func (s *snapshot) end(ctx context.Context) {
	if s.id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_ = s.read(ctx, "ending a dump", func() error { return s.run(ctx, endScript, []string{s.hash}, []any{s.id}).Err() })
}

// load answers what the records of these groups were, nil for those that were not.
// A group is of one tag.
func (s *snapshot) load(ctx context.Context, groups [][]string) ([][]any, error) {
	if s.id == "" {
		return s.loadTags(ctx, groups)
	}
	all := slices.Concat(groups...)
	var values []any
	err := s.read(ctx, "dumping the store", func() (err error) {
		values, err = s.run(ctx, momentScript, append([]string{s.hash}, all...), []any{s.id, snapshotLife.Milliseconds()}).Slice()
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(values) != len(all) {
		return nil, errSnapshotLost
	}
	found := make([][]any, len(groups))
	for i, group := range groups {
		found[i], values = values[:len(group)], values[len(group):]
	}
	return found, nil
}

func (s *snapshot) loadTags(ctx context.Context, groups [][]string) ([][]any, error) {
	answers := make([]*redis.SliceCmd, len(groups))
	err := s.read(ctx, "dumping the store", func() error {
		pipe := s.client.Pipeline()
		for i, group := range groups {
			answers[i] = pipe.MGet(ctx, group...)
		}
		_, err := pipe.Exec(ctx)
		return err
	})
	found := make([][]any, len(groups))
	for i := range answers {
		found[i] = answers[i].Val()
	}
	return found, err
}

// deleted tells the names of records that were there when it began and may be gone
// since: nobody finds these by looking which records there are.
func (s *snapshot) deleted(ctx context.Context, tell func([]string) error) error {
	var cursor uint64
	for s.id != "" {
		var fields []string
		err := s.read(ctx, "dumping the store", func() (err error) {
			fields, cursor, err = s.client.HScan(ctx, s.hash, cursor, "", 1000).Result()
			return err
		})
		if err != nil {
			return err
		}
		var names []string
		for field := range slices.Chunk(fields, 2) {
			if name, before := field[0], field[1]; before != "" && strings.HasPrefix(name, s.keys.prefix) {
				names = append(names, name)
			}
		}
		if err := tell(names); err != nil || cursor == 0 {
			return err
		}
	}
	return nil
}
