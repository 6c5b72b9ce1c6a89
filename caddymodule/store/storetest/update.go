package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
)

var updateChecks = []check{
	{"an Update that fails writes nothing and returns its error", testUpdateError},
	{"an Update that panics writes nothing and harms nobody", testUpdatePanic},
	{"an Update reads what it wrote", testOwnWrites},
	{"a Tx ends with its Update", testTxEnds},
	{"an Update may write nothing", testEmptyUpdate},
	{"operations that nobody waits for are not begun", testCancelled},
}

func testUpdateError(t *testing.T, s *subject) {
	s.put(t, "u", listed, "1", "before", never)
	mine := errors.New("mine")
	told := s.watch(t)
	err := s.Engine.Update(ctx(t), "u", func(tx store.Tx) error {
		err := errors.Join(
			tx.Put(listed, "1", []byte("after"), never), tx.Put(plain, "2", []byte("new"), never), tx.Delete(listed, "1"))
		tx.Announce(listed, "1")
		if err != nil {
			return err
		}
		return fmt.Errorf("wrapped: %w", mine)
	})
	if !errors.Is(err, mine) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Update returned %v", err)
	}
	s.expect(t, "u", listed, "1", "before")
	s.expectNone(t, "u", plain, "2")
	if c := told.all(); len(c) != 0 {
		t.Errorf("watchers were told %v", c)
	}
}

func testUpdatePanic(t *testing.T, s *subject) {
	s.put(t, "u", plain, "1", "before", never)
	func() {
		defer func() {
			if p := recover(); p != "boom" {
				t.Errorf("the caller got %v", p)
			}
		}()
		_ = s.Engine.Update(ctx(t), "u", func(tx store.Tx) error {
			_ = tx.Put(plain, "1", []byte("after"), never)
			panic("boom")
		})
	}()
	s.expect(t, "u", plain, "1", "before")
	s.put(t, "u", plain, "1", "later", never)
	s.expect(t, "u", plain, "1", "later")
}

func testOwnWrites(t *testing.T, s *subject) {
	s.put(t, "u", listed, "1", "before", never)
	err := s.Engine.Update(ctx(t), "u", func(tx store.Tx) error {
		is := func(want string) error {
			if v, err := tx.Get(listed, "1"); err != nil || string(v) != want {
				return fmt.Errorf("read %q, %w; want %q", v, err, want)
			}
			return nil
		}
		gone := func() error {
			if v, err := tx.Get(listed, "1"); !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("read %q, %w; want ErrNotFound", v, err)
			}
			return nil
		}
		put := func(v string) error { return tx.Put(listed, "1", []byte(v), never) }
		return firstError(
			func() error { return is("before") },
			func() error { return put("a") }, func() error { return is("a") },
			func() error { return tx.Delete(listed, "1") }, gone,
			func() error { return put("b") }, func() error { return is("b") },
			func() error { return tx.Put(listed, "1", []byte("c"), s.clock.Now()) }, gone,
			func() error { return put("last") }, func() error { return is("last") },
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.expect(t, "u", listed, "1", "last")
}

func firstError(steps ...func() error) error {
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

func testTxEnds(t *testing.T, s *subject) {
	var kept store.Tx
	err := s.Engine.Update(ctx(t), "u", func(tx store.Tx) error {
		kept = tx
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Put(plain, "1", []byte("late"), never); err == nil {
		t.Error("a Put after the Update is no error")
	}
	if _, err := kept.Get(plain, "1"); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("a Get after the Update returns %v", err)
	}
	s.expectNone(t, "u", plain, "1")
}

func testEmptyUpdate(t *testing.T, s *subject) {
	if err := s.Engine.Update(ctx(t), "u", func(store.Tx) error { return nil }); err != nil {
		t.Error(err)
	}
	told := s.watch(t)
	err := s.Engine.Update(ctx(t), "u", func(tx store.Tx) error {
		tx.Announce(plain, "1")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if c := told.all(); len(c) != 1 {
		t.Errorf("an announcement without a write told %v", c)
	}
}

func testCancelled(t *testing.T, s *subject) {
	s.put(t, "u", listed, "1", "v", never)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Engine.Get(ended, store.Key{Tag: "u", Kind: listed, ID: "1"})
	_, err2 := s.Engine.Scan(ended, "u", listed, "", "", 1)
	err3 := s.Engine.Update(ended, "u", func(tx store.Tx) error { return tx.Put(listed, "1", nil, never) })
	err4 := s.Engine.Ping(ended)
	for i, err := range []error{err, err2, err3, err4} {
		if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("operation %d returns %v", i, err)
		}
	}
	s.expect(t, "u", listed, "1", "v")
}
