package attempt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

const day = 24 * time.Hour

func TestAnAttemptIsFoundByItsReference(t *testing.T) {
	onEngines(t, func(t *testing.T, k *kit) {
		r := k.recorder(t, attempt.Options{})
		e := wrong
		e.Cause, e.Known, e.RetryAt = cause.TooManyAttempts, true, k.now().Add(time.Minute)
		ref := record(t, r, e)
		want := &store.Attempt{
			Reference: ref, Cause: "too_many_attempts", Method: "password", First: k.now(), Last: k.now(), Count: 1,
			Typed: "jan@example.com", User: "jan", Account: "praktijk", Network: office, Agent: agent,
			Known: true, Locale: "nl", RetryAt: e.RetryAt,
		}
		for _, typed := range []string{ref, strings.ToLower(ref), " " + strings.ReplaceAll(ref, "-", " ") + " "} {
			if diff := cmp.Diff(want, find(t, r, typed)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", typed, diff)
			}
		}
		for _, typed := range []string{"", "x", "not a reference", "K7Q-4MD"} {
			if _, err := r.Find(t.Context(), typed); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%q: %v", typed, err)
			}
		}
	})
}

func TestAttemptsAreListedNewestFirst(t *testing.T) {
	onEngines(t, func(t *testing.T, k *kit) {
		r := k.recorder(t, attempt.Options{})
		var want []string
		for range 5 {
			want = append([]string{record(t, r, wrong)}, want...)
			k.push(time.Hour)
		}
		record(t, r, stranger)
		var got []string
		for _, a := range of(t, r, attempt.Subject("jan", "")) {
			got = append(got, a.Reference)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		few, err := r.Of(t.Context(), "u:jan", 2)
		if err != nil || len(few) != 2 || few[0].Reference != want[0] {
			t.Errorf("two newest: %+v, %v", few, err)
		}
		if all := of(t, r, attempt.Subject("", "niemand@example.com")); len(all) != 1 {
			t.Errorf("of the address nobody has: %+v", all)
		}
		if all := of(t, r, attempt.Subject("piet", "")); len(all) != 0 {
			t.Errorf("of another user: %+v", all)
		}
	})
}

func TestAttemptsOutliveARestartButNotTheirTime(t *testing.T) {
	onEngines(t, func(t *testing.T, k *kit) {
		r := attempt.New(k.store, attempt.Options{Now: k.now})
		ref := record(t, r, wrong)
		record(t, r, wrong)
		if err := errors.Join(r.Close(), k.store.Close()); err != nil {
			t.Fatal(err)
		}
		k.store = k.reopen()
		r = k.recorder(t, attempt.Options{})
		k.push(90*day - 1)
		if a := find(t, r, ref); a.Count != 2 {
			t.Errorf("after a restart: %+v", a)
		}
		k.push(1)
		if _, err := r.Find(t.Context(), ref); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after 90 days: %v", err)
		}
		if all := of(t, r, "u:jan"); len(all) != 0 {
			t.Errorf("after 90 days still listed: %+v", all)
		}
	})
}

func TestAttemptsAlikeAreOneRecord(t *testing.T) {
	onEngines(t, func(t *testing.T, k *kit) {
		r, other := k.recorder(t, attempt.Options{}), k.recorder(t, attempt.Options{})
		first := k.now()
		ref := record(t, r, wrong)
		for range 9 {
			k.push(time.Second)
			if again := record(t, r, wrong); again != ref {
				t.Fatalf("an attempt alike got reference %s, not %s", again, ref)
			}
		}
		if a := find(t, r, ref); a.Count != 10 || !a.First.Equal(first) || !a.Last.Equal(k.now()) {
			t.Errorf("ten attempts: %+v", a)
		}
		if a := find(t, other, ref); a.Count != 1 {
			t.Errorf("repeats were written one by one: %+v", a)
		}
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, node := range []*attempt.Recorder{r, other} {
			if a := find(t, node, ref); a.Count != 10 || !a.Last.Equal(k.now()) {
				t.Errorf("after a flush: %+v", a)
			}
		}
		if all := of(t, r, "u:jan"); len(all) != 1 {
			t.Errorf("%d records, want one", len(all))
		}
		k.push(10 * time.Minute)
		if record(t, r, wrong) == ref {
			t.Error("ten minutes later it is still the same record")
		}
		if record(t, other, wrong) == ref {
			t.Error("two nodes write to one record")
		}
	})
}

func TestAttemptsThatDifferHaveRecordsOfTheirOwn(t *testing.T) {
	k := onBolt(t)
	r := k.recorder(t, attempt.Options{})
	seen := map[string]string{record(t, r, wrong): "the first"}
	for name, change := range map[string]func(*attempt.Entry){
		"user":    func(e *attempt.Entry) { e.User = "piet" },
		"network": func(e *attempt.Entry) { e.Network = "192.0.2.2/32" },
		"cause":   func(e *attempt.Entry) { e.Cause = cause.TooManyAttempts },
		"method":  func(e *attempt.Entry) { e.Method = "magic" },
		"address": func(e *attempt.Entry) { e.User = "" },
	} {
		e := wrong
		change(&e)
		ref := record(t, r, e)
		if same, taken := seen[ref]; taken {
			t.Errorf("another %s shares a record with %s", name, same)
		}
		seen[ref] = name
	}
}

