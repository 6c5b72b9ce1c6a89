package testkit

import (
	"bytes"
	"sync"
)

// Log keeps what is logged. Unlike a bytes.Buffer it may be read while somebody
// in the background still writes.
type Log struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write adds a line.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(line)
}

// String is everything so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
