package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

var discard = slog.New(slog.DiscardHandler)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var base = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

const (
	keyOne = "a key of thirty-two bytes, or more!"
	keyTwo = "another key of thirty-two bytes, too"
)

func keys(t *testing.T, current string, old ...string) *secret.Keys {
	t.Helper()
	var olds [][]byte
	for _, o := range old {
		olds = append(olds, []byte(o))
	}
	k, err := secret.NewKeys([]byte(current), olds...)
	must(t, err)
	return k
}

// house is the log of an account, on one or two nodes.
type house struct {
	*audit.Log
	*testkit.Clock
	engine *counting
	second *audit.Log // another node; the same where there can be only one
	other  store.Engine
}

// counting counts what is read.
type counting struct {
	store.Engine
	read atomic.Int64
}

func (c *counting) Get(ctx context.Context, key store.Key) ([]byte, error) {
	c.read.Add(1)
	return c.Engine.Get(ctx, key)
}

func (c *counting) Scan(ctx context.Context, tag string, kind store.Kind, prefix, after string, limit int) ([]store.Entry, error) {
	entries, err := c.Engine.Scan(ctx, tag, kind, prefix, after, limit)
	c.read.Add(int64(len(entries)))
	return entries, err
}

func onEngines(t *testing.T, test func(t *testing.T, h *house)) {
	testkit.OnNodes(t, base, func(t *testing.T, c *testkit.Clock, nodes ...store.Engine) {
		h := &house{Clock: c, engine: &counting{Engine: nodes[0]}, other: nodes[len(nodes)-1]}
		h.Log, h.second = h.node(t, h.engine, keyOne), h.node(t, h.other, keyOne)
		test(t, h)
	})
}

// node is a log with secrets of its own.
func (h *house) node(t *testing.T, e store.Engine, current string, old ...string) *audit.Log {
	t.Helper()
	return audit.New(e, audit.Options{Keys: keys(t, current, old...), Now: h.Now})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var anna = audit.Actor{
	Kind: audit.ByUser, ID: "anna", Account: "acme", Name: "Anna <anna@demo.test>", Network: "192.0.2.1", Agent: "Firefox / Linux", Session: "abc",
}

// fill writes lines, a minute apart: line n is about user u<n%10>.
func (h *house) fill(t *testing.T, n int) {
	t.Helper()
	for done := 0; done < n; {
		batch := min(500, n-done)
		start := h.Now()
		must(t, h.engine.Update(audit.As(t.Context(), anna), store.AccountTag("acme"), func(tx store.Tx) error {
			for i := range batch {
				user := fmt.Sprintf("u%d", (done+i+1)%10)
				e := audit.Entry{
					Action: audit.UserBlocked, Account: "acme", User: user, Email: user + "@demo.test", Why: "left the team",
					Before: map[string]string{"name": "Jan"}, After: map[string]string{"name": "Piet"},
				}
				if err := audit.Append(audit.As(context.Background(), anna), tx, e, start.Add(time.Duration(i+1)*time.Minute)); err != nil {
					return err
				}
			}
			return nil
		}))
		done += batch
		h.Push(time.Duration(batch) * time.Minute)
	}
}

func (h *house) whole(t *testing.T, l *audit.Log) audit.Report {
	t.Helper()
	r, err := l.Verify(t.Context(), "acme")
	must(t, err)
	if !r.OK() {
		t.Errorf("%+v", r.Problems)
	}
	return r
}

// broken wants a problem with these words.
func (h *house) broken(t *testing.T, l *audit.Log, words string) {
	t.Helper()
	r, err := l.Verify(t.Context(), "acme")
	must(t, err)
	for _, p := range r.Problems {
		if strings.Contains(fmt.Sprintf("%d: %s", p.Seq, p.Message), words) {
			return
		}
	}
	t.Errorf("no problem %q in %+v", words, r.Problems)
}

func seqs(p audit.Page) (all []uint64) {
	for _, e := range p.Entries {
		all = append(all, e.Seq)
	}
	return all
}

// tamper changes the records of the log behind its back.
func (h *house) tamper(t *testing.T, fn func(tx store.Tx) error) {
	t.Helper()
	must(t, h.engine.Update(t.Context(), store.AccountTag("acme"), fn))
}

func lineID(seq uint64) string { return fmt.Sprintf("%016x", ^seq) }

// alter changes one line.
func alter(tx store.Tx, seq uint64, fn func(*store.AuditLine)) error {
	line, err := store.AuditLines.Read(tx, lineID(seq))
	if err != nil {
		return err
	}
	fn(line)
	return store.AuditLines.Put(tx, lineID(seq), line, time.Time{})
}
