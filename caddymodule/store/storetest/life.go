package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

var lifeChecks = []check{
	{"it says how it is", testInspect},
	{"a closed store answers that it cannot", testClosed},
	{"it can be closed while in use", testCloseInUse},
}

func testInspect(t *testing.T, s *subject) {
	if err := s.Engine.Ping(ctx(t)); err != nil {
		t.Errorf("Ping: %v", err)
	}
	findings, err := s.Engine.Inspect(ctx(t))
	if err != nil || len(findings) == 0 {
		t.Fatalf("findings %v, %v", findings, err)
	}
	for _, f := range findings {
		if f.Part == "" || f.Message == "" || f.Level != "ok" && f.Fix == "" {
			t.Errorf("incomplete: %+v", f)
		}
		if f.Level != "ok" {
			t.Errorf("a store fresh from the kit has %+v", f)
		}
	}
}

func testClosed(t *testing.T, s *subject) {
	s.put(t, "c", listed, "1", "v", never)
	if err := s.Engine.Close(); err != nil {
		t.Fatalf("closing: %v", err)
	}
	if err := s.Engine.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	_, err := s.Engine.Get(ctx(t), store.Key{Tag: "c", Kind: listed, ID: "1"})
	_, err2 := s.Engine.Scan(ctx(t), "c", listed, "", "", 1)
	err3 := s.Engine.Update(ctx(t), "c", func(tx store.Tx) error { return tx.Put(listed, "1", nil, never) })
	err4 := s.Engine.Ping(ctx(t))
	for i, err := range []error{err, err2, err3, err4} {
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("operation %d returns %v", i, err)
		}
	}
	s.Engine = s.Reopen(t, s.Engine)
	s.expect(t, "c", listed, "1", "v")
}

func testCloseInUse(t *testing.T, s *subject) {
	var users sync.WaitGroup
	var mu sync.Mutex
	acknowledged := 0
	for range 8 {
		users.Go(func() {
			for {
				if err := s.Engine.Update(ctx(t), "c", increment("n")); err != nil {
					if !errors.Is(err, store.ErrUnavailable) {
						t.Errorf("while closing: %v", err)
					}
					return
				}
				mu.Lock()
				acknowledged++
				mu.Unlock()
			}
		})
	}
	time.Sleep(30 * time.Millisecond)
	if err := s.Engine.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	users.Wait()
	s.Engine = s.Reopen(t, s.Engine)
	v, err := s.Engine.Get(ctx(t), store.Key{Tag: "c", Kind: plain, ID: "n"})
	// At most one Update of each user was under way, its outcome unknown.
	if n := atoi(string(v)); err != nil && acknowledged > 0 || n < acknowledged || n > acknowledged+8 {
		t.Errorf("%d are there of %d acknowledged, %v", n, acknowledged, err)
	}
}
