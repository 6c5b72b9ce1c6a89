package redisstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

// TestSnapshot makes dumps that stand in each other's way, break off, are killed and
// lose what Redis kept for them.
func TestSnapshot(t *testing.T) {
	srv := redistest.Start(t)
	s := open(t, srv.URL()+"?prefix=p:", store.Options{})
	for i := range 2000 { // more than are asked for at once
		mustPut(t, s, fmt.Sprint("tag ", i), "x", "before")
	}
	kept := func() int64 {
		t.Helper()
		n, err := srv.Client().Exists(t.Context(), "p:snapshot").Result()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	// during runs fn once in the middle of a dump, and counts what it told.
	during := func(fn func()) (told int, err error) {
		err = s.Dump(t.Context(), func(r store.Record) error {
			if told++; told == 1 {
				fn()
			}
			if string(r.Value) != "before" {
				t.Errorf("%s is %q", r.Key.Tag, r.Value)
			}
			return nil
		})
		return told, err
	}

	told, err := during(func() {
		for i := range 2000 {
			mustPut(t, s, fmt.Sprint("tag ", i), "x", "after")
			mustPut(t, s, fmt.Sprint("new ", i), "x", "after")
		}
		other := s.Dump(t.Context(), func(store.Record) error { return nil })
		if other == nil || !strings.Contains(other.Error(), "another backup of this Redis") {
			t.Errorf("a dump beside a dump: %v", other)
		}
	})
	if told != 2000 || err != nil || kept() != 0 {
		t.Errorf("%d told, %v, %d kept", told, err, kept())
	}

	for i := range 2000 {
		mustPut(t, s, fmt.Sprint("tag ", i), "x", "before")
		mustPut(t, s, fmt.Sprint("new ", i), "x", "before")
	}
	if _, err := during(func() { srv.Client().Del(context.Background(), "p:snapshot") }); err == nil || !strings.Contains(err.Error(), "make it again") {
		t.Errorf("a dump that lost its snapshot: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Dump(ctx, func(store.Record) error { cancel(); return nil }); err == nil || kept() != 0 {
		t.Errorf("a dump broken off: %v, %d kept", err, kept())
	}

	killed := closeDuring(t, srv)
	if killed <= 0 || killed > time.Minute {
		t.Errorf("what a killed dump leaves is kept for %s", killed)
	}
	srv.Client().PExpire(t.Context(), "p:snapshot", time.Millisecond)
	for end := time.Now().Add(10 * time.Second); kept() != 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if told, err := during(func() {}); told != 4000 || err != nil {
		t.Errorf("after a killed dump: %d told, %v", told, err)
	}
}

// closeDuring closes the connection of a dump in its middle, and returns for how long
// what it leaves is kept.
func closeDuring(t *testing.T, srv *redistest.Server) time.Duration {
	t.Helper()
	s, err := redisstore.Open(srv.URL()+"?prefix=p:", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Dump(t.Context(), func(store.Record) error { return s.Close() }); err == nil {
		t.Error("a dump goes on without its store")
	}
	left, err := srv.Client().PTTL(t.Context(), "p:snapshot").Result()
	if err != nil {
		t.Fatal(err)
	}
	return left
}
