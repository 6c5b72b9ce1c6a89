package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

// TestLostAnswer loses the answer to a commit. Nobody knows then whether it
// happened, so it must not be tried again: a token would seem to be used by
// somebody else, a counter would count twice. Watchers are told, to be safe.
func TestLostAnswer(t *testing.T) {
	srv := redistest.Start(t)
	relay := newRelay(t, srv.Addr())
	loseAnswers(t, relay, "redis://"+relay.Addr())
}

// TestLostAnswerCluster is the same with the client for a cluster, which has its
// own mind about trying again.
func TestLostAnswerCluster(t *testing.T) {
	srv := redistest.Start(t, "--cluster-enabled", "yes")
	srv.OwnAllSlots()
	relay := newRelay(t, srv.Addr())
	_, port, _ := net.SplitHostPort(relay.Addr())
	if err := srv.Client().ConfigSet(t.Context(), "cluster-announce-port", port).Err(); err != nil {
		t.Fatal(err)
	}
	loseAnswers(t, relay, "redis+cluster://"+relay.Addr())
}

func loseAnswers(t *testing.T, relay *relay, url string) {
	s := open(t, url, store.Options{})
	mustPut(t, s, "t", "count", "")
	w := watch(t, s)
	for n := range 5 {
		relay.swallow.Store(true)
		runs := 0
		err := s.Update(t.Context(), "t", func(tx store.Tx) error {
			runs++
			v, err := tx.Get(listed, "count")
			if err != nil {
				return err
			}
			tx.Announce(listed, fmt.Sprint("lost ", n))
			return tx.Put(listed, "count", append(v, 'x'), noExpiry)
		})
		if !errors.Is(err, store.ErrUnavailable) || runs != 1 {
			t.Errorf("after a lost answer and %d runs: %v", runs, err)
		}
		if !w.of(change("t", fmt.Sprint("lost ", n))) {
			t.Error("watchers were not told of a change that may have happened")
		}
		expect(t, s, "t", "count", strings.Repeat("x", n+1))
	}
}

// TestOutOfMemory fills the server: an Update is refused whole.
func TestOutOfMemory(t *testing.T) {
	srv := redistest.Start(t)
	s := open(t, srv.URL(), store.Options{})
	mustPut(t, s, "t", "1", "one")
	mustPut(t, s, "t", "2", "two")
	c := srv.Client()
	if err := c.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	// Redis refuses the first command that needs memory, unless something was
	// written before it: then all of it is done.
	err := s.Update(t.Context(), "t", func(tx store.Tx) error {
		return errors.Join(tx.Put(listed, "1", []byte("new"), noExpiry), tx.Put(listed, "2", []byte("new"), noExpiry))
	})
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("an Update of a full server: %v", err)
	}
	expect(t, s, "t", "1", "one")
	expect(t, s, "t", "2", "two")
	err = s.Update(t.Context(), "t", func(tx store.Tx) error {
		return errors.Join(tx.Delete(listed, "1"), tx.Put(listed, "2", []byte("new"), noExpiry))
	})
	if _, gone := s.Get(t.Context(), key("t", "1")); err == nil && !errors.Is(gone, store.ErrNotFound) || err != nil && gone != nil {
		t.Errorf("half of an Update was done: %v, %v", err, gone)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Ping of a full server: %v", err)
	}
	if err := c.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, "t", "1", "new")
}

