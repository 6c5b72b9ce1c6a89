package boltstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
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

func TestMigration(t *testing.T) {
	path := file(t)
	clock := storetest.NewClock()
	opts := withSchema(3)
	opts.Now = clock.Now
	old := open(t, path, opts)
	put(t, old, "t}", "1", "one", time.Time{})
	put(t, old, "t", "same", "as ever", time.Time{})
	put(t, old, "t", "gone", "x", clock.Now().Add(time.Minute))
	put(t, old, "t", "hour", "soon", clock.Now().Add(time.Hour))
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clock.Push(time.Minute)

	opts.Schema, opts.Migrations = 5, []store.Migration{tagging(4), tagging(3)}
	s := open(t, path, opts)
	expect(t, s, "t}", "1", "one 3:t}/listed/1 4:t}/listed/1")
	expect(t, s, "t", "same", "as ever")
	expect(t, s, "t", "hour", "soon 3:t/listed/hour 4:t/listed/hour")
	entries, err := s.Scan(t.Context(), "t", listed, "", "", 9)
	if err != nil || len(entries) != 2 || !entries[0].Expires.Equal(clock.Now().Add(59*time.Minute)) {
		t.Errorf("after the migration there are %v, %v", entries, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	copied, err := os.ReadFile(path + ".schema3")
	if err != nil || !bytes.Equal(meaning(t, path+".schema3"), meaning(t, writeTemp(t, before))) {
		t.Errorf("the copy of %d bytes is not the old file: %v", len(copied), err)
	}
	again := open(t, path, opts)
	expect(t, again, "t}", "1", "one 3:t}/listed/1 4:t}/listed/1")
}

func writeTemp(t *testing.T, content []byte) string {
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// meaning is what an old gateway finds in a file.
func meaning(t *testing.T, path string) []byte {
	s := open(t, path, withSchema(3))
	var all bytes.Buffer
	for _, tag := range []string{"t", "t}"} {
		entries, err := s.Scan(t.Context(), tag, listed, "", "", 100)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&all, tag, entries)
	}
	return all.Bytes()
}

func TestNewerSchema(t *testing.T) {
	path := file(t)
	s := open(t, path, withSchema(7))
	put(t, s, "t", "1", "one", time.Time{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := boltstore.Open(path, withSchema(6))
	if !errors.Is(err, store.ErrNewerSchema) || !strings.Contains(err.Error(), path) {
		t.Errorf("opening a newer file: %v", err)
	}
	expect(t, open(t, path, withSchema(7)), "t", "1", "one")
}

// TestFailedMigration wants the file as it was.
func TestFailedMigration(t *testing.T) {
	path := file(t)
	s := open(t, path, withSchema(1))
	put(t, s, "t", "1", "one", time.Time{})
	put(t, s, "t", "2", "two", time.Time{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	failing := store.Migration{From: 1, Value: func(key store.Key, value []byte) ([]byte, error) {
		if key.ID == "2" {
			return nil, boom
		}
		return append(value, '!'), nil
	}}
	if _, err := boltstore.Open(path, withSchema(2, failing)); !errors.Is(err, boom) {
		t.Errorf("a failing migration: %v", err)
	}
	if _, err := boltstore.Open(path, withSchema(3, tagging(1))); err == nil || !strings.Contains(err.Error(), "schema 2 to 3") {
		t.Errorf("a missing migration: %v", err)
	}
	expect(t, open(t, path, withSchema(1)), "t", "1", "one")
}
