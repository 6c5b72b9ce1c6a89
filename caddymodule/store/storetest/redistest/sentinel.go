package redistest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// StartReplica starts a server that copies master, and waits until it has.
func StartReplica(t testing.TB, master *Server) *Server {
	t.Helper()
	s := Start(t, "--replicaof", "127.0.0.1", fmt.Sprint(master.port))
	s.until("the replica is connected", "replication", "master_link_status:up")
	return s
}

// StartSentinel starts a Sentinel that watches master under the name "main" and
// alone decides when it is down. It waits until it knows one replica.
func StartSentinel(t testing.TB, master *Server) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir()}
	s.sentinel = filepath.Join(s.dir, "sentinel.conf")
	config := fmt.Sprintf("sentinel monitor main 127.0.0.1 %d 1\n"+
		"sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n", master.port)
	if err := os.WriteFile(s.sentinel, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.begin()
	s.until("the sentinel knows the replica", "sentinel", "slaves=1")
	return s
}

// until waits for a text in a section of INFO.
func (s *Server) until(what, section, text string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := s.Client()
	for ctx.Err() == nil {
		if info, err := c.Info(ctx, section).Result(); err == nil && strings.Contains(info, text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("never happened: %s\n%s", what, s.log())
}
