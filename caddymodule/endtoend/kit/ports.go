package kit

import (
	"net"
	"sync"
	"testing"
)

var ports struct {
	mu    sync.Mutex
	given map[string]bool
}

// FreeAddr returns host and port of a free port on 127.0.0.1 that no other test
// of this run was given.
func FreeAddr(t testing.TB) string {
	t.Helper()
	ports.mu.Lock()
	defer ports.mu.Unlock()
	if ports.given == nil {
		ports.given = map[string]bool{}
	}
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		_ = l.Close()
		if !ports.given[addr] {
			ports.given[addr] = true
			return addr
		}
	}
}
