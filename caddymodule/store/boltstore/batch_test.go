package boltstore_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
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
