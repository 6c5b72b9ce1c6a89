package boltstore_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.Main(m, func(path string) (store.Engine, error) { return boltstore.Open(path, store.Options{}) })
}

var (
	plain  = store.Kind{Name: "plain"}
	listed = store.Kind{Name: "listed", Listed: true}
)

// open opens a store that is closed when the test ends.
func open(t testing.TB, path string, opts store.Options) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return s
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "gateway.db") }

func put(t testing.TB, s *boltstore.Store, tag, id, value string, expires time.Time) {
	t.Helper()
	err := s.Update(context.Background(), tag, func(tx store.Tx) error {
		return tx.Put(listed, id, []byte(value), expires)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t testing.TB, s *boltstore.Store, tag, id, want string) {
	t.Helper()
	got, err := s.Get(context.Background(), store.Key{Tag: tag, Kind: listed, ID: id})
	if err != nil || string(got) != want {
		t.Fatalf("%s %s is %q, %v; want %q", tag, id, got, err, want)
	}
}
