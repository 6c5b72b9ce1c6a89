package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/store"
)

var dumpChecks = []check{
	{"a dump tells every live record once", testDump},
	{"a load gives the same records back", testLoad},
	{"a dump sees each tag at one moment", testDumpMoment},
	{"a dump tells what was live when it began", testDumpSlow},
	{"a dump ends with the error of who is told", testDumpEnds},
	{"a cleared store is empty", testClear},
	{"a closed store dumps and loads nothing", testDumpClosed},
}

func (s *subject) dumper(t testing.TB) store.Dumper {
	t.Helper()
	d, ok := s.Engine.(store.Dumper)
	if !ok {
		t.Fatal("the engine is no Dumper")
	}
	return d
}

// dump returns all records: where they lie, and what they are.
func (s *subject) dump(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := s.dumper(t).Dump(ctx(t), func(r store.Record) error {
		at := fmt.Sprintf("%q %s %q", r.Key.Tag, r.Key.Kind.Name, r.Key.ID)
		if _, twice := all[at]; twice {
			t.Errorf("%s is told twice", at)
		}
		all[at] = fmt.Sprintf("%q %d", r.Value, millis(r.Expires))
		return nil
	})
	if err != nil {
		t.Fatalf("dumping: %v", err)
	}
	return all
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fill writes records of many sorts, and returns what a dump must tell.
func (s *subject) fill(t testing.TB) map[string]string {
	t.Helper()
	soon := s.clock.Now().Add(time.Hour)
	want := map[string]string{}
	for _, tag := range []string{"a:zuid", "a:{noord}", "%7D", "e:jan@zuid.nl"} {
		for i, value := range []string{"", "v", "\x00\xff", strings.Repeat("x", 10_000)} {
			for _, kind := range []store.Kind{plain, listed} {
				id, expires := fmt.Sprintf("id:%d}", i), never
				if i == 1 {
					expires = soon
				}
				s.put(t, tag, kind, id, value, expires)
				want[fmt.Sprintf("%q %s %q", tag, kind.Name, id)] = fmt.Sprintf("%q %d", value, millis(expires))
			}
		}
		s.put(t, tag, plain, "", "the only one", never)
		want[fmt.Sprintf("%q %s %q", tag, plain.Name, "")] = fmt.Sprintf("%q 0", "the only one")
		s.put(t, tag, listed, "gone", "x", s.clock.Now().Add(time.Minute))
		s.put(t, tag, plain, "deleted", "x", never)
		s.delete(t, tag, plain, "deleted")
	}
	s.clock.Push(2 * time.Minute)
	return want
}

func testDump(t *testing.T, s *subject) {
	if got := s.dump(t); len(got) != 0 {
		t.Errorf("an empty store has %v", got)
	}
	want := s.fill(t)
	if diff := cmp.Diff(want, s.dump(t)); diff != "" {
		t.Error(diff)
	}
}

func testLoad(t *testing.T, s *subject) {
	want := s.fill(t)
	var records []store.Record
	err := s.dumper(t).Dump(ctx(t), func(r store.Record) error {
		r.Key.Kind.Listed = r.Key.Kind.Name == listed.Name
		r.Value = bytes.Clone(r.Value)
		records = append(records, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.dumper(t).Clear(ctx(t), store.Key{}); err != nil {
		t.Fatal(err)
	}
	records = append(records, store.Record{Key: store.Key{Tag: "old", Kind: plain, ID: "1"}, Expires: s.clock.Now().Add(-time.Hour)})
	for range 2 { // again changes nothing
		if err := s.dumper(t).Load(ctx(t), records); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, s.dump(t)); diff != "" {
			t.Error(diff)
		}
	}
	if ids := s.ids(t, "a:zuid", "", "", 10); len(ids) != 4 {
		t.Errorf("lists %q", ids)
	}
	s.clock.Push(time.Hour)
	if ids := s.ids(t, "a:zuid", "", "", 10); len(ids) != 3 {
		t.Errorf("lists %q after an hour", ids)
	}
	bad := []store.Record{{Key: store.Key{Tag: "", Kind: plain, ID: "1"}}}
	if err := s.dumper(t).Load(ctx(t), bad); !errors.Is(err, store.ErrKey) {
		t.Errorf("loading a bad key: %v", err)
	}
}

// Two records that always change together are never told apart.
func testDumpMoment(t *testing.T, s *subject) {
	stop := make(chan struct{})
	var writers, made sync.WaitGroup
	made.Add(4)
	for w := range 4 {
		writers.Go(func() {
			tag := fmt.Sprintf("pair %d", w)
			for n := 0; ; n++ {
				if n == 1 {
					made.Done() // what is made during a dump may be told in part
				}
				select {
				case <-stop:
					return
				default:
				}
				value := fmt.Append(nil, n)
				err := s.Engine.Update(ctx(t), tag, func(tx store.Tx) error {
					return errors.Join(tx.Put(plain, "left", value, never), tx.Put(listed, "right", value, never))
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	made.Wait()
	for range 50 {
		got := s.dump(t)
		for w := range 4 {
			left, right := got[fmt.Sprintf("\"pair %d\" plain \"left\"", w)], got[fmt.Sprintf("\"pair %d\" listed \"right\"", w)]
			if left != right {
				t.Errorf("pair %d is %s and %s", w, left, right)
			}
		}
	}
	close(stop)
	writers.Wait()
}

// A record that lapses while a long dump runs was there when it began; it may have
// been prolonged meanwhile.
func testDumpSlow(t *testing.T, s *subject) {
	soon := s.clock.Now().Add(30 * time.Second)
	for i := range 3 {
		s.put(t, fmt.Sprint("tag ", i), plain, "", "x", soon)
	}
	n := 0
	err := s.dumper(t).Dump(ctx(t), func(store.Record) error {
		n++
		s.clock.Push(time.Minute)
		return nil
	})
	if err != nil || n != 3 {
		t.Errorf("%d told, %v", n, err)
	}
	if left := s.dump(t); len(left) != 0 {
		t.Errorf("a dump tells what has lapsed: %v", left)
	}
}

func testDumpEnds(t *testing.T, s *subject) {
	s.fill(t)
	enough := errors.New("enough")
	n := 0
	err := s.dumper(t).Dump(ctx(t), func(store.Record) error { n++; return enough })
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("%v after %d records", err, n)
	}
}

func testClear(t *testing.T, s *subject) {
	s.fill(t)
	var mu sync.Mutex
	lost := 0
	defer s.Engine.Watch(func(c store.Change) {
		mu.Lock()
		defer mu.Unlock()
		if c.Lost {
			lost++
		}
	})()
	if err := s.dumper(t).Clear(ctx(t), store.Key{Tag: "e:jan@zuid.nl", Kind: plain}); err != nil {
		t.Fatal(err)
	}
	if got := s.dump(t); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
	s.expect(t, "e:jan@zuid.nl", plain, "", "the only one")
	if err := s.dumper(t).Clear(ctx(t), store.Key{}); err != nil {
		t.Fatal(err)
	}
	if got := s.dump(t); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	if ids := s.ids(t, "a:zuid", "", "", 10); len(ids) != 0 {
		t.Errorf("lists %q", ids)
	}
	mu.Lock()
	defer mu.Unlock()
	if lost == 0 {
		t.Error("watchers were not told to forget")
	}
}

func testDumpClosed(t *testing.T, s *subject) {
	d := s.dumper(t)
	if err := s.Engine.Close(); err != nil {
		t.Fatal(err)
	}
	one := []store.Record{{Key: store.Key{Tag: "a", Kind: plain, ID: "1"}, Value: []byte("x")}}
	for i, err := range []error{
		d.Dump(ctx(t), func(store.Record) error { return nil }), d.Load(ctx(t), one), d.Clear(ctx(t), store.Key{}),
	} {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("operation %d returns %v", i, err)
		}
	}
}
