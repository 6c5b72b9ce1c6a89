package boltstore_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
)

func commits(t *testing.T, s *boltstore.Store) int {
	t.Helper()
	n, err := s.Commits()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// While one commit is under way, however long it takes, all that come share the
// next one: on a slow disk each commit takes more, instead of a queue of commits.
func TestUpdatesThatWaitShareOneCommit(t *testing.T) {
	s := open(t, file(t), store.Options{})
	write := func(tx store.Tx) error { return tx.Put(plain, "id", []byte("value"), time.Time{}) }
	before := commits(t, s)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var slow, others sync.WaitGroup
	slow.Go(func() {
		err := s.Update(t.Context(), "slow", func(tx store.Tx) error {
			close(begun)
			<-goOn
			return write(tx)
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	const n = 200
	for i := range n {
		others.Go(func() {
			if err := s.Update(t.Context(), fmt.Sprint("tag ", i), write); err != nil {
				t.Error(err)
			}
		})
	}
	for s.Waiting() < n {
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	slow.Wait()
	others.Wait()
	if got := commits(t, s) - before; got != 2 {
		t.Errorf("%d commits for one Update and %d that came meanwhile, want 2", got, n)
	}
}

// A try that is refused, a record that is what it should be: no disk is needed.
func TestUpdatesThatWriteNothingDoNotCommit(t *testing.T) {
	s := open(t, file(t), store.Options{})
	before := commits(t, s)
	refused := errors.New("refused")
	for _, want := range []error{nil, refused} {
		if err := s.Update(t.Context(), "tag", func(store.Tx) error { return want }); !errors.Is(err, want) {
			t.Errorf("Update: %v, want %v", err, want)
		}
	}
	if got := commits(t, s) - before; got != 0 {
		t.Errorf("%d commits, want none", got)
	}
}

// A few that write side by side share their commits, alone nobody waits for company,
// and many are company enough. (The clock of the bubble goes on only while all wait:
// what passes is what was waited for, however slow the disk is.)
func TestThoseWhoComeSideBySideGather(t *testing.T) {
	const each, round = 50, 20 * time.Millisecond
	for name, c := range map[string]struct {
		writers, commits int           // at most
		took             time.Duration // at most
	}{
		"alone": {1, each, each * time.Millisecond},
		"three": {3, each + 5, (each + 5) * round},
		"ten":   {10, each + 5, (each + 5) * round},
		"a lot": {40, 4 * each, each * round * 3 / 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, file(t), store.Options{})
				before, begun := commits(t, s), time.Now()
				var all sync.WaitGroup
				for w := range c.writers {
					all.Go(func() { writeNowAndThen(t, s, each, time.Duration(w%10+1)*time.Millisecond) })
				}
				all.Wait()
				if got := commits(t, s) - before; got > c.commits {
					t.Errorf("%d commits for %d writers of %d Updates each, want at most %d", got, c.writers, each, c.commits)
				}
				if got := time.Since(begun); got > c.took {
					t.Errorf("took %v, want at most %v", got, c.took)
				}
			})
		})
	}
}

func writeNowAndThen(t *testing.T, s *boltstore.Store, times int, pause time.Duration) {
	for i := range times {
		err := s.Update(t.Context(), "tag", func(tx store.Tx) error {
			return tx.Put(plain, fmt.Sprint(pause, i), []byte("value"), time.Time{})
		})
		if err != nil {
			t.Error(err)
			return
		}
		time.Sleep(pause)
	}
}
