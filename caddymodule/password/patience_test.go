package password_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
)

// slow is a store for whose updates the caller's time runs out.
type slow struct {
	store.Engine
	on atomic.Bool
}

func (s *slow) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	if s.on.Load() && strings.HasPrefix(tag, "l:") {
		return fmt.Errorf("waiting for the others: %w", context.DeadlineExceeded)
	}
	return s.Engine.Update(ctx, tag, fn)
}

// Whose time runs out because of all the others is told that much is going on, not
// that the store is away: the support desk looks in different places.
func TestTimeThatRunsOutIsBusy(t *testing.T) {
	e, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &slow{Engine: e}
	h := build(t, s)
	s.on.Store(true)
	defer s.on.Store(false)
	res := h.post("192.0.2.1", urlencoded, fields("jan@example.test", right))
	if text := res.Body.String(); res.Code != http.StatusServiceUnavailable || !strings.Contains(text, `data-cause="busy"`) {
		t.Errorf("status %d, %s", res.Code, text)
	}
}
