package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// streamLength is about how many changes Redis keeps: a node that was away for
	// longer than that forgets all it knows.
	streamLength = 10000
	// listen is how long one XREAD waits, and so how far InSync lies behind.
	listen = 500 * time.Millisecond
	// readAtOnce is how many changes one XREAD takes.
	readAtOnce = 512
	// maxUnsent is how many changes a node of a Cluster keeps for a stream that it
	// cannot reach before it asks everybody to forget all they know.
	maxUnsent = 4096
)

// stream is where this node is in the stream of changes. The place is always
// that of an entry: as long as it exists, nothing behind it was lost.
type stream struct {
	node   string // this node in the stream, new at each start
	synced atomic.Pointer[time.Time]

	mu    sync.Mutex
	place string // id of the last entry seen
	// doubted are updates of this node of which nobody knows whether they were
	// executed. The others are not told again when they come back in the stream.
	doubted map[string]bool
	unsent  []entry
}

// entry is a change on its way through the stream.
type entry struct {
	update string
	change store.Change
}

// doubt marks an update that may or may not have been executed.
func (st *stream) doubt(update string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.doubted == nil || len(st.doubted) > maxUnsent {
		st.doubted = map[string]bool{}
	}
	st.doubted[update] = true
}

// known reports whether an entry is one that watchers here have seen for sure.
func (st *stream) known(node, update string) bool {
	if node != st.node {
		return false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return !st.doubted[update]
}

func (st *stream) at() string {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.place
}

func (st *stream) move(place string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.place = place
}

// InSync implements store.Watcher.
func (s *Store) InSync() time.Time {
	if t := s.stream.synced.Load(); t != nil {
		return *t
	}
	return time.Time{}
}

// Watch implements store.Watcher.
func (s *Store) Watch(fn func(store.Change)) (stop func()) { return s.hub.Watch(fn) }

// takePlace puts an entry that means nothing into the stream, to begin behind it.
func (s *Store) takePlace(ctx context.Context) error {
	if s.stream.at() != "" {
		return nil
	}
	var id string
	err := s.read(ctx, "joining the stream of changes", func() (err error) {
		id, err = s.client.XAdd(ctx, s.streamEntry("n", s.stream.node)).Result()
		return err
	})
	if err != nil {
		return err
	}
	// Only the first time: later on watchers have yet to hear that they missed
	// something.
	now := s.opts.Now()
	s.stream.synced.CompareAndSwap(nil, &now)
	s.stream.move(id)
	return nil
}

func (s *Store) streamEntry(values ...any) *redis.XAddArgs {
	return &redis.XAddArgs{Stream: s.keys.changes(), MaxLen: streamLength, Approx: true, Values: values}
}

// follow tells watchers what other nodes announce, until Close.
func (s *Store) follow() {
	for s.ctx.Err() == nil {
		err := s.ready(s.ctx)
		if err == nil {
			err = s.listen()
		}
		if err != nil {
			pause(s.ctx, 200*time.Millisecond)
		}
	}
}

// listen waits for changes once. Whether the place still exists is asked after
// reading: then nothing can have been cut off in between.
func (s *Store) listen() error {
	s.sendUnsent()
	place := s.stream.at()
	ctx, cancel := context.WithTimeout(s.ctx, listen+netTimeout)
	defer cancel()
	asked := s.opts.Now()
	news, err := s.news(ctx, place)
	if err != nil {
		return err
	}
	for _, m := range news {
		s.tell(m)
	}
	there, err := s.follower.XRange(ctx, s.keys.changes(), place, place).Result()
	if err != nil {
		return fmt.Errorf("following changes: %w", err)
	}
	if len(there) == 0 {
		return s.startOver()
	}
	switch {
	case len(news) == 0:
		// Redis waited the whole time and nothing came.
		asked = earlier(asked.Add(listen), s.opts.Now())
	case len(news) == readAtOnce:
		asked = s.InSync() // there is more
	}
	if len(news) > 0 {
		s.stream.move(news[len(news)-1].ID)
	}
	s.stream.synced.Store(&asked)
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (s *Store) news(ctx context.Context, place string) ([]redis.XMessage, error) {
	streams, err := s.follower.XRead(ctx, &redis.XReadArgs{
		Streams: []string{s.keys.changes(), place}, Count: readAtOnce, Block: listen,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("following changes: %w", err)
	}
	var news []redis.XMessage
	for _, st := range streams {
		news = append(news, st.Messages...)
	}
	return news, nil
}

func (s *Store) tell(m redis.XMessage) {
	field := func(name string) string { v, _ := m.Values[name].(string); return v }
	switch {
	case field("lost") != "":
		s.hub.Deliver(store.Change{Lost: true})
	case field("k") != "" && !s.stream.known(field("n"), field("u")):
		s.hub.Deliver(store.Change{Tag: field("t"), Kind: field("k"), ID: field("i")})
	}
}

// startOver is for a stream that was cut beyond our place, or a Redis that lost
// its data or was given other data. First a new place, then the word to forget
// everything: what is read after that is up to date. The schema is looked at
// again, too.
func (s *Store) startOver() error {
	s.stream.move("")
	s.gate.open.Store(false)
	for {
		if err := s.ready(s.ctx); err == nil {
			break
		} else if s.ctx.Err() != nil {
			return err
		}
		pause(s.ctx, 200*time.Millisecond)
	}
	s.hub.Deliver(store.Change{Lost: true})
	return nil
}

// publish sends changes after the commit: on a Cluster a script cannot reach the
// stream. What cannot be sent now is sent by follow as soon as it can.
func (s *Store) publish(update string, changes []store.Change) {
	for _, c := range changes {
		s.stream.mu.Lock()
		s.stream.unsent = append(s.stream.unsent, entry{update, c})
		if len(s.stream.unsent) > maxUnsent {
			s.stream.unsent = []entry{{update, store.Change{Lost: true}}}
		}
		s.stream.mu.Unlock()
	}
	s.sendUnsent()
}

// sendUnsent sends in no particular order: a change only says "read again", and
// saying it twice does no harm.
func (s *Store) sendUnsent() {
	s.stream.mu.Lock()
	todo := s.stream.unsent
	s.stream.unsent = nil
	s.stream.mu.Unlock()
	for i, e := range todo {
		values := []any{"n", s.stream.node, "u", e.update, "t", e.change.Tag, "k", e.change.Kind, "i", e.change.ID}
		if e.change.Lost {
			values = []any{"n", s.stream.node, "lost", "1"}
		}
		err := s.read(s.ctx, "announcing", func() error {
			return s.client.XAdd(s.ctx, s.streamEntry(values...)).Err()
		})
		if err != nil {
			s.stream.mu.Lock()
			s.stream.unsent = append(s.stream.unsent, todo[i:]...)
			s.stream.mu.Unlock()
			return
		}
	}
}
