package passhash_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// As says what the test binary is to be instead of the tests.
const as = "PASSHASH_TEST_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(as) {
	case "":
		goleak.VerifyTestMain(m)
	case "hasher":
		if err := passhash.Serve(os.Stdin, os.Stdout, 4); err != nil {
			os.Exit(1)
		}
	case "quitter":
	case "silent":
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "liar":
		lie(0)
	case "sluggard":
		lie(1500 * time.Millisecond)
	}
}

// lie says yes to everything, after some thought about the first: so tests see who
// computed.
func lie(thought time.Duration) {
	type answer struct{ OK bool }
	in, out := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
	for {
		var r struct{ ID uint64 }
		if in.Decode(&r) != nil {
			return
		}
		time.Sleep(thought)
		thought = 0
		_ = out.Encode(struct {
			ID     uint64
			Answer answer
		}{r.ID, answer{OK: true}})
	}
}

// outsourced is a Hasher with a process of its own.
type outsourced struct {
	*passhash.Hasher
	log  testkit.Log
	mu   sync.Mutex
	runs []*exec.Cmd
}

func outsource(t *testing.T, role string) *outsourced {
	o := &outsourced{}
	o.Hasher = passhash.New(passhash.Options{
		Params: cheap, Workers: 4, Log: slog.New(slog.NewTextHandler(&o.log, nil)),
		Process: func(int) *exec.Cmd {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), as+"="+role)
			o.mu.Lock()
			defer o.mu.Unlock()
			o.runs = append(o.runs, cmd)
			return cmd
		},
	})
	o.Impatient(time.Minute) // the process only gets what other tests leave it
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func TestAProcessOfItsOwnComputesTheSame(t *testing.T) {
	o, here := outsource(t, "hasher"), passhash.New(passhash.Options{Params: cheap})
	for name, encoded := range map[string]string{
		"hashed there": hash(t, o.Hasher, "wachtwoord"),
		"hashed here":  hash(t, here, "wachtwoord"),
	} {
		for _, h := range []*passhash.Hasher{o.Hasher, here} {
			if got := verify(t, h, encoded, "wachtwoord"); !got.OK || got.Outdated {
				t.Errorf("%s: %+v", name, got)
			}
			if verify(t, h, encoded, "Wachtwoord").OK || verify(t, h, "", "wachtwoord").OK {
				t.Errorf("%s: a wrong password is right", name)
			}
		}
	}
	if got := verify(t, o.Hasher, byReference, "password"); !got.OK || !got.Outdated {
		t.Errorf("other costs: %+v", got)
	}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { verify(t, o.Hasher, byReference[:0], "x") })
	}
	wg.Wait()
	if len(o.runs) != 1 || o.log.String() != "" {
		t.Errorf("%d processes, log %s", len(o.runs), &o.log)
	}
}

func TestTheProcessComputesButDoesNotDecide(t *testing.T) {
	o := outsource(t, "liar")
	if !verify(t, o.Hasher, byReference, "wrong").OK {
		t.Fatal("not computed in the process")
	}
	if verify(t, o.Hasher, "", "x").OK || verify(t, o.Hasher, byReference, strings.Repeat("x", 2000)).OK {
		t.Error("nobody has a right password")
	}
	if got, err := o.Verify(t.Context(), "$2y$10$x", "x", passhash.Place{}); got.OK || !errors.Is(err, passhash.ErrUnknownScheme) {
		t.Errorf("unknown scheme: %+v, %v", got, err)
	}
}

func TestWithoutTheProcessHashesAreComputedHere(t *testing.T) {
	for _, role := range []string{"quitter", "silent"} {
		t.Run(role, func(t *testing.T) {
			o := outsource(t, role)
			o.Impatient(100 * time.Millisecond)
			for range 5 {
				encoded := hash(t, o.Hasher, "wachtwoord")
				if !verify(t, o.Hasher, encoded, "wachtwoord").OK || verify(t, o.Hasher, encoded, "fout").OK {
					t.Error("wrong answer")
				}
			}
			if len(o.runs) != 1 {
				t.Errorf("started %d times in a row", len(o.runs))
			}
			if n := strings.Count(o.log.String(), "level=WARN"); n != 1 {
				t.Errorf("%d warnings: %s", n, &o.log)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		h := passhash.New(passhash.Options{
			Params: cheap, Log: slog.New(slog.DiscardHandler),
			Process: func(int) *exec.Cmd { return exec.Command("/nowhere/to/be/found") },
		})
		defer h.Close()
		if !verify(t, h, hash(t, h, "wachtwoord"), "wachtwoord").OK {
			t.Error("wrong answer")
		}
	})
}

func TestACrashOfTheProcessLosesNoLogin(t *testing.T) {
	o := outsource(t, "hasher")
	encoded := hash(t, o.Hasher, "wachtwoord")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if i == 50 {
				if err := o.runs[0].Process.Signal(syscall.SIGKILL); err != nil {
					t.Error(err)
				}
			}
			if !verify(t, o.Hasher, encoded, "wachtwoord").OK {
				t.Error("refused")
			}
		})
	}
	wg.Wait()
}

