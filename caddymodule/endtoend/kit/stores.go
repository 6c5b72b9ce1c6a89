package kit

import (
	"path/filepath"
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

// Store is where a gateway under test keeps its records.
type Store struct {
	// Name is "bolt" or "redis".
	Name string
	// Line is what stands after the word store in a Caddyfile.
	Line string
	// Path of the file of a bolt store.
	Path string
	// Redis is the server of a redis store, to stop and start it.
	Redis *redistest.Server

	t    testing.TB
	open func() (store.Engine, error)
}

// Bolt returns a store in a file of its own. Only one process at a time can hold
// it: fill it before the gateway starts.
func Bolt(t testing.TB) *Store {
	path := filepath.Join(t.TempDir(), "gateway.db")
	return &Store{Name: "bolt", Line: "bolt " + path, Path: path, t: t, open: func() (store.Engine, error) {
		s, err := boltstore.Open(path, store.Options{})
		if err != nil {
			return nil, err
		}
		return s, nil
	}}
}

// Redis returns a store on a redis-server of its own.
func Redis(t testing.TB) *Store {
	t.Helper()
	server := redistest.Start(t)
	return &Store{Name: "redis", Line: "redis " + server.URL(), Redis: server, t: t, open: func() (store.Engine, error) {
		s, err := redisstore.Open(server.URL(), store.Options{})
		if err != nil {
			return nil, err
		}
		return s, nil
	}}
}

// RedisWithReplica returns a store on a redis-server whose replica takes over, by a
// Sentinel, when Redis of the Store is killed.
func RedisWithReplica(t testing.TB) *Store {
	t.Helper()
	s := Redis(t)
	redistest.StartReplica(t, s.Redis)
	s.Line = "redis redis+sentinel://" + redistest.StartSentinel(t, s.Redis).Addr() + "/main"
	return s
}

// OnBothStores runs a test on bolt and on redis, side by side.
func OnBothStores(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) *Store{"bolt": Bolt, "redis": Redis} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// With opens the store behind the gateway's back and closes it again.
func (s *Store) With(do func(e store.Engine)) {
	s.t.Helper()
	e, err := s.open()
	if err != nil {
		s.t.Fatalf("opening the %s store: %v", s.Name, err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			s.t.Fatalf("closing the %s store: %v", s.Name, err)
		}
	}()
	do(e)
}

// Behind is With for the store of a gateway that runs. One with a file is stopped
// for it, and runs again afterwards.
func (s *Store) Behind(g *Gateway, do func(e store.Engine)) {
	s.t.Helper()
	if s.Redis != nil {
		s.With(do)
		return
	}
	g.Stop()
	s.With(do)
	g.Run()
	g.WaitLive()
}
