package operate_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/person"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var base = time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC)

type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) push(d time.Duration) { c.at.Add(int64(d)) }

// house is the real thing on a real engine, with a clock that can be pushed.
type house struct {
	*operate.House
	*clock
	t        *testing.T
	engine   store.Engine
	dir      *directory.Directory
	limits   *limit.Limiter
	attempts *attempt.Recorder
	hasher   *passhash.Hasher
}

func onEngines(t *testing.T, test func(h *house)) {
	t.Helper()
	t.Run("bolt", func(t *testing.T) { test(onBolt(t)) })
	t.Run("redis", func(t *testing.T) {
		c := newClock()
		s, err := redisstore.Open(redistest.Start(t).URL(), store.Options{Now: c.now})
		test(newHouse(t, c, s, err))
	})
}

func onBolt(t *testing.T) *house {
	t.Helper()
	c := newClock()
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{Now: c.now})
	return newHouse(t, c, s, err)
}

func newClock() *clock {
	c := &clock{}
	c.at.Store(base.UnixNano())
	return c
}

func newHouse(t *testing.T, c *clock, s store.Engine, err error) *house {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	const letters = "ACDEFGHJKMNPQRTUVWXY3479"
	made := -1
	h := &house{
		clock: c, t: t, engine: s,
		dir:    directory.New(s, directory.Options{Now: c.now}),
		limits: limit.New(s, limit.Config{}, c.now),
		hasher: passhash.New(passhash.Options{Params: passhash.Params{Memory: 64, Time: 1, Threads: 1}}),
		attempts: attempt.New(s, attempt.Options{Now: c.now, Reference: func() string {
			made++
			return "K7Q-4" + letters[made/24:][:1] + letters[made%24:][:1]
		}}),
	}
	t.Cleanup(func() { h.attempts.Close() })
	keys := apikey.New(s, h.dir, apikey.Options{Now: c.now})
	t.Cleanup(func() { keys.Close() })
	log := audit.New(s, audit.Options{Keys: testKeys(t), Now: c.now})
	h.House = &operate.House{
		Audit: log, People: person.New(s, person.Options{Directory: h.dir, Limits: h.limits, Audit: log}),
		Directory: h.dir, Limits: h.limits, Attempts: h.attempts, Hasher: h.hasher, Now: c.now, Keys: keys,
		Likely: func(domain string) string { return map[string]string{"gmial.com": "gmail.com"}[domain] },
	}
	h.Manage = manage.New(manage.Options{
		Store: s, Directory: h.dir, Hasher: h.hasher, Limits: h.limits, Audit: audit.New(s, audit.Options{Now: c.now}), Now: c.now,
	})
	return h
}

// postOffice has mails sent, and returns where they can be read.
func (h *house) postOffice() *testkit.Post {
	h.t.Helper()
	keys := testkit.Keys(h.t)
	box := testkit.Box(h.t, keys, "outbox")
	post := &testkit.Post{Outbox: outbox.New(h.engine, outbox.Options{Box: box, Now: h.now})}
	h.Manage = manage.New(manage.Options{
		Store: h.engine, Directory: h.dir, Hasher: h.hasher, Limits: h.limits, Audit: audit.New(h.engine, audit.Options{Now: h.now}), Now: h.now,
		Tickets: ticket.New(h.engine, ticket.Options{Box: box, Key: keys.Derive("tickets"), Hasher: h.hasher, Mails: post, Now: h.now}),
		Mails:   post, Origin: "https://app.example/gateway",
	})
	return post
}

// do runs a command line as the command does: parsed, then run.
func (h *house) do(line ...string) (operate.Result, error) {
	r, _, err := operate.Parse(line)
	if err != nil {
		return operate.Result{}, err
	}
	return h.Run(h.t.Context(), r)
}

// ok runs a command line that must succeed and returns its data.
func (h *house) ok(line ...string) (data map[string]any, text string) {
	h.t.Helper()
	res, err := h.do(line...)
	if err != nil {
		h.t.Fatalf("%s: %v", strings.Join(line, " "), err)
	}
	if err := json.Unmarshal(res.Data, &data); err != nil {
		h.t.Fatalf("%s: %v in %s", strings.Join(line, " "), err, res.Data)
	}
	var b strings.Builder
	if err := res.WriteText(&b); err != nil {
		h.t.Fatal(err)
	}
	return data, b.String()
}

// exports runs a command line whose file is returned with its data.
func (h *house) exports(line ...string) (file string, data map[string]any) {
	h.t.Helper()
	r, _, err := operate.Parse(line)
	must(h.t, err)
	var b strings.Builder
	res, err := h.RunStream(h.t.Context(), r, operate.Stream{Out: &b})
	must(h.t, err)
	must(h.t, json.Unmarshal(res.Data, &data))
	return b.String(), data
}

// refused runs a command line that must fail with an exit code, and say part.
func (h *house) refused(exit int, part string, line ...string) {
	h.t.Helper()
	_, err := h.do(line...)
	var e *operate.Error
	if !errors.As(err, &e) {
		h.t.Errorf("%.200q: got error %v, want *operate.Error", line, err)
		return
	}
	if e.Exit != exit || !strings.Contains(e.Error(), part) {
		h.t.Errorf("%.200q: exit %d, %q; want exit %d and %q", line, e.Exit, e.Error(), exit, part)
	}
}

// at follows a path of keys into data.
func at(data any, path string) any {
	for _, key := range strings.Split(path, ".") {
		switch d := data.(type) {
		case map[string]any:
			data = d[key]
		case []any:
			if key != "0" || len(d) == 0 {
				return nil
			}
			data = d[0]
		default:
			return nil
		}
	}
	return data
}

func (h *house) want(data any, path string, want any) {
	h.t.Helper()
	if got := at(data, path); !cmp.Equal(got, want) {
		h.t.Errorf("%s: got %v, want %v", path, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fail lets somebody type a wrong password from a network.
func (h *house) fail(subject, network string) {
	h.t.Helper()
	p, err := h.limits.Reserve(h.t.Context(), limit.Try{Subject: subject, Network: network})
	must(h.t, err)
	_, err = p.Failed(h.t.Context())
	must(h.t, err)
}

func (h *house) record(e attempt.Entry) string {
	h.t.Helper()
	ref, err := h.attempts.Record(context.Background(), e)
	must(h.t, err)
	return ref
}

var update = flag.Bool("update", false, "write the golden files anew")

var random = regexp.MustCompile(`\b[a-z2-7]{16}\b`)

// golden compares the outcome of a command line with what is on file, for
// programs and for people.
func (h *house) golden(name string, line ...string) {
	h.t.Helper()
	res, err := h.do(line...)
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	var b strings.Builder
	must(h.t, res.WriteJSON(&b))
	b.WriteString("---\n")
	must(h.t, res.WriteText(&b))
	got := random.ReplaceAllString(b.String(), "the-id-of-a-user")
	path := filepath.Join("testdata", name+".golden")
	if *update {
		must(h.t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	must(h.t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		h.t.Errorf("%s: (-file +now)\n%s", path, diff)
	}
}
