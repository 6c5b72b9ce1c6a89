package session

import (
	"context"
	"sync"
	"time"
)

// streams are the WebSocket and event streams that are open, of sessions that may
// have begun under an older configuration.
type streams struct {
	mu     sync.Mutex
	open   map[*Stream]struct{}
	signal chan struct{}
}

// Stream is one open stream.
type Stream struct {
	cookie string
	close  func()
	m      *Manager
	once   sync.Once
}

func (s *streams) init() {
	s.open = map[*Stream]struct{}{}
	s.signal = make(chan struct{}, 1)
}

// wake has all streams checked soon.
func (s *streams) wake() {
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

func (s *streams) all() []*Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Stream, 0, len(s.open))
	for st := range s.open {
		all = append(all, st)
	}
	return all
}

func (s *streams) closeAll() {
	for _, st := range s.all() {
		st.end()
	}
}

// Watch registers an open stream of the session; close is called once when the
// session may not go on. Done must be called when the stream is over.
func (m *Manager) Watch(cookie string, close func()) *Stream {
	st := &Stream{cookie: cookie, close: close, m: m}
	m.streams.mu.Lock()
	m.streams.open[st] = struct{}{}
	m.streams.mu.Unlock()
	// Whatever changed between the decision and here is noticed by this look.
	m.streams.wake()
	return st
}

// Streams returns how many streams are open.
func (m *Manager) Streams() int {
	m.streams.mu.Lock()
	defer m.streams.mu.Unlock()
	return len(m.streams.open)
}

// Done takes the stream off the list.
func (st *Stream) Done() {
	st.m.streams.mu.Lock()
	delete(st.m.streams.open, st)
	st.m.streams.mu.Unlock()
}

func (st *Stream) end() {
	st.Done()
	st.once.Do(st.close)
}

// watchStreams closes streams whose session may not go on: right after a change,
// and every few seconds for limits that pass by themselves.
func (m *Manager) watchStreams() {
	defer m.done.Done()
	t := time.NewTicker(5 * time.Second)
	defer t.Stop()
	for {
		select {
		case <-m.streams.signal:
		case <-t.C:
		case <-m.quit:
			return
		}
		for _, st := range m.streams.all() {
			if !m.mayGoOn(st) {
				st.end()
			}
		}
	}
}

// mayGoOn decides like a request, but an open stream does not count as using the
// session: a forgotten tab goes idle. A store that is away ends nothing.
func (m *Manager) mayGoOn(st *Stream) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	f, _, err := m.Peek(ctx, st.cookie)
	if err != nil {
		return true
	}
	return f.Session != nil && !over(f.Cause) && (f.Cause == "" || f.Repair)
}
