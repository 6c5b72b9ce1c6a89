package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

var expiryChecks = []check{
	{"a record is gone the moment it expires", testExpiry},
	{"what has expired can be written anew", testExpiredAnew},
	{"an expiry can be moved and taken away", testMoveExpiry},
	{"an expiry in the past deletes", testPastExpiry},
	{"an expiry may be very far away", testFarExpiry},
}

func testExpiry(t *testing.T, s *subject) {
	at := s.clock.Now().Add(time.Minute)
	s.put(t, "e", listed, "1", "v", at)
	s.put(t, "e", listed, "2", "v", never)
	s.clock.Push(time.Minute - time.Millisecond)
	s.expect(t, "e", listed, "1", "v")
	entries, err := s.Engine.Scan(ctx(t), "e", listed, "", "", 2)
	if err != nil || len(entries) != 2 || !entries[0].Expires.Equal(at) || !entries[1].Expires.IsZero() {
		t.Fatalf("entries %v, %v; want expiry %v, and none", entries, err, at)
	}
	s.clock.Push(time.Millisecond)
	s.expectNone(t, "e", listed, "1")
	if ids := s.ids(t, "e", "", "", 2); len(ids) != 1 || ids[0] != "2" {
		t.Errorf("after the expiry there are %q", ids)
	}
	err = s.Engine.Update(ctx(t), "e", func(tx store.Tx) error {
		_, err := tx.Get(listed, "1")
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("reading the expired record in an Update: %v", err)
	}
}

func testExpiredAnew(t *testing.T, s *subject) {
	s.put(t, "e", listed, "1", "old", s.clock.Now().Add(time.Second))
	s.clock.Push(time.Hour)
	err := s.Engine.Update(ctx(t), "e", func(tx store.Tx) error {
		if _, err := tx.Get(listed, "1"); !errors.Is(err, store.ErrNotFound) {
			return errors.New("it is still there")
		}
		return tx.Put(listed, "1", []byte("new"), s.clock.Now().Add(time.Minute))
	})
	if err != nil {
		t.Fatal(err)
	}
	s.expect(t, "e", listed, "1", "new")
	if ids := s.ids(t, "e", "", "", 2); len(ids) != 1 {
		t.Errorf("listed are %q", ids)
	}
}

func testMoveExpiry(t *testing.T, s *subject) {
	start := s.clock.Now()
	s.put(t, "e", listed, "later", "v", start.Add(time.Minute))
	s.put(t, "e", listed, "later", "v", start.Add(time.Hour))
	s.put(t, "e", listed, "sooner", "v", start.Add(time.Hour))
	s.put(t, "e", listed, "sooner", "v", start.Add(time.Minute))
	s.put(t, "e", listed, "never", "v", start.Add(time.Minute))
	s.put(t, "e", listed, "never", "v", never)
	s.clock.Push(2 * time.Minute)
	s.expect(t, "e", listed, "later", "v")
	s.expectNone(t, "e", listed, "sooner")
	s.expect(t, "e", listed, "never", "v")
}

func testPastExpiry(t *testing.T, s *subject) {
	for name, at := range map[string]time.Time{
		"now": s.clock.Now(), "past": s.clock.Now().Add(-time.Hour), "1970": time.Unix(0, 0), "1960": time.Unix(-3e8, 0),
	} {
		s.put(t, "e", listed, name, "v", never)
		s.put(t, "e", listed, name, "w", at)
		s.expectNone(t, "e", listed, name)
	}
	if ids := s.ids(t, "e", "", "", 9); len(ids) != 0 {
		t.Errorf("listed are %q", ids)
	}
}

func testFarExpiry(t *testing.T, s *subject) {
	for name, at := range map[string]time.Time{
		"year 9000":   time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC),
		"year 200000": time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		s.put(t, "e", listed, name, "v", at)
		s.expect(t, "e", listed, name, "v")
	}
	for range 4 { // a Duration is shorter than that
		s.clock.Push(250 * 365 * 24 * time.Hour)
	}
	s.Engine = s.Reopen(t, s.Engine)
	if ids := s.ids(t, "e", "", "", 9); len(ids) != 2 {
		t.Errorf("a thousand years later there are %q", ids)
	}
}