func TestCloseEndsTheProcessAndHashesGoOnHere(t *testing.T) {
	o := outsource(t, "hasher")
	encoded := hash(t, o.Hasher, "wachtwoord")
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if state := o.runs[0].ProcessState; state == nil || !state.Success() {
		t.Errorf("the process ended with %v", state)
	}
	if !verify(t, o.Hasher, encoded, "wachtwoord").OK || len(o.runs) != 1 {
		t.Errorf("after closing: %d processes", len(o.runs))
	}
}

// Behind a hash that takes long others wait, and that is no reason to give the
// process up.
func TestWhoIsBehindASlowHashIsGivenItsTime(t *testing.T) {
	o := outsource(t, "sluggard")
	o.Impatient(time.Second)
	slow := "$2y$13$" + strings.Repeat("a", 53)
	var all sync.WaitGroup
	for range 4 { // all workers
		all.Go(func() { verify(t, o.Hasher, slow, "x") })
	}
	for o.Sent() < 4 {
		time.Sleep(time.Millisecond)
	}
	if !verify(t, o.Hasher, byReference, "wrong").OK || o.log.String() != "" {
		t.Errorf("not waited for: %s", &o.log)
	}
	all.Wait()
}

// Here as many are hashed at a time as there.
func TestWithoutTheProcessNoMoreAreHashedAtATime(t *testing.T) {
	h := passhash.New(passhash.Options{
		Params: cheap, Workers: 1, Log: slog.New(slog.DiscardHandler),
		Process: func(int) *exec.Cmd { return exec.Command("/nowhere/to/be/found") },
	})
	defer h.Close()
	release := h.Occupy()
	done := make(chan passhash.Result)
	go func() { done <- verify(t, h, byReference, "password") }()
	select {
	case <-done:
		t.Error("hashed beside another")
	case <-time.After(50 * time.Millisecond):
	}
	release()
	if !(<-done).OK {
		t.Error("wrong answer")
	}
}

func TestOneMoreThanThereAreWorkersIsAhead(t *testing.T) {
	hold := func(o *outsourced) (release func()) {
		t.Helper()
		release, err := o.Hold(t.Context(), passhash.Place{})
		if err != nil {
			t.Fatal(err)
		}
		return release
	}
	o := outsource(t, "hasher") // four workers
	for range 4 {
		defer hold(o)()
	}
	if running, waiting, _ := o.Stats(); running != 4 || waiting != 0 {
		t.Errorf("%d running, %d waiting", running, waiting)
	}
	defer hold(o)()
	if running, waiting, _ := o.Stats(); running != 4 || waiting != 1 {
		t.Errorf("with one more: %d running, %d waiting", running, waiting)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := o.Hold(ctx, passhash.Place{}); !errors.Is(err, passhash.ErrBusy) {
		t.Errorf("one more than that: %v", err)
	}
}

func TestServeComputesOnlySoManyAtATime(t *testing.T) {
	type job struct{ Encoded, Password string }
	type request struct {
		ID  uint64
		Job job
	}
	slow := "$2y$10$" + strings.Repeat("a", 53)
	quick := hash(t, passhash.New(passhash.Options{Params: cheap}), "x")
	var in, out bytes.Buffer
	say := gob.NewEncoder(&in)
	for id, encoded := range []string{slow, quick, slow, quick} {
		if err := say.Encode(request{uint64(id), job{encoded, "x"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := passhash.ServeBesides(&in, &out, 1); err != nil {
		t.Fatal(err)
	}
	for replies, want := gob.NewDecoder(&out), uint64(0); want < 4; want++ {
		var r struct{ ID uint64 }
		if err := replies.Decode(&r); err != nil || r.ID != want {
			t.Fatalf("answer %d is to %d, %v", want, r.ID, err)
		}
	}
}

func TestServeEndsWithItsInput(t *testing.T) {
	if err := passhash.ServeBesides(strings.NewReader(""), io.Discard, 2); err != nil {
		t.Error(err)
	}
	if err := passhash.ServeBesides(strings.NewReader("this is not what we say"), io.Discard, 2); err == nil {
		t.Error("nonsense is no error")
	}
}
