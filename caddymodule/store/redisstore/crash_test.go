package redisstore_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

// TestKilledServer kills Redis while one store writes, over and over. The store
// stays open and must find its way back every time.
func TestKilledServer(t *testing.T) {
	srv := redistest.Start(t)
	s := open(t, srv.URL(), store.Options{})
	acknowledged := &storetest.Acknowledged{}
	for range storetest.Rounds(20, 500) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		kill := time.AfterFunc(20*time.Millisecond+rand.N(80*time.Millisecond), srv.Kill)
		storetest.Write(ctx, s, acknowledged.Note)
		kill.Stop()
		srv.Restart()
		// The client library looks for a lost server once a second.
		storetest.Eventually(t, "redis is found again", func() bool { return s.Ping(ctx) == nil })
		cancel()
		acknowledged.Verify(t, s)
	}
	if n := acknowledged.Total(); n < 100 {
		t.Errorf("only %d changes were acknowledged: this proves little", n)
	}
}

// TestKilledWriter kills the process that writes.
func TestKilledWriter(t *testing.T) {
	srv := redistest.Start(t)
	s := open(t, srv.URL(), store.Options{})
	acknowledged := &storetest.Acknowledged{}
	for range storetest.Rounds(20, 500) {
		acknowledged.KillWriter(t, srv.URL())
		acknowledged.Verify(t, s)
	}
	if n := acknowledged.Total(); n < 100 {
		t.Errorf("only %d changes were acknowledged: this proves little", n)
	}
}
