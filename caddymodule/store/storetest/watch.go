package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/store"
)

var watchChecks = []check{
	{"a change is told before its Update returns", testWatchLocal},
	{"a change is told after it can be read", testWatchCommitted},
	{"only what is announced is told", testWatchQuiet},
	{"nothing is told after stop", testWatchStop},
	{"stop does not wait for other watchers, and holds", testWatchStopBetween},
	{"watchers are told one thing at a time", testWatchSerial},
	{"another node is told within a second", testWatchOther},
	{"InSync keeps up with the clock", testInSync},
}

// told collects what a watcher is told.
type told struct {
	mu      sync.Mutex
	changes []store.Change
}

func (s *subject) watch(t *testing.T) *told { return watch(t, s.Engine) }

func watch(t *testing.T, e store.Engine) *told {
	w := &told{}
	t.Cleanup(e.Watch(w.add))
	return w
}

func (w *told) add(c store.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changes = append(w.changes, c)
}

func (w *told) all() []store.Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.changes)
}

// announce changes a record and announces it.
func announce(t testing.TB, e store.Engine, tag, id string) {
	t.Helper()
	err := e.Update(ctx(t), tag, func(tx store.Tx) error {
		tx.Announce(plain, id)
		return tx.Put(plain, id, []byte("v"), never)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testWatchLocal(t *testing.T, s *subject) {
	first, second := s.watch(t), s.watch(t)
	var want []store.Change
	for i := range 20 {
		id := fmt.Sprint(i)
		announce(t, s.Engine, "w", id)
		want = append(want, store.Change{Tag: "w", Kind: "plain", ID: id})
		for _, w := range []*told{first, second} {
			if diff := cmp.Diff(want, w.all()); diff != "" {
				t.Fatal(diff)
			}
		}
	}
	err := s.Engine.Update(ctx(t), "}{%: ", func(tx store.Tx) error {
		tx.Announce(plain, "")
		tx.Announce(listed, "\xff")
		tx.Announce(plain, "")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, store.Change{Tag: "}{%: ", Kind: "plain"}, store.Change{Tag: "}{%: ", Kind: "listed", ID: "\xff"})
	if diff := cmp.Diff(want, first.all()); diff != "" {
		t.Error(diff)
	}
}

func testWatchCommitted(t *testing.T, s *subject) {
	seen := make(chan string, 10)
	defer s.Engine.Watch(func(c store.Change) {
		v, err := s.Engine.Get(ctx(t), store.Key{Tag: c.Tag, Kind: plain, ID: c.ID})
		seen <- fmt.Sprint(string(v), err)
	})()
	announce(t, s.Engine, "w", "1")
	if got := <-seen; got != "v<nil>" {
		t.Errorf("the watcher read %s", got)
	}
}

func testWatchQuiet(t *testing.T, s *subject) {
	w := s.watch(t)
	s.put(t, "w", plain, "1", "v", never)
	s.delete(t, "w", plain, "1")
	if c := w.all(); len(c) != 0 {
		t.Errorf("told %v", c)
	}
}

func testWatchStop(t *testing.T, s *subject) {
	w := &told{}
	stop := s.Engine.Watch(w.add)
	var writers sync.WaitGroup
	for i := range 10 {
		writers.Go(func() { announce(t, s.Engine, fmt.Sprint("w", i), "1") })
	}
	stop()
	n := len(w.all())
	writers.Wait()
	announce(t, s.Engine, "w", "2")
	stop()
	if got := len(w.all()); got != n {
		t.Errorf("%d changes were told after stop", got-n)
	}
}

// testWatchStopBetween stops a watcher while the one before it is being told.
func testWatchStopBetween(t *testing.T, s *subject) {
	entered, leave := make(chan bool), make(chan bool)
	var first sync.Once // a change may be told a second time
	defer s.Engine.Watch(func(store.Change) {
		first.Do(func() {
			entered <- true
			<-leave
		})
	})()
	w := &told{}
	stop := s.Engine.Watch(w.add)
	var writer sync.WaitGroup
	writer.Go(func() { announce(t, s.Engine, "w", "1") })
	<-entered
	stop()
	n := len(w.all())
	leave <- true
	writer.Wait()
	if got := len(w.all()); got != n {
		t.Errorf("%d changes were told after stop", got-n)
	}
}

func testWatchSerial(t *testing.T, s *subject) {
	var busy sync.Mutex
	count := 0
	defer s.Engine.Watch(func(store.Change) {
		if !busy.TryLock() {
			t.Error("told two things at a time")
			return
		}
		time.Sleep(100 * time.Microsecond)
		count++
		busy.Unlock()
	})()
	s.crowd(t, 40, func(i int, _ store.Engine) error {
		announce(t, s.Engine, fmt.Sprint("w", i), "1")
		return nil
	})
	busy.Lock()
	defer busy.Unlock()
	if count < 40 {
		t.Errorf("told %d of 40 changes", count)
	}
}

func testWatchOther(t *testing.T, s *subject) {
	if s.Second == nil {
		return // there is no other node
	}
	other := s.Second(t)
	here, there := s.watch(t), watch(t, other)
	for i := range 50 {
		from, to := s.Engine, there
		if i%2 == 1 {
			from, to = other, here
		}
		id := fmt.Sprint(i)
		announce(t, from, "w", id)
		// Far more than the second that is wanted: a loaded machine is not an error.
		Eventually(t, "the other node is told of "+id, func() bool {
			return slices.Contains(to.all(), store.Change{Tag: "w", Kind: "plain", ID: id})
		})
	}
	if n := len(here.all()); n != 50 {
		t.Errorf("a node was told %d times of 50 changes", n)
	}
}

func testInSync(t *testing.T, s *subject) {
	for range 3 {
		s.clock.Push(time.Hour)
		mark := s.clock.Now()
		Eventually(t, "InSync follows the clock", func() bool { return !s.Engine.InSync().Before(mark) })
	}
	if ahead := s.Engine.InSync().Sub(s.clock.Now()); ahead > 0 {
		t.Errorf("InSync is %v ahead of the clock", ahead)
	}
}

// Eventually fails the test when ok does not become true within half a minute.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
