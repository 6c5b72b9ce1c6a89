package transfer_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(as); role != "" {
		os.Exit(child(role))
	}
	goleak.VerifyTestMain(m)
}

// base is when the tests play.
var base = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func now() time.Time { return base }

// house is a directory on a store.
type house struct {
	*directory.Directory
	engine store.Engine
	kind   string
	target string // what child opens
}

// openTarget opens a store by its path or address.
func openTarget(target string) (store.Engine, error) {
	if strings.Contains(target, "://") {
		return redisstore.Open(target, store.Options{})
	}
	return boltstore.Open(target, store.Options{})
}

func newHouse(t *testing.T, kind string) *house {
	t.Helper()
	target := filepath.Join(t.TempDir(), "store.db")
	if kind == "redis" {
		target = redistest.Start(t).URL()
	}
	h := &house{kind: kind, target: target}
	h.open(t)
	t.Cleanup(func() { h.engine.Close() })
	return h
}

func (h *house) open(t *testing.T) {
	t.Helper()
	engine, err := openTarget(h.target)
	if err != nil {
		t.Fatal(err)
	}
	h.engine, h.Directory = engine, directory.New(engine, directory.Options{Now: now})
}

func onEngines(t *testing.T, test func(t *testing.T, h *house)) {
	for _, kind := range []string{"bolt", "redis"} {
		t.Run(kind, func(t *testing.T) { test(t, newHouse(t, kind)) })
	}
}

// imports imports text, and fails where the file as a whole is refused.
func (h *house) imports(t *testing.T, format transfer.Format, text string, change ...func(*transfer.Options)) transfer.Summary {
	t.Helper()
	s, err := h.tries(t.Context(), format, text, change...)
	if err != nil {
		t.Fatalf("importing: %v", err)
	}
	return s
}

func (h *house) tries(ctx context.Context, format transfer.Format, text string, change ...func(*transfer.Options)) (transfer.Summary, error) {
	o := transfer.Options{Directory: h.Directory, Format: format, Now: now}
	for _, c := range change {
		c(&o)
	}
	return transfer.Import(ctx, strings.NewReader(text), o)
}

func rehearsal(o *transfer.Options) { o.DryRun = true }

func staff(o *transfer.Options) { o.Staff = true }

// people lists all accounts and users, as export writes them.
func (h *house) people(t *testing.T) string {
	t.Helper()
	return h.exports(t, transfer.JSONL, true)
}

func (h *house) exports(t *testing.T, format transfer.Format, passwords bool) string {
	t.Helper()
	var b strings.Builder
	_, err := transfer.Export(t.Context(), &b, transfer.ExportOptions{Directory: h.Directory, Format: format, Passwords: passwords, Staff: true})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// counts shows what came of an import in one line.
func counts(s transfer.Summary) string {
	return fmt.Sprintf("%d rows: accounts %d+%d=%d users %d+%d=%d failed %d can %d",
		s.Rows, s.Accounts.Created, s.Accounts.Changed, s.Accounts.Unchanged, s.Users.Created, s.Users.Changed, s.Users.Unchanged, s.Failed, s.CanLogIn)
}

func problems(s transfer.Summary) string {
	lines := make([]string, len(s.Problems))
	for i, p := range s.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
