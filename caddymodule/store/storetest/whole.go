package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
)

var wholeChecks = []check{{"a dump is of one moment, over all tags", testDumpWhole}}

// People come and go while dumps are made: claimed first, then there, with a line
// in a log whose head counts the lines; and the other way round when they go. A
// dump that shows somebody without their claim, or a log that is not as long as its
// head says, is of more than one moment.
func testDumpWhole(t *testing.T, s *subject) {
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w, e := range append(s.engines(t), s.engines(t)...) {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := comeAndGo(t, e, w, n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 40 {
		lookWhole(t, s.dump(t))
	}
	close(stop)
	writers.Wait()
}

// stay is how many people of a writer are there at a time.
const stay = 5

func comeAndGo(t *testing.T, e store.Engine, w, n int) error {
	claim := func(n int) string { return fmt.Sprintf("claim %d %d", w, n) }
	people, id := fmt.Sprintf("people %d", w), func(n int) string { return fmt.Sprintf("person %d", n) }
	come := []error{
		e.Update(ctx(t), claim(n), func(tx store.Tx) error { return tx.Put(plain, "", []byte("x"), never) }),
		e.Update(ctx(t), people, func(tx store.Tx) error {
			return errors.Join(tx.Put(plain, id(n), []byte(claim(n)), never),
				tx.Put(listed, fmt.Sprintf("line %d", n), nil, never), tx.Put(plain, "head", []byte(strconv.Itoa(n+1)), never))
		}),
	}
	if gone := n - stay; gone >= 0 {
		come = append(come,
			e.Update(ctx(t), people, func(tx store.Tx) error { return tx.Delete(plain, id(gone)) }),
			e.Update(ctx(t), claim(gone), func(tx store.Tx) error { return tx.Delete(plain, "") }),
		)
	}
	return errors.Join(come...)
}

func lookWhole(t *testing.T, all map[string]string) {
	t.Helper()
	lines, heads := map[string]int{}, map[string]string{}
	for at, value := range all {
		tag, _, _ := strings.Cut(at[1:], `"`)
		value, _ := strconv.QuotedPrefix(value)
		value, _ = strconv.Unquote(value)
		switch {
		case strings.Contains(at, "person"):
			if _, claimed := all[fmt.Sprintf("%q plain %q", value, "")]; !claimed {
				t.Errorf("%s has no claim", at)
			}
		case strings.Contains(at, "line"):
			lines[tag]++
		case strings.Contains(at, "head"):
			heads[tag] = value
		}
	}
	for tag, n := range lines {
		if heads[tag] != strconv.Itoa(n) {
			t.Errorf("%s has %d lines, its head says %q", tag, n, heads[tag])
		}
	}
}