func TestEveryLoginHasARecordOfItsOwn(t *testing.T) {
	k := onBolt(t)
	r := k.recorder(t, attempt.Options{Caps: attempt.Caps{Network: 1, Subject: 1, Users: 1}})
	in := wrong
	in.Cause = cause.None
	for i := range 20 {
		in.Session = fmt.Sprint("handle", i)
		if a := find(t, r, record(t, r, in)); a.Session != in.Session || a.Count != 1 || a.Cause != "" {
			t.Errorf("login %d: %+v", i, a)
		}
	}
	if all := of(t, r, "u:jan"); len(all) != 20 {
		t.Errorf("%d logins listed", len(all))
	}
}

func TestReferencesAreUnique(t *testing.T) {
	onEngines(t, func(t *testing.T, k *kit) {
		// Each is drawn twice, so that half of the tries find theirs taken.
		few := make(chan string, 100)
		for i := range 50 {
			for range 2 {
				few <- fmt.Sprintf("K7Q-4%c%c", "ACDEFGHJKM"[i%10], "NPQRT"[i/10])
			}
		}
		o := attempt.Options{Reference: func() string { return <-few }}
		nodes := []*attempt.Recorder{k.recorder(t, o), k.recorder(t, o)}
		var mu sync.Mutex
		var wg sync.WaitGroup
		seen := make(map[string]int)
		for i := range 40 {
			wg.Go(func() {
				e := wrong
				e.User = fmt.Sprint("user", i)
				ref, err := nodes[i%2].Record(t.Context(), e)
				if err != nil {
					t.Error(err)
				}
				own, err := nodes[i%2].Of(t.Context(), "u:"+e.User, 10)
				if err != nil || len(own) != 1 || own[0].Reference != ref || own[0].User != e.User {
					t.Errorf("%s has %d attempts: %v", e.User, len(own), err)
				}
				mu.Lock()
				defer mu.Unlock()
				seen[ref]++
			})
		}
		wg.Wait()
		// Nor does an entry stay that leads to somebody else's.
		for i := range 40 {
			entries, err := store.AttemptIndex.Scan(t.Context(), k.store, store.SubjectTag(fmt.Sprint("u:user", i)), "", "", 10)
			if err != nil || len(entries) != 1 {
				t.Errorf("user%d has %d entries: %v", i, len(entries), err)
			}
		}
		if len(seen) != 40 {
			t.Errorf("40 attempts have %d references", len(seen))
		}
	})
}

func TestWithoutAFreeReferenceNothingIsOverwritten(t *testing.T) {
	k := onBolt(t)
	r := k.recorder(t, attempt.Options{Reference: func() string { return "K7Q-4MD" }})
	record(t, r, wrong)
	if _, err := r.Record(t.Context(), stranger); !errors.Is(err, attempt.ErrNoReference) {
		t.Errorf("second attempt under the only reference: %v", err)
	}
	if a := find(t, r, "K7Q-4MD"); a.User != "jan" {
		t.Errorf("overwritten: %+v", a)
	}
	subject := attempt.Subject("", stranger.Typed)
	shown := func(when string) {
		t.Helper()
		if others, err := r.Of(t.Context(), subject, 10); err != nil || len(others) != 0 {
			t.Errorf("%s the stranger is shown %d attempts of jan: %v", when, len(others), err)
		}
	}
	shown("afterwards")
	// Nor in the moment before an entry is gone again, or where that failed.
	if err := k.store.Update(t.Context(), store.SubjectTag(subject), func(tx store.Tx) error {
		return store.AttemptIndex.Put(tx, "0000000000000000.K7Q-4MD", &store.AttemptRef{Reference: "K7Q-4MD"}, time.Time{})
	}); err != nil {
		t.Fatal(err)
	}
	shown("by an entry that stayed")
}

