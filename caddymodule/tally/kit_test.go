package tally_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var base = time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC)

// onEngines runs a test on both stores, with a clock that can be pushed.
func onEngines(t *testing.T, test func(t *testing.T, c *testkit.Clock, s store.Engine)) {
	t.Helper()
	testkit.OnEngines(t, base, test)
}

func must(t *testing.T, err error) {
	t.Helper()
	testkit.Must(t, err)
}
