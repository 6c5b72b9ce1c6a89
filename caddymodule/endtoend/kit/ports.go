package kit

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
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

// listeners is how many sockets of this machine listen at the port of addr, on any
// of its addresses; 0 where no Linux tells.
func listeners(t testing.TB, addr string) (n int) {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	must(t, err)
	number, err := strconv.Atoi(port)
	must(t, err)
	// Fields: number, own address, other address, state; 0A is listening.
	at := fmt.Sprintf(":%04X", number)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table) //nolint:gosec // one of the two above
		if err != nil {
			continue // no Linux, or none of these addresses
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); strings.HasSuffix(f[1], at) && f[3] == "0A" {
				n++
			}
		}
	}
	return n
}
