package redisstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

// migrationLease is how long a node that migrates may be silent before another
// one takes over.
const migrationLease = 30 * time.Second

// prepareSchema marks an empty Redis, refuses records that are too new and brings
// older ones up to date.
func (s *Store) prepareSchema(ctx context.Context) error {
	for {
		found, err := s.schema(ctx)
		switch {
		case err != nil:
			return err
		case found == s.opts.Schema:
			return nil
		case found > s.opts.Schema:
			return fmt.Errorf("%w: its records have schema %d, this gateway knows up to %d; use the newer gateway again",
				store.ErrNewerSchema, found, s.opts.Schema)
		}
		if err := s.migrateOrWait(ctx, found); err != nil {
			return err
		}
	}
}

// schema returns the schema version in Redis, after setting it when there is none.
func (s *Store) schema(ctx context.Context) (version int, err error) {
	err = s.read(ctx, "reading the schema version", func() error {
		if err := s.client.SetNX(ctx, s.keys.schema(), s.opts.Schema, 0).Err(); err != nil {
			return err
		}
		version, err = s.client.Get(ctx, s.keys.schema()).Int()
		return err
	})
	return version, err
}

// migrateOrWait migrates, or waits for a moment while another node does.
func (s *Store) migrateOrWait(ctx context.Context, found int) error {
	steps, err := engine.Steps(s.opts.Migrations, found, s.opts.Schema)
	if err != nil {
		return err
	}
	m := migration{Store: s, steps: steps, found: found}
	mine, err := m.lock(ctx)
	if err != nil {
		return err
	}
	if !mine {
		if !pause(ctx, 200*time.Millisecond) {
			return fmt.Errorf("waiting for a migration: %w", ctx.Err())
		}
		return nil
	}
	if err := m.all(ctx); err != nil {
		return errors.Join(err, m.unlock())
	}
	return m.finish(ctx)
}

// migration is one run over all records. The key "migration" holds an id that
// stays the same when a run is cut off and another goes on, so that both keep
// their copies in one place; the key "migration:lock" says who is at it.
type migration struct {
	*Store
	steps []store.Migration
	found int
	id    string
	mu    sync.Mutex
	beat  time.Time
}

func (m *migration) lockKey() string { return m.keys.migration() + ":lock" }

func (m *migration) lock(ctx context.Context) (mine bool, err error) {
	err = m.read(ctx, "locking for a migration", func() error {
		mine, err = m.client.SetNX(ctx, m.lockKey(), m.stream.node, migrationLease).Result()
		if err != nil || !mine {
			return err
		}
		if err := m.client.SetNX(ctx, m.keys.migration(), strings.ToLower(rand.Text()[:8]), 0).Err(); err != nil {
			return err
		}
		m.id, err = m.client.Get(ctx, m.keys.migration()).Result()
		return err
	})
	return mine, err
}

func (m *migration) unlock() error {
	return m.client.Del(context.WithoutCancel(m.ctx), m.lockKey()).Err()
}

func (m *migration) finish(ctx context.Context) error {
	err := m.read(ctx, "noting the new schema", func() error {
		return m.client.Set(ctx, m.keys.schema(), m.opts.Schema, 0).Err()
	})
	if err != nil {
		return err
	}
	return m.read(ctx, "ending the migration", func() error {
		if err := m.client.Del(ctx, m.keys.migration()).Err(); err != nil {
			return err
		}
		return m.unlock()
	})
}

func (m *migration) all(ctx context.Context) error {
	c, ok := m.client.(*redis.ClusterClient)
	if !ok {
		return m.server(ctx, m.client)
	}
	return c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		return m.server(ctx, node)
	})
}

func (m *migration) server(ctx context.Context, node redis.Cmdable) error {
	var cursor uint64
	for {
		var names []string
		err := m.read(ctx, "migrating", func() (err error) {
			names, cursor, err = node.Scan(ctx, cursor, m.keys.pattern(), scanStep).Result()
			return err
		})
		if err != nil {
			return err
		}
		for _, name := range names {
			if key, ok := m.keys.parse(name); ok {
				if err := m.record(ctx, name, key); err != nil {
					return err
				}
			}
		}
		if err := m.stillAtIt(ctx); err != nil || cursor == 0 {
			return err
		}
	}
}

// stillAtIt keeps the lock.
func (m *migration) stillAtIt(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.beat) < migrationLease/4 {
		return nil
	}
	m.beat = time.Now()
	return m.read(ctx, "migrating", func() error {
		return m.client.Set(ctx, m.lockKey(), m.stream.node, migrationLease).Err()
	})
}

// record migrates one record, again when somebody changed it meanwhile.
func (m *migration) record(ctx context.Context, name string, key store.Key) error {
	backup := m.keys.prefix + "schema" + strconv.Itoa(m.found) + "." + m.id + ":" + strings.TrimPrefix(name, m.keys.prefix)
	for {
		raw, err := m.raw(ctx, key.Tag, key.Kind.Name, key.ID)
		if err != nil || raw == nil {
			return err
		}
		fresh, err := engine.Migrate(m.steps, key, raw, m.opts.Now())
		if err != nil {
			return err
		}
		if fresh == nil || bytes.Equal(fresh, raw) {
			return nil
		}
		done := 0
		err = m.read(ctx, "migrating", func() (err error) {
			done, err = m.run(ctx, migrateScript, []string{name, backup}, []any{raw, fresh}).Int()
			return err
		})
		if err != nil || done == 1 {
			return err
		}
	}
}
