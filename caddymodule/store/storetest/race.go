package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
)

var raceChecks = []check{
	{"a counter loses no increment", testCounter},
	{"a token redeemed by 50 at once succeeds once", testTokenOnce},
	{"a unique name is claimed once", testClaim},
	{"records that change together are seen together", testTogether},
	{"tags change side by side", testSideBySide},
	{"a failing Update does not take others with it", testFailingNeighbour},
}

var errTaken = errors.New("taken")

// engines returns the store, and a second node on the same data where there can
// be one.
func (s *subject) engines(t *testing.T) []store.Engine {
	if s.Second == nil {
		return []store.Engine{s.Engine}
	}
	return []store.Engine{s.Engine, s.Second(t)}
}

// crowd runs fn n times at once, spread over the nodes.
func (s *subject) crowd(t *testing.T, n int, fn func(i int, e store.Engine) error) {
	engines := s.engines(t)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			if err := fn(i, engines[i%len(engines)]); err != nil {
				t.Errorf("number %d: %v", i, err)
			}
		})
	}
	close(start)
	all.Wait()
}

func testCounter(t *testing.T, s *subject) {
	const people, times = 50, 5
	s.crowd(t, people, func(_ int, e store.Engine) error {
		for range times {
			if err := e.Update(ctx(t), "r", increment("n")); err != nil {
				return err
			}
		}
		return nil
	})
	s.expect(t, "r", plain, "n", strconv.Itoa(people*times))
}

func increment(id string) func(store.Tx) error {
	return func(tx store.Tx) error {
		v, err := tx.Get(plain, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		n, _ := strconv.Atoi(string(v))
		return tx.Put(plain, id, []byte(strconv.Itoa(n+1)), never)
	}
}

func testTokenOnce(t *testing.T, s *subject) {
	for _, kind := range []store.Kind{plain, listed} {
		s.put(t, "r", kind, "token", "valid", never)
		var redeemed atomic.Int32
		s.crowd(t, 50, func(_ int, e store.Engine) error {
			err := e.Update(ctx(t), "r", func(tx store.Tx) error {
				if _, err := tx.Get(kind, "token"); err != nil {
					return err
				}
				return tx.Delete(kind, "token")
			})
			switch {
			case err == nil:
				redeemed.Add(1)
			case !errors.Is(err, store.ErrNotFound):
				return err
			}
			return nil
		})
		if n := redeemed.Load(); n != 1 {
			t.Errorf("redeemed %d times", n)
		}
	}
}

func testClaim(t *testing.T, s *subject) {
	winners := make(chan int, 100)
	s.crowd(t, 100, func(i int, e store.Engine) error {
		err := e.Update(ctx(t), "e:jan@example.test", func(tx store.Tx) error {
			if _, err := tx.Get(plain, ""); err == nil {
				return errTaken
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
			return tx.Put(plain, "", []byte(strconv.Itoa(i)), never)
		})
		switch {
		case err == nil:
			winners <- i
		case !errors.Is(err, errTaken):
			return err
		}
		return nil
	})
	if len(winners) != 1 {
		t.Fatalf("%d won", len(winners))
	}
	s.expect(t, "e:jan@example.test", plain, "", strconv.Itoa(<-winners))
}

// testTogether moves points between two records while others add them up: every
// Update sees the same sum, also one that writes nothing or fails.
func testTogether(t *testing.T, s *subject) {
	const sum = 1000
	s.put(t, "r", plain, "left", strconv.Itoa(sum), never)
	s.put(t, "r", plain, "right", "0", never)
	errSum := errors.New("the sum is wrong")
	read := func(tx store.Tx) (left, right int, err error) {
		l, err1 := tx.Get(plain, "left")
		r, err2 := tx.Get(plain, "right")
		left, _ = strconv.Atoi(string(l))
		right, _ = strconv.Atoi(string(r))
		if err = errors.Join(err1, err2); err == nil && left+right != sum {
			err = fmt.Errorf("%w: %d + %d", errSum, left, right)
		}
		return left, right, err
	}
	s.crowd(t, 40, func(i int, e store.Engine) error {
		for range 5 {
			err := e.Update(ctx(t), "r", func(tx store.Tx) error {
				left, right, err := read(tx)
				if err != nil || i%2 == 0 {
					return err
				}
				return errors.Join(
					tx.Put(plain, "left", []byte(strconv.Itoa(left-1)), never),
					tx.Put(plain, "right", []byte(strconv.Itoa(right+1)), never))
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	s.expect(t, "r", plain, "left", strconv.Itoa(sum-100))
	s.expect(t, "r", plain, "right", "100")
}

func testSideBySide(t *testing.T, s *subject) {
	s.crowd(t, 60, func(i int, e store.Engine) error {
		tag := fmt.Sprintf("tag %d", i)
		for range 5 {
			if err := e.Update(ctx(t), tag, increment("n")); err != nil {
				return err
			}
		}
		v, err := e.Get(ctx(t), store.Key{Tag: tag, Kind: plain, ID: "n"})
		if err != nil || string(v) != "5" {
			return fmt.Errorf("reads %q, %w", v, err)
		}
		return nil
	})
}

func testFailingNeighbour(t *testing.T, s *subject) {
	s.crowd(t, 60, func(i int, e store.Engine) error {
		err := e.Update(ctx(t), "r", func(tx store.Tx) error {
			if err := increment("n")(tx); err != nil || i%3 != 0 {
				return err
			}
			return errTaken
		})
		if i%3 == 0 && errors.Is(err, errTaken) {
			return nil
		}
		return err
	})
	s.expect(t, "r", plain, "n", "40")
}
