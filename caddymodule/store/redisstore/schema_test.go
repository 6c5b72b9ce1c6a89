package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

// tagging is a migration that leaves its mark on all records but those named
// "same".
func tagging(from int) store.Migration {
	return store.Migration{From: from, Value: func(key store.Key, value []byte) ([]byte, error) {
		if key.ID == "same" {
			return value, nil
		}
		return fmt.Appendf(value, " %d:%s/%s/%s", from, key.Tag, key.Kind.Name, key.ID), nil
	}}
}

func withSchema(version int, steps ...store.Migration) store.Options {
	return store.Options{Schema: version, Migrations: steps}
}

// TestMigration has three nodes of a new version start at once: each record is
// migrated once.
func TestMigration(t *testing.T) {
	for name, start := range map[string]func() string{
		"standalone": func() string { return redistest.Start(t).URL() },
		"cluster": func() string {
			srv := redistest.Start(t, "--cluster-enabled", "yes")
			srv.OwnAllSlots()
			return "redis+cluster://" + srv.Addr()
		},
	} {
		t.Run(name, func(t *testing.T) { migrate(t, start()) })
	}
}

func migrate(t *testing.T, url string) {
	old := open(t, url, withSchema(3))
	for i := range 10 {
		mustPutMany(t, old, fmt.Sprintf("t%%}%d", i), 60)
	}
	mustPut(t, old, "t", "same", "as ever")
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	opts := withSchema(5, tagging(3), tagging(4))
	nodes := make([]*redisstore.Store, 3)
	var all sync.WaitGroup
	for i := range nodes {
		all.Go(func() { nodes[i], _ = redisstore.Open(url, opts) })
	}
	all.Wait()
	for _, s := range nodes {
		defer s.Close()
		wellAgain(t, s)
		expect(t, s, "t", "same", "as ever")
		for i := range 10 {
			tag := fmt.Sprintf("t%%}%d", i)
			entries, err := s.Scan(t.Context(), tag, listed, "", "", 100)
			if err != nil || len(entries) != 60 {
				t.Fatalf("%d entries, %v", len(entries), err)
			}
			for _, e := range entries {
				if want := fmt.Sprintf("%[1]s 3:%[2]s/listed/%[1]s 4:%[2]s/listed/%[1]s", e.ID, tag); string(e.Value) != want {
					t.Fatalf("%s %s is %q, want %q", tag, e.ID, e.Value, want)
				}
			}
		}
	}
}

// TestMigrationCopies looks for the old values.
func TestMigrationCopies(t *testing.T) {
	srv := redistest.Start(t)
	old := open(t, srv.URL(), withSchema(1))
	mustPut(t, old, "t", "1", "one")
	mustPut(t, old, "t", "same", "as ever")
	s := open(t, srv.URL(), withSchema(2, tagging(1)))
	wellAgain(t, s)
	names, err := srv.Client().Keys(t.Context(), "cliendo:schema1.*").Result()
	if err != nil || len(names) != 1 || !strings.HasSuffix(names[0], ":{t}:listed:1") {
		t.Fatalf("copies are %q, %v", names, err)
	}
	value, err := srv.Client().Get(t.Context(), names[0]).Result()
	if err != nil || !strings.HasSuffix(value, "\x00one") {
		t.Errorf("the copy is %q, %v", value, err)
	}
	left, err := srv.Client().Keys(t.Context(), "cliendo:migration*").Result()
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestMigrationCutOff has a migration fail half way, and another node go on.
func TestMigrationCutOff(t *testing.T) {
	srv := redistest.Start(t)
	old := open(t, srv.URL(), withSchema(1))
	mustPutMany(t, old, "t", 100)
	boom := errors.New("boom")
	count := 0
	failing := store.Migration{From: 1, Value: func(key store.Key, value []byte) ([]byte, error) {
		if count++; count > 50 {
			return nil, boom
		}
		return tagging(1).Value(key, value)
	}}
	s := open(t, srv.URL(), withSchema(2, failing))
	if err := s.Ping(t.Context()); !errors.Is(err, boom) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a failing migration: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, srv.URL(), withSchema(2, tagging(1)))
	wellAgain(t, again)
	for i := range 100 {
		expect(t, again, "t", fmt.Sprintf("%03d", i), fmt.Sprintf("%03[1]d 1:t/listed/%03[1]d", i))
	}
}

func TestNewerSchema(t *testing.T) {
	srv := redistest.Start(t)
	newer := open(t, srv.URL(), withSchema(7))
	mustPut(t, newer, "t", "1", "one")
	if _, err := redisstore.Open(srv.URL(), withSchema(6)); !errors.Is(err, store.ErrNewerSchema) {
		t.Errorf("opening newer records: %v", err)
	}
	// A missing migration is found out by Ping, not by Open.
	if err := open(t, srv.URL(), withSchema(8)).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "schema 7 to 8") {
		t.Errorf("a missing migration: %v", err)
	}
	expect(t, newer, "t", "1", "one")
}

// TestNewerSchemaLater finds out about newer records only when Redis comes back.
func TestNewerSchemaLater(t *testing.T) {
	srv := redistest.Start(t)
	mustPut(t, open(t, srv.URL(), withSchema(7)), "t", "1", "one")
	srv.Stop()
	s := open(t, srv.URL(), withSchema(6))
	srv.Restart()
	storetest.Eventually(t, "the newer schema is noticed", func() bool {
		return errors.Is(s.Ping(t.Context()), store.ErrNewerSchema)
	})
	_, err := s.Get(t.Context(), key("t", "1"))
	err2 := put(s, "t", "1", "old")
	for _, err := range []error{err, err2} {
		if !errors.Is(err, store.ErrNewerSchema) || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("with newer records: %v", err)
		}
	}
}