// TestCleanUp looks at what Redis keeps for how long: nothing that expires may
// stay for ever, and nothing may go before its time.
func TestCleanUp(t *testing.T) {
	srv := redistest.Start(t)
	clock := storetest.NewClock()
	s := open(t, srv.URL(), store.Options{Now: clock.Now})
	write := func(tag, id string, last time.Duration) {
		t.Helper()
		expires := noExpiry
		if last != 0 {
			expires = clock.Now().Add(last)
		}
		err := s.Update(t.Context(), tag, func(tx store.Tx) error { return tx.Put(listed, id, []byte("v"), expires) })
		if err != nil {
			t.Fatal(err)
		}
	}
	write("hours", "1", time.Hour)
	write("hours", "2", 3*time.Hour)
	write("hours", "3", 2*time.Hour)
	write("mixed", "1", time.Hour)
	write("mixed", "2", 0)
	write("mixed", "3", time.Hour)
	write("lasting", "1", 0)
	c := srv.Client()
	const forever = -1
	for name, want := range map[string]time.Duration{
		"{hours}:listed:1": time.Hour + time.Minute,
		"{hours}:listed:2": 3*time.Hour + time.Minute,
		"{hours}/listed":   3*time.Hour + time.Minute,
		"{mixed}:listed:1": time.Hour + time.Minute,
		"{mixed}:listed:2": forever,
		"{mixed}/listed":   forever,
		"{lasting}/listed": forever,
	} {
		got, err := c.PTTL(t.Context(), "cliendo:"+name).Result()
		if err != nil || want == forever && got != forever || want != forever && (got > want || got < want-time.Minute) {
			t.Errorf("redis keeps %s for %v, %v; want %v", name, got, err, want)
		}
	}
	if n, err := c.ZCard(t.Context(), "cliendo:{hours}/listed").Result(); n != 3 || err != nil {
		t.Errorf("the index has %d ids, %v", n, err)
	}
}

// TestPrune has Redis remove an expired record, as it does after a while: the
// list goes without it, and its id leaves the index.
func TestPrune(t *testing.T) {
	srv := redistest.Start(t)
	s := open(t, srv.URL(), store.Options{})
	c := srv.Client()
	mustPutMany(t, s, "t", 600)
	for i := range 600 {
		if i%2 == 0 {
			if err := c.Del(t.Context(), fmt.Sprintf("cliendo:{t}:listed:%03d", i)).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := s.Scan(t.Context(), "t", listed, "", "", 250)
	if err != nil || len(entries) != 250 || entries[249].ID != "499" {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if entries, err = s.Scan(t.Context(), "t", listed, "", "", 1000); err != nil || len(entries) != 300 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if n, err := c.ZCard(t.Context(), "cliendo:{t}/listed").Result(); n != 300 || err != nil {
		t.Errorf("the index has %d ids, %v", n, err)
	}
}

// TestForgottenScripts has the server forget its scripts, as a restart does.
func TestForgottenScripts(t *testing.T) {
	srv := redistest.Start(t)
	s := open(t, srv.URL(), store.Options{})
	for range 3 {
		mustPut(t, s, "t", "1", "v")
		if err := srv.Client().ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConflict has another client change a record each time an Update reads it.
func TestConflict(t *testing.T) {
	srv := redistest.Start(t)
	s := open(t, srv.URL(), store.Options{})
	mustPut(t, s, "t", "1", "v")
	c := srv.Client()
	meddle := func(tx store.Tx) error {
		if _, err := tx.Get(listed, "1"); err != nil {
			return err
		}
		if err := c.Append(context.Background(), "cliendo:{t}:listed:1", "!").Err(); err != nil {
			return err
		}
		return tx.Put(listed, "1", []byte("mine"), noExpiry)
	}
	if err := s.Update(t.Context(), "t", meddle); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an Update that always loses: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Update(ctx, "t", meddle); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an Update that loses until its deadline: %v", err)
	}
	if v, err := s.Get(t.Context(), key("t", "1")); err != nil || strings.Contains(string(v), "mine") {
		t.Errorf("something was written: %q, %v", v, err)
	}
}

// TestForeignValue wants an error, not "no such record", for a value that is none.
func TestForeignValue(t *testing.T) {
	srv := redistest.Start(t)
	s := open(t, srv.URL(), store.Options{})
	mustPut(t, s, "t", "2", "v")
	c := srv.Client()
	for name, spoil := range map[string]func() error{
		"too short": func() error { return c.Set(t.Context(), "cliendo:{t}:listed:2", "abc", 0).Err() },
		"a list": func() error {
			_, err := c.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
				p.Del(t.Context(), "cliendo:{t}:listed:2")
				p.LPush(t.Context(), "cliendo:{t}:listed:2", "x")
				return nil
			})
			return err
		},
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		_, err := s.Get(t.Context(), key("t", "2"))
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("reading a value that is %s: %v", name, err)
		}
	}
}