func TestParallelAttemptsAlikeShareOneReference(t *testing.T) {
	onEngines(t, func(t *testing.T, k *kit) {
		r := k.recorder(t, attempt.Options{})
		refs := make([]string, 100)
		var wg sync.WaitGroup
		for i := range refs {
			wg.Go(func() {
				var err error
				if refs[i], err = r.Record(t.Context(), wrong); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, ref := range refs {
			if ref != refs[0] {
				t.Fatalf("references %s and %s", refs[0], ref)
			}
		}
		if a := find(t, r, refs[0]); a.Count != 100 {
			t.Errorf("%d of 100 counted", a.Count)
		}
	})
}

func TestNoSecretReachesTheStore(t *testing.T) {
	k := onBolt(t)
	r := attempt.New(k.store, attempt.Options{Now: k.now})
	typed := []string{
		"Eddydebeste48A", "my p@ssword", "p@ss", "p@ss@word.nl", "@Geheim.nl", "Geheim@", "tab\t@geheim.nl",
		"nul\x00@geheim.nl", strings.Repeat("g", 300) + "@geheim.nl", "Geheim.nl",
	}
	var subjects []string
	for i, s := range typed {
		for _, e := range []attempt.Entry{stranger, wrong} {
			e.Typed, e.Network = s, fmt.Sprint(i)
			if a := find(t, r, record(t, r, e)); a.Typed != "" {
				t.Errorf("%q is kept", s)
			}
		}
		subjects = append(subjects, attempt.Subject("", s))
	}
	long := wrong
	long.Agent, long.Locale, long.Method = strings.Repeat("a", 10_000), strings.Repeat("l", 10_000), strings.Repeat("\xff", 100)
	if a := find(t, r, record(t, r, long)); len(a.Agent)+len(a.Locale)+len(a.Method) > 200 {
		t.Errorf("unbounded: %+v", a)
	}
	if err := errors.Join(r.Close(), k.store.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(k.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(typed, subjects...) {
		if bytes.Contains(file, []byte(s)) {
			t.Errorf("the file holds %q", s)
		}
	}
}

func TestSubjects(t *testing.T) {
	for _, test := range []struct{ user, address, want string }{
		{"jan", "jan@example.com", "u:jan"},
		{"jan", "", "u:jan"},
		{"", "jan@example.com", "x:" + secret.Digest("jan@example.com")},
		{"", "", ""},
	} {
		if got := attempt.Subject(test.user, test.address); got != test.want {
			t.Errorf("%q, %q: %s", test.user, test.address, got)
		}
	}
}

func TestAStoreThatFailsIsReported(t *testing.T) {
	k := onBolt(t)
	f := &faulty{Engine: k.store}
	k.store = f
	r := k.recorder(t, attempt.Options{})
	f.fail(store.ErrUnavailable)
	if ref, err := r.Record(t.Context(), wrong); ref != "" || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("first: %q, %v", ref, err)
	}
	f.heal()
	ref := record(t, r, wrong)
	f.fail(store.ErrUnavailable)
	if again := record(t, r, wrong); again != ref {
		t.Errorf("a repeat needs no write, but got %s", again)
	}
	if err := r.Flush(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("flush: %v", err)
	}
	f.heal()
	if err := r.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if a := find(t, r, ref); a.Count != 2 {
		t.Errorf("the repeat was lost: %+v", a)
	}
}

func TestHangingUpIsRecorded(t *testing.T) {
	k := onBolt(t)
	r := k.recorder(t, attempt.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ref, err := r.Record(ctx, wrong)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Record(ctx, wrong); again != ref || err != nil {
		t.Errorf("repeat: %s, %v", again, err)
	}
	if a := find(t, r, ref); a.Count != 2 {
		t.Errorf("recorded: %+v", a)
	}
}

func TestRepeatsAreWrittenByThemselves(t *testing.T) {
	k := onBolt(t)
	f := &faulty{Engine: k.store}
	k.store = f
	r := k.recorder(t, attempt.Options{FlushEvery: time.Millisecond})
	other := k.recorder(t, attempt.Options{})
	ref := record(t, r, wrong)
	f.fail(store.ErrUnavailable) // the first flushes fail
	record(t, r, wrong)
	time.Sleep(5 * time.Millisecond)
	f.heal()
	for find(t, other, ref).Count != 2 {
		time.Sleep(time.Millisecond)
	}
}

func TestRepeatsDuringAFlushAreNotLost(t *testing.T) {
	k := onBolt(t)
	f := &faulty{Engine: k.store}
	k.store = f
	r := k.recorder(t, attempt.Options{})
	ref := record(t, r, wrong)
	record(t, r, wrong)
	f.after = func() {
		f.after = nil
		record(t, r, wrong)
	}
	for range 2 {
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if a := find(t, k.recorder(t, attempt.Options{}), ref); a.Count != 3 {
		t.Errorf("%d of 3 written", a.Count)
	}
}

func TestRepeatsOfAnOldRecordAreNotForgotten(t *testing.T) {
	k := onBolt(t)
	r := k.recorder(t, attempt.Options{})
	ref := record(t, r, wrong)
	record(t, r, wrong)
	k.push(10 * time.Minute)
	for i := range 500 { // so many that old ones are swept out
		e := wrong
		e.User, e.Known = fmt.Sprint(i), true
		record(t, r, e)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := find(t, r, ref); a.Count != 2 {
		t.Errorf("%d of 2 written", a.Count)
	}
}

func TestAClosedRecorderStillRecords(t *testing.T) {
	k := onBolt(t)
	r := attempt.New(k.store, attempt.Options{Now: k.now})
	ref := record(t, r, wrong)
	record(t, r, wrong)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	record(t, r, wrong)
	record(t, r, stranger)
	if a := find(t, k.recorder(t, attempt.Options{}), ref); a.Count != 3 {
		t.Errorf("after closing: %+v", a)
	}
}
