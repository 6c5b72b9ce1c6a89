package redisstore_test

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// relay stands between a store and its server, to lose what a network loses.
type relay struct {
	server string
	listen net.Listener
	all    sync.WaitGroup
	// swallow is set to lose the next answer to a script, and its connection.
	swallow atomic.Bool

	mu    sync.Mutex
	down  bool
	pairs map[*pair]bool
}

// pair is one connection, seen from both sides.
type pair struct {
	client, server net.Conn
	doomed         atomic.Bool
}

func (p *pair) close() {
	_ = p.client.Close()
	_ = p.server.Close()
}

func newRelay(t testing.TB, server string) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{server: server, listen: l, pairs: map[*pair]bool{}}
	r.all.Go(r.accept)
	t.Cleanup(func() {
		_ = l.Close()
		r.cut()
		r.all.Wait()
	})
	return r
}

func (r *relay) Addr() string { return r.listen.Addr().String() }

// cut ends all connections, and new ones at once, until mend.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = true
	for p := range r.pairs {
		p.close()
	}
	clear(r.pairs)
}

func (r *relay) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = false
}

func (r *relay) accept() {
	for {
		client, err := r.listen.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		p := &pair{client: client, server: server}
		r.mu.Lock()
		if r.down {
			p.close()
		} else {
			r.pairs[p] = true
		}
		r.mu.Unlock()
		r.all.Go(func() { r.requests(p) })
		r.all.Go(func() { r.answers(p) })
	}
}

func (r *relay) requests(p *pair) {
	defer p.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := p.client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("evalsha")) && r.swallow.CompareAndSwap(true, false) {
			p.doomed.Store(true)
		}
		if _, err := p.server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (r *relay) answers(p *pair) {
	defer p.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := p.server.Read(buf)
		if err != nil || p.doomed.Load() {
			return
		}
		if _, err := p.client.Write(buf[:n]); err != nil {
			return
		}
	}
}
