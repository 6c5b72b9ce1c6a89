package boltstore_test

import (
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
)

// TestKilledWriter kills the process that writes, over and over on one file.
func TestKilledWriter(t *testing.T) {
	path := file(t)
	acknowledged := &storetest.Acknowledged{}
	for range storetest.Rounds(20, 500) {
		acknowledged.KillWriter(t, path)
		s, err := boltstore.Open(path, store.Options{})
		if err != nil {
			t.Fatalf("the file does not open after a crash: %v", err)
		}
		acknowledged.Verify(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := acknowledged.Total(); n < 100 {
		t.Errorf("only %d changes were acknowledged: this proves little", n)
	}
}
