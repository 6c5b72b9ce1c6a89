package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Crash tests: a writer makes changes that hang together and reports each one
// that was acknowledged. It, or its server, is killed. What is found afterwards
// must hold everything that was acknowledged, and no half of a change.
const (
	crashWriters = 4
	crashKeep    = 20 // how many entries of the log of each writer stay
	writerEnv    = "STORETEST_WRITER"
)

func crashTag(writer int) string { return fmt.Sprintf("crash %d", writer) }

func logID(n int) string { return fmt.Sprintf("log %08d", n) }

// crashStep is one change: two counters, a new entry of the log and the end of an
// old one.
func crashStep(next *int) func(store.Tx) error {
	return func(tx store.Tx) error {
		v, err := tx.Get(plain, "left")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		n := atoi(string(v)) + 1
		*next = n
		count := fmt.Append(nil, n)
		padding := strings.Repeat("x", atRandom(3000))
		return errors.Join(
			tx.Put(plain, "left", count, never),
			tx.Put(listed, logID(n), append(count, padding...), never),
			tx.Delete(listed, logID(n-crashKeep)),
			tx.Put(plain, "right", count, never))
	}
}

func atRandom[N int | time.Duration](n N) N { return rand.N(n) } //nolint:gosec // no secret

// Write changes records until an Update fails or ctx ends, and calls acknowledged
// for each Update that did not fail.
func Write(ctx context.Context, e store.Engine, acknowledged func(writer, n int)) {
	var all sync.WaitGroup
	for w := range crashWriters {
		all.Go(func() {
			for ctx.Err() == nil {
				var n int
				if err := e.Update(ctx, crashTag(w), crashStep(&n)); err != nil {
					return
				}
				acknowledged(w, n)
			}
		})
	}
	all.Wait()
}

// Acknowledged holds the last change of each writer that was acknowledged.
type Acknowledged struct {
	mu   sync.Mutex
	last [crashWriters]int
}

// Note takes down an acknowledgement.
func (a *Acknowledged) Note(writer, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last[writer] = max(a.last[writer], n)
}

// Total returns how many changes were acknowledged so far.
func (a *Acknowledged) Total() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	sum := 0
	for _, n := range a.last {
		sum += n
	}
	return sum
}

// Verify fails the test when something acknowledged is missing or a change is
// there by half.
func (a *Acknowledged) Verify(t *testing.T, e store.Engine) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for w, last := range a.last {
		left, right := crashCount(t, e, w, "left"), crashCount(t, e, w, "right")
		// One more Update may have been under way when the end came.
		if left != right || left < last || left > last+1 {
			t.Fatalf("writer %d: acknowledged %d, found %d and %d", w, last, left, right)
		}
		want := []string{}
		for n := max(1, left-crashKeep+1); n <= left; n++ {
			want = append(want, logID(n))
		}
		s := &subject{Harness: Harness{Engine: e}}
		if diff := cmp.Diff(want, s.ids(t, crashTag(w), "", "", 1000)); diff != "" {
			t.Fatalf("log of writer %d: %s", w, diff)
		}
		a.last[w] = left
	}
}

func crashCount(t *testing.T, e store.Engine, writer int, id string) int {
	t.Helper()
	v, err := e.Get(ctx(t), store.Key{Tag: crashTag(writer), Kind: plain, ID: id})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return atoi(string(v))
}

// Main is the TestMain of a package with crash tests. When the test binary was
// started by KillWriter it is the writer: it opens the store that target names.
func Main(m *testing.M, open func(target string) (store.Engine, error)) {
	target := os.Getenv(writerEnv)
	if target == "" {
		os.Exit(m.Run())
	}
	e, err := open(target)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	Write(context.Background(), e, func(writer, n int) {
		// One write call: a line is there whole or not at all.
		_, _ = fmt.Fprintf(os.Stdout, "%d %d\n", writer, n)
	})
	fmt.Fprintln(os.Stderr, "an update failed")
	os.Exit(1)
}

// KillWriter runs this test binary as a writer on target, kills it (kill -9) at
// some moment, mostly while it writes, and notes what it acknowledged.
func (a *Acknowledged) KillWriter(t *testing.T, target string) {
	t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:gosec,noctx // this very binary, killed below
	cmd.Env = append(os.Environ(), writerEnv+"="+target)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	killed := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	if atRandom(4) == 0 {
		killed.Reset(atRandom(100 * time.Millisecond)) // perhaps while it opens the store
	}
	a.read(out, func() { killed.Reset(atRandom(60 * time.Millisecond)) })
	_ = cmd.Wait()
	killed.Stop()
	if text := complaint.String(); text != "" {
		t.Fatalf("the writer ended by itself: %s", text)
	}
}

// read notes what the writer prints, until it is dead.
func (a *Acknowledged) read(out io.Reader, first func()) {
	started := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var writer, n int
		if _, err := fmt.Sscanf(lines.Text(), "%d %d", &writer, &n); err == nil {
			a.Note(writer, n)
		}
		if !started {
			started = true
			first()
		}
	}
}
