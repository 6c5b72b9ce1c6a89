package boltstore_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
)

// stored counts the records in the file, expired or not, by way of a backup.
func stored(t *testing.T, s *boltstore.Store) int {
	t.Helper()
	var backup bytes.Buffer
	if err := s.Backup(&backup); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(writeTemp(t, backup.Bytes()), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := 0
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			if bytes.HasPrefix(name, []byte("k:")) {
				n += b.Stats().KeyN
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// fill writes n records in each of two kinds; every third one lasts.
func fill(t *testing.T, s *boltstore.Store, clock *storetest.Clock, n int) (lasting int) {
	for _, kind := range []store.Kind{plain, listed} {
		err := s.Update(t.Context(), "t", func(tx store.Tx) error {
			lasting = 0
			for i := range n {
				expires := clock.Now().Add(time.Minute)
				if i%3 == 0 {
					expires = time.Time{}
					lasting++
				}
				if err := tx.Put(kind, fmt.Sprintf("%06d", i), []byte(strings.Repeat("v", 200)), expires); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return 2 * lasting
}

func TestPurge(t *testing.T) {
	clock := storetest.NewClock()
	s := open(t, file(t), store.Options{Now: clock.Now})
	lasting := fill(t, s, clock, 2345)
	if n, err := s.Purge(t.Context()); n != 0 || err != nil {
		t.Errorf("purged %d, %v before anything expired", n, err)
	}
	clock.Push(time.Minute)
	// How many it was is not looked at: the sweeper may have been there first.
	if _, err := s.Purge(t.Context()); err != nil || stored(t, s) != lasting {
		t.Errorf("purged: %v; %d are left, want %d", err, stored(t, s), lasting)
	}
	if n, err := s.Purge(t.Context()); n != 0 || err != nil {
		t.Errorf("purged %d, %v a second time", n, err)
	}
}

// TestPurgeEnds has as many records in a kind as a step looks at, and one more
// and less: Purge must come to an end.
func TestPurgeEnds(t *testing.T) {
	for _, n := range []int{499, 500, 501, 1000} {
		clock := storetest.NewClock()
		s := open(t, file(t), store.Options{Now: clock.Now})
		lasting := fill(t, s, clock, n)
		clock.Push(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		for range 2 {
			if _, err := s.Purge(ctx); err != nil || stored(t, s) != lasting {
				t.Errorf("of %d: %v; %d are left, want %d", n, err, stored(t, s), lasting)
			}
		}
		cancel()
	}
}

func TestSweeper(t *testing.T) {
	clock := storetest.NewClock()
	s := open(t, file(t), store.Options{Now: clock.Now})
	lasting := fill(t, s, clock, 1500)
	clock.Push(time.Minute)
	storetest.Eventually(t, "expired records leave the file by themselves", func() bool { return stored(t, s) == lasting })
}

// TestPurgeRenewed renews a record between the moment Purge finds it expired and
// the moment it would delete it: the clock is asked in between.
func TestPurgeRenewed(t *testing.T) {
	clock := storetest.NewClock()
	var between atomic.Pointer[func()]
	s := open(t, file(t), store.Options{Now: func() time.Time {
		if renew := between.Swap(nil); renew != nil {
			(*renew)()
		}
		return clock.Now()
	}})
	// The file must not have to grow while a read transaction is open.
	put(t, s, "t", "room", strings.Repeat("v", 1<<20), time.Time{})
	put(t, s, "t", "room", "", time.Time{})
	put(t, s, "t", "1", "old", clock.Now().Add(time.Second))
	put(t, s, "t", "2", "old", clock.Now().Add(time.Second))
	clock.Push(time.Minute)
	renew := func() { put(t, s, "t", "1", "new", time.Time{}) }
	between.Store(&renew)
	if _, err := s.Purge(t.Context()); err != nil {
		t.Error(err)
	}
	expect(t, s, "t", "1", "new")
}

func TestBackup(t *testing.T) {
	s := open(t, file(t), store.Options{})
	put(t, s, "t", "1", "one", time.Time{})
	var backup bytes.Buffer
	if err := s.Backup(&backup); err != nil {
		t.Fatal(err)
	}
	put(t, s, "t", "1", "later", time.Time{})
	expect(t, open(t, writeTemp(t, backup.Bytes()), store.Options{}), "t", "1", "one")
}

// TestCompact compacts while others read, write and watch.
func TestCompact(t *testing.T) {
	path, clock := file(t), storetest.NewClock()
	s := open(t, path, store.Options{Now: clock.Now})
	lasting := fill(t, s, clock, 3000)
	clock.Push(time.Hour)
	put(t, s, "t", "kept", "v", time.Time{})

	done := make(chan struct{})
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				put(t, s, fmt.Sprint(w), "n", fmt.Sprint(i), time.Time{})
				expect(t, s, fmt.Sprint(w), "n", fmt.Sprint(i))
				expect(t, s, "t", "kept", "v")
			}
		})
	}
	for i := range 5 {
		before, after, err := s.Compact(t.Context())
		if err != nil || i == 0 && after >= before/2 {
			t.Errorf("compacting from %d to %d bytes: %v", before, after, err)
		}
	}
	close(done)
	all.Wait()
	if n := stored(t, s); n != lasting+1+4 {
		t.Errorf("%d records are left, want %d", n, lasting+5)
	}
	if _, err := boltstore.Open(path, store.Options{}); err == nil {
		t.Error("the compacted file is not locked")
	}
	if rest, _ := filepath.Glob(path + ".*"); len(rest) != 0 {
		t.Errorf("left behind: %v", rest)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, open(t, path, store.Options{}), "t", "kept", "v")
}

func TestSize(t *testing.T) {
	s := open(t, file(t), store.Options{})
	first, err := s.Size()
	if err != nil || first <= 0 {
		t.Fatalf("size %d, %v", first, err)
	}
	put(t, s, "t", "1", strings.Repeat("v", 1<<20), time.Time{})
	if second, err := s.Size(); err != nil || second < first+1<<20 {
		t.Errorf("size %d after %d, %v", second, first, err)
	}
}

// TestObserve wants every operation reported, and answers not as failures.
func TestObserve(t *testing.T) {
	type seen struct {
		operation string
		failed    bool
	}
	var got []seen
	s := open(t, file(t), store.Options{Observe: func(operation string, took time.Duration, err error) {
		if took < 0 {
			t.Errorf("%s took %v", operation, took)
		}
		got = append(got, seen{operation, err != nil})
	}})
	put(t, s, "t", "1", "one", time.Time{})
	_ = s.Update(t.Context(), "t", func(store.Tx) error { return store.ErrConflict })
	expect(t, s, "t", "1", "one")
	_, _ = s.Get(t.Context(), store.Key{Tag: "t", Kind: listed, ID: "2"})
	_, _ = s.Scan(t.Context(), "t", listed, "", "", 1)
	_ = s.Close()
	_, _ = s.Get(t.Context(), store.Key{Tag: "t", Kind: listed, ID: "2"})
	want := []seen{{"update", false}, {"update", false}, {"get", false}, {"get", false}, {"scan", false}, {"get", true}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("observed %v, want %v", got, want)
	}
}
