package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

// scanStep is how many records a Scan asks for at once.
const scanStep = 256

// Get implements store.Reader.
func (s *Store) Get(ctx context.Context, key store.Key) (value []byte, err error) {
	defer s.observe("get", time.Now(), &err)
	if err := key.Check(); err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	raw, err := s.raw(ctx, key.Tag, key.Kind.Name, key.ID)
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, store.ErrNotFound
	}
	value, _, live, err := engine.Unseal(raw, s.opts.Now())
	switch {
	case err != nil:
		return nil, unavailable("reading "+key.Kind.Name, err)
	case !live:
		return nil, store.ErrNotFound
	}
	return value, nil
}

// begin refuses an operation that nobody waits for or that cannot be served.
func (s *Store) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("asking redis: %w", err)
	}
	return s.ready(ctx)
}

// raw returns a sealed value, nil for none.
func (s *Store) raw(ctx context.Context, tag, kind, id string) (raw []byte, err error) {
	name := s.keys.record(tag, kind, id)
	err = s.read(ctx, "reading "+kind, func() error {
		raw, err = s.client.Get(ctx, name).Bytes()
		return err
	})
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return raw, err
}

// Scan implements store.Reader.
func (s *Store) Scan(ctx context.Context, tag string, kind store.Kind, prefix, after string, limit int) (entries []store.Entry, err error) {
	defer s.observe("scan", time.Now(), &err)
	if err := engine.CheckScan(tag, kind, prefix, after); err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	for len(entries) < limit {
		step := min(limit-len(entries), scanStep)
		ids, err := s.ids(ctx, tag, kind.Name, prefix, after, step)
		if err != nil {
			return nil, err
		}
		if entries, err = s.load(ctx, tag, kind.Name, ids, entries); err != nil {
			return nil, err
		}
		if len(ids) < step {
			break
		}
		after = ids[len(ids)-1]
	}
	return entries, nil
}

func (s *Store) ids(ctx context.Context, tag, kind, prefix, after string, limit int) (ids []string, err error) {
	from, to := "["+prefix, "+"
	if prefix == "" {
		from = "-"
	}
	if after >= prefix && after != "" {
		from = "(" + after
	}
	if end := successor(prefix); end != "" {
		to = "(" + end
	}
	err = s.read(ctx, "listing "+kind, func() error {
		ids, err = s.client.ZRangeArgs(ctx, redis.ZRangeArgs{
			Key: s.keys.index(tag, kind), Start: from, Stop: to, ByLex: true, Count: int64(limit),
		}).Result()
		return err
	})
	return ids, err
}

// successor returns the first text after all that begin with prefix, or "" when
// there is no such end.
func successor(prefix string) string {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1])
		}
	}
	return ""
}

// load appends the records with these ids to entries. Ids without a record,
// which Redis has removed, are taken out of the index on the way.
func (s *Store) load(ctx context.Context, tag, kind string, ids []string, entries []store.Entry) ([]store.Entry, error) {
	if len(ids) == 0 {
		return entries, nil
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = s.keys.record(tag, kind, id)
	}
	var values []any
	err := s.read(ctx, "listing "+kind, func() (err error) {
		values, err = s.client.MGet(ctx, names...).Result()
		return err
	})
	if err != nil {
		return nil, err
	}
	now := s.opts.Now()
	var dangling []string
	for i, v := range values {
		raw, ok := v.(string)
		if !ok {
			dangling = append(dangling, ids[i])
			continue
		}
		value, expires, live, err := engine.Unseal([]byte(raw), now)
		if err != nil {
			return nil, unavailable("listing "+kind, err)
		}
		if live {
			entries = append(entries, store.Entry{ID: ids[i], Value: value, Expires: expires})
		}
	}
	s.prune(ctx, tag, kind, dangling)
	return entries, nil
}

// prune is housekeeping: when it fails the next Scan tries again.
func (s *Store) prune(ctx context.Context, tag, kind string, ids []string) {
	if len(ids) == 0 {
		return
	}
	names := []string{s.keys.index(tag, kind)}
	args := make([]any, len(ids))
	for i, id := range ids {
		names = append(names, s.keys.record(tag, kind, id))
		args[i] = id
	}
	_ = s.run(ctx, pruneScript, names, args).Err()
}
