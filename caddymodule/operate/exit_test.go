package operate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
)

// broken fails as it is told.
type broken struct{ err error }

func (b broken) Hash(context.Context, string) (string, error) { return "", b.err }

func (b broken) Get(context.Context, store.Key) ([]byte, error) { return nil, b.err }

func (b broken) Scan(context.Context, string, store.Kind, string, string, int) ([]store.Entry, error) {
	return nil, b.err
}
func (b broken) Update(context.Context, string, func(store.Tx) error) error { return b.err }

// newcomer is a command that hashes a password.
var newcomer = []string{"users", "add", "new@demo.test", "--account", "acme", "--name", "New", "--type", "teammate"}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{store.ErrUnavailable, operate.ExitUnavailable},
		{store.ErrLocked, operate.ExitUnavailable},
		{store.ErrNewerSchema, operate.ExitUnavailable},
		{context.DeadlineExceeded, operate.ExitUnavailable},
		{store.ErrConflict, operate.ExitRefused},
		{store.ErrNotFound, operate.ExitNotFound},
		{passhash.ErrBusy, operate.ExitFailed},
		{errors.New("disk on fire"), operate.ExitFailed},
	} {
		h := onBolt(t)
		h.jan()
		away := broken{fmt.Errorf("somewhere deep: %w", c.err)}
		h.Hasher = away
		if c.want == operate.ExitUnavailable {
			h.refused(c.want, "somewhere deep", newcomer...)
		}
		h.refused(c.want, "users add: ", newcomer...)
		h.Directory = directory.New(away, directory.Options{Now: h.now})
		for _, line := range [][]string{
			{"accounts", "list"},
			{"accounts", "show", "acme"},
			{"accounts", "set", "acme", "--state", "active"},
			{"accounts", "add", "beta"},
			{"users", "show", "jan@demo.test"},
			{"users", "set", "jan@demo.test", "--name", "X"},
			{"users", "list", "--account", "acme"},
			{"users", "unblock", "jan@demo.test"},
		} {
			h.refused(c.want, strings.Join(line[:2], " ")+": ", line...)
		}
		if !errors.Is(c.err, store.ErrNotFound) { // of which why tells a story
			h.refused(c.want, "why: ", "why", "jan@demo.test")
			h.refused(c.want, "attempts list: ", "attempts", "list", "jan@demo.test")
		}
	}
	locked := operate.AsError(fmt.Errorf("opening /var/lib/x: %w (pid 7)", store.ErrLocked))
	if locked.Exit != operate.ExitUnavailable || !strings.Contains(locked.Error(), "/var/lib/x") || !strings.Contains(locked.Error(), "pid 7") {
		t.Errorf("%d: %v", locked.Exit, locked)
	}
	if again := operate.AsError(fmt.Errorf("asking: %w", locked)); again != locked {
		t.Errorf("%v became %v", locked, again)
	}
	if codes := operate.ExitCodes(); len(codes) != 6 {
		t.Errorf("%d codes are documented", len(codes))
	}
}
