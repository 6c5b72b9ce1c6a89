//go:build !linux

package kit

import "testing"

// limitFiles is there on Linux only.
func limitFiles(t testing.TB, _ int, _ uint64) {
	t.Helper()
	t.Fatal("a full disk can be had on Linux only")
}
