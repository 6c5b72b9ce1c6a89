package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

var _ store.Dumper = (*Store)(nil)

const (
	// dumpStep is about how many records of several tags are asked for at once.
	dumpStep = 512
	// loaders is how many tags are loaded at the same time.
	loaders = 32
)

// Dump implements store.Dumper. First it learns which records there are, some 100
// bytes of memory each, then it reads them as they were when it began. On a Cluster
// it reads tag by tag: those of one tag are as they were at one moment.
func (s *Store) Dump(ctx context.Context, fn func(store.Record) error) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	began := s.opts.Now()
	snap, err := s.beginSnapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.end(ctx)
	all := newNames(s.keys)
	look := func(ctx context.Context, node redis.Cmdable) error {
		return s.scanNames(ctx, node, func(batch []string) error { return errors.Join(all.add(batch), snap.alive(ctx)) })
	}
	if err := s.eachServer(ctx, look); err != nil {
		return err
	}
	if err := snap.deleted(ctx, all.add); err != nil {
		return err
	}
	d := dump{snapshot: snap, fn: fn, began: began}
	for tag, keys := range all.byTag {
		slices.Sort(keys) // a name may be told twice
		for part := range slices.Chunk(slices.Compact(keys), store.MaxMoment) {
			if err := d.add(ctx, tag, part); err != nil {
				return err
			}
		}
	}
	return d.flush(ctx)
}

// names are the names of all records, by tag: kind, a colon and the id.
type names struct {
	keys  keys
	mu    sync.Mutex
	byTag map[string][]string
}

func newNames(k keys) *names { return &names{keys: k, byTag: map[string][]string{}} }

func (n *names) add(batch []string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range batch {
		if key, ok := n.keys.parse(name); ok {
			n.byTag[key.Tag] = append(n.byTag[key.Tag], key.Kind.Name+":"+key.ID)
		}
	}
	return nil
}

// dump reads records, many tags in one go.
type dump struct {
	*snapshot
	fn    func(store.Record) error
	began time.Time // what was live then is told
	size  int
	keys  [][]store.Key // of one tag each
}

func (d *dump) add(ctx context.Context, tag string, part []string) error {
	group := make([]store.Key, len(part))
	for i, name := range part {
		group[i], _ = d.Store.keys.parse(d.Store.keys.prefix + "{" + escaper.Replace(tag) + "}:" + name)
	}
	d.keys = append(d.keys, group)
	if d.size += len(group); d.size < dumpStep {
		return nil
	}
	return d.flush(ctx)
}

func (d *dump) flush(ctx context.Context) error {
	if len(d.keys) == 0 {
		return nil
	}
	groups := make([][]string, len(d.keys))
	for i, group := range d.keys {
		for _, k := range group {
			groups[i] = append(groups[i], d.Store.keys.record(k.Tag, k.Kind.Name, k.ID))
		}
	}
	values, err := d.load(ctx, groups)
	if err != nil {
		return err
	}
	for i, group := range d.keys {
		if err := d.tell(group, values[i]); err != nil {
			return err
		}
	}
	d.keys, d.size = d.keys[:0], 0
	return nil
}

func (d *dump) tell(group []store.Key, values []any) error {
	for i, v := range values {
		raw, _ := v.(string)
		if raw == "" {
			continue // not there then, or gone since
		}
		value, expires, live, err := engine.Unseal([]byte(raw), d.began)
		if err != nil {
			return unavailable("dumping "+group[i].Kind.Name, err)
		}
		if !live {
			continue
		}
		if err := d.fn(store.Record{Key: group[i], Value: value, Expires: expires}); err != nil {
			return err
		}
	}
	return nil
}

// eachServer runs fn on the server, or on every master of a Cluster.
func (s *Store) eachServer(ctx context.Context, fn func(context.Context, redis.Cmdable) error) error {
	if c, ok := s.client.(*redis.ClusterClient); ok {
		return c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return fn(ctx, node) })
	}
	return fn(ctx, s.client)
}

// scanNames tells the names of all our records and indexes on one server.
func (s *Store) scanNames(ctx context.Context, node redis.Cmdable, tell func([]string) error) error {
	var cursor uint64
	for {
		var batch []string
		err := s.read(ctx, "looking which records there are", func() (err error) {
			batch, cursor, err = node.Scan(ctx, cursor, s.keys.pattern(), 1000).Result()
			return err
		})
		if err == nil {
			err = tell(batch)
		}
		if err != nil || cursor == 0 {
			return err
		}
	}
}

// Load implements store.Dumper.
func (s *Store) Load(ctx context.Context, records []store.Record) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	byTag := map[string][]engine.Write{}
	now := s.opts.Now().UnixMilli()
	for _, r := range records {
		if err := r.Key.Check(); err != nil {
			return err
		}
		if at := engine.Millis(r.Expires); at != 0 && at <= now {
			continue
		}
		byTag[r.Key.Tag] = append(byTag[r.Key.Tag], engine.Write{
			Kind: r.Key.Kind, ID: r.Key.ID, Raw: engine.Seal(r.Value, r.Expires), Expires: r.Expires,
		})
	}
	var (
		all    sync.WaitGroup
		mu     sync.Mutex
		failed error
		free   = make(chan struct{}, loaders)
	)
	for tag, writes := range byTag {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			if err := s.loadTag(ctx, tag, writes); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = errors.Join(failed, err)
			}
		})
	}
	all.Wait()
	return failed
}

// loadStep bounds one script: Lua takes only so many arguments.
const loadStep = 500

func (s *Store) loadTag(ctx context.Context, tag string, writes []engine.Write) error {
	for part := range slices.Chunk(writes, loadStep) {
		c := commit{keys: s.keys, tag: tag, writes: part}
		names, args := c.arguments(s.stream.node, false, s.opts.Now())
		err := s.read(ctx, "loading records", func() error { return s.run(ctx, updateScript, names, args).Err() })
		if err != nil {
			return err
		}
	}
	return nil
}

// Clear implements store.Dumper.
func (s *Store) Clear(ctx context.Context, keep store.Key) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	kept := s.keys.record(keep.Tag, keep.Kind.Name, keep.ID)
	err := s.eachServer(ctx, func(ctx context.Context, node redis.Cmdable) error {
		return s.scanNames(ctx, node, func(batch []string) error {
			return s.read(ctx, "clearing the store", func() error {
				pipe := node.Pipeline()
				for _, name := range batch {
					if name != kept {
						pipe.Unlink(ctx, name)
					}
				}
				_, err := pipe.Exec(ctx)
				return err
			})
		})
	})
	if err != nil {
		return fmt.Errorf("clearing the store: %w", err)
	}
	lost := store.Change{Lost: true}
	s.publish("", []store.Change{lost})
	s.hub.Deliver(lost)
	return nil
}
