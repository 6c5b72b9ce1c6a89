package redisstore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.Main(m, func(url string) (store.Engine, error) { return redisstore.Open(url, store.Options{}) })
}

var listed = store.Kind{Name: "listed", Listed: true}

var noExpiry time.Time

var prefixes atomic.Int64

// fresh returns the address of a place on a server that no other test uses.
func fresh(url string) string { return fmt.Sprintf("%s?prefix=test%d:", url, prefixes.Add(1)) }

// open opens a store that is closed when the test ends.
func open(t testing.TB, url string, opts store.Options) *redisstore.Store {
	t.Helper()
	s, err := redisstore.Open(url, opts)
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

func key(tag, id string) store.Key { return store.Key{Tag: tag, Kind: listed, ID: id} }

func put(s store.Updater, tag, id, value string) error {
	return s.Update(context.Background(), tag, func(tx store.Tx) error {
		tx.Announce(listed, id)
		return tx.Put(listed, id, []byte(value), noExpiry)
	})
}

func mustPut(t testing.TB, s store.Updater, tag, id, value string) {
	t.Helper()
	if err := put(s, tag, id, value); err != nil {
		t.Fatal(err)
	}
}

// mustPutMany writes records 000, 001 and so on, with their ids as values.
func mustPutMany(t testing.TB, s store.Updater, tag string, n int) {
	t.Helper()
	err := s.Update(context.Background(), tag, func(tx store.Tx) error {
		for i := range n {
			id := fmt.Sprintf("%03d", i)
			if err := tx.Put(listed, id, []byte(id), noExpiry); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t testing.TB, s store.Reader, tag, id, want string) {
	t.Helper()
	got, err := s.Get(context.Background(), key(tag, id))
	if err != nil || string(got) != want {
		t.Fatalf("%s %s is %q, %v; want %q", tag, id, got, err, want)
	}
}
