package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

// told collects what a watcher is told.
type told struct {
	mu      sync.Mutex
	changes []store.Change
}

func watch(t testing.TB, s *redisstore.Store) *told {
	w := &told{}
	t.Cleanup(s.Watch(func(c store.Change) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.changes = append(w.changes, c)
	}))
	return w
}

func (w *told) of(want store.Change) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.changes, want)
}

func (w *told) lost() bool { return w.of(store.Change{Lost: true}) }

func change(tag, id string) store.Change { return store.Change{Tag: tag, Kind: "listed", ID: id} }

// wantUnavailable asks for everything and wants "nobody knows".
func wantUnavailable(t *testing.T, s *redisstore.Store) {
	t.Helper()
	ctx := t.Context()
	_, err := s.Get(ctx, key("t", "1"))
	_, err2 := s.Get(ctx, key("t", "no such record"))
	_, err3 := s.Scan(ctx, "t", listed, "", "", 1)
	_, err4 := s.Inspect(ctx)
	for i, err := range []error{err, err2, err3, err4, s.Ping(ctx), put(s, "t", "1", "x")} {
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("operation %d returns %v", i, err)
		}
	}
}

func wellAgain(t *testing.T, s *redisstore.Store) {
	t.Helper()
	storetest.Eventually(t, "the store is well again by itself", func() bool { return s.Ping(t.Context()) == nil })
}

func TestAway(t *testing.T) {
	srv := redistest.Start(t)
	s, other := open(t, srv.URL(), store.Options{}), open(t, srv.URL(), store.Options{})
	w := watch(t, s)
	mustPut(t, s, "t", "1", "one")
	for round := range 3 {
		mark := time.Now()
		srv.Stop()
		wantUnavailable(t, s)
		if at := s.InSync(); at.After(time.Now()) {
			t.Errorf("InSync is %v while redis is away", at)
		}
		srv.Restart()
		wellAgain(t, s)
		wellAgain(t, other)
		expect(t, s, "t", "1", "one")
		id := fmt.Sprint("round ", round)
		mustPut(t, other, "t", id, "v")
		storetest.Eventually(t, "the change of the other node is told", func() bool { return w.of(change("t", id)) })
		storetest.Eventually(t, "InSync goes on", func() bool { return s.InSync().After(mark) })
	}
	if w.lost() {
		t.Error("told that changes were lost, although all were kept")
	}
}

// TestInSyncStops wants InSync to stand still while redis is away.
func TestInSyncStops(t *testing.T) {
	srv := redistest.Start(t)
	clock := storetest.NewClock()
	s := open(t, srv.URL(), store.Options{Now: clock.Now})
	srv.Stop()
	clock.Push(time.Hour)
	time.Sleep(time.Second) // several rounds of the follower
	if behind := clock.Now().Sub(s.InSync()); behind < 59*time.Minute {
		t.Errorf("InSync is only %v behind", behind)
	}
	srv.Restart()
	storetest.Eventually(t, "InSync goes on", func() bool { return !s.InSync().Before(clock.Now()) })
}

// TestAwayAtStart opens the store before there is a server.
func TestAwayAtStart(t *testing.T) {
	srv := redistest.Start(t)
	mustPut(t, open(t, srv.URL(), store.Options{}), "t", "1", "one")
	srv.Stop()
	s := open(t, srv.URL(), store.Options{})
	w := watch(t, s)
	wantUnavailable(t, s)
	if !s.InSync().IsZero() {
		t.Errorf("InSync is %v before the first contact", s.InSync())
	}
	srv.Restart()
	wellAgain(t, s)
	expect(t, s, "t", "1", "one")
	other := open(t, srv.URL(), store.Options{})
	mustPut(t, other, "t", "2", "two")
	storetest.Eventually(t, "changes are told", func() bool { return w.of(change("t", "2")) })
}

// TestMissed changes records while this node cannot hear, and the stream keeps
// them.
func TestMissed(t *testing.T) {
	srv := redistest.Start(t)
	relay := newRelay(t, srv.Addr())
	s, other := open(t, "redis://"+relay.Addr(), store.Options{}), open(t, srv.URL(), store.Options{})
	mustPut(t, other, "t", "0", "v")
	expect(t, s, "t", "0", "v")
	w := watch(t, s)
	relay.cut()
	for i := range 20 {
		mustPut(t, other, "t", fmt.Sprint("missed ", i), "v")
	}
	relay.mend()
	for i := range 20 {
		storetest.Eventually(t, "what was missed is told", func() bool { return w.of(change("t", fmt.Sprint("missed ", i))) })
	}
	if w.lost() {
		t.Error("told that changes were lost, although the stream held them all")
	}
}

func TestLost(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, srv *redistest.Server){
		"flushed": func(t *testing.T, srv *redistest.Server) {
			if err := srv.Client().FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		},
		"stream cut beyond the place": func(t *testing.T, srv *redistest.Server) {
			if err := srv.Client().XTrimMaxLen(t.Context(), "cliendo:changes", 0).Err(); err != nil {
				t.Fatal(err)
			}
		},
		"other data after a restart": func(_ *testing.T, srv *redistest.Server) { srv.LoseData() },
	} {
		t.Run(name, func(t *testing.T) {
			srv := redistest.Start(t)
			s, other := open(t, srv.URL(), store.Options{}), open(t, srv.URL(), store.Options{})
			w, w2 := watch(t, s), watch(t, other)
			mustPut(t, s, "t", "1", "one")
			lose(t, srv)
			storetest.Eventually(t, "both are told to forget", func() bool { return w.lost() && w2.lost() })
			wellAgain(t, s)
			wellAgain(t, other)
			mustPut(t, other, "t", "2", "two")
			storetest.Eventually(t, "later changes are told", func() bool { return w.of(change("t", "2")) })
			expect(t, s, "t", "2", "two")
		})
	}
}

// TestHanging freezes the server: everything must end soon, with a deadline or
// without.
func TestHanging(t *testing.T) {
	srv := redistest.Start(t)
	s := open(t, srv.URL(), store.Options{})
	mustPut(t, s, "t", "1", "one")
	srv.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Get(ctx, key("t", "1")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Get with a deadline: %v", err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := s.Get(t.Context(), key("t", "1")); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Get: %v", err)
			}
			if err := put(s, "t", "1", "x"); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Update: %v", err)
			}
		})
	}
	// One timeout after another would take longer than this.
	tooLong := time.AfterFunc(time.Minute, srv.Thaw)
	all.Wait()
	tooLong.Stop()
	srv.Thaw()
	wellAgain(t, s)
	mustPut(t, s, "t", "1", "later")
	expect(t, s, "t", "1", "later")
}
