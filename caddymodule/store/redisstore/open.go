package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/internal/engine"
)

// firstContact is how long Open waits to learn that the records are too new.
const firstContact = time.Second

// Store is a store.Engine on Redis. Its methods may be called from many
// goroutines at once.
type Store struct {
	settings settings
	keys     keys
	opts     store.Options
	client   redis.UniversalClient
	// follower has a connection of its own: it waits for changes all the time.
	follower redis.UniversalClient
	hub      engine.Hub
	locks    *locks
	gate     gate
	stream   stream

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	closing sync.Once
	closed  error
	updates atomic.Uint64
}

var _ store.Engine = (*Store)(nil)

// Open returns a store on the Redis that url names:
//
//	redis://[user:password@]host[:6379][/db]                    one server
//	rediss://...                                                 the same over TLS
//	unix://[user:password@]/path/to/redis.sock[?db=0]
//	redis+sentinel://[user:password@]host1[:26379],host2/master[/db]
//	redis+cluster://[user:password@]host1[:6379],host2
//
// with rediss+sentinel and rediss+cluster over TLS, and the options prefix (of
// all keys, default "cliendo:"), db, sentinel_username and sentinel_password
// after a question mark. Special characters in a password are percent-encoded.
//
// A Redis that cannot be reached is no error: the store answers
// store.ErrUnavailable until it can. Open fails when url is wrong, or with
// store.ErrNewerSchema when Redis says so within a second; later that becomes the
// answer to everything.
func Open(url string, opts store.Options) (*Store, error) {
	set, err := parseURL(url)
	if err != nil {
		return nil, fmt.Errorf("opening redis store: %w", err)
	}
	s := &Store{
		settings: set, keys: keys{set.prefix}, opts: opts.WithDefaults(),
		client: connect(set, 0), follower: connect(set, 2), locks: newLocks(),
	}
	s.stream.node = rand.Text()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	ctx, cancel := context.WithTimeout(s.ctx, firstContact)
	defer cancel()
	if err := s.ready(ctx); errors.Is(err, store.ErrNewerSchema) {
		return nil, errors.Join(fmt.Errorf("opening redis store: %w", err), s.Close())
	}
	s.running.Go(s.follow)
	return s, nil
}

// Close ends the store. Calls after the first do nothing and return the same.
func (s *Store) Close() error {
	s.closing.Do(func() {
		// Under this lock no attempt to connect begins any more.
		s.gate.mu.Lock()
		s.cancel()
		s.gate.mu.Unlock()
		s.closed = errors.Join(s.follower.Close(), s.client.Close())
		s.running.Wait()
	})
	return s.closed
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
